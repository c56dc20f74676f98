# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""The record of a run: when and on what it was made, how it is written and read."""

import datetime
import json
import lzma
import os
import platform
import re
import subprocess
import sys

from contestants import NAMES
from side import Failure, HERE

RECORD = "bench.json"
TABLES = "bench.md"


def now():
    """The time of day, for the record."""
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")


def text_of(*command):
    """A command's output, or None: facts for the record that need not be there."""
    try:
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              check=True, text=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def note(text):
    """Tell what goes on."""
    print("== " + text, file=sys.stderr, flush=True)


def machine():
    """What was measured on."""
    with open("/proc/meminfo", encoding="ascii") as file:
        hugepages = [line.split(":")[1].strip() for line in file if line.startswith("HugePages_T")]
    return {"kernel": platform.release(), "machine": platform.machine(),
            "lscpu": text_of("lscpu"), "hugepages": hugepages[0],
            "dpdk": text_of("dpkg-query", "-W", "-f", "${Version}", "dpdk"),
            "folio_commit": text_of("git", "-C", HERE, "describe", "--always", "--dirty")}


def default_folder(build):
    """Where results go if nothing is said."""
    return os.path.join(build, "bench", datetime.datetime.now().strftime("%Y-%m-%d-%H%M%S"))


def record_text(record):
    """The record as JSON, with a line for each sample."""
    return "{\n" + ",\n".join("%s: %s" % (json.dumps(name), json_lines(rounded(value)))
                              for name, value in record.items()) + "\n}\n"


def write_results(folder, record, text):
    """What was measured as JSON, the tables as Markdown."""
    write_tables(folder, text)
    with open(os.path.join(folder, RECORD), "w", encoding="utf-8") as file:
        file.write(record_text(record))


def write_tables(folder, text):
    """The tables as Markdown."""
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, TABLES), "w", encoding="utf-8") as file:
        file.write(text)


def rounded(value):
    """Without digits that mean nothing."""
    if isinstance(value, float):
        return float("%.5g" % value)
    if isinstance(value, dict):
        return {name: rounded(item) for name, item in value.items()}
    return [rounded(item) for item in value] if isinstance(value, list) else value


def json_lines(value):
    """JSON with a line for each item of a list."""
    if not isinstance(value, list) or not value:
        return json.dumps(value)
    return "[\n" + ",\n".join(map(json.dumps, value)) + "\n]"


def cpu_model(facts):
    """The processor's name."""
    match = re.search(r"Model name: *(.*)", facts["lscpu"] or "")
    return match.group(1) if match else facts["machine"]


def conditions(record):
    """What samples must have in common to be compared: (for a reader, value)."""
    facts = record["machine"]
    return (("machine", cpu_model(facts)), ("kernel", facts["kernel"]),
            ("DPDK", facts["dpdk"]), ("build of the programs", record.get("programs")),
            ("kind of pages", {True: "huge", False: "ordinary"}.get(record.get("huge_pages"))),
            *(("--" + name, record["options"].get(name)) for name in ("window", "cpus")))


def check_same(old, new, name):
    """Samples of two records may be compared with each other, or this fails. name: the old one's."""
    for who in sorted(set(old["contestants"]) & set(new["contestants"])):
        if old["contestants"][who] != new["contestants"][who]:
            raise Failure("%s: '%s' was another build there" % (name, who))
    for (what, before), (_, at_present) in zip(conditions(old), conditions(new)):
        if before != at_present:
            raise Failure("%s: another %s there: %s; it is %s" % (name, what, before, at_present))


def read(path):
    """A record from its file."""
    try:
        with (lzma.open if path.endswith(".xz") else open)(path, "rt", encoding="utf-8") as file:
            record = json.load(file)
        missing = {"samples", "contestants", "machine", "options"} - set(record)
    except (OSError, ValueError, EOFError, TypeError, lzma.LZMAError) as err:
        raise Failure("'%s': a record of ./run bench is wanted: %s" % (path, err)) from err
    if missing:
        raise Failure("'%s': a record of ./run bench is wanted: it has no %s"
                      % (path, ", ".join(sorted(missing))))
    return record


def contains(record, other):
    """Did a run go on with the samples of another one?"""
    return other["date"] in (record["date"], *record.get("resumed", ()))


def merge(paths):
    """One record of several, which must have been made by the same programs on the same machine."""
    record, *others = map(read, paths)
    taken = [record]
    for path, other in zip(paths[1:], others):
        check_same(other, record, path)
        for earlier, name in zip(taken, paths):
            if contains(earlier, other) or contains(other, earlier):
                raise Failure("'%s' and '%s' have samples in common" % (name, path))
        taken.append(other)
    record = dict(record, date=", ".join(r["date"] for r in taken),
                  options=dict(record["options"],
                               rounds=max(r["options"]["rounds"] for r in taken)),
                  contestants={name: facts for r in reversed(taken)
                               for name, facts in r["contestants"].items()},
                  samples=[sample for r in taken for sample in r["samples"]])
    order = [*NAMES, *record["contestants"]]
    record["contestants"] = dict(sorted(record["contestants"].items(),
                                        key=lambda item: order.index(item[0])))
    return record


def without(record, names):
    """A record as if these had not taken part. names: {name: reason}."""
    return dict(record,
                contestants={name: facts for name, facts in record["contestants"].items()
                             if name not in names},
                samples=[s for s in record["samples"] if s["contestant"] not in names],
                left_out=record["left_out"] + ["%s (%s)" % item for item in names.items()])

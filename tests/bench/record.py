# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""The record of a run: when and on what it was made, and how it is written."""

import datetime
import json
import os
import platform
import subprocess
import sys

from side import HERE

RECORD = "bench.json"


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


def write_results(folder, record, text):
    """What was measured as JSON, the tables as Markdown."""
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, RECORD), "w", encoding="utf-8") as file:
        file.write("{\n" + ",\n".join(
            "%s: %s" % (json.dumps(name), json_lines(rounded(value)))
            for name, value in record.items()) + "\n}\n")
    with open(os.path.join(folder, "bench.md"), "w", encoding="utf-8") as file:
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

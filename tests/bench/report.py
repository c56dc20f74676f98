# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""Tables of what was measured: medians, spreads, and ratios to the best unprotected peer."""

import collections
import re
import statistics

from cases import BURST, SIZES
from pairs import PLACEMENTS, UNDISTURBED

PREFERRED = "near"
ENOUGH = 3      # samples of one placement, of every contestant (fewer if there are fewer rounds)

# A group's tables: what they differ in, and what their columns are.
Shape = collections.namedtuple("Shape", "title split column")
SHAPES = {
    "one-way": Shape("One way, payload untouched", ("direction",), "size"),
    "touched": Shape("One way, payload written and read", ("direction",), "size"),
    "loop": Shape("Loop: 512 packets circulate", (), "size"),
    "flowgen": Shape("Round trip: the host makes packets, the guest returns them", (), "size"),
    "both-ways": Shape("Both directions at once (sum)", (), "size"),
    "bursts": Shape("Burst sizes", ("size",), "burst"),
    "queues": Shape("Queue pairs, one core polls all of an end", ("direction",), "queues"),
    "rings": Shape("Ring sizes", ("size",), "ring"),
    "work": Shape("A guest that works on every packet", ("size",), "app"),
}


def order(key):
    """Sizes in order; all else as it was measured."""
    return SIZES.index(dict(key)["size"])


def size_text(size):
    """A frame size for a reader."""
    return "IMIX" if size == "imix" else "%s B" % size


def column_text(field, value):
    """The heading of a column."""
    if field == "size":
        return size_text(value)
    return {"burst": "burst %s", "queues": "%s queues", "ring": "%s slots"}.get(field, "%s") % value


# Percentiles and the like, for a reader.
TIMES = (("mean", "mean_ns"), ("p50", "p50_ns"), ("p99", "p99_ns"), ("p99.9", "p999_ns"),
         ("max", "max_ns"))


class Results:
    """The samples of a run, sorted."""

    def __init__(self, record):
        self.record = record
        self.contestants = record["contestants"]    # name -> {"ours": ..., "peer": ...}
        self.enough = min(ENOUGH, record["options"]["rounds"])
        self.cells = collections.defaultdict(list)
        for sample in record["samples"]:
            self.cells[key_of(sample), sample["contestant"]].append(sample)
        self.keys = sorted(dict.fromkeys(key_of(s) for s in record["samples"]), key=order)

    def group(self, name):
        """The keys of a group, in the order in which they were measured."""
        return [key for key in self.keys if dict(key)["group"] == name]

    def names(self, keys):
        """Who has samples of one of these, in order."""
        return [name for name in self.contestants
                if any((key, name) in self.cells for key in keys)]

    def good(self, key, name, where):
        """Samples that count."""
        return [s for s in self.cells.get((key, name), ())
                if s["status"] == "ok" and s["placement"] in (where, "any")]

    def row(self, key, name, where, value="mpps"):
        """Median and spread of a value, and how many samples that is."""
        taken = self.cells.get((key, name), [])
        values = [s[value] for s in self.good(key, name, where)]
        row = {"used": len(values), "taken": len(taken),
               "failed": sum(s["status"] == "failed" for s in taken),
               "note": next((s["error"] for s in taken if s["status"] == "not offered"), None)}
        if values:
            row.update(median=statistics.median(values), min=min(values), max=max(values))
        return row

    def median(self, key, name, where, value="mpps"):
        """The median, None if there are too few samples."""
        row = self.row(key, name, where, value)
        return row["median"] if row["used"] >= self.enough else None

    def placements(self, keys):
        """Where there are enough samples to compare: the preferred one comes first."""
        seen = [where for where in PLACEMENTS
                if any(self.median(key, name, where) for key in keys for name in self.names(keys))]
        return sorted(seen, key=lambda where: where != PREFERRED)

    def best_peer(self, key, where, value="mpps", best=max):
        """(name, median) of the best unprotected peer."""
        found = [(name, self.median(key, name, where, value))
                 for name, facts in self.contestants.items() if facts["peer"]]
        found = [item for item in found if item[1]]
        return best(found, key=lambda item: item[1]) if found else (None, None)

    def ratio(self, key, name, where, value="mpps", best=max):
        """A contestant's median to the best peer's, None if one is missing."""
        mine = self.median(key, name, where, value)
        peer = self.best_peer(key, where, value, best)[1]
        return mine / peer if mine and peer else None


def key_of(sample):
    """What tells one case from another; a tuple."""
    return tuple((field, sample[field]) for field in
                 ("group", "size", "direction", "payload", "burst", "queues", "ring", "app",
                  "load"))


def number(value):
    """Three digits, and two behind the point at the most."""
    return "%.*f" % (2 if value < 100 else 1, value)


def cell(row):
    """A contestant's cell in a table."""
    if row["note"]:
        return row["note"]
    failed = ", %d failed" % row["failed"] if row["failed"] else ""
    if "median" not in row:
        return "- (0 of %d%s)" % (row["taken"], failed) if row["taken"] else "-"
    return "%s (%s-%s; %d of %d%s)" % (number(row["median"]), number(row["min"]),
                                       number(row["max"]), row["used"], row["taken"], failed)


def markdown(lines):
    """Lines of cells, the first of which is the heading."""
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    lines = [lines[0], ["-" * width for width in widths]] + lines[1:]
    return "\n".join("| " + " | ".join(t.ljust(w) for t, w in zip(line, widths)) + " |"
                     for line in lines) + "\n"


def rates_table(results, keys, field, where):
    """Contestants in lines, cases in columns; who is the best peer, and the ratios to it."""
    names = results.names(keys)
    lines = [["Mpps, CPUs %s" % where] + [column_text(field, dict(key)[field]) for key in keys]]
    lines += [[name] + [cell(results.row(key, name, where)) for key in keys] for name in names]
    if any(results.contestants[name]["peer"] for name in names):
        lines.append(["best peer"] + [results.best_peer(key, where)[0] or "-" for key in keys])
        for name in names:
            if results.contestants[name]["ours"]:
                ratios = [results.ratio(key, name, where) for key in keys]
                lines.append(["%s / best peer" % name] +
                             ["-" if r is None else "%.2f" % r for r in ratios])
    if field == "app":
        lines.append(work_lines(results, keys, where))
    return markdown(lines)


def split(keys, fields):
    """Keys by what tables differ in."""
    parts = collections.OrderedDict()
    for key in keys:
        parts.setdefault(tuple(dict(key)[field] for field in fields), []).append(key)
    return parts


def group_section(results, name):
    """All tables of a group."""
    shape = SHAPES[name]
    keys = results.group(name)
    text = ""
    for what, part in split(keys, shape.split).items():
        words = [shape.title] + [size_text(w) if f == "size" else w
                                 for f, w in zip(shape.split, what)]
        text += "## %s\n\n" % ", ".join(words)
        places = results.placements(part)
        for where in places or [PREFERRED]:
            text += rates_table(results, part, shape.column, where) + "\n"
        if not places:
            text += "TOO FEW SAMPLES of any placement.\n\n"
    return text


def latency_section(results):
    """A table for each load: round-trip times."""
    text = ""
    for key in results.group("latency"):
        load = dict(key)["load"]
        if load == "maximum":
            continue
        text += "## Round trip of 64 B, %s\n\n" % latency_text(load)
        for where in results.placements([key]) or [PREFERRED]:
            text += times_table(results, key, where) + "\n"
    return text


def latency_text(load):
    """A load for a reader."""
    whose, *much = load.split(" ", 1)
    return {"single": "one packet at a time",
            "common": "the same load for all: %s of the best peer's maximum" % "".join(much),
            "own": "%s of each one's own maximum" % "".join(much)}[whose]


def times_table(results, key, where):
    """Contestants in lines; medians of the rounds."""
    names = results.names([key])
    lines = [["ns, CPUs %s" % where, "Mpps"] + [title for title, _ in TIMES] + ["samples"]]
    for name in names:
        row = results.row(key, name, where)
        values = ["%.0f" % statistics.median(s[field] for s in results.good(key, name, where))
                  for _, field in TIMES] if row["used"] else ["-"] * len(TIMES)
        lines.append([name, number(row["median"]) if row["used"] else "-"] + values +
                     ["%d of %d" % (row["used"], row["taken"])])
    for name in names:
        if results.contestants[name]["ours"]:
            ratios = [results.ratio(key, name, where, field, min) for _, field in TIMES]
            lines.append(["%s / best peer" % name, ""] +
                         ["-" if r is None else "%.2f" % r for r in ratios] + [""])
    return markdown(lines)


def work_lines(results, keys, where):
    """What folio's copies cost a guest that works: against the faster of the virtio modes."""
    lines = []
    for key in keys:
        dip = dip_of(results, key, where)
        lines.append("-" if dip is None else "%+.0f %%" % (100 * (dip - 1)))
    return ["folio against virtio"] + lines


def dip_of(results, key, where):
    """folio's rate to virtio's, which copies nothing in the guest."""
    virtio = [results.median(key, name, where) for name in results.names([key])
              if results.contestants[name]["family"] == "virtio"]
    mine = results.median(key, "folio", where)
    virtio = [rate for rate in virtio if rate]
    return mine / max(virtio) if mine and virtio else None


def protections_section(results):
    """folio with all its protections, and what is gained without one."""
    keys = results.group("protections")
    rates = [key for key in keys if dict(key)["direction"] != "session start"]
    starts = [key for key in keys if dict(key)["direction"] == "session start"]
    if not keys:
        return ""
    text = "## What each protection costs\n\n"
    for where in results.placements(rates) or [PREFERRED]:
        lines = [["Mpps, CPUs %s" % where] +
                 ["%s %s" % (dict(key)["direction"], size_text(dict(key)["size"]))
                  for key in rates]]
        for name in results.names(keys):
            lines.append([name] + [cell(results.row(key, name, where)) +
                                   gain_text(results, key, name, where) for key in rates])
        text += markdown(lines) + "\n"
    for key in starts:
        lines = [["start of a session", "CPU time, ms", "until the link is up, ms"]]
        for name in results.names([key]):
            good = [s for s in results.cells[key, name] if s["status"] == "ok"]
            lines.append([name] + ["%.1f" % statistics.median(s[field] for s in good)
                                   if good else "-" for field in ("cpu_ms", "link_ms")])
        text += markdown(lines) + "\n"
    return text


def gain_text(results, key, name, where):
    """How much faster than folio: median of the rounds (from-to), each compared in itself."""
    base = {s["round"]: s["mpps"] for s in results.good(key, "folio", where)}
    gains = [100 * (s["mpps"] / base[s["round"]] - 1) for s in results.good(key, name, where)
             if s["round"] in base]
    if name == "folio" or len(gains) < results.enough:
        return ""
    return ": %+.1f %% (%+.1f to %+.1f)" % (statistics.median(gains), min(gains), max(gains))


def cpu_model(facts):
    """The processor's name."""
    match = re.search(r"Model name: *(.*)", facts["lscpu"] or "")
    return match.group(1) if match else facts["machine"]


def heading(record):
    """What was measured, where and when."""
    facts = record["machine"]
    return "# folio and its peers\n\n%s, Linux %s, DPDK %s, folio %s, %s\n\n" % (
        cpu_model(facts), facts["kernel"], facts["dpdk"], facts["folio_commit"] or "unknown",
        record["date"])


def notes(record):
    """What one must know to read the tables."""
    text = ("Median (min-max; samples of this placement of all taken) of what arrives, %g s a "
            "sample, bursts of %d.\nCPUs: the distance of the two, by a ping-pong of one cache "
            "line (siblings < 60 ns, near < 250, between < 400,\nfar). A sample does not count if "
            "its placement changed, or if a side had less than %d %% of its CPU.\nFewer than %d "
            "samples are not compared.\n"
            % (record["options"]["window"], BURST, round(100 * UNDISTURBED),
               min(ENOUGH, record["options"]["rounds"])))
    if record["left_out"]:
        text += "Not run: %s.\n" % ", ".join(record["left_out"])
    return text


def report(record):
    """The whole text."""
    results = Results(record)
    text = heading(record)
    for name in SHAPES:
        if results.group(name):
            text += group_section(results, name)
    text += latency_section(results) + protections_section(results)
    return text + notes(record)

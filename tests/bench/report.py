# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""Tables of what was measured: medians, spreads, and ratios to the best unprotected peer."""

import collections
import re
import statistics

from cases import BURST
from pairs import PLACEMENTS, UNDISTURBED, UNPROBED

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


def size_text(size):
    """A frame size for a reader."""
    return "IMIX" if size == "imix" else "%s B" % size


def column_text(field, value):
    """The heading of a column."""
    if field == "size":
        return size_text(value)
    return {"burst": "burst %s", "queues": "%s queues", "ring": "%s slots"}.get(field, "%s") % value


class Results:
    """The samples of a run, sorted."""

    def __init__(self, record):
        self.record = record
        self.contestants = record["contestants"]    # name -> {"ours": ..., "peer": ...}
        self.enough = min(ENOUGH, record["options"]["rounds"])
        self.cells = collections.defaultdict(list)
        for sample in record["samples"]:
            self.cells[key_of(sample), sample["contestant"]].append(sample)
        self.keys = list(dict.fromkeys(key_of(s) for s in record["samples"]))

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
        seen = [where for where in (*PLACEMENTS, UNPROBED)
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
    return text + notes(record)

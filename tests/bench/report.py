# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""Tables of what was measured, and what one must know to read them."""

import collections
import statistics

import targets
from cases import BURST, MAXIMUM
from pairs import UNDISTURBED
from results import ALIKE, ENOUGH, LIMIT, PREFERRED, Results, dip_of, markdown
from record import cpu_model
from wording import TIMES, column_text, size_text

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


def number(value):
    """Three digits, and two behind the point at the most."""
    return "%.*f" % (2 if value < 100 else 1, value)


def cell(row):
    """A contestant's cell in a table."""
    failed = ", %d failed" % row["failed"] if row["failed"] else ""
    if "median" not in row:
        return "- (0 of %d%s)" % (row["taken"], failed) if row["taken"] else "-"
    return "%s (%s-%s; %d of %d%s)" % (number(row["median"]), number(row["min"]),
                                       number(row["max"]), row["used"], row["taken"], failed)


def rival_cell(results, key, name, where):
    """A contestant's ratio to the best peer, and who that is."""
    peer, ratios = results.best_rival(key, name, where)
    if not ratios:
        return "-"
    return "%.2f (%.2f-%.2f; %s)" % (statistics.median(ratios), min(ratios), max(ratios), peer)


def ratio_line(title, ratios):
    """A line of a table; what could not be compared is left open."""
    return [title] + ["-" if ratio is None else "%.2f" % ratio for ratio in ratios]


def rates_table(results, keys, field, where):
    """Contestants in lines, cases in columns; who is the best peer, and the ratios to it."""
    names = results.names(keys)
    ours = [name for name in names if results.contestants[name]["ours"]]
    lines = [["Mpps, CPUs %s" % where] + [column_text(field, dict(key)[field]) for key in keys]]
    lines += [[name] + [cell(results.row(key, name, where)) for key in keys] for name in names]
    if any(results.contestants[name]["peer"] for name in names):
        lines += [["%s / best peer" % name] + [rival_cell(results, key, name, where)
                                               for key in keys] for name in ours]
    if LIMIT in names:
        lines += [ratio_line("%s / limit" % name,
                             [results.share(key, name, LIMIT, where) for key in keys])
                  for name in ours]
    if field == "app":
        lines += [work_line(results, keys, where, family) for family in ("virtio", "memif")]
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
        if load == MAXIMUM:
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
            title, *ratios = ratio_line("%s / best peer" % name, [
                results.ratio(key, name, where, field, min) for _, field in TIMES])
            lines.append([title, "", *ratios, ""])
    return markdown(lines)


def work_line(results, keys, where, family):
    """What folio's copies cost a guest that works: against the faster modes of a family."""
    line = ["folio against %s" % family]
    for key in keys:
        dip = dip_of(results, key, where, family)
        line.append("-" if dip is None else "%+.0f %%" % (100 * (dip - 1)))
    return line


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
    for key, where in ((key, where) for key in starts for where in results.placements([key])):
        lines = [["start of a session, CPUs %s" % where, "CPU time, ms",
                  "until the link is up, ms"]]
        for name in results.names([key]):
            lines.append([name] + [cell(results.row(key, name, where, field))
                                   for field in ("cpu_ms", "link_ms")])
        text += markdown(lines) + "\n"
    return text


def gain_text(results, key, name, where):
    """How much faster than folio: median of the rounds (from-to)."""
    gains = results.gains(key, name, "folio", where)
    if name == "folio" or len(gains) < results.enough:
        return ""
    return ": %+.1f %% (%+.1f to %+.1f)" % (statistics.median(gains), min(gains), max(gains))


def heading(record):
    """What was measured, where and when."""
    facts = record["machine"]
    return "# folio and its peers\n\n%s, Linux %s, DPDK %s, folio %s, %s\n\n" % (
        cpu_model(facts), facts["kernel"], facts["dpdk"], facts["folio_commit"] or "unknown",
        record["date"])


def notes(record):
    """What one must know to read the tables."""
    text = ("Median (min-max; samples of this placement of all taken) of what arrives, %g s a "
            "sample, bursts of %d.\nCPUs: siblings share a core, which adding numbers on both "
            "tells; else their distance, by a ping-pong of one\ncache line: near < 250 ns, between "
            "< 400, far. A sample does not count if its placement changed, or if a side\nhad less "
            "than %d %% of its CPU. Fewer than %d samples are not compared.\n"
            "Ratios: median (min-max) of those of single samples, each to the one closest to it in "
            "time whose CPUs were as far\napart (within %d %%); best peer: the one that compares "
            "best, if all that can be measured have enough samples.\n"
            % (record["options"]["window"], BURST, round(100 * UNDISTURBED),
               min(ENOUGH, record["options"]["rounds"]), round(100 * (ALIKE - 1))))
    if record["left_out"]:
        text += "Not here: %s.\n" % "; ".join(record["left_out"])
    return text


def report(record):
    """The whole text."""
    results = Results(record)
    text = heading(record) + targets.section(results)
    for name in SHAPES:
        if results.group(name):
            text += group_section(results, name)
    return text + latency_section(results) + protections_section(results) + notes(record)

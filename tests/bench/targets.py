# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""What folio is meant to reach, beside what was measured."""

import collections

from cases import DIRECTIONS
from pairs import PLACEMENTS
from results import LIMIT, PREFERRED, dip_of, markdown

OURS = "folio"
ON_VHOST = ("folio-vhost-packed", "virtio-packed-vec")
TIMES = ("p50_ns", "p99_ns")

# what: a function of the results, the placement and the arguments that gives all figures that
# count, None for one that is missing.
Target = collections.namedtuple("Target", "title least aim what arguments where smaller",
                                defaults=((), PREFERRED, False))


def keys(results, group, **fields):
    """The cases of a group with these values."""
    return [key for key in results.group(group)
            if all(dict(key)[field] == value for field, value in fields.items())]


def ratios(results, where, group, size):
    """Ratios to the best peer, a figure for each direction."""
    return [results.ratio(key, OURS, where) for key in keys(results, group, size=size)]


def on_vhost(results, where, group, size):
    """Ratios to virtio-user at its fastest, on the same back end, a figure for each direction."""
    if ON_VHOST[0] not in results.contestants:
        return []
    return [results.share(key, *ON_VHOST, where) for key in keys(results, group, size=size)]


def round_trip(results, where):
    """Times of single packets, to the best peer's: p50 and p99."""
    return [results.ratio(key, OURS, where, field, min)
            for key in keys(results, "latency", load="single") for field in TIMES]


def share_of_limit(results, where, size):
    """folio's rate to that of two bare threads, payload untouched and touched."""
    return [results.share(key, OURS, LIMIT, where) for group in ("one-way", "touched")
            for key in keys(results, group, size=size, direction=DIRECTIONS[0])]


def dip(results, where):
    """A guest that works: folio's rate to virtio's, in all cases."""
    return [dip_of(results, key, where) for key in keys(results, "work")]


TARGETS = (
    Target("one way 64 B, untouched", 1.7, 2.0, ratios, ("one-way", "64")),
    Target("one way 64 B, touched", 1.8, 2.2, ratios, ("touched", "64")),
    Target("one way 256 B, untouched", 1.35, 1.6, ratios, ("one-way", "256")),
    Target("one way 256 B, touched", 1.5, 1.8, ratios, ("touched", "256")),
    Target("one way 1518 B, untouched", 1.08, 1.25, ratios, ("one-way", "1518")),
    Target("one way 1518 B, touched", 1.3, 1.5, ratios, ("touched", "1518")),
    Target("one way 9000 B, untouched", 1.0, 1.1, ratios, ("one-way", "9000")),
    Target("one way 9000 B, touched", 1.0, 1.1, ratios, ("touched", "9000")),
    Target("io loop 64 B", 3.0, 3.5, ratios, ("loop", "64")),
    Target("io loop 1518 B", 1.25, 1.5, ratios, ("loop", "1518")),
    Target("flowgen 64 B", 1.6, 2.0, ratios, ("flowgen", "64")),
    Target("round trip of one 64 B packet, p50 and p99", 0.65, 0.5, round_trip, smaller=True),
    Target("share of the bare-thread limit, 1518 B", 0.85, 0.95, share_of_limit, ("1518",)),
    Target("share of the bare-thread limit, 9000 B", 0.97, 0.99, share_of_limit, ("9000",)),
    Target("working guest against virtio-user", 1.0, 1.2, dip),
    Target("net_vhost, one way 64 B, to virtio-packed-vec", 0.9, 1.1, on_vhost, ("one-way", "64")),
    Target("net_vhost, one way 1518 B touched, to virtio-packed-vec", 0.95, 1.1, on_vhost,
           ("touched", "1518")),
    Target("different L3, 1518 B touched", 1.0, 1.2, ratios, ("touched", "1518"), "far"),
)


def seen(results):
    """The placements that samples were taken in."""
    return {s["placement"] for s in results.record["samples"]} & set(PLACEMENTS)


def verdict(target, figures):
    """Does the worst figure reach the aim, the minimum, or neither?"""
    sign = -1 if target.smaller else 1
    worst = min(sign * figure for figure in figures)
    if worst >= sign * target.aim:
        return "aim"
    return "yes" if worst >= sign * target.least else "no"


def line(results, target):
    """A target's line in the table."""
    found = target.what(results, target.where, *target.arguments)
    text = [target.title, target.where, "%.2f" % target.least, "%.2f" % target.aim]
    if not found:
        return text + ["not measured", ""]
    if target.where not in seen(results):
        return text + ["not seen", ""]
    figures = " / ".join("-" if figure is None else "%.2f" % figure for figure in found)
    return text + [figures, "" if None in found else verdict(target, found)]


def section(results):
    """The table, without what this run did not measure at all."""
    lines = [line(results, target) for target in TARGETS]
    lines = [words for words in lines if words[4] != "not measured"]
    if not lines:
        return ""
    return ("## Wanted and measured\n\n" +
            markdown([["folio / best peer", "CPUs", "at least", "aim", "measured", "met"]] + lines)
            + "\nTwo figures of one way: guest to host, host to guest; of the limit: untouched, "
            "touched. The worst one counts.\nFor times less is better. -: too few samples. "
            "\"Not seen\": the machine did not give this placement.\n\n")

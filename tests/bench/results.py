# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""The samples of a run, sorted: medians, spreads, and ratios to the best unprotected peer."""

import collections
import datetime
import statistics

from cases import SIZES
from pairs import PLACEMENTS, UNPROBED

PREFERRED = "near"
ENOUGH = 3      # samples of one placement, of every contestant (fewer if there are fewer rounds)
ALIKE = 1.4     # what the CPUs' distances around two samples that are compared differ by at most
LIMIT = "limit"
FAILED = "failed"   # a sample's status, else "ok"
FIELDS = ("group", "size", "direction", "payload", "burst", "queues", "ring", "app", "load")


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
                if s["status"] == "ok" and s["placement"] == where]

    def row(self, key, name, where, value="mpps"):
        """Median and spread of a value, and how many samples that is."""
        taken = self.cells.get((key, name), [])
        values = [s[value] for s in self.good(key, name, where)]
        row = {"used": len(values), "taken": len(taken),
               "failed": sum(s["status"] == FAILED for s in taken)}
        if values:
            row.update(median=statistics.median(values), min=min(values), max=max(values))
        return row

    def median(self, key, name, where, value="mpps"):
        """The median, None if there are too few samples."""
        row = self.row(key, name, where, value)
        return row["median"] if row["used"] >= self.enough else None

    def placements(self, keys):
        """Where there are enough samples to compare: the preferred one comes first.

        A few cases of another placement, where one has all, are not worth a table.
        """
        names = self.names(keys)
        medians = {where: sum(self.median(key, name, where) is not None
                              for key in keys for name in names)
                   for where in (*PLACEMENTS, UNPROBED)}
        most = max(medians.values())
        seen = [where for where, count in medians.items()
                if count > 0 and (2 * count >= most or where == PREFERRED)]
        return sorted(seen, key=lambda where: where != PREFERRED)

    def most_compared(self):
        """The placement in which folio could be compared most often; the preferred one if equal."""
        def compared(where):
            return sum(self.ratio(key, "folio", where) is not None for key in self.keys)
        return max(self.placements(self.keys) or [PREFERRED], key=compared)

    def pairs(self, key, name, other, where, value="mpps"):
        """Ratios of a contestant's samples to another one's: each to the one that was taken closest
        to it, while the CPUs were as far apart. The speed of all changes with that, within one
        placement, too, and from hour to hour."""
        mine, others = self.good(key, name, where), self.good(key, other, where)
        apart = sorted((abs(seconds(a) - seconds(b)), i, j) for i, a in enumerate(mine)
                       for j, b in enumerate(others) if alike(a, b))
        partner = {}
        for _, i, j in apart:
            if i not in partner and j not in partner.values():
                partner[i] = j
        return [mine[i][value] / others[j][value] for i, j in sorted(partner.items())
                if others[j][value]]

    def rivals(self, key, name, where, family=None, value="mpps"):
        """{peer, of one family or of all: ratios to it}; None if one that could be measured at all
        lacks samples: it might have been the best."""
        found = {}
        for peer in self.names([key]):
            facts = self.contestants[peer]
            if not facts["peer"] or family not in (None, facts["family"]) or \
                    all(s["status"] == FAILED for s in self.cells[key, peer]):
                continue
            found[peer] = self.pairs(key, name, peer, where, value)
            if len(found[peer]) < self.enough:
                return None
        return found or None

    def best_rival(self, key, name, where, value="mpps", best=max, family=None):
        """(the peer that compares best with a contestant, the ratios to it); (None, []) if they
        cannot be compared. best: is more better, or less?"""
        found = self.rivals(key, name, where, family, value)
        if not found:
            return None, []
        worst = min if best is max else max
        return worst(found.items(), key=lambda item: statistics.median(item[1]))

    def ratio(self, key, name, where, value="mpps", best=max):
        """A contestant to the best peer, None if they cannot be compared."""
        return middle(self.best_rival(key, name, where, value, best)[1])

    def share(self, key, name, base, where):
        """A contestant to a given one, None if they cannot be compared."""
        ratios = self.pairs(key, name, base, where)
        return middle(ratios) if len(ratios) >= self.enough else None

    def gains(self, key, name, base, where):
        """How much faster than another one, in per cent: each pair of samples in itself."""
        return [100 * (ratio - 1) for ratio in self.pairs(key, name, base, where)]


def middle(ratios):
    """Their median, None if there are none."""
    return statistics.median(ratios) if ratios else None


def seconds(sample):
    """When it was taken."""
    return datetime.datetime.fromisoformat(sample["time"]).timestamp()


def alike(sample, other):
    """Were the CPUs as far apart? The lower probe tells: a moment's disturbance makes one higher. Not
    known of two machines."""
    if not sample.get("probe_ns") or not other.get("probe_ns"):
        return True
    probes = sorted((min(sample["probe_ns"]), min(other["probe_ns"])))
    return probes[1] <= ALIKE * probes[0]


def key_of(sample):
    """What tells one case from another; a tuple."""
    return tuple((field, sample[field]) for field in FIELDS)


def order(key):
    """Sizes in order; all else as it was measured."""
    return SIZES.index(dict(key)["size"])


def dip_of(results, key, where, family="virtio"):
    """folio to the best mode of a family; virtio's copy nothing in the guest."""
    return middle(results.best_rival(key, "folio", where, family=family)[1])


def markdown(lines):
    """Lines of cells, the first of which is the heading."""
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    lines = [lines[0], ["-" * width for width in widths]] + lines[1:]
    return "\n".join("| " + " | ".join(t.ljust(w) for t, w in zip(line, widths)) + " |"
                     for line in lines) + "\n"

# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""The samples of a run, sorted: medians, spreads, and ratios to the best unprotected peer."""

import collections
import statistics

from cases import SIZES
from pairs import PLACEMENTS, UNPROBED

PREFERRED = "near"
ENOUGH = 3      # samples of one placement, of every contestant (fewer if there are fewer rounds)
LIMIT = "limit"
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
               "failed": sum(s["status"] == "failed" for s in taken)}
        if values:
            row.update(median=statistics.median(values), min=min(values), max=max(values))
        return row

    def median(self, key, name, where, value="mpps"):
        """The median, None if there are too few samples."""
        row = self.row(key, name, where, value)
        return row["median"] if row["used"] >= self.enough else None

    def placements(self, keys):
        """Where there are enough samples to compare: the preferred one comes first.

        A few cases of a placement, where another one has all, are not worth a table.
        """
        names = self.names(keys)
        medians = {where: sum(self.median(key, name, where) is not None
                              for key in keys for name in names)
                   for where in (*PLACEMENTS, UNPROBED)}
        most = max(medians.values())
        seen = [where for where, count in medians.items() if count > 0 and 2 * count >= most]
        return sorted(seen, key=lambda where: where != PREFERRED)

    def most_compared(self):
        """The placement in which folio could be compared most often; the preferred one if equal."""
        def compared(where):
            return sum(self.ratio(key, "folio", where) is not None for key in self.keys)
        return max(self.placements(self.keys) or [PREFERRED], key=compared)

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

    def share(self, key, name, base, where):
        """A contestant's median to that of a given one, None if one is missing."""
        mine, other = self.median(key, name, where), self.median(key, base, where)
        return mine / other if mine and other else None

    def by_round(self, key, name, where):
        """{round: rate}."""
        return {s["round"]: s["mpps"] for s in self.good(key, name, where)}

    def gains(self, key, name, base, where):
        """How much faster than another one, in per cent: each round in itself."""
        mine, other = self.by_round(key, name, where), self.by_round(key, base, where)
        return [100 * (mine[number] / other[number] - 1) for number in mine if number in other]

    def ratios_by_round(self, key, name, where):
        """Ratios to the peer that is best in all, each round in itself."""
        peer = self.best_peer(key, where)[0]
        return [1 + gain / 100 for gain in self.gains(key, name, peer, where)]


def key_of(sample):
    """What tells one case from another; a tuple."""
    return tuple((field, sample[field]) for field in FIELDS)


def order(key):
    """Sizes in order; all else as it was measured."""
    return SIZES.index(dict(key)["size"])


def dip_of(results, key, where):
    """folio's rate to virtio's, which copies nothing in the guest."""
    virtio = [results.median(key, name, where) for name in results.names([key])
              if results.contestants[name]["family"] == "virtio"]
    mine = results.median(key, "folio", where)
    virtio = [rate for rate in virtio if rate]
    return mine / max(virtio) if mine and virtio else None


def markdown(lines):
    """Lines of cells, the first of which is the heading."""
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    lines = [lines[0], ["-" * width for width in widths]] + lines[1:]
    return "\n".join("| " + " | ".join(t.ljust(w) for t, w in zip(line, widths)) + " |"
                     for line in lines) + "\n"

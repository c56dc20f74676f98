# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""Pairs of processes that wait, stopped, for their next sample."""

import collections

from limit import Limit
from pairs import Pair


class Ready:
    """At most so many; the one that was not used for the longest time makes room for another."""

    def __init__(self, most):
        self.most = most
        self.pairs = collections.OrderedDict()      # (contestant's name, setup) -> pair

    def has(self, contestant, setup):
        """Does this contestant's pair run?"""
        return contestant.family == "limit" or (contestant.name, setup) in self.pairs

    def serves(self, setup):
        """Does anybody's?"""
        return any(other == setup for _, other in self.pairs)

    def full(self):
        """Would another one cost one?"""
        return len(self.pairs) >= self.most

    def get(self, place, contestant, setup):
        """(a contestant's pair for a set-up, was it just started?). Bare threads are no pair, and
        take nobody's place."""
        if contestant.family == "limit":
            return Limit(place, contestant, setup), False
        key = contestant.name, setup
        fresh = key not in self.pairs
        if fresh:
            while self.full():
                self.drop_oldest()
            pair = Pair(place, contestant, setup)
            pair.start_all()
            self.pairs[key] = pair
        self.pairs.move_to_end(key)
        return self.pairs[key], fresh

    def drop(self, contestant, setup):
        """End a pair, if there is one."""
        pair = self.pairs.pop((contestant.name, setup), None)
        if pair:
            pair.close()

    def drop_oldest(self):
        """End the pair that was not used for the longest time."""
        self.pairs.popitem(last=False)[1].close()

    def close(self):
        """End all."""
        while self.pairs:
            self.drop_oldest()

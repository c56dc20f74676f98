# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""Who had the CPUs: which share the processes that poll had, and who else there was."""

import collections
import os
import time

UNDISTURBED = 0.9       # of its CPU at least: else somebody else's work was measured, too
MENTIONED = 0.03        # of a CPU, and who is named at all
NAMED = 4               # at most
TICK = 1 / os.sysconf("SC_CLK_TCK")

# Columns of /proc/stat behind a CPU's name, and of /proc/PID/stat behind a process's name.
WORK = (0, 1, 2, 5, 6)  # user, nice, system, irq, softirq
STOLEN = 7
TIMES = (11, 12)        # utime, stime
LAST_CPU = 36


def cpu_time(pid):
    """The CPU time in seconds of all threads of a process so far."""
    total = 0
    folder = "/proc/%d/task" % pid
    for task in os.listdir(folder):
        try:
            with open("%s/%s/schedstat" % (folder, task), encoding="ascii") as file:
                total += int(file.read().split()[0])
        except FileNotFoundError:   # a thread that has just ended
            continue
    return total / 1e9


def process_times():
    """{pid: (name, last CPU, CPU time in seconds)} of all processes that can be seen."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % pid, encoding="utf-8", errors="replace") as file:
                head, _, tail = file.read().rpartition(")")
        except OSError:             # it has just ended
            continue
        fields = tail.split()
        found[int(pid)] = (head.partition("(")[2], int(fields[LAST_CPU]),
                           sum(int(fields[n]) for n in TIMES) * TICK)
    return found


def cpu_times(cpus):
    """(time in seconds that CPUs worked so far, that the hypervisor gave to others)."""
    work = stolen = 0
    names = {"cpu%d" % cpu for cpu in cpus}
    with open("/proc/stat", encoding="ascii") as file:
        for line in file:
            name, *fields = line.split()
            if name in names:
                work += sum(int(fields[n]) for n in WORK)
                stolen += int(fields[STOLEN])
    return work * TICK, stolen * TICK


def text_of(others):
    """Who else there was, for a reader."""
    return ", ".join("%s %.0f %%" % (name, 100 * share) for name, share in others)


class Watch:
    """Who has CPUs during a `with` statement; all but one of the threads of `pids` sleep.

    Behind it: shares, of a CPU that each of the pids had, and others, [(name, share)], the largest
    first. Shares of others are exact to a clock tick or two.
    """

    def __init__(self, pids, cpus=None):
        self.pids = list(pids)
        self.cpus = set(cpus or os.sched_getaffinity(0))
        self.shares = []
        self.others = []

    def __enter__(self):
        self._all = process_times(), cpu_times(self.cpus)
        self._used = [cpu_time(pid) for pid in self.pids]
        self._start = time.monotonic()
        return self

    def __exit__(self, failed, *_):
        if failed is None:
            seconds = time.monotonic() - self._start
            self.shares = [(cpu_time(pid) - used) / seconds
                           for pid, used in zip(self.pids, self._used)]
            self.others = self._who_else(time.monotonic() - self._start)

    def _who_else(self, seconds):
        """Processes by name; those that ended or began meanwhile are what is left."""
        before, (worked, stolen) = self._all
        after, (works, steals) = process_times(), cpu_times(self.cpus)
        found = collections.Counter()
        for pid, (name, cpu, used) in after.items():
            if pid in before and pid not in self.pids and cpu in self.cpus:
                found[name] += (used - before[pid][2]) / seconds
        left = (works - worked) / seconds - sum(self.shares) - sum(found.values())
        found["processes that came and went"] = left
        found["other guests of the hypervisor"] = (steals - stolen) / seconds
        return [(name, share) for name, share in found.most_common(NAMED) if share >= MENTIONED]

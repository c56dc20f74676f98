# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""What two bare threads can copy through shared memory: bench-limit, used like a pair."""

import contextlib
import json
import subprocess

from pairs import Failure, Probed, check_arrived, distance

DEADLINE = 120      # beyond the windows
WINDOWS = 15        # that it takes at most: two of measuring, and some 25 short trials
TUNED = ("copy", "slots", "burst", "stride", "buffers", "ahead", "fetch")


class Limit:
    """Bare threads start for a sample, and end with it."""

    def __init__(self, place, _contestant, _setup):
        self.place = place
        self.number = None      # in the record: its command is in each sample

    @staticmethod
    def awake():
        """Nothing."""
        return contextlib.nullcontext()

    def measure(self, case, sample):
        """Take one sample. How to copy best is searched for in each, beginning with what was best
        at this placement the last time: a single search can be misled by a moment."""
        what = ["--best", "--size", case.size]
        what += ["--touch"] if case.payload == "touched" else []
        what += ["--loop"] if case.group == "loop" else []
        with Probed(self.place, sample):
            known = (tuple(what), distance(self.place.distance))
            tuning = self.place.tunings.get(known, [])
            command = [self.place.programs["limit"], *what, "--seconds", str(self.place.window),
                       "--cpus", ",".join(self.place.cpus), *tuning]
            found = self.ask(command, DEADLINE + WINDOWS * self.place.window)
            sample["cpu_share"] = found.pop("cpu_share")
        self.place.tunings[known] = [word for name in TUNED
                                     for word in ("--" + name, str(found[name]))]
        sample.update(command=" ".join(command), limit=found, mpps=found["mpps"])
        check_arrived(sample, sample["mpps"] > 0)

    @staticmethod
    def ask(command, deadline=DEADLINE):
        """The JSON that it prints."""
        try:
            done = subprocess.run(command, check=True, text=True, capture_output=True,
                                  timeout=deadline)
        except subprocess.CalledProcessError as err:
            raise Failure("%s failed: %s" % (" ".join(command), err.stderr)) from err
        except subprocess.TimeoutExpired as err:
            raise Failure(str(err)) from err
        return json.loads(done.stdout)

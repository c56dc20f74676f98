# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""The two processes of a sample, a guest and a host, and what is measured between them.

Each polls on a CPU of its own. How far the CPUs are apart is probed right before and after every
measured window: virtual CPUs move, and their distance decides everything.
"""

import contextlib
import json
import os
import select
import signal
import statistics
import subprocess
import time

from contestants import GUEST_MAC, RING
from generator import Generator
from side import EchoSide, Failure, INJECTED, MBUFS, START_DEADLINE, TestpmdSide
from busy import UNDISTURBED, Watch, cpu_time
from testpmd import memory_args

MEGABYTES = 256             # of private memory of one side: mbufs, and what noisy looks up
PROBE_DEADLINE = 120
FRESH = 0.05                # seconds that a probe holds for
LATENCY_DEADLINE = 60       # beyond the window
RESTARTS = 5                # of a port, for one sample of a session's start
WARM_UP = 0.1               # seconds of traffic before the window
UNDER_WAY = 4               # rings full of packets, when a sample begins
DISTANCES = ((250, "near"), (400, "between"), (float("inf"), "far"))     # in ns
SHARED_CORE = 1.4           # siblings slow each other down by 1.7, CPUs of different cores not
DISTURBED = "disturbed"
MIXED = "mixed"
UNPROBED = "unprobed"       # of two machines
SIBLINGS = "siblings"
PLACEMENTS = (SIBLINGS, *(name for _, name in DISTANCES))   # MIXED, DISTURBED never count


class GeneratorSide(Generator):
    """Our generator with the interface of a testpmd."""

    VERBS = {"inject": "loop"}

    def __init__(self, name, command, env, log):
        super().__init__(name, command, env, log)
        self.command = command
        self.ready = None
        self.first = None

    lcores = staticmethod(TestpmdSide.lcores)

    @staticmethod
    def arguments(setup):
        """Its own arguments, behind EAL's."""
        return ["--queues", str(setup.queues), "--mbufs", str(MBUFS * setup.queues),
                "--frame", str(setup.frame), "--peer", GUEST_MAC]

    def wait_ready(self):
        self.ready = super().wait_ready()

    def begin(self, action, burst):
        """Make its polling thread do something."""
        words = [self.VERBS.get(action.verb, action.verb), "burst=%d" % burst]
        if action.starts_traffic:
            words.append("size=" + action.size)
        if action.verb == "inject":
            words.append("inject=%d" % INJECTED)
        if action.touch:
            words.append("touch=1")
        self.ask(" ".join(words))

    def halt(self):
        """Make its polling thread do nothing."""
        self.ask("stop")

    def totals(self):
        """Packets received and sent since the start."""
        counts = self.ask("count")
        return counts["rx_packets"], counts["tx_packets"]

    def mark(self):
        """Begin of a window."""
        self.first = self.ask("count")

    def rates(self):
        """Packets a second received and sent since the mark, by the process's own clock."""
        first, last = self.first, self.ask("count")
        seconds = (last["ns"] - first["ns"]) / 1e9
        return tuple((last[name] - first[name]) / seconds for name in ("rx_packets", "tx_packets"))

    def describe(self):
        """What it says about its burst functions."""
        return json.dumps(self.ready) + self.read_log()

    def report(self):
        """For the reader of a failure."""
        return str(self.failure("does not go on"))

    def quit(self):
        """Ask it to end."""
        self.process.stdin.close()


class Place:
    """Where samples are taken: the CPUs, a private folder, the programs, the probe.

    Use it in a `with` statement.
    """

    def __init__(self, cpus, folder, programs, window):
        self.cpus = cpus
        self.folder = folder
        self.programs = programs
        self.window = window
        self.pingpong = programs["pingpong"]
        self.count = 0
        self.tunings = {}       # of the limit: see limit.py
        self.spinner = None
        self.distance = None
        self.probed_at = 0

    def __enter__(self):
        """Keep both CPUs awake with idle priority."""
        self.spinner = subprocess.Popen([self.pingpong, "--spin", *self.cpus],
                                        stdout=subprocess.PIPE)
        ready, _, _ = select.select([self.spinner.stdout], [], [], PROBE_DEADLINE)
        if not ready or self.spinner.stdout.readline() != b"spinning\n":
            self.__exit__()
            raise Failure("the idle-priority spinner did not start")
        return self

    def __exit__(self, *_):
        self.spinner.kill()
        self.spinner.wait()
        self.spinner.stdout.close()

    def spin(self, on):
        """The spinner is for when nobody polls: a poller would lose 4 ms to it now and then."""
        self.spinner.send_signal(signal.SIGCONT if on else signal.SIGSTOP)

    def probe(self):
        """A round trip of one cache line between the CPUs in ns, and what they cost each other."""
        try:
            done = subprocess.run([self.pingpong, *self.cpus], check=True, text=True,
                                  stdout=subprocess.PIPE, timeout=PROBE_DEADLINE)
        except subprocess.SubprocessError as err:
            raise Failure("the ping-pong probe failed: %s" % err) from err
        self.distance = tuple(map(float, done.stdout.split()))
        self.probed_at = time.monotonic()
        return self.distance

    def recent(self):
        """What was just probed behind a sample is in front of the next one, too."""
        return self.probe() if time.monotonic() - self.probed_at > FRESH else self.distance

    def paths(self):
        """Names of a socket and a region that nobody has used."""
        self.count += 1
        region_folder = os.environ.get("FOLIO_HUGE_DIR") or "/dev/shm"
        return {"socket": "%s/%d.sock" % (self.folder, self.count),
                "region": "%s/%s-%d" % (region_folder, os.path.basename(self.folder), self.count)}


class Pair:
    """A guest and a host of one contestant. They are stopped but for their samples."""

    CLASSES = {"testpmd": TestpmdSide, "generator": GeneratorSide, "echo": EchoSide}

    def __init__(self, place, contestant, setup):
        self.place = place
        self.contestant = contestant
        self.setup = setup
        self.paths = place.paths()
        self.sides = {}
        self.number = None      # in the record

    def start_all(self):
        """Start both, and have them wait."""
        try:
            self.start("host")
            if "{socket}" in self.contestant.host:
                self.wait_socket()      # whoever connects to it must find it
            self.start("guest")
            for side in self.sides.values():
                side.wait_ready()
            for side in self.sides.values():
                side.wait_link()
            self.check()
            self.signal(signal.SIGSTOP)
        except BaseException:
            self.close()
            raise

    def signal(self, number):
        """Send a signal to both."""
        for side in self.sides.values():
            side.process.send_signal(number)

    @contextlib.contextmanager
    def awake(self):
        """Both run, in a `with` statement. A stopped folio does not miss the other's heartbeats: it
        counts its own."""
        self.signal(signal.SIGCONT)
        try:
            yield
        finally:
            self.signal(signal.SIGSTOP)

    def start(self, side):
        """Start one side."""
        own = self.place.cpus[0 if side == "guest" else 1]
        program = getattr(self.setup, side)
        kind = self.CLASSES[program]
        command = [self.place.programs[program],
                   "--lcores=" + kind.lcores(self.place.cpus, own), "--no-pci",
                   *memory_args(MEGABYTES), "--single-file-segments", "--no-telemetry",
                   # On ordinary pages EAL locks a file of that name.
                   "--file-prefix=%s-%d-%s" % (os.path.basename(self.place.folder),
                                               self.place.count, side),
                   *self.contestant.device(side, self.setup, self.paths), "--",
                   *kind.arguments(self.setup)]
        # Where EAL keeps its files: they go with the folder.
        env = dict(os.environ, RUNTIME_DIRECTORY=self.place.folder)
        log = "%s/%d-%s.log" % (self.place.folder, self.place.count, side)
        self.sides[side] = kind("%s %s" % (self.contestant.name, side), command, env, log)

    def wait_socket(self):
        """Wait until the host listens."""
        deadline = time.monotonic() + START_DEADLINE
        while not os.path.exists(self.paths["socket"]):
            if time.monotonic() > deadline or self.sides["host"].process.poll() is not None:
                raise Failure("no socket: " + self.sides["host"].report())
            time.sleep(0.01)

    def check(self):
        """Is the guest what its name says?"""
        said = self.sides["guest"].describe()
        for proof in self.contestant.proofs:
            if proof not in said:
                raise Failure("the guest is not what its name says: no %r in:\n%s" % (proof, said))

    def close(self):
        """End both, and remove what they met in."""
        self.signal(signal.SIGCONT)
        for name in ("guest", "host"):      # the guest first: the host serves it
            if name in self.sides:
                self.sides[name].quit()
                self.sides[name].end()
        for path in self.paths.values():
            with contextlib.suppress(FileNotFoundError):    # whoever made it removes it, too
                os.unlink(path)

    def commands(self):
        """The command lines."""
        return {name: " ".join(side.command) for name, side in self.sides.items()}

    def measure(self, case, sample):
        """Take one sample of a case; what is known of it is in the sample, whatever happens."""
        actions = {"guest": case.guest, "host": case.host}
        order = sorted(actions, key=lambda name: actions[name].starts_traffic)
        before = self.totals()
        with Probed(self.place, sample):
            for name in order:
                self.sides[name].begin(actions[name], case.burst)
            time.sleep(WARM_UP)
            rates = self.window(sample)
            for name in reversed(order):
                self.sides[name].halt()
        sample["rates"] = {name: dict(zip(("rx_pps", "tx_pps"), r)) for name, r in rates.items()}
        sample["mpps"] = figure(self.contestant, case, sample["rates"]) / 1e6
        check_arrived(sample, sample["mpps"] > 0)
        if self.contestant.family != "null":
            self.check_invented(before, self.totals())

    def totals(self):
        """Packets that each side has received and sent so far; None of a side that doesn't count."""
        return {name: side.totals() for name, side in self.sides.items()}

    def check_invented(self, before, after):
        """Nobody sends while totals are taken: more packets than were sent since then, and were in
        the rings, are no packets."""
        under_way = UNDER_WAY * (self.setup.ring or RING) * self.setup.queues
        for to, by in (("guest", "host"), ("host", "guest")):
            if before[by] is None or before[to] is None:
                continue
            received, sent = after[to][0] - before[to][0], after[by][1] - before[by][1]
            if received > sent + under_way:
                raise Failure("the %s received %d packets of the %d that were sent"
                              % (to, received, sent))

    @contextlib.contextmanager
    def shares(self, sample):
        """Both sides' shares of a CPU during a `with` statement go into the sample, and if they had
        too little, who else there was."""
        with Watch([side.process.pid for side in self.sides.values()],
                   map(int, self.place.cpus)) as watch:
            yield
        sample["cpu_share"] = watch.shares
        if min(watch.shares) < UNDISTURBED:
            sample["others"] = watch.others

    def window(self, sample):
        """Both sides' rates in the window; their share of a CPU goes into the sample."""
        with self.shares(sample):
            for side in self.sides.values():
                side.mark()
            time.sleep(self.place.window)
            return {name: side.rates() for name, side in self.sides.items()}

    def measure_latency(self, case, sample, rate):
        """The host sends packets at a rate, 0: one at a time, and times their return."""
        guest, host = self.sides["guest"], self.sides["host"]
        with Probed(self.place, sample):
            guest.begin(case.guest, case.burst)
            with self.shares(sample):
                found = host.ask("latency size=%s rate=%d seconds=%g"
                                 % (case.size, rate, self.place.window + WARM_UP),
                                 self.place.window + LATENCY_DEADLINE)
            guest.halt()
        sample.update(found, mpps=found["achieved_pps"] / 1e6)
        check_arrived(sample, case.came_back(found))

    def measure_start(self, sample):
        """Restart the guest's port some times: the CPU time of both sides for a session, and how
        long it takes from the start to the link."""
        guest = self.sides["guest"]
        times = []
        with Probed(self.place, sample):
            used = [cpu_time(side.process.pid) for side in self.sides.values()]
            for _ in range(RESTARTS):
                guest.cmd("port stop 0")
                start = time.monotonic()
                guest.cmd("port start 0")
                guest.wait_link()
                times.append(time.monotonic() - start)
            used = [cpu_time(side.process.pid) - before
                    for side, before in zip(self.sides.values(), used)]
            sample["cpu_share"] = [1, 1]    # sleeps most of the time
        sample.update(cpu_ms=1000 * sum(used) / RESTARTS, mpps=0,
                      link_ms=1000 * statistics.median(times))


class Probed:
    """Probe the CPUs' distance before and after what is done in a `with` statement."""

    def __init__(self, place, sample):
        self.place = place
        self.sample = sample
        self.before = None

    def __enter__(self):
        self.before = self.place.recent()
        self.place.spin(False)

    def __exit__(self, failed, *_):
        self.place.spin(True)
        if failed is None:
            probes = (self.before, self.place.probe())
            self.sample["probe_ns"] = [nanoseconds for nanoseconds, _ in probes]
            self.sample["probe_slow_down"] = [slow_down for _, slow_down in probes]
            self.sample["placement"] = placement(*probes, self.sample["cpu_share"])


def check_arrived(sample, arrived):
    """Without a packet a contestant has failed, unless others kept it from its CPU: such a sample
    does not count anyway."""
    if not arrived and sample["placement"] != DISTURBED:
        raise Failure("no packet arrived in the window")


def figure(contestant, case, rates):
    """Packets a second that count. Null's ends are not connected: the slower one is the limit."""
    if contestant.family == "null":
        return min(max(side.values()) for side in rates.values())
    if case.figure == "both":
        return rates["guest"]["rx_pps"] + rates["host"]["rx_pps"]
    return rates[case.figure]["rx_pps"]


def distance(probe):
    """The class of one probe."""
    nanoseconds, slow_down = probe
    if slow_down > SHARED_CORE:
        return SIBLINGS
    return next(name for limit, name in DISTANCES if nanoseconds < limit)


def placement(before, after, shares):
    """The class of a sample: that of its two probes if they agree and nobody was in the way."""
    if min(shares) < UNDISTURBED:
        return DISTURBED
    return distance(before) if distance(before) == distance(after) else MIXED

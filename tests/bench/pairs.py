# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""The two processes of a sample, a guest and a host, and what is measured between them.

Each polls on a CPU of its own. How far the CPUs are apart is probed right before and after every
measured window: virtual CPUs move, and their distance decides everything.
"""

import json
import os
import re
import select
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../scripts"))

from testpmd import Commands, Failure, PROMPT, ProcessTerminal, memory_args  # noqa: E402

MBUFS = 8192
MEGABYTES = 256             # of private memory of one side: mbufs, and what noisy looks up
DESCRIPTORS = 1024          # of the generator; a driver has more or fewer where it must
INJECTED = 512              # packets that circulate: they fit into every ring
START_DEADLINE = 30
LINK_DEADLINE = 10
QUIT_DEADLINE = 10
PROBE_DEADLINE = 30
WARM_UP = 0.1               # seconds of traffic before the window
UNDISTURBED = 0.9           # of its CPU at least: else somebody else's work was measured, too
DISTANCES = ((60, "siblings"), (250, "near"), (400, "between"), (float("inf"), "far"))
PLACEMENTS = tuple(name for _, name in DISTANCES)   # "mixed" and "disturbed" never count

# What a guest looks up for every packet in noisy mode: 16 reads and writes all over 64 MB.
NOISY = ["--noisy-lkup-memory=64", "--noisy-lkup-num-reads=8", "--noisy-lkup-num-writes=4",
         "--noisy-lkup-num-reads-writes=4"]


def cpu_time(pid):
    """The CPU time in seconds of all threads of a process; all but one sleep."""
    total = 0
    folder = "/proc/%d/task" % pid
    for task in os.listdir(folder):
        try:
            with open("%s/%s/schedstat" % (folder, task), encoding="ascii") as file:
                total += int(file.read().split()[0])
        except FileNotFoundError:   # a thread that has just ended
            continue
    return total / 1e9


class Side(Commands):
    """One process with one port. Its commands come from this script, and it ends with it."""

    def __init__(self, name, command, env):
        self.name = name
        self.command = command
        self.terminal = ProcessTerminal(command, env)
        self.pid = self.terminal.process.pid

    def report(self):
        return "%s: %s\n--- log:\n%s" % (self.name, super().report(), self.terminal.log[-3000:])

    def wait_ready(self):
        """Wait until it takes commands."""
        raise NotImplementedError

    def begin(self, action, burst):
        """Make its polling thread do something."""
        raise NotImplementedError

    def halt(self):
        """Make it do nothing."""
        raise NotImplementedError

    def mark(self):
        """Begin of a window."""
        raise NotImplementedError

    def rates(self):
        """Packets a second received and sent since the mark, by the process's own clock."""
        raise NotImplementedError

    def describe(self):
        """What it says about its burst functions."""
        raise NotImplementedError

    def quit(self):
        """Ask it to end. It may be gone."""
        try:
            self.terminal.write("quit\n")
        except OSError:
            pass

    def end(self):
        """See it end, or end it: this one process."""
        for step in (lambda: None, self.terminal.process.terminate, self.terminal.process.kill):
            step()
            try:
                self.terminal.wait_end(QUIT_DEADLINE)
                return
            except subprocess.TimeoutExpired:
                continue


class TestpmdSide(Side):
    """An unmodified dpdk-testpmd."""

    MODES = {"receive": "rxonly", "send": "txonly", "echo": "io", "inject": "io"}

    @staticmethod
    def arguments(setup):
        """Its own arguments, behind EAL's."""
        mbufs = MBUFS * setup.queues if setup.ring == 0 else MBUFS + 2 * setup.ring
        args = ["-i", "--nb-cores=1", "--total-num-mbufs=%d" % mbufs, "--port-topology=loop",
                "--disable-link-check", "--mask-event=intr_lsc", "--mask-event=queue_state", *NOISY]
        if setup.queues > 1:
            args += ["--rxq=%d" % setup.queues, "--txq=%d" % setup.queues]
        if setup.ring:
            args += ["--rxd=%d" % setup.ring, "--txd=%d" % setup.ring]
        return args

    def wait_ready(self):
        self.terminal.wait(0, lambda text: PROMPT in text, "testpmd's prompt", START_DEADLINE,
                           self.report)

    def begin(self, action, burst):
        self.cmd("set fwd " + self.MODES.get(action.verb, action.verb))
        if action.starts_traffic:
            self.cmd("set txpkts " + action.size)
        self.cmd("set burst %d" % burst)
        start = "start"
        if action.verb == "inject":
            start += " tx_first %d" % (INJECTED // burst)
        reply = self.cmd(start)
        if "packet forwarding" not in reply:
            raise Failure("%s does not start:\n%s" % (self.name, reply))

    def halt(self):
        self.cmd("stop")

    def mark(self):
        self.cmd("show port stats 0")

    def rates(self):
        text = self.cmd("show port stats 0")
        return tuple(int(re.search(r"%s-pps: +(\d+)" % what, text).group(1))
                     for what in ("Rx", "Tx"))

    def link_is_up(self, port=0):
        return bool(re.search(r"\n%d +\S+ +\S+ +\S+ +up " % port,
                              self.cmd("show port summary all")))

    def describe(self):
        return self.cmd("show rxq info 0 0") + self.terminal.text() + self.terminal.log


class GeneratorSide(Side):
    """Our generator: a command is a line, and so is its answer, in JSON."""

    def __init__(self, name, command, env):
        super().__init__(name, command, env)
        self.first = None
        self.ready = None

    @staticmethod
    def arguments(setup):
        """Its own arguments, behind EAL's."""
        return ["--queues", str(setup.queues), "--mbufs", str(MBUFS * setup.queues),
                "--frame", str(setup.frame)]

    def answer(self, start, what, timeout=START_DEADLINE):
        """The JSON of the line that comes next."""
        text = self.terminal.wait(start, lambda text: "\n" in text, what, timeout, self.report)
        reply = json.loads(text)
        if "error" in reply:
            raise Failure("%s: %s: %s" % (self.name, what, reply["error"]))
        return reply

    def ask(self, text, timeout=START_DEADLINE):
        """Give a command; returns its answer."""
        start = len(self.terminal.text())
        self.terminal.write(text + "\n")
        return self.answer(start, text, timeout)

    def wait_ready(self):
        self.ready = self.answer(0, "start")

    def begin(self, action, burst):
        words = [{"inject": "loop"}.get(action.verb, action.verb), "burst=%d" % burst]
        if action.starts_traffic:
            words.append("size=" + action.size)
        if action.verb == "inject":
            words.append("inject=%d" % INJECTED)
        if action.touch:
            words.append("touch=1")
        self.ask(" ".join(words))

    def halt(self):
        self.ask("stop")

    def mark(self):
        self.first = self.ask("count")

    def rates(self):
        first, last = self.first, self.ask("count")
        seconds = (last["ns"] - first["ns"]) / 1e9
        return tuple((last[name] - first[name]) / seconds for name in ("rx_packets", "tx_packets"))

    def link_is_up(self, port=0):
        return self.ask("link")["link"] == "up"

    def describe(self):
        return json.dumps(self.ready) + self.terminal.log


class Place:
    """Where samples are taken: the CPUs, a private folder, the programs, the probe."""

    def __init__(self, cpus, folder, programs, window):
        self.cpus = [str(cpu) for cpu in cpus]
        self.folder = folder
        self.programs = programs
        self.window = window
        self.pingpong = os.path.join(folder, "pingpong")
        self.count = 0
        subprocess.run(["cc", "-O2", "-pthread", "-o", self.pingpong,
                        os.path.join(HERE, "pingpong.c")], check=True, timeout=60)

    def start_spinner(self):
        """Keep both CPUs awake with idle priority; the caller ends the process."""
        process = subprocess.Popen([self.pingpong, "--spin", *self.cpus], stdout=subprocess.PIPE)
        ready, _, _ = select.select([process.stdout], [], [], PROBE_DEADLINE)
        if not ready or process.stdout.readline() != b"spinning\n":
            process.kill()
            process.wait()
            raise Failure("the idle-priority spinner did not start")
        return process

    def probe(self):
        """The time in ns of a round trip of one cache line between the two CPUs."""
        try:
            done = subprocess.run([self.pingpong, *self.cpus], check=True, text=True,
                                  stdout=subprocess.PIPE, timeout=PROBE_DEADLINE)
        except subprocess.SubprocessError as err:
            raise Failure("the ping-pong probe failed: %s" % err) from err
        return float(done.stdout)

    def paths(self):
        """Names of a socket and a region that nobody has used."""
        self.count += 1
        region_folder = os.environ.get("FOLIO_HUGE_DIR") or "/dev/shm"
        return {"socket": "%s/%d.sock" % (self.folder, self.count),
                "region": "%s/%s-%d" % (region_folder, os.path.basename(self.folder), self.count)}


class Pair:
    """A running guest and host of one contestant. Use it in a `with` statement."""

    CLASSES = {"testpmd": TestpmdSide, "generator": GeneratorSide}

    def __init__(self, place, contestant, setup):
        self.place = place
        self.contestant = contestant
        self.setup = setup
        self.paths = place.paths()
        self.sides = {}
        self.last_probe = None

    def __enter__(self):
        try:
            self.start("host")
            if "{socket}" in self.contestant.host:
                self.wait_socket()      # whoever connects to it must find it
            self.start("guest")
            for side in self.sides.values():
                side.wait_ready()
            for side in self.sides.values():
                side.wait_link(timeout=LINK_DEADLINE)
            self.check()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def start(self, side):
        """Start one side."""
        own = self.place.cpus[0 if side == "guest" else 1]
        program = getattr(self.setup, side)
        kind = self.CLASSES[program]
        command = [self.place.programs[program],
                   "--lcores=0@(%s),1@%s" % (",".join(self.place.cpus), own), "--no-pci",
                   *memory_args(MEGABYTES), "--single-file-segments", "--no-telemetry",
                   "--file-prefix=%s-%s" % (os.path.basename(self.place.folder), side),
                   *self.contestant.device(side, self.setup, self.paths), "--",
                   *kind.arguments(self.setup)]
        # Where EAL keeps its files: they go with the folder.
        env = dict(os.environ, RUNTIME_DIRECTORY=self.place.folder)
        self.sides[side] = kind("%s %s" % (self.contestant.name, side), command, env)

    def wait_socket(self):
        """Wait until the host listens."""
        deadline = time.monotonic() + START_DEADLINE
        while not os.path.exists(self.paths["socket"]):
            if time.monotonic() > deadline or self.sides["host"].terminal.process.poll() is not None:
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
        for name in ("guest", "host"):      # the guest first: the host serves it
            if name in self.sides:
                self.sides[name].quit()
                self.sides[name].end()
        for path in self.paths.values():
            if os.path.exists(path):
                os.unlink(path)

    def commands(self):
        """The command lines."""
        return {name: " ".join(side.command) for name, side in self.sides.items()}

    def measure(self, case, sample):
        """Take one sample of a case; what is known of it is in the sample, whatever happens."""
        if self.last_probe is None:
            self.last_probe = self.place.probe()
        before = self.last_probe
        actions = {"guest": case.guest, "host": case.host}
        order = sorted(actions, key=lambda name: actions[name].starts_traffic)
        for name in order:
            self.sides[name].begin(actions[name], case.burst)
        time.sleep(WARM_UP)
        rates, shares = self.window()
        for name in reversed(order):
            self.sides[name].halt()
        self.last_probe = self.place.probe()
        sample.update(probe_ns=[before, self.last_probe], cpu_share=shares,
                      placement=placement(before, self.last_probe, shares),
                      rates={name: dict(zip(("rx_pps", "tx_pps"), r))
                             for name, r in rates.items()})
        sample["mpps"] = figure(self.contestant, case, sample["rates"]) / 1e6
        if sample["mpps"] == 0:
            raise Failure("no packet arrived in the window")

    def window(self):
        """Both sides' rates in the window, and the share of a CPU that they had."""
        used = {name: cpu_time(side.pid) for name, side in self.sides.items()}
        start = time.monotonic()
        for side in self.sides.values():
            side.mark()
        time.sleep(self.place.window)
        rates = {name: side.rates() for name, side in self.sides.items()}
        seconds = time.monotonic() - start
        return rates, [(cpu_time(side.pid) - used[name]) / seconds
                       for name, side in self.sides.items()]


def figure(contestant, case, rates):
    """Packets a second that count. Null's ends are not connected: the slower one is the limit."""
    if contestant.family == "null":
        return min(max(side.values()) for side in rates.values())
    if case.figure == "both":
        return rates["guest"]["rx_pps"] + rates["host"]["rx_pps"]
    return rates[case.figure]["rx_pps"]


def distance(nanoseconds):
    """The class of one ping-pong time."""
    return next(name for limit, name in DISTANCES if nanoseconds < limit)


def placement(before, after, shares):
    """The class of a sample: that of its two probes if they agree and nobody was in the way."""
    if min(shares) < UNDISTURBED:
        return "disturbed"
    return distance(before) if distance(before) == distance(after) else "mixed"

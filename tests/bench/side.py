# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""One end of a benchmark: a process of DPDK's, or of ours, under a script's control."""

import contextlib
import os
import re
import signal
import subprocess
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.append(os.path.join(HERE, "../../scripts"))     # which has a cases.py, too

from testpmd import Commands, Failure, PROMPT, ProcessTerminal  # noqa: E402

MBUFS = 8192
INJECTED = 512              # packets that circulate: they fit into every ring
START_DEADLINE = 120
QUIT_DEADLINE = 60

# What a guest looks up for every packet in noisy mode: 16 reads and writes all over 64 MB.
NOISY = ["--noisy-lkup-memory=64", "--noisy-lkup-num-reads=8", "--noisy-lkup-num-writes=4",
         "--noisy-lkup-num-reads-writes=4"]


class TestpmdSide(Commands):
    """An unmodified dpdk-testpmd with one port. It ends with this script."""

    MODES = {"receive": "rxonly", "send": "txonly", "echo": "io", "inject": "io"}

    def __init__(self, name, command, env, _log):
        self.name = name
        self.command = command
        self.terminal = ProcessTerminal(command, env, group=0)
        self.process = self.terminal.process

    @staticmethod
    def lcores(cpus, own):
        """One thread takes commands, wherever; one polls."""
        return "0@(%s),1@%s" % (",".join(cpus), own)

    @staticmethod
    def arguments(setup):
        """Its own arguments, behind EAL's."""
        mbufs = MBUFS * setup.queues + 2 * setup.ring
        args = ["-i", "--nb-cores=1", "--total-num-mbufs=%d" % mbufs, "--port-topology=loop",
                "--disable-link-check", "--mask-event=intr_lsc", "--mask-event=queue_state", *NOISY]
        if setup.queues > 1:
            args += ["--rxq=%d" % setup.queues, "--txq=%d" % setup.queues,
                     "--disable-rss"]     # a flow a queue, where it was sent
        if setup.ring:
            args += ["--rxd=%d" % setup.ring, "--txd=%d" % setup.ring]
        return args

    def report(self):
        return "%s: %s\n--- log:\n%s" % (self.name, super().report(), self.terminal.log[-3000:])

    def wait_ready(self):
        """Wait until it takes commands."""
        self.terminal.wait(0, lambda text: PROMPT in text, "testpmd's prompt", START_DEADLINE,
                           self.report)

    def link_is_up(self, port=0):
        return bool(re.search(r"\n%d +\S+ +\S+ +\S+ +up " % port,
                              self.cmd("show port summary all")))

    def begin(self, action, burst):
        """Make its polling thread do something."""
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
        """Make its polling thread do nothing."""
        self.cmd("stop")

    def totals(self):
        """Packets received and sent since the start."""
        counts = self.stats()
        return counts["RX-packets"], counts["TX-packets"]

    def mark(self):
        """Begin of a window."""
        self.cmd("show port stats 0")

    def rates(self):
        """Packets a second received and sent since the mark, by the process's own clock."""
        text = self.cmd("show port stats 0")
        return tuple(int(re.search(r"%s-pps: +(\d+)" % what, text).group(1))
                     for what in ("Rx", "Tx"))

    def describe(self):
        """What it says about its burst functions."""
        return self.cmd("show rxq info 0 0") + self.terminal.text() + self.terminal.log

    def quit(self):
        """Ask it to end. It may be gone."""
        with contextlib.suppress(OSError):
            self.terminal.write("quit\n")

    def end(self):
        """See it end, or end it: this one process."""
        for step in (lambda: None, self.process.terminate, self.process.kill):
            step()
            try:
                self.terminal.wait_end(QUIT_DEADLINE)
                return
            except subprocess.TimeoutExpired:
                continue


class EchoSide(TestpmdSide):
    """Our example that answers UDP echo: it polls from start to end, and takes no commands."""

    ADDRESS = "198.18.0.2"      # where the generator sends to

    @staticmethod
    def lcores(cpus, own):
        """Its one thread polls."""
        return "0@" + own

    @staticmethod
    def arguments(setup):
        return ["--ip", EchoSide.ADDRESS]

    def wait_ready(self):
        self.terminal.wait(0, lambda text: "answers" in text, "the echo's start", START_DEADLINE,
                           self.report)

    def link_is_up(self, port=0):
        return True     # the other side knows

    def begin(self, action, burst):
        pass

    def halt(self):
        pass

    def totals(self):
        return None     # it counts nothing

    def mark(self):
        pass

    def rates(self):
        return 0, 0     # the other side knows

    def describe(self):
        return self.terminal.text() + self.terminal.log

    def quit(self):
        self.process.send_signal(signal.SIGTERM)

# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""Drive an unmodified dpdk-testpmd through its command line."""

import contextlib
import ctypes
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import tty

PROMPT = "testpmd> "
PATIENCE = 180          # seconds, for what hangs: others may have the CPUs for long

# Events would be printed by another thread, even into the middle of a prompt.
TESTPMD_ARGS = ["-i", "--total-num-mbufs=16384", "--mask-event=intr_lsc",
                "--mask-event=queue_state"]

LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1  # linux/prctl.h


class Failure(Exception):
    """A process or a port did not do what it should."""


def die_with_parent():
    """For a child, before it becomes a program: no daemon outlives tests that were killed."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def plugin_path():
    """The plugin to load; scripts/with-plugin sets it."""
    return os.environ["FOLIO_PLUGIN"]


def region_folder():
    """Where to put a region file: on huge pages if the caller has them."""
    return os.environ.get("FOLIO_HUGE_DIR") or "/dev/shm"


def memory_args(megabytes=256):
    """EAL arguments for private memory that leaves nothing behind."""
    huge = os.environ.get("FOLIO_HUGE_DIR")
    if huge:
        return ["--in-memory", "--huge-dir", huge, "-m", str(megabytes)]
    return ["--no-huge", "-m", str(megabytes)]


def remove_runtime(prefix):
    """EAL leaves the folder of a file prefix behind."""
    shutil.rmtree(os.path.join("/var/run/dpdk", prefix), ignore_errors=True)


class RegionFile:
    """A unique path for a region; nothing is at it before, and nothing may be at it after."""

    def __init__(self, folder=None):
        self.folder = tempfile.mkdtemp(prefix="folio-", dir=folder or region_folder())
        self.path = os.path.join(self.folder, "region")

    def remove(self):
        """Remove whatever is left."""
        shutil.rmtree(self.folder, ignore_errors=True)


class Terminal:
    """What a process prints, and how to wait for it."""

    def __init__(self):
        self._text = ""
        self._ended = False
        self._changed = threading.Condition()

    def write(self, text):
        """Type something."""
        raise NotImplementedError

    def feed(self, chunk):
        """The reader's side: more output; none: it was the last."""
        with self._changed:
            self._text += chunk.decode(errors="replace")
            self._ended = not chunk
            self._changed.notify_all()

    def text(self):
        """All that was printed so far."""
        with self._changed:
            return self._text

    def wait(self, start, done, what, timeout, report=None):
        """Wait until done(text behind start) is true; returns that text."""
        deadline = time.monotonic() + timeout
        while True:
            with self._changed:
                text = self._text[start:]
                if done(text):
                    return text
                left = deadline - time.monotonic()
                if self._ended or left <= 0:
                    why = "ended" if self._ended else "timed out"
                    raise Failure(f"{why} waiting for {what}:\n"
                                  f"{report() if report else self._text[-3000:]}")
                self._changed.wait(min(left, 1.0))


class Commands:
    """The command line of a testpmd, wherever it runs."""

    terminal = None

    def report(self):
        """For the reader of a failure: the end of what was printed."""
        return self.terminal.text()[-3000:]

    def cmd(self, text, timeout=PATIENCE):
        """Run a command; returns what it printed."""
        start = len(self.terminal.text())
        self.terminal.write(text + "\n")
        return self.terminal.wait(start, lambda t: PROMPT in t, "testpmd: " + text, timeout,
                                  self.report)

    def stats(self, port=0):
        """Basic statistics of a port: name -> number."""
        text = self.cmd(f"show port stats {port}")
        return {k: int(v) for k, v in re.findall(r"([RT]X-\w+): +(\d+)", text)}

    def xstats(self, port=0):
        """Extended statistics of a port."""
        text = self.cmd(f"show port xstats {port}")
        return {k: int(v) for k, v in re.findall(r"^(\w+): (\d+)\r*$", text, re.M)}

    def violations(self, port=0):
        """Sum of the counters of what the peer did wrong."""
        return sum(v for k, v in self.xstats(port).items() if k.startswith("violation_"))

    def link_is_up(self, port=0):
        """Link status as ethdev has it."""
        return "Link status: up" in self.cmd(f"show port info {port}")

    def wait_link(self, up=True, port=0, timeout=PATIENCE):
        """Wait until the link is up (or down)."""
        deadline = time.monotonic() + timeout
        while self.link_is_up(port) != up:
            if time.monotonic() > deadline:
                raise Failure(f"port {port}: link is not {'up' if up else 'down'}:\n"
                              f"{self.report()}")
            time.sleep(0.02)

    def wait_received(self, more_than, port=0, timeout=PATIENCE):
        """Wait until more packets than so many were received; returns how many."""
        deadline = time.monotonic() + timeout
        while True:
            got = self.stats(port)["RX-packets"]
            if got > more_than:
                return got
            if time.monotonic() > deadline:
                raise Failure(f"port {port}: no traffic, {got} packets received:\n"
                              f"{self.report()}")
            time.sleep(0.02)


class ProcessTerminal(Terminal):
    """The terminal of a child: testpmd would keep back what it prints into a pipe."""

    def __init__(self, args, env, group=None):
        """group=0: not of our process group, so neither our Ctrl-C is its, nor is it continued if we
        lose our shell while it is stopped."""
        super().__init__()
        self._master, slave = os.openpty()
        tty.setraw(slave)
        self.process = subprocess.Popen(args, stdin=subprocess.PIPE, text=True, bufsize=1,
                                        stdout=slave, stderr=subprocess.PIPE, env=env,
                                        preexec_fn=die_with_parent, process_group=group)
        os.close(slave)
        self.log = ""
        self._readers = [threading.Thread(target=read, daemon=True)
                         for read in (self._read_output, self._read_log)]
        for reader in self._readers:
            reader.start()

    def write(self, text):
        self.process.stdin.write(text)
        self.process.stdin.flush()

    def _read_output(self):
        chunk = b"-"
        while chunk:
            try:
                chunk = os.read(self._master, 65536)
            except OSError:  # how a terminal says that nobody is there any more
                chunk = b""
            self.feed(chunk)
        os.close(self._master)

    def _read_log(self):
        with self.process.stderr as log:
            for line in log:
                self.log += line

    def wait_end(self, timeout):
        """Wait for the child's end, and take what it still has to say."""
        status = self.process.wait(timeout)
        with contextlib.suppress(OSError):      # a word that it did not live to hear
            self.process.stdin.close()
        for reader in self._readers:
            reader.join(timeout)
        return status


class Testpmd(Commands):
    """A testpmd process of this machine in interactive mode."""

    _serial = 0

    def __init__(self, vdevs, cpu=0, app_args=(), eal_args=(), memory=256, env=None, plugin=True,
                 namespace=None):
        """memory: megabytes, or EAL arguments for it. plugin=False: nothing of ours is in it.
        namespace: of the network, as `ip netns` has it."""
        Testpmd._serial += 1
        self.cpu = cpu
        self.prefix = f"folio-{os.getpid()}-{Testpmd._serial}"
        memory = memory_args(memory) if isinstance(memory, int) else memory
        inside = ["ip", "netns", "exec", namespace] if namespace else []
        self.args = [*inside, "dpdk-testpmd", "--lcores", f"0@(0,1),1@{cpu}", "--no-pci",
                     "--no-telemetry", "--file-prefix", self.prefix, *memory,
                     *(["-d", plugin_path()] if plugin else []), *eal_args]
        for vdev in vdevs:
            self.args += ["--vdev", vdev]
        self.args += ["--", *TESTPMD_ARGS, *app_args]
        self.terminal = ProcessTerminal(self.args, env, group=0)
        self.process = self.terminal.process

    def report(self):
        log = self.terminal.log
        return f"{super().report()}\n--- log:\n{log[:2000]}\n...\n{log[-1000:]}"

    def wait_prompt(self, timeout=PATIENCE):
        """Wait until it takes commands."""
        self.terminal.wait(0, lambda t: PROMPT in t, "testpmd's prompt", timeout, self.report)
        if "No probed ethernet devices" in self.terminal.log:
            raise Failure(f"testpmd has no port:\n{self.report()}")
        return self

    def quit(self, timeout=PATIENCE):
        """End it in good order; returns the exit status."""
        self.terminal.write("quit\n")
        return self.terminal.wait_end(timeout)

    def kill(self):
        """SIGKILL."""
        self.process.send_signal(signal.SIGKILL)
        self.terminal.wait_end(PATIENCE)

    def end(self):
        """Make sure that it is gone, in whatever state it is."""
        if self.process.poll() is None:
            self.kill()
        remove_runtime(self.prefix)

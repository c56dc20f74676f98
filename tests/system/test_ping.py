#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors

"""Ping through the kernel: TAP interface - folio-tap (host) - region - folio-echo (guest).

usage: test_ping.py BUILD_DIR [--no-huge]

Runs in a network namespace of its own. Exit code 77: skipped, the reason is printed. Nothing in
here waits for a fixed time: what is expected is polled for, with one generous deadline.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

DEADLINE = 20  # seconds
SKIPPED = 77
TAP = "folio0"
TAP_ADDR = "10.213.0.1/24"
ECHO_ADDR = "10.213.0.2"
ECHO_MAC = "02:f0:11:00:00:02"  # the same after a restart: the kernel remembers it
JUMBO_MTU = 9000
HEADERS = 28  # IPv4 and ICMP or UDP
EAL_HUGE_PAGES = 256  # of 2 MiB; as many as a run needs, and some for those who run beside it

# In the namespace: every datagram has to come back from port 7 as it was sent, and in that order.
# As many are on the way at a time as fit the socket's buffer by default, jumbo frames included.
UDP_CLIENT = """
import os, socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(%d)
s.connect((sys.argv[1], 7))
for size in map(int, sys.argv[2:]):
    sent = [os.urandom(size) for _ in range(8)]
    for data in sent:
        s.send(data)
    for data in sent:
        got = s.recv(65536)
        if got != data:
            sys.exit("%%d bytes came back as %%d other ones" %% (size, len(got)))
""" % DEADLINE


class Skip(Exception):
    """The machine lacks something."""


def run(*cmd, check=True):
    done = subprocess.run(cmd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if check and done.returncode != 0:
        raise AssertionError("%s: exit code %d\n%s" % (" ".join(cmd), done.returncode, done.stdout))
    return done


def poll(what, condition):
    """Wait until condition() is true; it raises if that can't happen any more."""
    end = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("not within %d s: %s" % (DEADLINE, what))
        time.sleep(0.02)


class Program:
    """A program under test. Its output goes to a file, which a failure prints."""

    def __init__(self, folder, name, cmd):
        self.name = name
        self.log = os.path.join(folder, name + ".log")
        self.cmd = cmd
        self.proc = None

    def output(self):
        with open(self.log, errors="replace") as f:
            return f.read()

    def start(self, ready):
        with open(self.log, "w") as out:
            self.proc = subprocess.Popen(self.cmd, stdin=subprocess.DEVNULL, stdout=out,
                                         stderr=subprocess.STDOUT)

        def is_ready():
            if self.proc.poll() is not None:
                raise AssertionError("%s ended with %d" % (self.name, self.proc.returncode))
            return ready()

        poll("%s is ready" % self.name, is_ready)

    def kill(self):
        self.proc.kill()
        self.proc.wait()

    def terminate(self, sig=signal.SIGTERM):
        self.proc.send_signal(sig)
        try:
            code = self.proc.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            raise AssertionError("%s does not end on %s" % (self.name, sig.name)) from None
        if code != 0:
            raise AssertionError("%s ended with %d on %s" % (self.name, code, sig.name))

    def cleanup(self):
        if self.proc is not None and self.proc.poll() is None:
            self.kill()


def free_huge_pages():
    try:
        with open("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages") as f:
            return int(f.read())
    except OSError:
        return 0


class Setup:
    """The namespace, the region and the two programs."""

    def __init__(self, build, no_huge):
        self.name = "folio-ping-%d" % os.getpid()
        huge = not no_huge and os.path.ismount("/dev/hugepages") and \
            free_huge_pages() >= EAL_HUGE_PAGES
        self.path = os.path.join("/dev/hugepages" if huge else "/dev/shm", self.name)
        self.netns_exec = ["ip", "netns", "exec", self.name]
        self.folder = tempfile.mkdtemp(prefix=self.name)
        self.tap = Program(self.folder, "folio-tap", self.netns_exec + [
            os.path.join(build, "examples", "folio-tap"), "--path", self.path, "--tap", TAP])
        # One EAL core that floats over all CPUs: whatever else runs here, it finds a free one.
        cpus = ",".join(map(str, sorted(os.sched_getaffinity(0))))
        plugin = os.environ["FOLIO_PLUGIN"]
        self.eal = [os.path.join(build, "examples", "folio-echo"), "--lcores", "0@(%s)" % cpus,
                    "--no-pci", "--file-prefix", self.name, "-d", plugin,
                    "--vdev=net_folio0,role=guest,mac=%s,path=%s" % (ECHO_MAC, self.path)]
        # EAL takes --in-memory for huge pages only.
        self.eal += ["--in-memory"] if huge else ["--no-huge", "-m", "128", "--no-shconf"]
        self.echo = Program(self.folder, "folio-echo", [])

    def __enter__(self):
        made = run("ip", "netns", "add", self.name, check=False)
        if made.returncode != 0:
            self.__exit__()
            raise Skip("no network namespaces: " + made.stdout.strip())
        return self

    def __exit__(self, *failure):
        self.tap.cleanup()
        self.echo.cleanup()
        if failure and failure[0] is not None:
            for p in (self.tap, self.echo):
                if os.path.exists(p.log):
                    print("--- %s\n%s" % (p.name, p.output()))
        run("ip", "netns", "del", self.name, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.rmtree("/var/run/dpdk/" + self.name, ignore_errors=True)  # EAL leaves it behind
        if os.path.exists(self.path):
            os.unlink(self.path)

    def start_tap(self):
        """A new TAP interface has no address, so this is a part of starting it."""
        self.tap.start(lambda: self.ip("link", "show", TAP, check=False).returncode == 0)
        self.ip("addr", "add", TAP_ADDR, "dev", TAP)
        self.ip("link", "set", TAP, "up")

    def start_echo(self, *options):
        self.echo.cmd = self.eal + ["--", "--ip", ECHO_ADDR] + list(options)
        self.echo.start(lambda: " answers, " in self.echo.output())

    def ip(self, *args, check=True):
        return run("ip", "-n", self.name, *args, check=check)

    def ping_once(self, timeout, *options):
        return run(*self.netns_exec, "ping", "-n", "-c", "1", "-W", str(timeout), *options,
                   ECHO_ADDR, check=False)

    def wait_for_echo(self):
        poll("a ping is answered", lambda: self.ping_once(1).returncode == 0)

    def ping(self, count, size):
        """None may be lost. One by one: of several, ping waits for the last two round trips only,
        but for a single one the full timeout."""
        self.wait_for_echo()
        for i in range(count):
            done = self.ping_once(DEADLINE, "-s", str(size), "-M", "do")
            # ping compares the contents itself, but only says so.
            if done.returncode != 0 or re.search("BAD|DUP|wrong", done.stdout):
                raise AssertionError("ping %d of %d, %d bytes\n%s" %
                                     (i + 1, count, size, done.stdout))

    def udp(self, *sizes):
        self.wait_for_echo()
        run(*self.netns_exec, sys.executable, "-c", UDP_CLIENT, ECHO_ADDR, *map(str, sizes))


def check_machine(build):
    for name in "examples/folio-tap", "examples/folio-echo":
        if not os.path.exists(os.path.join(build, name)):
            raise AssertionError("%s is not built in %s" % (name, build))
    for name, package in (("ip", "iproute2"), ("ping", "iputils-ping")):
        if shutil.which(name) is None:
            raise Skip("no %s (package %s)" % (name, package))
    try:
        os.close(os.open("/dev/net/tun", os.O_RDWR))
    except OSError as e:
        raise Skip("no TAP interfaces: %s" % e) from None


def test(s):
    def step(text):
        print("ping: " + text, flush=True)

    s.start_echo()
    s.start_tap()
    step("20 pings")
    s.ping(20, 56)
    for size in (0, 1472):
        step("pings of %d bytes" % size)
        s.ping(5, size)
    step("UDP echo")
    s.udp(0, 1, 17, 18, 19, 512, 1471, 1472)

    step("folio-tap is killed and started again")
    s.tap.kill()
    s.start_tap()
    s.ping(5, 56)

    step("folio-echo is killed and started again")
    s.echo.kill()
    s.start_echo()
    s.ping(5, 56)

    step("folio-echo ends and starts again with an MTU of %d" % JUMBO_MTU)
    s.echo.terminate()
    s.start_echo("--mtu", str(JUMBO_MTU))
    s.ip("link", "set", TAP, "mtu", str(JUMBO_MTU))
    for size in (0, 1472, JUMBO_MTU - HEADERS):
        s.ping(5, size)
    s.udp(0, 2070, 2071, 4000, JUMBO_MTU - HEADERS)

    step("both end, and leave nothing behind")
    s.tap.terminate()
    s.echo.terminate(signal.SIGINT)
    if os.path.exists(s.path):
        raise AssertionError("%s is still there" % s.path)
    for line in (s.tap.output() + s.echo.output()).splitlines():
        if line.startswith("folio-"):
            print("      " + line)


def main():
    args = [a for a in sys.argv[1:] if a != "--no-huge"]
    if len(args) != 1:
        sys.exit(__doc__)
    build = os.path.abspath(args[0])
    # A signal to this test is a failure like others: everything is cleaned up.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    try:
        check_machine(build)
        with Setup(build, "--no-huge" in sys.argv) as s:
            test(s)
    except Skip as reason:
        print("ping: skipped: %s" % reason)
        return SKIPPED
    except AssertionError as e:
        print("ping: FAILED: %s" % e)
        return 1
    print("ping: passed")
    return 0


if __name__ == "__main__":
    sys.exit(main())

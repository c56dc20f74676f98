# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""Ctrl-C: a command ends with status 130, says so without a traceback, and leaves nothing behind.

usage: test_interrupt.py BUILD
"""

import ctypes
import os
import selectors
import shutil
import signal
import subprocess
import sys
import time
import unittest
import uuid

BUILD = sys.argv.pop(1)
ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
DEADLINE = 600     # seconds without a word; a command may take far longer on a machine that is busy
PRIVATE = ("/dev/shm", "/run")
TEMPORARY = "/run/tmp"
HUGE_LEDGER = "/run/folio-huge"     # which all commands of this machine share
CLONE_NEWNS, MS_BIND, MS_REC, MS_PRIVATE = 0x20000, 4096, 16384, 1 << 18  # linux/sched.h, mount.h
LIBC = ctypes.CDLL(None, use_errno=True)


def mount(source, target, kind, flags, data=""):
    """mount(2)."""
    if LIBC.mount(source.encode(), target.encode(), kind.encode(), flags, data.encode()) != 0:
        raise OSError(ctypes.get_errno(), f"mount {target}")


def setUpModule():
    """Folders of our own, so that what is left in them was left by us."""
    if LIBC.unshare(CLONE_NEWNS) != 0:
        raise unittest.SkipTest("no mount namespace to be had: " + os.strerror(ctypes.get_errno()))
    mount("none", "/", "", MS_REC | MS_PRIVATE)
    os.makedirs(HUGE_LEDGER, exist_ok=True)
    ledger = os.open(HUGE_LEDGER, os.O_PATH)
    for folder in PRIVATE:
        mount("tmpfs", folder, "tmpfs", 0, "mode=755")
    os.mkdir("/run/mount")  # which mount(8) makes and leaves
    os.mkdir(TEMPORARY)
    os.mkdir(HUGE_LEDGER)
    mount(f"/proc/self/fd/{ledger}", HUGE_LEDGER, "", MS_BIND)
    os.close(ledger)


def files():
    """What is in our folders; EAL leaves the folder of its folders, empty."""
    found = set()
    for top in PRIVATE:
        for folder, folders, names in os.walk(top):
            if folder == HUGE_LEDGER:
                folders.clear()
                continue
            found |= {os.path.join(folder, name) for name in folders + names}
    return found - {"/run/dpdk", HUGE_LEDGER}


class Interrupted(unittest.TestCase):
    """Each command is told to end at several moments."""

    longMessage = True

    @classmethod
    def setUpClass(cls):
        """What the commands would build first takes as long as it takes."""
        subprocess.run(["ninja", "-C", BUILD, "--quiet"], check=True)

    def setUp(self):
        self.mark = f"FOLIO_TEST_MARK={uuid.uuid4()}"
        self.run = None
        self.output = ""

    def tearDown(self):
        for pid in self.processes():
            os.kill(pid, signal.SIGKILL)

    def processes(self):
        """All that were started, wherever they are by now."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/environ", "rb") as file:
                    if self.mark.encode() in file.read():
                        found.append(int(pid))
            except OSError:
                continue
        return found

    def start(self, *command):
        """As the foreground group of a terminal."""
        name, value = self.mark.split("=")

        def obey():     # whoever runs the tests may ignore it
            signal.signal(signal.SIGINT, signal.SIG_DFL)

        self.run = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                    stderr=subprocess.STDOUT, cwd=ROOT, start_new_session=True,
                                    preexec_fn=obey, env=dict(os.environ, TMPDIR=TEMPORARY, **{name: value}))

    def read_until(self, done):
        """Collect output until done() or the end; fails if nothing comes for long."""
        deadline = time.monotonic() + DEADLINE
        with selectors.DefaultSelector() as selector:
            selector.register(self.run.stdout, selectors.EVENT_READ)
            while not done():
                self.assertLess(time.monotonic(), deadline, self.output)
                if not selector.select(0.1):
                    continue
                chunk = os.read(self.run.stdout.fileno(), 65536)
                if not chunk:
                    return
                self.output += chunk.decode(errors="replace")
                deadline = time.monotonic() + DEADLINE

    def interrupt(self, *command, when, wait=0.0):
        """Ctrl-C a while after the output has a text, or a process of that name runs."""
        before = files()
        self.start(*command)

        def reached():
            return when in self.output or any(self.name_of(pid) == when
                                              for pid in self.processes())

        self.read_until(reached)
        self.assertTrue(reached(), self.output)
        time.sleep(wait)
        os.killpg(self.run.pid, signal.SIGINT)
        self.read_until(lambda: False)
        self.assertEqual(self.run.wait(DEADLINE), 130, self.output)
        self.run.stdout.close()
        self.assertNotIn("Traceback", self.output)
        self.assertEqual(self.processes(), [], self.output)
        self.assertEqual(files() - before, set(), self.output)

    @staticmethod
    def name_of(pid):
        """Of its program; cut by the kernel to 15 characters."""
        try:
            with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
                return file.read().strip()
        except OSError:
            return ""

    def test_demo_starts(self):
        self.interrupt("./run", "demo", when="starting two")

    def test_demo_has_started(self):
        for more in [], ["--virtio"]:
            self.output = ""
            self.interrupt("./run", "demo", *more, when="guest to host", wait=0.5)
            self.assertIn("demo: interrupted", self.output)

    @unittest.skipUnless(os.path.exists("/usr/lib/python3/dist-packages/matplotlib"),
                         "matplotlib is not installed")
    def test_bench(self):
        folder = os.path.join(BUILD, "bench", "interrupted")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        command = ["./run", "bench", "--cases", "one-way", "--sizes", "64", "--contestants",
                   "folio,memif", "--ready", "2", "--out", folder]
        self.interrupt(*command, when="round 1", wait=0.2)
        self.assertIn("interrupted; these are the results until then", self.output)
        self.assertTrue(os.path.exists(os.path.join(folder, "bench.json")))
        self.output = ""
        self.interrupt(*command, when="dpdk-testpmd")

    @unittest.skipUnless(os.path.exists(os.path.join(BUILD, "guest/initrd")),
                         "no guest image: ./run vm makes it")
    def test_vm(self):
        """Behind what needs the network."""
        self.interrupt("bash", "-c", ". scripts/common.sh; want_hugepages 400; scripts/with-plugin "
                       f"{BUILD}/drivers/net/folio/librte_net_folio.so python3 scripts/vm.py "
                       f"{BUILD} --tcg", when="booting a guest", wait=2)
        self.assertIn("vm: interrupted", self.output)

    @unittest.skipUnless(os.path.exists("/usr/bin/clang-14"), "clang is not installed")
    def test_fuzz(self):
        self.interrupt("./run", "fuzz", "--target", "layout", when="fuzz_layout", wait=1)
        self.assertIn("fuzz_layout: in all", self.output)

    @unittest.skipUnless(os.path.exists("/usr/bin/valgrind"), "valgrind is not installed")
    def test_instructions(self):
        self.interrupt("./run", "instructions", when="callgrind-amd64", wait=1)

    @unittest.skipUnless(os.path.exists("/usr/bin/frama-c"), "frama-c is not installed")
    def test_proof(self):
        self.interrupt("./run", "proof", when="frama-c", wait=1)

    def test_script(self):
        """What ends in good order when it is interrupted, as meson and ninja do, is the last."""
        self.interrupt("bash", "-c", ". scripts/common.sh; python3 -c \"import signal, sys, time\n"
                       "signal.signal(signal.SIGINT, lambda *_: sys.exit(0))\n"
                       "print('ready', flush=True)\nwhile True: time.sleep(0.1)\" || true; echo goes on",
                       when="ready")
        self.assertNotIn("goes on", self.output)


class Program(unittest.TestCase):
    """What all programs have in common (scripts/ending.py)."""

    CODE = """if True:
        import sys, time
        sys.path.insert(0, "scripts")
        import ending
        def main():
            try:
                print("ready", flush=True)
                while True:
                    time.sleep(0.1)
            finally:
                print("tidying", flush=True)
                time.sleep(0.5)
                print("tidy", flush=True)
        sys.exit(ending.run("name", main))
        """

    def test_signals(self):
        """Each unwinds the program once; a second one does not interrupt that."""
        for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
            with subprocess.Popen([sys.executable, "-c", self.CODE], stdout=subprocess.PIPE, cwd=ROOT,
                                  stderr=subprocess.PIPE, text=True, preexec_fn=lambda: [
                                      signal.signal(n, signal.SIG_DFL)
                                      for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]) as run:
                self.assertEqual(run.stdout.readline(), "ready\n")
                run.send_signal(number)
                self.assertEqual(run.stdout.readline(), "tidying\n")
                run.send_signal(signal.SIGINT)
                self.assertEqual(run.communicate(timeout=DEADLINE), ("tidy\n", "name: interrupted\n"))
            self.assertEqual(run.returncode, 130)

    def test_error_while_unwinding(self):
        """It does not keep a loop that goes on after errors from its end."""
        code = ("import os, signal, sys\nsys.path.insert(0, 'scripts')\nimport ending\n"
                "def turn():\n"
                "    try: os.kill(os.getpid(), signal.SIGTERM)\n"
                "    finally: raise OSError\n"
                "def main():\n"
                "    for _ in range(3):\n"
                "        ending.check()\n"
                "        try: turn()\n"
                "        except OSError: print('turn', flush=True)\n"
                "sys.exit(ending.run('name', main))\n")
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, text=True, capture_output=True,
                              check=False)
        self.assertEqual((done.returncode, done.stdout), (130, "turn\n"), done.stderr)

    def test_error(self):
        """One that the user can mend is told without a traceback; any other is not hidden."""
        code = ("import sys\nsys.path.insert(0, 'scripts')\nimport ending\n"
                "def main(): raise KeyError('word')\nsys.exit(ending.run('name', main, %s))")
        for errors, status, text in (("KeyError", 1, "name: 'word'\n"), ("OSError", 1, "Traceback")):
            done = subprocess.run([sys.executable, "-c", code % errors], cwd=ROOT, text=True,
                                  capture_output=True, check=False)
            self.assertEqual(done.returncode, status)
            self.assertTrue(done.stderr.startswith(text), done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)

# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""Scripts that take huge pages at once: each gives back its own, and nothing else."""

import contextlib
import fcntl
import glob
import mmap
import os
import signal
import subprocess
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
KNOB = "/sys/kernel/mm/hugepages/hugepages-2048kB/"
LEDGER = "/run/folio-huge"
HUGE = 2 << 20
# Says where its mount is and what it added, waits for a line, ends. With a child that a signal to
# it alone does not reach, as a testpmd would be.
SCRIPT = """. scripts/common.sh; want_hugepages $0; echo "$FOLIO_HUGE_DIR"; cat "$HUGE_CLAIM/pages"
"$@"; read -r line"""


def count(name):
    """A number of the kernel's."""
    with open(f"{KNOB}{name}_hugepages", encoding="ascii") as file:
        return int(file.read())


def claims():
    """Pages asked for and added, for each script of this machine that has some."""
    found = {}
    for path in glob.glob(LEDGER + "/claim.*/pages"):
        with open(path, encoding="ascii") as file:
            found[os.path.dirname(path)] = [int(n) for n in file.read().split()]
    return found


@contextlib.contextmanager
def ledger():
    """While no script takes pages or gives them back."""
    os.makedirs(LEDGER, exist_ok=True)
    with open(LEDGER + "/lock", "a", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def not_ours():
    """Pages that no script has added: what the machine's owner set. Other runs may come and go."""
    with ledger():
        return count("nr") - count("surplus") - sum(added for _, added in claims().values())


def mounts():
    """Mounted hugetlbfs, but for those of scripts."""
    with open("/proc/self/mounts", encoding="ascii") as file:
        places = [line.split()[1] for line in file if line.split()[2] == "hugetlbfs"]
    return sorted(place for place in places if not place.startswith(LEDGER + "/"))


class Script:
    """One that has pages until end()."""

    def __init__(self, pages, *command):
        self.process = subprocess.Popen(["bash", "-c", SCRIPT, str(pages), *command], cwd=ROOT,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.mount = self.process.stdout.readline().strip()
        if not self.mount.startswith(LEDGER):
            self.process.communicate()
            raise unittest.SkipTest("no huge pages to be had: " + self.mount)
        self.claim = os.path.dirname(self.mount)
        self.wanted, self.added = map(int, self.process.stdout.readline().split())

    def end(self):
        """In good order."""
        if self.process.poll() is None:
            self.process.communicate("\n")
        return self.process.returncode

    def kill(self, number):
        """By a signal."""
        self.process.send_signal(number)
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


@unittest.skipUnless(os.access(KNOB + "nr_hugepages", os.W_OK), "may not change the huge pages")
class HugePages(unittest.TestCase):
    """Before and after must be alike."""

    def setUp(self):
        self.before, self.mounts = not_ours(), mounts()

    def tearDown(self):
        self.assertEqual(not_ours(), self.before)
        self.assertEqual(mounts(), self.mounts)

    def gone(self, script):
        """Nothing is left of it."""
        self.assertFalse(os.path.exists(script.claim))
        with open("/proc/self/mounts", encoding="ascii") as file:
            self.assertNotIn(script.mount + " ", file.read())

    def test_one(self):
        script = Script(6)
        self.assertEqual(script.wanted, 6)
        self.assertTrue(os.path.ismount(script.mount))
        self.assertGreaterEqual(count("free"), 6)
        self.assertEqual(script.end(), 0)
        self.gone(script)

    def test_two_at_once(self):
        """Whoever ends first takes no page from the other, and no mount."""
        for order in (0, 1), (1, 0):
            scripts = Script(6), Script(10)
            self.assertGreaterEqual(count("free"), 16)
            first, last = (scripts[i] for i in order)
            first.end()
            self.gone(first)
            self.assertTrue(os.path.ismount(last.mount))
            with open(os.path.join(last.mount, "all"), "w+b") as file:
                file.truncate(last.wanted * HUGE)
                with mmap.mmap(file.fileno(), 0) as pages: # all that it was promised are there
                    for i in range(last.wanted):
                        pages[i * HUGE] = 1
            last.end()
            self.gone(last)

    def test_ended_while_another_uses_pages(self):
        """Pages in use at the end go as soon as they are let go of, and are not counted twice."""
        first, last = Script(6), Script(6)
        free = count("free") - count("resv")
        try:
            if free > 64:
                self.skipTest(f"{free} pages are free: too many to use all")
            with open(os.path.join(last.mount, "file"), "w+b") as file:
                file.truncate(free * HUGE)
                with mmap.mmap(file.fileno(), 0) as pages:
                    for i in range(free):
                        pages[i * HUGE] = 1
                    first.end()
                    self.assertGreaterEqual(count("surplus"), 6)
                    third = Script(4)
                    self.assertEqual(pages[(free - 1) * HUGE], 1)
            os.unlink(os.path.join(last.mount, "file"))
            third.end()
            self.gone(third)
        finally:
            first.end()
            last.end()
        self.gone(first)
        self.gone(last)

    def test_interrupted(self):
        script = Script(6)
        script.kill(signal.SIGTERM)
        self.gone(script)

    def test_killed(self):
        """The next one tidies up, but not while a program is left that was started."""
        script = Script(6, "bash", "-c", "echo $$; exec sleep 1000")
        left = int(script.process.stdout.readline())
        script.kill(signal.SIGKILL)
        Script(4).end()
        self.assertTrue(os.path.ismount(script.mount))
        os.kill(left, signal.SIGKILL)
        with open(script.claim + "/pages", "rb") as file:   # until the kernel is done with it
            fcntl.flock(file, fcntl.LOCK_EX)
        Script(4).end()
        self.gone(script)


class Arithmetic(unittest.TestCase):
    """With files in place of the kernel's."""

    def call(self, numbers, command):
        """A function of common.sh; returns what it printed and the total that it wrote."""
        with tempfile.TemporaryDirectory() as folder:
            for name, value in numbers.items():
                with open(f"{folder}/{name}_hugepages", "w", encoding="ascii") as file:
                    file.write(f"{value}\n")
            text = subprocess.run(["bash", "-c", f". scripts/common.sh; HUGE_KNOB={folder}; "
                                   f"HUGE_LEDGER={folder}; {command}"], cwd=ROOT, check=True,
                                  stdout=subprocess.PIPE, text=True).stdout
            with open(f"{folder}/nr_hugepages", encoding="ascii") as file:
                return text.strip(), int(file.read())

    def test_surplus(self):
        """The kernel's total has pages that are gone already, but for who still uses them."""
        numbers = {"nr": 10, "surplus": 4, "free": 0, "resv": 0}
        self.assertEqual(self.call(numbers, "huge_total")[0], "6")
        self.assertEqual(self.call(numbers, "huge_change 3")[1], 9)
        self.assertEqual(self.call(numbers, "huge_change -6")[1], 0)

    def test_idle(self):
        numbers = {"nr": 100, "surplus": 1, "free": 50, "resv": 9}
        self.assertEqual(self.call(numbers, "huge_idle")[0], "40")
        others = "for n in 1 2; do mkdir $HUGE_LEDGER/claim.$n; echo 15 0 > " \
                 "$HUGE_LEDGER/claim.$n/pages; done; "
        self.assertEqual(self.call(numbers, others + "huge_idle")[0], "10")
        self.assertEqual(self.call(dict(numbers, free=20), others + "huge_idle")[0], "0")


if __name__ == "__main__":
    unittest.main(verbosity=2)

# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""test_docs.py [--fresh]: every block of commands of README.md and the other pages does what it says.

See pages.py for how a block is marked. A page is a scene: its blocks run one after another in the
project's folder, as root, as they are written. Mounts are seen by the scene only. So that the
machine's huge pages are everybody's, a scene has a file in place of nr_hugepages; that
the number which a page writes there is enough is checked by what its programs use. With --fresh
(see tests/fresh) also what changes the machine runs.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

import pages

sys.path.insert(0, os.path.join(pages.ROOT, "scripts"))
from testpmd import ProcessTerminal, Terminal, remove_runtime  # noqa: E402

FRESH = "--fresh" in sys.argv
KNOB = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"
HUGE_PAGES = 700        # for the scene that needs most
SECONDS = 60            # for what is waited for: generous, the machine may be busy
LONG = 1800             # for a block that builds


def in_namespace():
    """Run this program with mounts of its own, and with huge pages of the scripts' ledger."""
    if os.environ.get("FOLIO_DOCS") == "inside":
        return
    os.environ["FOLIO_DOCS"] = "inside"
    inside = ["unshare", "--mount", "--propagation", "private", sys.executable, *sys.argv]
    if not os.environ.get("FOLIO_HUGE_DIR"):
        inside = ["bash", "-c", f". scripts/common.sh; want_hugepages {HUGE_PAGES}; to_end \"$@\"",
                  "bash", *inside]
    os.chdir(pages.ROOT)
    os.execvp(inside[0], inside)


def huge_use(pid):
    """Huge pages of 2 MiB that a process has mapped."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        text = file.read()
    return sum(int(n) for n in re.findall(r"_Hugetlb: +(\d+) kB", text)) // 2048


class Scene:
    """The blocks of a page, in order."""

    def __init__(self):
        self.terminals = {}
        self.knob = tempfile.NamedTemporaryFile("w+", prefix="folio-docs.")
        self.knob.write("0\n")
        self.knob.flush()
        subprocess.run(["mount", "--bind", self.knob.name, KNOB], check=True)
        subprocess.run(["mount", "-t", "tmpfs", "folio-docs", "/dev/shm"], check=True)
        while os.path.ismount("/dev/hugepages"):
            subprocess.run(["umount", "/dev/hugepages"], check=True)
        self.prefixes = set()

    def run(self, block):
        """To its end, which must be a good one."""
        done = subprocess.run(["bash", "-ec", block.text], cwd=pages.ROOT, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=LONG, check=False)
        if done.returncode != 0:
            raise AssertionError(f"{block.where()} ended with {done.returncode}:\n"
                                 f"{done.stdout[-3000:]}")
        if block.prints not in done.stdout:
            raise AssertionError(f"{block.where()} did not print '{block.prints}':\n{done.stdout}")

    fresh = run

    def start(self, block):
        """In a terminal of its own."""
        name, _, before = block.words.partition(" by ")
        if before and shutil.which(before.split()[0]) is None:
            raise unittest.SkipTest(f"{block.where()}: {before.split()[0]} is not installed")
        command = shlex.split(block.text.replace("\\\n", " "), comments=True)
        self.prefixes.update(a.split("=")[1] for a in command if a.startswith("--file-prefix="))
        terminal = ProcessTerminal(shlex.split(before) + command, None)
        self.terminals[name] = terminal
        terminal.wait(0, lambda text: block.prints in text + terminal.log,
                      f"'{block.prints}' of {block.where()}", SECONDS,
                      lambda: terminal.text()[-3000:] + terminal.log[-3000:])

    def type(self, block):
        """Line by line, as soon as the last is answered by a new prompt. All of it again, as a
        reader would, while it does not show what the page promises: packets take their time."""
        terminal = self.terminals[block.words]
        start = len(terminal.text())
        promised = re.compile(block.prints)
        for again in range(SECONDS):
            if again:
                time.sleep(1)
            for line in block.text.splitlines():
                here = len(terminal.text())
                terminal.write(line + "\n")
                terminal.wait(here, lambda text: "> " in text, f"{block.where()}: {line}", SECONDS)
            if promised.search(terminal.text()[start:]):
                return
        terminal.wait(start, promised.search, f"'{block.prints}' of {block.where()}", 0)

    def list(self, block):
        """Each is a command, with options that it knows."""
        for line in block.text.splitlines():
            words = shlex.split(line, comments=True)
            if words[0] != "./run" or len(words) < 2:
                continue
            script = os.path.join(pages.ROOT, "scripts", words[1])
            if not os.access(script, os.X_OK):
                raise AssertionError(f"{block.where()}: '{line}' is no command")
            options = {w.split("=")[0] for w in words[2:] if w.startswith("--")}
            if not options:
                continue
            text = subprocess.run([*words[:2], "--help", *words[2:]], cwd=pages.ROOT, check=True,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                                  timeout=LONG).stdout
            for option in options:
                if not re.search(re.escape(option) + r"\b", text):
                    raise AssertionError(f"{block.where()}: {option} is no option of {words[1]}")

    def no(self, block):
        """For the reader of the log."""
        print(f"{block.where()}: not run: {block.words}")

    def check_pages(self):
        """What the page asks for was enough."""
        with open(self.knob.name, encoding="ascii") as file:
            asked = int(file.read())
        used = sum(huge_use(t.process.pid) for t in self.terminals.values()
                   if t.process.poll() is None)
        if asked and used > asked:
            raise AssertionError(f"{asked} huge pages were asked for, {used} are used")

    def end(self):
        """Nothing is left."""
        for terminal in self.terminals.values():
            if terminal.process.poll() is None:
                terminal.process.terminate()
                terminal.wait_end(SECONDS)
        for prefix in self.prefixes:
            remove_runtime(prefix)
        while os.path.ismount("/dev/hugepages"):
            for name in os.listdir("/dev/hugepages"):
                os.unlink(os.path.join("/dev/hugepages", name))
            subprocess.run(["umount", "/dev/hugepages"], check=True)
        subprocess.run(["umount", KNOB, "/dev/shm"], check=True)
        self.knob.close()


class Marks(unittest.TestCase):
    """What is not marked is not tested: it must not exist."""

    def test_every_block_is_marked(self):
        blocks = [block for page in pages.pages() for block in pages.read(page)]
        kinds = {block.kind for block in blocks if block.language == "sh"}
        self.assertLessEqual({"run", "start", "type", "no"}, kinds)

    def test_what_is_wrong_is_seen(self):
        for text in ("```sh\nls\n```\n", "```\nls\n```\n", "```text\n./run test\n```\n",
                     "<!-- test: runs -->\n```sh\nls\n```\n", "<!-- test: start -->\n```sh\nls\n```\n",
                     "<!-- test: no, -->\n```sh\nls\n```\n", "<!-- test: run -->\n\n```sh\nls\n```\n",
                     "<!-- test: run -->\n```text\nx\n```\n", "<!-- test: run -->\n```sh\nls\n"):
            with self.assertRaises(pages.Wrong, msg=text):
                pages.parse("page", text)
        block, = pages.parse("page", "1. <!-- x -->\n   <!-- test: run; prints a b -->\n   ```sh\n"
                                     "   ls \\\n       x\n   ```\n")
        self.assertEqual((block.kind, block.prints, block.text), ("run", "a b", "ls \\\n    x\n"))


class SlowTerminal(Terminal):
    """Answers each command at once, but packets come only after a while."""

    def __init__(self):
        super().__init__()
        self.typed = []

    def write(self, text):
        self.typed.append(text)
        packets = max(self.typed.count(text) - 1, 0) if "show port stats" in text else "none"
        self.feed(f"RX-packets: {packets}\ntestpmd> ".encode())


class Typing(unittest.TestCase):
    """A block is typed again until it shows what the page promises."""

    def test_a_line_that_is_not_the_last(self):
        page = ("<!-- test: type guest; prints RX-packets: [1-9] -->\n"
                "```sh\nshow port stats 0\nshow port xstats 0\n```\n")
        block, = pages.parse("page", page)
        scene = Scene.__new__(Scene)    # without the mounts
        scene.terminals = {"guest": SlowTerminal()}
        scene.type(block)
        self.assertEqual(len(scene.terminals["guest"].typed), 4)


@unittest.skipUnless(os.geteuid() == 0, "the pages are for root")
class Pages(unittest.TestCase):
    """A case a page."""

    def play(self, page):
        """From top to bottom."""
        blocks = [b for b in pages.read(page) if b.language == "sh"]
        needs_huge = any("/dev/hugepages" in b.text for b in blocks if b.kind == "start")
        if needs_huge and not os.environ.get("FOLIO_HUGE_DIR"):
            self.skipTest("no huge pages to be had")
        scene = Scene()
        try:
            for block in blocks:
                if block.kind == "fresh" and not FRESH:
                    print(f"{block.where()}: only in a fresh root: tests/fresh docs")
                    continue
                getattr(scene, block.kind)(block)
                print(f"{block.where()}: {block.kind}: ok", flush=True)
                scene.check_pages()
        finally:
            scene.end()


def add_pages():
    """A method a page."""
    for page in pages.pages():
        name = "test_" + re.sub(r"\W", "_", os.path.splitext(page)[0]).lower()
        setattr(Pages, name, lambda self, page=page: self.play(page))


if __name__ == "__main__":
    in_namespace()
    if FRESH:
        sys.argv.remove("--fresh")
    add_pages()
    unittest.main(verbosity=2)

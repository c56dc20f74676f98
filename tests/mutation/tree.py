# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""A copy of the sources with one deliberate bug, and how such a copy is built and looked at.

For everything here that breaks the code on purpose: tests/mutation, tests/fuzz, tests/proof.
"""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "scripts"))

from relink import Changed, Stale  # noqa: E402,F401


# What is compiled anew when a header changes.
PARTS = ("lib", "include", "drivers", "tests/unit", "tests/driver", "tests/hostile", "tests/virtio",
         "tools/hostile-device")


def break_file(root, file, old, new):
    """Replace in a copy of the sources what is there exactly once."""
    path = os.path.join(root, file)
    with open(path, encoding="utf-8") as source:
        text = source.read()
    if text.count(old) != 1:
        raise Stale(f"{file} has {text.count(old)} times, not once:\n{old}")
    with open(path, "w", encoding="utf-8") as source:
        source.write(text.replace(old, new))


class Broken:
    """A copy of lib/ and include/, and of more, with such bugs: (file, old, new) each."""

    def __init__(self, *bugs, parts=("lib", "include")):
        self.folder = tempfile.TemporaryDirectory(prefix="folio-broken.")
        try:
            for part in parts:
                shutil.copytree(os.path.join(ROOT, part), os.path.join(self.folder.name, part))
            for bug in bugs:
                break_file(self.folder.name, *bug)
        except BaseException:
            self.folder.cleanup()
            raise

    def __enter__(self):
        return self.folder.name

    def __exit__(self, *exc):
        self.folder.cleanup()


class Relinked:
    """A program or library of a build, linked anew with the units that a bug gets into."""

    def __init__(self, build, isa=None):
        self.build, self.isa = os.path.realpath(build), isa
        self.used = self.dependencies()

    def dependencies(self):
        """{object: files of the project that it is made of}, as ninja knows."""
        found, output = {}, None
        text = subprocess.run(["ninja", "-t", "deps"], cwd=self.build, check=True,
                              capture_output=True, text=True).stdout
        for line in text.splitlines():
            if line.startswith("    "):
                path = os.path.realpath(os.path.join(self.build, line.strip()))
                found[output].add(os.path.relpath(path, ROOT))
            elif line:
                output = line.split(":", 1)[0]
                found[output] = set()
        return found

    def units(self, target, files):
        """Sources of a target that are made of one of the files."""
        text = subprocess.run(["ninja", "-t", "commands", target], cwd=self.build, check=True,
                              capture_output=True, text=True).stdout
        sources = set()
        for line in text.splitlines():
            words = shlex.split(line)
            if "-o" not in words or "-c" not in words:
                continue
            output = words[words.index("-o") + 1]
            if self.used.get(output, set()) & set(files):
                path = os.path.realpath(os.path.join(self.build, words[-1]))
                sources.add(os.path.relpath(path, ROOT))
        return sorted(sources)

    def link(self, target, temp, bugs):
        """The path of the target with the bugs, below `temp`."""
        sources = self.units(target, [file for file, _, _ in bugs])
        changed = Changed(self.build, temp, [], isa=self.isa, parts=PARTS)
        for bug in bugs:
            break_file(temp, *bug)
        return changed.link(target, sources)

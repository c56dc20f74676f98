# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""Link a library of a build again with a few of its sources changed, without a build of its own."""

import os
import re
import shlex
import shutil
import subprocess

ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
PLUGIN = "drivers/net/folio/librte_net_folio.so"
LIBFOLIO = "lib/libfolio.so.0.1.0"


class Stale(Exception):
    """The sources no longer have what was to be changed."""


def run(words, folder):
    """Run a command; what it says is for when it fails."""
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{shlex.join(words)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


class Changed:
    """A copy of the sources with changes, and libraries that are linked from it.

    Only the units named are compiled from the copy; all else is what the build has. Of sources that
    are compiled for several instruction sets the one of `isa` is taken, None: all.
    """

    def __init__(self, build, temp, changes, isa="avx2", parts=("lib", "include", "drivers")):
        self.build, self.root, self.isa = os.path.realpath(build), os.path.realpath(temp), isa
        for name in parts:
            shutil.copytree(os.path.join(ROOT, name), os.path.join(self.root, name))
        os.mkdir(os.path.join(self.root, "build"))
        for file, old, new in changes:
            path = os.path.join(self.root, file)
            with open(path, encoding="utf-8") as source:
                text = source.read()
            if old not in text:
                raise Stale(f"{file} no longer has what is to be changed:\n{old}")
            with open(path, "w", encoding="utf-8") as source:
                source.write(text.replace(old, new))

    def compile(self, output, words):
        """Compile a unit of the copy with the command of the build; returns the object."""
        target = os.path.join(self.root, "build", output.replace("/", "_"))
        # What lies in the build folder, such as DPDK's driver headers, is not in the copy.
        words = [w if w.startswith(self.build) else w.replace(ROOT, self.root)
                 for w in words if w != "-Werror"]
        words[words.index("-o") + 1] = target
        words[words.index("-MF") + 1] = target + ".d"
        run(words, os.path.join(self.root, "build"))
        return target

    def members(self, archive):
        """Objects of a thin archive, relative to the build folder."""
        return run(["ar", "t", archive], self.build).split()

    def is_ours(self, output):
        """Is this object of no instruction set in particular, or of ours?"""
        return (self.isa is None or f"_{self.isa}." in output
                or not re.search(r"folio_(\w+_burst|copy)_\w+\.a\.p", output))

    def link(self, target, sources):
        """Link a library with these units from the copy; returns its path."""
        objects, link = {}, None
        for line in run(["ninja", "-t", "commands", target], self.build).splitlines():
            words = shlex.split(line)
            if "-o" not in words:
                continue
            output = words[words.index("-o") + 1]
            if output == target:
                link = words
            elif any(words[-1].endswith("/" + s) for s in sources) and self.is_ours(output):
                objects[output] = self.compile(output, words)
        if len(objects) < len(sources):
            raise Stale(f"{target} is not made of {', '.join(sources)}")
        expanded = []
        for word in link:
            parts = self.members(word) if word.endswith("libfolio_core.a") else [word]
            expanded += [objects.get(part, part) for part in parts]
        missing = set(objects.values()) - set(expanded)
        if missing:
            raise Stale(f"{target} is linked without {missing}")
        library = os.path.join(self.root, os.path.basename(target))
        expanded[expanded.index("-o") + 1] = library
        run(expanded, self.build)
        return library

# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""The units of a build: how each is compiled, and what GCC makes of it."""

import concurrent.futures
import json
import os
import re
import shlex
import subprocess
import tempfile

from onefetch.gimple import Error, Parser
from onefetch.structures import Structures

# Puts the kernels into tables of folio_copy_fn and does nothing else.
KERNELS = "lib/boundary/copy_isa.c"


def absolute(word, folder):
    """A word of a command that is a path, or -I with one, wherever the command runs."""
    flag = "-I" if word.startswith("-I") else ""
    path = os.path.join(folder, word[len(flag):])
    is_path = flag or (word.endswith((".c", ".h")) and not word.startswith("-"))
    return flag + os.path.realpath(path) if is_path and os.path.exists(path) else word


def commands(build, root):
    """How each source of lib/ and drivers/ is compiled, per set of flags; the kernels' are not."""
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        entries = json.load(file)
    found = {}
    for entry in entries:
        source = os.path.realpath(os.path.join(entry["directory"], entry["file"]))
        name = os.path.relpath(source, root)
        if not name.startswith(("lib/", "drivers/net/")) or name == KERNELS:
            continue
        words, keep = [absolute(w, entry["directory"]) for w in shlex.split(entry["command"])], []
        skip = False
        for word in words:
            if skip:
                skip = False
            elif word in ("-o", "-MF", "-MQ", "-MT"):
                skip = True
            elif word not in ("-c", "-MD", "-Werror") and word != source and \
                    not re.match(r"-O|-g|-fsanitize|-flto|--coverage|-fprofile", word):
                keep.append(word)
        found[name, tuple(keep)] = entry["directory"]
    return [(name, list(words), folder) for (name, words), folder in found.items()]


def moved(jobs, old, new, keep):
    """The same commands for a copy of the tree `old` in `new`; what is below `keep` stays there."""
    def word(text):
        at = text.find(old)
        stays = at < 0 or text[at:].startswith(keep + os.sep) or text[at:] == keep
        return text if stays else text[:at] + new + text[at + len(old):]

    return [(name, [word(w) for w in words], folder) for name, words, folder in jobs]


def flags(root):
    """A command for a source of lib/ without a build."""
    return ["gcc", "-std=gnu11", "-D_GNU_SOURCE", f"-I{root}/lib", f"-I{root}/include"]


def run(name, words, folder):
    """Run GCC."""
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Error(f"{name} does not compile:\n{done.stderr}")
    return done.stdout


def read_unit(job, root):
    """(functions, files that went into it) of one source, as an entry of commands()."""
    name, words, folder = job
    source = os.path.join(root, name)
    with tempfile.TemporaryDirectory(prefix="folio-one-fetch.") as temp:
        text, deps = os.path.join(temp, "ssa"), os.path.join(temp, "deps")
        run(name, [*words, "-O1", "-w", "-S", "-o", os.devnull, "-MD", "-MF", deps,
                   f"-fdump-tree-ssa-raw-lineno={text}", source], folder)
        structures = Structures(run(name, [*words, "-O1", "-w", "-E", "-P", source], folder))
        with open(deps, encoding="utf-8") as file:
            used = file.read().replace("\\\n", " ").split(":", 1)[1].split()
        ssa = ""
        if os.path.exists(text):  # GCC writes none for a source without functions
            with open(text, encoding="utf-8") as file:
                ssa = file.read()
        functions = Parser(" ".join([name, *words]), root, folder, structures).read(ssa)
    return functions, [os.path.join(folder, u) for u in used]


def read_units(jobs, root):
    """The same of several, on all processors."""
    with concurrent.futures.ProcessPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(read_unit, jobs, [root] * len(jobs)))

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""one_fetch.py BUILD [--stamp FILE --depfile FILE]: how the sources of a build read shared memory.

Two rules, docs/mechanical-checks.md section 1:

- Memory that is shared with the peer is touched by the accessors of lib/boundary/shared.h and the copy
  kernels of lib/boundary/copy_kernel.h only; a kernel reads payload, and fills shared memory exactly.
- No path through a function, with all that it calls, fetches one shared field twice.

It reads what GCC makes of the sources, with the flags of the build: the dump of its "ssa" pass.
There every load is one statement, every address a chain of definitions, and every path an edge
between blocks. What points into shared memory is found, not listed: it starts at mmap() and is
followed through variables, calls and structure fields.
"""

import argparse
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from onefetch.gimple import Error  # noqa: E402
from onefetch.paths import Program  # noqa: E402
from onefetch.units import commands, read_units  # noqa: E402

ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))


def main():
    """Check, print, leave a stamp if all is well."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", help="build folder")
    parser.add_argument("--root", default=ROOT, help="the project's folder")
    parser.add_argument("--stamp", help="file to write when nothing is wrong")
    parser.add_argument("--depfile", help="file for ninja: what was read")
    args = parser.parse_args()
    root = os.path.realpath(args.root)
    try:
        jobs = commands(args.build, root)
        if not jobs:
            raise Error(f"{args.build} compiles nothing of {root}/lib")
        read = read_units(jobs, root)
        program = Program([f for functions, _ in read for f in functions])
        lines = program.judge()
    except Error as error:
        print(f"one_fetch.py: {error}", file=sys.stderr)
        return 2
    for line in lines:
        print(line, file=sys.stderr)
    if lines:
        print(f"{len(lines)} places read shared memory in a way that the peer can use: see "
              "docs/mechanical-checks.md, section 1", file=sys.stderr)
        return 1
    if args.depfile:
        files = sorted({u for _, used in read for u in used})
        with open(args.depfile, "w", encoding="utf-8") as file:
            file.write(f"{args.stamp}: " + " ".join(f.replace(" ", "\\ ") for f in files) + "\n")
    if args.stamp:
        with open(args.stamp, "w", encoding="ascii") as file:
            file.write(f"{len(program.functions)} functions, {len(program.fields)} fields\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

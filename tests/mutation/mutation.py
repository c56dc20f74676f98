# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""Put each deliberate bug into a copy of the sources, and run the check that must notice it."""

import argparse
import sys
import time

from checks import Checks
from mutations import MUTATIONS
from tree import Stale


def noticed(checks, mutation):
    """What the check of a mutation says; nothing: it passes, and should not."""
    kind, _, what = mutation.check.partition(":")
    return getattr(checks, kind)(mutation.bugs(), *([what] if what else []))


def main():
    """The command line."""
    parser = argparse.ArgumentParser(prog="./run mutation", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these (a part is enough)")
    parser.add_argument("--list", action="store_true", help="what there is, and who is to notice")
    parser.add_argument("--quick", action="store_true", help="only those of the default tests")
    parser.add_argument("--build", default="build", help="a build of the sources as they are")
    args = parser.parse_args()
    chosen = [m for m in MUTATIONS if (not args.quick or m.quick) and
              (not args.names or any(name in m.name for name in args.names))]
    if not chosen:
        parser.error("no such deliberate bug: --list shows them")
    if args.list:
        for m in chosen:
            print(f"{m.check:20} {m.name}")
        return 0
    checks, survived = Checks(args.build), 0
    for m in chosen:
        begin = time.monotonic()
        try:
            lines = noticed(checks, m)
        except Stale as error:
            lines, survived = [], survived + 1
            print(f"{m.name}: fits no longer, update tests/mutation/mutations.py: {error}", flush=True)
            continue
        took = time.monotonic() - begin
        survived += not lines
        print(f"{m.name}: " + (f"noticed by {m.check} in {took:.0f} s: {lines[0]}" if lines else
                               f"SURVIVES {m.check}, {took:.0f} s"), flush=True)
    print(f"{len(chosen) - survived} of {len(chosen)} deliberate bugs noticed")
    return survived


if __name__ == "__main__":
    sys.exit(1 if main() else 0)

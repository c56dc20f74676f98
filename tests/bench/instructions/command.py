# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""What a packet costs in instructions, and what each protection adds: `./run instructions`."""

import argparse
import json
import os
import sys

import tables
from instructions import (BASELINE, BURSTS, Failure, FUNCTIONS, SIZES, WITHOUT, VIRTIO, VIRTIO_WITHOUT, conditions,
                          price, price_virtio, share, total)
import ending   # of scripts/, which the module above finds
from relink import Stale


def print_counts(found, programs=tuple(FUNCTIONS)):
    """Instructions a packet and a burst."""
    print("\nInstructions, everything in place\n")
    print(f"{'':21}{'':4}{'frame':>6}{'burst':>6}{'a packet':>10}{'a burst':>9}")
    for program in programs:
        for direction in ("RX", "TX"):
            for size in SIZES:
                for burst in BURSTS:
                    n = total(found["everything"][f"{program} {direction} {size} {burst}"])
                    print(f"{program:21}{direction:4}{size:6}{burst:6}{n:10.1f}{n * burst:9.0f}")


def print_shares(found, programs=tuple(FUNCTIONS), without=tuple(WITHOUT)):
    """What each protection takes at 64 B."""
    columns = [f"{d} {b}" for d in ("RX", "TX", "RX+TX") for b in BURSTS]
    for program in programs:
        print(f"\nShare of each protection, {program}, 64 B (instructions a packet, and %)\n")
        print(f"{'burst':28}" + "".join(f"{c:>15}" for c in columns))
        for name in found:
            if name not in without:
                continue
            line = f"{name:28}"
            for column in columns:
                directions, burst = column.split()
                n, part = share(found, name, [f"{program} {direction} 64 {burst}"
                                              for direction in directions.split("+")])
                line += f"{n:8.1f}{part:7.1%}"
            print(line)


def update(found, facts):
    """Make what was counted the baseline, and have the pages quote it."""
    instructions = {what: {f: round(c, 2) for f, c in sorted(costs.items())}
                    for what, costs in sorted(found["everything"].items())}
    protections = {name: {what: round(total(costs), 2) for what, costs in sorted(counts.items())
                          if what.split()[2] == "64"}
                   for name, counts in found.items() if name != "everything"}
    with open(BASELINE, "w", encoding="utf-8") as file:
        json.dump({"conditions": facts, "instructions": instructions,
                   "protections": protections}, file, indent="\t")
        file.write("\n")
    tables.write(tables.source())
    print(f"{BASELINE} is new, and so are the pages that quote it: commit them with the reason")


def main():
    """Count, print, save."""
    parser = argparse.ArgumentParser(prog="./run instructions", description=__doc__)
    parser.add_argument("build", help=argparse.SUPPRESS)
    parser.add_argument("--json", metavar="FILE", help="write everything that was counted")
    parser.add_argument("--update", action="store_true",
                        help="make what is counted now the baseline of ./run test, and have the "
                        "pages quote it")
    parser.add_argument("--without", action="append", choices=list(WITHOUT), metavar="PROTECTION",
                        help=f"only these, repeatable: {', '.join(WITHOUT)}")
    parser.add_argument("--virtio", action="store_true",
                        help="count the virtio datapath instead: it has no baseline yet")
    args = parser.parse_args()
    if args.virtio:
        if args.update or args.without or args.json:
            parser.error("--virtio goes alone")
        found, _ = price_virtio(os.path.realpath(args.build),
                                lambda text: print(f"== {text}", flush=True))
        print_counts(found, tuple(VIRTIO))
        print_shares(found, tuple(VIRTIO), tuple(VIRTIO_WITHOUT))
        return 0
    if args.update and args.without:
        parser.error("--update takes all protections: it goes without --without")
    build = os.path.realpath(args.build)
    found, isa = price(build, args.without or list(WITHOUT),
                       lambda text: print(f"== {text}", flush=True))
    if args.update:
        update(found, conditions(build, isa))
        return 0
    print_counts(found)
    print_shares(found)
    if args.json:
        with open(args.json, "w", encoding="utf-8") as file:
            json.dump({"conditions": conditions(build, isa), "instructions": {
                name: {what: round(total(c), 2) for what, c in counts.items()}
                for name, counts in found.items()}}, file, indent="\t")
    return 0


if __name__ == "__main__":
    sys.exit(ending.run("instructions", main, Failure, Stale))

# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""Make tables and plots of records that earlier runs of ./run bench have written.

  ./run bench --report FILE...    of these records, together: bench.json, or compressed by xz
  ./run bench --pages             of the published ones, for the pages of docs/

Nothing is measured: it takes no root, no CPUs and no huge pages.
"""

import argparse
import sys

import contestants
import plots
import published
import report
from halves import list_option
from record import default_folder, merge, note, without, write_tables
from results import Results
from side import Failure


def evaluate(args):
    """Print and write the tables, draw the plots."""
    record = merge(args.report)
    if args.contestants:
        names = [name for name in contestants.NAMES
                 if name in record["contestants"] and name not in args.contestants]
        record = without(record, dict.fromkeys(names, "not asked for"))
    text = report.report(record)
    print(text)
    write_tables(args.out, text)
    files = plots.draw(Results(record), args.out)
    note("tables and %d plots are in %s" % (len(files), args.out))


def parse_args(argv):
    """The command line."""
    parser = argparse.ArgumentParser(prog="./run bench", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", metavar="BUILD", help=argparse.SUPPRESS)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--report", nargs="*", metavar="FILE", help="records of the same machine, "
                      "programs and conditions")
    what.add_argument("--pages", action="store_true", help="write tables and plots of the records "
                      "in docs/results again, and the parts of docs/ that quote them")
    parser.add_argument("--contestants", type=list_option(contestants.NAMES), metavar="LIST",
                        help="only these, of %s" % ", ".join(contestants.NAMES))
    parser.add_argument("--out", metavar="FOLDER", help="for tables and plots (default: "
                        "build/bench/DATE)")
    args = parser.parse_args(argv)
    if args.report == []:
        parser.error("--report: a FILE is wanted")
    if args.pages and (args.contestants or args.out):
        parser.error("--contestants and --out belong to --report")
    args.out = args.out or default_folder(args.build)
    return args


def main(argv):
    """Exit status: 0 if it could be done."""
    args = parse_args(argv)
    try:
        if args.pages:
            published.write_all()
        else:
            evaluate(args)
    except Failure as err:
        print("bench: %s" % err, file=sys.stderr)
        return 1
    return 0

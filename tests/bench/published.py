# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""The published records, docs/results/near and far, and all in docs/ that is made from them: their
tables and plots, the headline plot, and the tables of docs/results.md.

A folder's records are of one build on one machine. Who is in one of them and cannot be compared is
in its left_out.json, with the reason.
"""

import glob
import json
import lzma
import os
import statistics

import pages
import plots
import report
import targets
from cases import DIRECTIONS
from record import merge, note, record_text, without
from results import LIMIT, PREFERRED, Results, markdown
from side import Failure, HERE
from wording import size_text

DOCS = os.path.normpath(os.path.join(HERE, "../../docs"))
PLACES = ("near", "far")
TABLES = "tables.md"
LEFT_OUT = "left_out.json"
PAGE = os.path.join(DOCS, "results.md")
ONE_WAY, THERE_AND_BACK = "one way", "there and back"     # parts of the page
OURS = "folio"
SIZES = ("64", "256", "1518", "9000", "imix")
PAYLOADS = (("one-way", ""), ("touched", ", touched"))
# What is said of a case, and its fields.
OTHERS = (
    *(("io loop " + size_text(size), dict(group="loop", size=size)) for size in ("64", "1518")),
    *(("flowgen " + size_text(size), dict(group="flowgen", size=size)) for size in ("64", "1518")),
    *(("both ways at once " + size_text(size), dict(group="both-ways", size=size))
      for size in ("64", "1518")),
    *(("bursts of one, %s, guest to host" % size_text(size),
       dict(group="bursts", size=size, burst=1)) for size in ("64", "1518")),
    *(("guest that works: %s, %s" % (app, size_text(size)), dict(group="work", size=size, app=app))
      for app in ("5tswap", "csum", "noisy", "echo") for size in ("64", "1518")),
)


def folder(where):
    """Where a placement's records are."""
    return os.path.join(DOCS, "results", where)


def load(where):
    """The published samples of a placement."""
    paths = sorted(glob.glob(os.path.join(folder(where), "*.json.xz")))
    if not paths:
        raise Failure("'%s': there is no record (*.json.xz)" % folder(where))
    record = merge(paths)
    reasons = os.path.join(folder(where), LEFT_OUT)
    if os.path.exists(reasons):
        with open(reasons, encoding="utf-8") as file:
            record = without(record, json.load(file))
    return Results(record)


def add(record, where):
    """Publish a run."""
    path = os.path.join(folder(where), record["date"][:19].replace(":", "") + ".json.xz")
    os.makedirs(folder(where), exist_ok=True)
    with lzma.open(path, "wt", encoding="utf-8") as file:
        file.write(record_text(record))
    note("published as " + path)


def wanted(what, *arguments):
    """The least that is wanted in near placement, and whether less is better; None: nothing is."""
    return next(((t.least, t.smaller) for t in targets.TARGETS
                 if t.where == PREFERRED and (t.what, t.arguments) == (what, arguments)), None)


def cell(ratios, where, aim=None):
    """The median ratio and the spread; bold if more was wanted."""
    if not ratios:
        return "-"
    middle = statistics.median(ratios)
    text = "%.2f" % middle
    if where == PREFERRED and aim and (middle > aim[0] if aim[1] else middle < aim[0]):
        text = "**%s**" % text
    return "%s (%.2f-%.2f)" % (text, min(ratios), max(ratios))


def aim_text(aim):
    """For the column of what was wanted."""
    return "" if aim is None else "%.2f" % aim[0]


def rivals(results, where, **fields):
    """Ratios to the best peer in a case."""
    return [results.best_rival(key, OURS, where)[1]
            for key in targets.keys(results, fields.pop("group"), **fields)]


def one_way_table(found):
    """Sizes in lines, placements and directions in columns. found: {placement: results}."""
    lines = [["folio / best peer", "wanted"] +
             ["%s, %s" % (where, direction) for where in found for direction in DIRECTIONS]]
    for group, more in PAYLOADS:
        for size in SIZES:
            aim = wanted(targets.ratios, group, size)
            line = [size_text(size) + more, aim_text(aim)]
            for where, results in found.items():
                for direction in DIRECTIONS:
                    (ratios,) = rivals(results, where, group=group, size=size,
                                       direction=direction) or [[]]
                    line.append(cell(ratios, where, aim))
            lines.append(line)
    return markdown(lines)


def others_table(found):
    """All that has no two directions; placements in columns."""
    lines = [["folio / best peer", "wanted", *found]]
    for title, fields in OTHERS:
        if fields["group"] == "work":
            aim = wanted(targets.dip)
        else:
            aim = wanted(targets.ratios, fields["group"], fields["size"])
        line = [title, aim_text(aim)]
        for where, results in found.items():
            (ratios,) = rivals(results, where, **fields) or [[]]
            line.append(cell(ratios, where, aim))
        lines.append(line)
    aim = wanted(targets.round_trip)
    for field in targets.TIMES:
        line = ["round trip of one 64 B packet, %s (less is better)" % field.split("_", 1)[0],
                aim_text(aim)]
        for where, results in found.items():
            (key,) = targets.keys(results, "latency", load="single")
            line.append(cell(results.best_rival(key, OURS, where, field, min)[1], where, aim))
        lines.append(line)
    for group, more in PAYLOADS:
        aim = wanted(targets.share_of_limit, "1518")
        line = ["share of the bare-thread limit, 1518 B, guest to host" + more, aim_text(aim)]
        for where, results in found.items():
            (key,) = targets.keys(results, group, size="1518", direction=DIRECTIONS[0])
            ratios = results.pairs(key, OURS, LIMIT, where)
            line.append(cell(ratios if len(ratios) >= results.enough else [], where, aim))
        lines.append(line)
    return markdown(lines)


def parts(found):
    """{part of the page: text}."""
    return {ONE_WAY: one_way_table(found), THERE_AND_BACK: others_table(found)}


def write_all():
    """Everything that is made from the records."""
    found = {where: load(where) for where in PLACES}
    for where, results in found.items():
        with open(os.path.join(folder(where), TABLES), "w", encoding="utf-8") as file:
            file.write(report.report(results.record))
        plots.draw(results, folder(where), where, ("png",))
    images = os.path.join(DOCS, "img")
    os.makedirs(images, exist_ok=True)
    plots.headline([(results, where) for where, results in found.items()], images, plots.KINDS)
    for name, text in parts(found).items():
        pages.put(PAGE, name, text)
    note("docs/results, docs/img and docs/results.md are up to date")

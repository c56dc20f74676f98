# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""What pages quote of tests/bench/instructions.json: tables in docs/mechanical-checks.md, and one
figure wherever somebody quotes it. `./run instructions --update` writes them, a test compares.
"""

import glob
import json
import os
import re
import sys

from instructions import BASELINE, BURSTS, FUNCTIONS, ROOT, SIZES, WITHOUT, share, total

sys.path.append(os.path.join(ROOT, "tests/bench"))

import pages  # noqa: E402

PAGE = os.path.join(ROOT, "docs/mechanical-checks.md")
QUOTING = (os.path.join(ROOT, "README.md"), os.path.join(ROOT, "docs/*.md"))
DIRECTIONS = {"RX": "receive", "TX": "transmit"}
# Wherever a page says this, the figures are those of all validation.
VALIDATION = re.compile(r"\S+ to \S+ %( of the instructions of receiving and sending a 64 B frame)")


def source():
    """instructions.json."""
    with open(BASELINE, encoding="utf-8") as file:
        return json.load(file)


def counted(found):
    """The source in the form in which it was counted."""
    return {"everything": found["instructions"],
            **{name: {what: {"": count} for what, count in counts.items()}
               for name, counts in found["protections"].items()}}


def price(found, name, directions, burst):
    """(instructions, part of all) that a protection adds to a 64 B frame of the driver's."""
    return share(counted(found), name, [f"driver {d} 64 {burst}" for d in directions])


def span(found, name, directions):
    """The parts at all burst sizes, from the least to the most."""
    parts = [100 * price(found, name, directions, burst)[1] for burst in BURSTS]
    return f"{min(parts):.1f} to {max(parts):.1f} %"


def table(lines):
    """Lines of cells, the first of which is the heading."""
    return "".join(f"| {' | '.join(line)} |\n" for line in
                   [lines[0], ["---"] * len(lines[0]), *lines[1:]])


def counts_table(found):
    """Instructions a frame, everything in place."""
    lines = [[""] + [f"{size} B, burst {burst}" for size in SIZES for burst in BURSTS]]
    lines += [[f"{program}, {text}"] +
              [f"{total(found['instructions'][f'{program} {d} {size} {burst}']):.1f}"
               for size in SIZES for burst in BURSTS]
              for program in sorted(FUNCTIONS, reverse=True) for d, text in DIRECTIONS.items()]
    return table(lines)


def prices_table(found):
    """What each protection adds."""
    columns = [*((text, [d]) for d, text in DIRECTIONS.items()), ("both", list(DIRECTIONS))]
    lines = [["protection"] + [f"{text}, burst {burst}" for text, _ in columns
                               for burst in BURSTS]]
    for name in WITHOUT:
        line = [name]
        for _, directions in columns:
            for burst in BURSTS:
                more, part = price(found, name, directions, burst)
                line.append("0" if abs(more) < 0.05 else f"{more:.1f} {100 * part:.1f} %")
        lines.append(line)
    return table(lines)


def sums(found):
    """What the table comes to."""
    both = list(DIRECTIONS)
    return (f"All validation is {span(found, 'all validation', both)} of the instructions of "
            "receiving and sending a 64 B frame,\n"
            f"and {span(found, 'all validation', ['RX'])} of receiving alone; all of these together "
            f"are {span(found, 'all of these', both)} of receiving and sending.\n")


def conditions(found):
    """What the counts depend on."""
    facts = found["conditions"]
    return (f"Counted with {facts['compiler']}, DPDK {facts['dpdk']}, {facts['isa']} copies, "
            f"{facts['flags']}.\n")


def parts(found):
    """{part of the page: text}."""
    return {"conditions": conditions(found), "counts": counts_table(found),
            "prices": prices_table(found), "sums": sums(found)}


def quoting():
    """Pages that may quote the figure."""
    return [path for pattern in QUOTING for path in sorted(glob.glob(pattern))]


def quoted(found, text):
    """A page's text with the figure that is true."""
    return VALIDATION.sub(span(found, "all validation", list(DIRECTIONS)) + r"\1", text)


def stale(found):
    """Pages, or parts of one, that quote something else."""
    wrong = [f"{PAGE}: {name}" for name, text in parts(found).items()
             if pages.part(PAGE, name) != text]
    for path in quoting():
        with open(path, encoding="utf-8") as file:
            text = file.read()
        if quoted(found, text) != text:
            wrong.append(path)
    return wrong


def write(found):
    """Bring the pages up to date."""
    for name, text in parts(found).items():
        pages.put(PAGE, name, text)
    for path in quoting():
        with open(path, encoding="utf-8") as file:
            text = file.read()
        if quoted(found, text) != text:
            with open(path, "w", encoding="utf-8") as file:
                file.write(quoted(found, text))

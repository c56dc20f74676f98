# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""The fenced blocks of the pages, and what the comment in front of each says to do with it.

A block of commands begins with ```sh, and the line before it is one of

  <!-- test: run -->                 run it
  <!-- test: fresh -->               the same, but only where the machine may be changed (tests/fresh)
  <!-- test: start NAME -->          start it in a terminal of its own, until the page ends
  <!-- test: start NAME by COMMAND --> the same; the block has only arguments, which follow COMMAND
  <!-- test: type NAME -->           type its lines into that terminal
  <!-- test: list -->                commands to choose from: each must exist, and know its options
  <!-- test: no, REASON -->          cannot be run here

each of which may end in "; prints TEXT" (which must be printed) before the arrow. A block of
anything else names its language: text is what no machine reads.
"""

import glob
import os
import re
from typing import NamedTuple

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
KINDS = {"run": 0, "fresh": 0, "start": 1, "type": 1, "list": 0}
LANGUAGES = ("text", "c", "json", "xml")
FENCE = re.compile(r"^( *)```(\S*) *$")
MARK = re.compile(r"^ *<!-- test: (.*?)(?:; prints (.*?))? -->$")
# What a block that is no block of commands cannot have at the beginning of a line.
COMMAND = re.compile(r"^(?:\./run|apt-get|dpdk-\w+|echo|make|meson|modprobe|mount|ninja|"
                     r"ovs-vsctl|qemu-system-\w+|truncate|sudo)\b(?!.*:)")


class Block(NamedTuple):
    """One of a page. kind: "" without a mark."""

    page: str
    line: int
    language: str
    kind: str
    words: str
    prints: str
    text: str

    def where(self):
        """For messages."""
        return f"{self.page}:{self.line}"


class Wrong(Exception):
    """A page is not as it must be."""


def pages():
    """All that a user reads, from the project's folder."""
    found = [name for pattern in ("*.md", "docs/*.md")
             for name in glob.glob(os.path.join(ROOT, pattern))]
    return sorted(os.path.relpath(name, ROOT) for name in found)


def parse_mark(line, where):
    """Kind, the rest, what must be printed."""
    found = MARK.match(line)
    if found is None:
        return "", "", ""
    words, prints = found.group(1), found.group(2) or ""
    if words.startswith("no, ") and len(words) > 10:
        return "no", words[4:], prints
    kind, _, rest = words.partition(" ")
    if kind not in KINDS or bool(rest) != bool(KINDS[kind]):
        raise Wrong(f"{where}: '{words}' is not what a block can be marked as")
    return kind, rest, prints


def parse(page, text):
    """The blocks of a page; raises Wrong where one has no language or no mark."""
    blocks, before, lines = [], "", iter(enumerate(text.split("\n"), 1))
    for number, line in lines:
        fence = FENCE.match(line)
        if fence is None:
            if "```" in line:
                raise Wrong(f"{page}:{number}: a fence that is not alone on its line")
            before = line
            continue
        indent, language = fence.groups()
        content = []
        for _, line in lines:
            if line == indent + "```":
                break
            content.append(line[len(indent):])
        else:
            raise Wrong(f"{page}:{number}: the block does not end")
        where = f"{page}:{number}"
        kind, words, prints = parse_mark(before, where)
        if language == "sh":
            if kind == "":
                raise Wrong(f"{where}: commands, but the line before does not say "
                            "<!-- test: ... --> (see tests/docs/pages.py)")
        elif language not in LANGUAGES:
            raise Wrong(f"{where}: '{language}' is no language of a block: allowed are sh, " +
                        ", ".join(LANGUAGES))
        elif kind != "" or any(COMMAND.match(line) for line in content):
            raise Wrong(f"{where}: {language}, but it has commands: ```sh")
        blocks.append(Block(page, number, language, kind, words, prints, "\n".join(content) + "\n"))
        before = ""
    return blocks


def read(page):
    """The blocks of a page of the project."""
    with open(os.path.join(ROOT, page), encoding="utf-8") as file:
        return parse(page, file.read())

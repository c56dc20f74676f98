# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""Parts of pages that a program writes. Two comments are around such a part:

<!-- NAME: written by COMMAND -->
...
<!-- end of NAME -->
"""

import re


class Missing(Exception):
    """A page has no such part."""


def split(path, name):
    """A page: (what is in front of a part, the part, what is behind it)."""
    with open(path, encoding="utf-8") as file:
        page = file.read()
    found = re.search("<!-- %s: written by [^\n]* -->\n(.*?)<!-- end of %s -->"
                      % (re.escape(name), re.escape(name)), page, re.S)
    if found is None:
        raise Missing("%s: there is no part '%s'" % (path, name))
    return page[:found.start(1)], found.group(1), page[found.end(1):]


def part(path, name):
    """The text of a part of a page."""
    return split(path, name)[1]


def put(path, name, text):
    """Write a part of a page."""
    before, _, behind = split(path, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(before + text + behind)

# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""Structures of a preprocessed source: which one does a field belong to?"""

import re

HEAD = re.compile(r"\b(struct|union)\b(?:\s+(?!__attribute__)(\w+))?\s*(?:__attribute__\s*\(\(.*?\)\)\s*)*\{")
TYPEDEF = re.compile(r"\btypedef\s+(?:const\s+)?((?:struct|union)\s+\w+|\w+)\s+(\w+)\s*;")
ATTRIBUTE = re.compile(r"\b(?:__attribute__|__alignof__|_Alignas|_Static_assert|__extension__)\s*")


def closing(text, start):
    """Index behind the bracket that closes the one at `start`."""
    pairs, depth, i = {"{": "}", "(": ")"}, 0, start
    opening, ending = text[start], pairs[text[start]]
    for i in range(start, len(text)):
        depth += (text[i] == opening) - (text[i] == ending)
        if depth == 0:
            break
    return i + 1


def without_attributes(text):
    """A piece of C without what GCC adds to it."""
    while (found := ATTRIBUTE.search(text)) is not None:
        end = found.end()
        if end < len(text) and text[end] == "(":
            end = closing(text, end)
        text = text[:found.start()] + " " + text[end:]
    return text


class Structures:
    """Of one unit; a structure is parsed when somebody asks for it."""

    def __init__(self, text):
        text = re.sub(r"^#.*$", "", text, flags=re.M)
        self.bodies, self.parsed, self.typedefs = {}, {}, dict()
        for found in HEAD.finditer(text):
            if found.group(2):
                self.bodies.setdefault(f"{found.group(1)} {found.group(2)}", (text, found.end() - 1))
        for kind, name in TYPEDEF.findall(text):
            self.typedefs[name] = kind
        for found in re.finditer(r"\btypedef\s+(struct|union)\s*(\w*)\s*\{", text):
            end = closing(text, found.end() - 1)
            name = re.match(r"\s*(\w+)\s*;", without_attributes(text[end:end + 200]))
            if name:
                tag = f"{found.group(1)} {found.group(2) or name.group(1)}"
                self.bodies.setdefault(tag, (text, found.end() - 1))
                self.typedefs.setdefault(name.group(1), tag)

    def resolve(self, kind):
        """A type without names that typedef gave it."""
        for _ in range(8):
            if kind not in self.typedefs:
                break
            kind = self.typedefs[kind]
        return kind

    def fields(self, tag):
        """{field: its type} of a structure; a type is a tag, or "" for what has no fields."""
        if tag not in self.parsed:
            self.parsed[tag] = {}
            if tag in self.bodies:
                text, start = self.bodies[tag]
                self.parsed[tag] = self.parse(tag, text[start + 1:closing(text, start) - 1])
        return self.parsed[tag]

    def parse(self, tag, body):
        """The fields between the brackets of a structure."""
        body, found, start, i = without_attributes(body), {}, 0, 0
        while i < len(body):
            if body[i] in "{(":
                i = closing(body, i)
            elif body[i] == ";":
                self.declare(tag, body[start:i].strip(), found)
                start = i = i + 1
            else:
                i += 1
        return found

    def declare(self, tag, text, found):
        """One declaration: perhaps a structure of its own, perhaps without a name."""
        head = HEAD.match(text)
        if head:
            end = closing(text, head.end() - 1)
            inner = f"{head.group(1)} {head.group(2)}" if head.group(2) else \
                f"{head.group(1)} {tag}::{len(found)}"
            self.bodies.setdefault(inner, (text, head.end() - 1))
            kind, names = inner, text[end:]
            if not names.strip():
                for name, type_of in self.fields(inner).items():
                    found[name] = type_of
                    if head.group(1) == "union":
                        found[name, "union"] = inner
                return
        else:
            typed = re.match(r"((?:(?:const|volatile)\s+)*(?:struct|union|enum)\s+\w+|[\w\s]*?\w+)\b"
                             r"(?=[\s*]+\(?\*?\s*\w+\s*(?:[\[,:(]|$)|\s*\()", text)
            if typed is None:
                return
            kind = " ".join(re.sub(r"\b(const|volatile)\b", " ", typed.group(1)).split())
            names = text[typed.end():]
        for part in names.split(","):
            name = re.match(r"[\s*(]*(?:const\s+|volatile\s+|restrict\s+)*(\w+)", part)
            if name:
                found[name.group(1)] = "" if "*" in part else self.resolve(kind)

    def key(self, kind, fields):
        """(structure, field) at the end of a path of fields; a union is one place."""
        tag = self.resolve(kind)
        for field in fields[:-1]:
            tag = self.fields(tag).get(field, "")
        known = self.fields(tag) if tag else {}
        if (fields[-1], "union") in known:
            return known[fields[-1], "union"], "*"
        return tag, "*" if tag.startswith("union") else fields[-1]

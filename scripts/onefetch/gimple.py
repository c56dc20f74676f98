# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""GCC's dump of its "ssa" pass, read into functions, blocks, statements and edges."""

import functools
import os
import re

# The only files whose functions may dereference shared memory.
TRUSTED = ("lib/boundary/shared.h", "lib/boundary/copy_kernel.h")

PLACE = re.compile(r"\[([^][ ]+):(\d+):\d+\] ?")
NAME = r"[A-Za-z_.$][\w.$]*_\d+(?:\(D\))?|_\d+"
SSA = re.compile(rf"^(?:{NAME})$")
ENTRY = re.compile(r"([A-Za-z_][\w.]*_\d+)\(D\)")


def split(text):
    """Split the operands of a statement at the commas outside of brackets and strings."""
    parts, depth, start, quoted = [], 0, 0, False
    i = 0
    while i < len(text):
        c = text[i]
        if quoted:
            if c == "\\":
                i += 1
            elif c == '"':
                quoted = False
        elif c == '"':
            quoted = True
        elif c in "([{<":
            depth += 1
        elif c in ")]}" or (c == ">" and text[i - 1] != "-"):
            depth -= 1
        elif c == "," and depth == 0:
            parts.append(text[start:i].strip())
            start = i + 1
        i += 1
    parts.append(text[start:].strip())
    return parts


def plain_type(text):
    """A type without qualifiers."""
    return " ".join(re.sub(r"\b(const|volatile|restrict)\b", " ", text).split())


@functools.lru_cache(maxsize=None)
def ref(text):
    """The reference that a text is."""
    return Ref(text)


class Ref:
    """A memory reference: what it starts from, a pointer or a variable, and the fields behind."""

    def __init__(self, text):
        text = text.strip()
        self.address = text.startswith("&")
        text = text.lstrip("&")
        self.pointer = self.variable = None
        found = re.match(rf"^\(?\*?({NAME})\)?(?=->|$|\.|\[|\))", text)
        cast = re.match(rf"^MEM(?: <[^>]*>)? ?\[\([^)]*\)(&?)({NAME}|[\w.]+)([^\]]*)\](.*)$", text)
        if cast:
            if cast.group(1) or not SSA.match(cast.group(2)):
                self.variable = cast.group(2)
            else:
                self.pointer = cast.group(2)
            self.path = cast.group(3).replace(" ", "") + cast.group(4)
        elif found and (text.startswith(("*", "(*")) or text[found.end():].startswith("->")):
            self.pointer = found.group(1)
            self.path = text[found.end():].replace("->", ".", 1)
        else:
            self.variable = re.split(r"[.\[]", text, maxsplit=1)[0]
            self.path = text[len(self.variable):]
        self.fields = re.findall(r"\.([A-Za-z_]\w*)", self.path)
        self.field = self.fields[-1] if self.fields else None
        self.is_cast = cast is not None


class Statement:
    """One line of a dump."""

    def __init__(self, kind, code, target, operands, file, line):
        self.kind, self.code, self.target, self.operands = kind, code, target, operands
        self.file, self.line = file, line

    def place(self):
        """file:line, relative to the project."""
        return f"{self.file}:{self.line}"


class Function:
    """A function of a dump: blocks of statements, edges, types of names."""

    def __init__(self, unit, name):
        self.unit, self.name, self.file = unit, name, None
        self.params, self.types = [], {}
        self.blocks, self.edges = {}, {}
        self.branches = {}  # block that ends with a condition: where "true" and "false" lead
        self.structures = None
        self.entries = set()  # names of values that parameters have on entry
        self.trees = {}  # name: what it is computed from
        self.tainted = set()  # names that may point into shared memory
        self.defs, self.copies = {}, {}

    def type_of(self, name):
        """The type of a name, without qualifiers."""
        name = name.replace("(D)", "")
        return self.types.get(name) or self.types.get(re.sub(r"_\d+$", "", name), "")

    def statements(self):
        """All of them."""
        for block in self.blocks.values():
            yield from block

    def is_local(self, name):
        """Is a variable in memory one of this function's?"""
        return name in self.types

    def is_trusted(self):
        """Is it one of the accessors and copy kernels?"""
        return self.file in TRUSTED

    def is_ours(self):
        """Part of the project, not of a system header?"""
        return self.file is None or not os.path.isabs(self.file)


class Error(Exception):
    """The check itself does not work."""


class Parser:
    """Reads the dump of one unit."""

    def __init__(self, unit, root, folder, structures):
        self.unit, self.root, self.folder = unit, root, folder
        self.structures = structures
        self.places = {}
        self.functions = []

    def place(self, raw, function, before):
        """Where a line of the dump comes from; without a word on it, where the last one did."""
        for file, line in PLACE.findall(raw):
            if file == "0":
                continue
            if file not in self.places:
                path = os.path.realpath(os.path.join(self.folder, file))
                self.places[file] = os.path.relpath(path, self.root) \
                    if path.startswith(self.root + os.sep) else path
            function.file = function.file or self.places[file]
            return self.places[file], int(line)
        return before

    def head(self, function, line):
        """A declaration in front of the first block."""
        found = re.match(rf"^\S.*\b{re.escape(function.name)} \((.*)\)$", line)
        if found:
            for param in split(found.group(1)):
                declared = re.match(r"^(.*?)(\w+)$", param)
                if declared and param not in ("void", "..."):
                    function.params.append(declared.group(2))
                    function.types[declared.group(2)] = plain_type(declared.group(1))
            return
        declared = re.match(r"^  (.*?)([\w.$]+)(?:\[.*)?;$", line)
        if declared:
            function.types[declared.group(2)] = plain_type(declared.group(1))

    def statement(self, text, place):
        """A gimple_... <...> line, or nothing."""
        found = re.match(r"(?:# )?gimple_(\w+) <(.*)>", text)
        if not found:
            return None
        kind, rest = found.groups()
        if kind == "label":
            return Statement(kind, None, None, [rest.strip("<>")], *place)
        ops = split(rest)
        if kind == "assign":
            return Statement(kind, ops[0], ops[1], [o for o in ops[2:] if o != "NULL"], *place)
        if kind == "call":
            return Statement(kind, ops[0], None if ops[1] == "NULL" else ops[1], ops[2:], *place)
        if kind == "phi":
            return Statement(kind, None, ops[0], [re.sub(r"\(\d+\)$", "", o) for o in ops[1:]],
                             *place)
        return Statement(kind, None, None, ops, *place)

    def close(self, function, block, lines):
        """A block is complete: where does it lead?"""
        order = [int(n) for line in lines for n in re.findall(r"^\s*goto <bb (\d+)>", line)]
        gotos = set(order)
        kinds = {s.kind for s in function.blocks[block]}
        if "cond" in kinds and len(order) == 2:
            function.branches[block] = order
        if "switch" in kinds:
            switch = next(s for s in function.blocks[block] if s.kind == "switch")
            labels = re.findall(r"<(L\d+|[\w.]+)> ?\[", " ".join(switch.operands))
            function.edges[block] = set(labels)
        elif gotos:
            function.edges[block] = gotos
        elif "return" in kinds:
            function.edges[block] = set()
        else:
            function.edges[block] = {block + 1}

    def read(self, text):
        """The functions of a dump; those of system headers are names only."""
        for chunk in re.split(r"^;; Function ", text, flags=re.M)[1:]:
            function = Function(self.unit, chunk.split(None, 1)[0])
            function.structures = self.structures
            self.functions.append(function)
            for raw in chunk.splitlines():
                if self.place(raw, function, None) is not None:
                    break
            if function.is_ours():
                self.body(function, chunk.splitlines()[1:])
                self.link(function)
        return self.functions

    def body(self, function, text):
        """Declarations and blocks of a function."""
        block, lines, place, assembly = None, [], ("?", 0), None
        for raw in text:
            place = self.place(raw, function, place)
            line = PLACE.sub("", raw).replace("[0:0] ", "")
            start = re.match(r"^  <bb (\d+)>", line)
            if start:
                if block is not None:
                    self.close(function, block, lines)
                block, lines = int(start.group(1)), []
                function.blocks[block] = []
            elif block is None:
                self.head(function, line)
            elif assembly is not None:
                assembly.operands.append(line)
                if line == "  >":
                    function.blocks[block].append(assembly)
                    assembly = None
            elif line.strip() == "gimple_asm <":
                assembly = Statement("asm", None, None, [], *place)
            else:
                lines.append(line)
                function.entries.update(ENTRY.findall(line))
                statement = self.statement(line.strip(), place)
                if statement is not None:
                    function.blocks[block].append(statement)
        if block is not None:
            self.close(function, block, lines)

    @staticmethod
    def link(function):
        """Turn the labels of switches into blocks."""
        labels = {s.operands[0]: number for number, block in function.blocks.items()
                  for s in block if s.kind == "label"}
        for block, targets in function.edges.items():
            function.edges[block] = {labels.get(t, t) for t in targets}
            if not function.edges[block] <= set(function.blocks):
                raise Error(f"{function.name}: edges of block {block} are not understood")

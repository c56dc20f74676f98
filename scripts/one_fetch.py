#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""one_fetch.py BUILD [--stamp FILE --depfile FILE]: how the sources of a build read shared memory.

Two rules, docs/mechanical-checks.md section 1:

- Memory that is shared with the peer is touched by the accessors of lib/boundary/shared.h and the copy
  kernels of lib/boundary/copy_kernel.h only.
- No path through a function, with all that it calls, fetches one shared field twice.

It reads what GCC makes of the sources, with the flags of the build: the dump of its "ssa" pass.
There every load is one statement, every address a chain of definitions, and every path an edge
between blocks. What points into shared memory is found, not listed: it starts at mmap() and is
followed through variables, calls and structure fields.
"""

import argparse
import concurrent.futures
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile

ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

# The only files whose functions may dereference shared memory.
TRUSTED = ("lib/boundary/shared.h", "lib/boundary/copy_kernel.h")

# Puts the kernels into tables of folio_copy_fn and does nothing else.
KERNELS = "lib/boundary/copy_isa.c"

# Functions outside of the project that get pointers into shared memory: which argument, and why.
EXTERNALS = {
    "memset": ({0}, "zeroes; reads nothing"),
    "memcpy": ({0}, "as the destination: reads nothing there"),
    "madvise": ({0}, "mapping, not content"),
    "munmap": ({0}, "mapping, not content"),
    "mprotect": ({0}, "mapping, not content"),
    "numa_tonode_memory": ({0}, "mapping, not content"),
    "__atomic_store_8": ({1}, "as a value: the table of mappings in fault.c keeps addresses"),
    "__builtin_prefetch": ({0}, "no value arrives in the program"),
}

# Functions of which every call is a look of its own: what they fetch is judged before they return,
# and their callers keep nothing that an earlier call fetched.
LOOKS = {
    "folio_prod_refresh": "an index moves; each value is checked against the last valid one",
    "folio_cons_refresh": "as above",
    "folio_generation_is": "the session's end may come at any time; a comparison, nothing is kept",
    "folio_session_peer_holds": "polled while a port closes; a comparison, nothing is kept",
    "peer_holds": "polled while a port takes over; a comparison, nothing is kept",
}

# Where pointers into shared memory are kept. If one is not found, the check has lost its way.
EXPECTED_FIELDS = ("data", "desc", "produced", "consumed", "own", "peer")

WIRE_TYPE = re.compile(r"^(?:struct )?folio_(?:shared_u\d+|wire_\w+) \*$")
COPY_TYPE = "folio_copy_fn"
FETCH = re.compile(r"^folio_fetch\d+")

PLACE = re.compile(r"\[([^][ ]+):(\d+):\d+\] ?")
NAME = r"[A-Za-z_.$][\w.$]*_\d+(?:\(D\))?|_\d+"
SSA = re.compile(rf"^(?:{NAME})$")
FLOWS = {"ssa_name", "nop_expr", "convert_expr", "pointer_plus_expr", "plus_expr", "minus_expr",
         "bit_and_expr", "bit_ior_expr", "cond_expr", "view_convert_expr", "min_expr", "max_expr",
         "paren_expr", "negate_expr", "bit_not_expr", "addr_expr"}
WIDE = {"long unsigned int", "long int", "unsigned long", "uint64_t", "int64_t", "uintptr_t",
        "intptr_t", "sizetype", "size_t", "ssizetype"}


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
        fields = re.findall(r"\.([A-Za-z_]\w*)", self.path)
        self.field = fields[-1] if fields else None


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

    def __init__(self, unit, root, folder):
        self.unit, self.root, self.folder = unit, root, folder
        self.functions = []

    def place(self, raw, function, before):
        """Where a line of the dump comes from; without a word on it, where the last one did."""
        for file, line in PLACE.findall(raw):
            if file == "0":
                continue
            file = os.path.realpath(os.path.join(self.folder, file))
            if file.startswith(self.root + os.sep):
                file = os.path.relpath(file, self.root)
            function.file = function.file or file
            return file, int(line)
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
        gotos = {int(n) for line in lines for n in re.findall(r"^\s*goto <bb (\d+)>", line)}
        kinds = {s.kind for s in function.blocks[block]}
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
        """The functions of a dump."""
        function, block, lines, place = None, None, [], ("?", 0)
        assembly = None
        for raw in text.splitlines() + [";; Function end end"]:
            if raw.startswith(";; Function "):
                if block is not None:
                    self.close(function, block, lines)
                    self.link(function)
                function, block = Function(self.unit, raw.split()[2]), None
                self.functions.append(function)
                continue
            if function is None:
                continue
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
                statement = self.statement(line.strip(), place)
                if statement is not None:
                    function.blocks[block].append(statement)
        return self.functions[:-1]

    @staticmethod
    def link(function):
        """Turn the labels of switches into blocks."""
        labels = {s.operands[0]: number for number, block in function.blocks.items()
                  for s in block if s.kind == "label"}
        for block, targets in function.edges.items():
            function.edges[block] = {labels.get(t, t) for t in targets}
            if not function.edges[block] <= set(function.blocks):
                raise Error(f"{function.name}: edges of block {block} are not understood")


class Program:
    """All units: finds what is shared, then judges every access."""

    def __init__(self, functions):
        self.functions = functions
        for function in functions:
            function.trees, function.tainted = {}, set()
        self.by_unit = {(f.unit, f.name): f for f in functions}
        self.by_name = {f.name: f for f in functions}
        self.fields = set()   # (name, type) of fields that hold pointers into shared memory
        self.returns = set()  # (unit, name) of functions that return one
        self.found = {}       # (place, text): None, in order
        self.summaries, self.stores, self.busy = {}, {}, set()

    def callee(self, function, name):
        """The function of that name as seen from a function, or None."""
        return self.by_unit.get((function.unit, name)) or self.by_name.get(name)

    def complain(self, statement, text):
        """Something is wrong."""
        self.found.setdefault((statement.place(), text))

    # What is shared?

    @staticmethod
    def field_key(function, ref, value):
        """Key of a field, or of a variable in memory, that holds a pointer."""
        name = ref.field or ref.variable
        return None if name is None else (name, function.type_of(value))

    def is_tainted(self, function, operand):
        """May this operand point into shared memory?"""
        operand = operand.strip()
        if SSA.match(operand):
            return operand.replace("(D)", "") in function.tainted
        if operand.startswith("&") or operand.startswith("MEM") or "->" in operand:
            ref = Ref(operand)
            return ref.address and ref.pointer is not None and \
                ref.pointer.replace("(D)", "") in function.tainted
        found = re.match(r"^VIEW_CONVERT_EXPR<.*>\((.*)\)$", operand)
        return bool(found) and self.is_tainted(function, found.group(1))

    def taint(self, function, name):
        """A name points into shared memory. Returns whether that is new."""
        name = name.replace("(D)", "")
        if name in function.tainted:
            return False
        function.tainted.add(name)
        return True

    def spread_assign(self, function, s):
        """One step of spreading through an assignment."""
        if not SSA.match(s.target):
            if SSA.match(s.operands[0]) and self.is_tainted(function, s.operands[0]):
                key = self.field_key(function, Ref(s.target), s.operands[0])
                if key is not None and key not in self.fields:
                    self.fields.add(key)
                    return True
            return False
        kind = function.type_of(s.target)
        if s.code in FLOWS:
            if ("*" in kind or kind in WIDE) and \
                    any(self.is_tainted(function, o) for o in s.operands):
                return self.taint(function, s.target)
        elif s.code in ("component_ref", "array_ref", "mem_ref") and "*" in kind:
            key = self.field_key(function, Ref(s.operands[0]), s.target)
            if key in self.fields or (key is not None and WIRE_TYPE.match(kind)):
                if key is not None:
                    self.fields.add(key)
                return self.taint(function, s.target)
        return False

    def spread_call(self, function, s):
        """One step of spreading through a call."""
        changed = False
        if s.code in ("mmap", "mmap64", "shmat"):
            flags = s.operands[3] if s.code != "shmat" else "1"
            if not flags.isdigit() or int(flags) & 1:
                changed |= s.target is not None and self.taint(function, s.target)
            return changed
        callee = self.callee(function, s.code)
        if callee is None or not callee.is_ours() or function.is_trusted():
            return False
        for param, operand in zip(callee.params, s.operands):
            if self.is_tainted(function, operand):
                # The first use of a parameter is called param_N(D), with any N.
                changed |= self.taint(callee, "param " + param)
        if s.target is not None and SSA.match(s.target) and \
                (callee.unit, callee.name) in self.returns:
            changed |= self.taint(function, s.target)
        return changed

    def spread(self):
        """Follow pointers into shared memory until nothing new is found."""
        entries = {}
        for function in self.functions:
            names = set()
            for s in function.statements():
                for text in [s.target or "", s.code or "", *s.operands]:
                    names.update(re.findall(r"([A-Za-z_][\w.]*_\d+)\(D\)", text))
            entries[function] = names
        changed = True
        while changed:
            changed = False
            for function in self.functions:
                for name in entries[function]:
                    if "param " + re.sub(r"_\d+$", "", name) in function.tainted:
                        changed |= self.taint(function, name)
                for s in function.statements():
                    if s.kind == "assign":
                        changed |= self.spread_assign(function, s)
                    elif s.kind == "call":
                        changed |= self.spread_call(function, s)
                    elif s.kind == "phi":
                        if any(self.is_tainted(function, o) for o in s.operands):
                            changed |= self.taint(function, s.target)
                    elif s.kind == "return" and (function.unit, function.name) not in self.returns:
                        if any(self.is_tainted(function, o) for o in s.operands):
                            self.returns.add((function.unit, function.name))
                            changed = True

    # Rule one: who touches it?

    def touches(self, function, text):
        """Is this operand a reference to the content of shared memory?"""
        if SSA.match(text) or text.startswith("&") or not re.search(r"->|\*|MEM", text):
            return False
        pointer = Ref(text).pointer
        return pointer is not None and self.is_tainted(function, pointer)

    def judge_call(self, function, s):
        """May this call have the pointers into shared memory that it gets?"""
        given = {i for i, o in enumerate(s.operands) if self.is_tainted(function, o)}
        callee = self.callee(function, s.code)
        if callee is not None:
            for param, operand in zip(callee.params, s.operands):
                kernel = self.callee(function, operand)
                if COPY_TYPE in callee.type_of(param) and kernel and not kernel.is_trusted():
                    self.complain(s, f"{function.name} passes {operand} as a folio_copy_fn, which "
                                  f"is not in {' or '.join(TRUSTED)}")
        if any(self.touches(function, o) for o in s.operands):
            self.complain(s, f"{function.name} reads shared memory directly")
        if not given:
            return
        if callee is not None and callee.is_ours():
            return
        if SSA.match(s.code) and function.type_of(s.code):
            if COPY_TYPE not in function.type_of(s.code):
                self.complain(s, f"{function.name} passes a pointer into shared memory to an "
                              f"unknown function ({s.code}); only a folio_copy_fn may have it")
            return
        allowed = EXTERNALS.get(s.code, (set(), ""))[0]
        if not given <= allowed:
            self.complain(s, f"{function.name} passes a pointer into shared memory to {s.code}()")

    def judge_accesses(self):
        """Every statement of ours outside the accessors and kernels."""
        for function in self.functions:
            if not function.is_ours() or function.is_trusted():
                continue
            for s in function.statements():
                if s.kind == "assign":
                    if any(self.touches(function, o) for o in s.operands):
                        self.complain(s, f"{function.name} reads shared memory directly")
                    if self.touches(function, s.target):
                        self.complain(s, f"{function.name} writes shared memory directly")
                elif s.kind == "call":
                    self.judge_call(function, s)
                elif s.kind == "asm":
                    names = set(re.findall(NAME, "\n".join(s.operands)))
                    if any(self.is_tainted(function, n) for n in names):
                        self.complain(s, f"{function.name} gives shared memory to assembly code")

    # Rule two: at most once on every path.

    def tree(self, function, operand, seen=()):
        """What an operand is computed from, down to parameters, loads and the unknown."""
        operand = operand.strip()
        if SSA.match(operand):
            name = operand.replace("(D)", "")
            if operand.endswith("(D)"):
                base = re.sub(r"_\d+$", "", name)
                return ("param", function.params.index(base)) if base in function.params \
                    else ("name", name)
            if name not in function.trees:
                if name in seen:
                    return ("name", name)
                function.trees[name] = self.define(function, name, (*seen, name))
            return function.trees[name]
        if operand.startswith("&"):
            return self.address(function, Ref(operand), seen)
        if "->" in operand or operand.startswith(("*", "MEM")) or "." in operand:
            ref = Ref(operand)
            return ("load", self.address(function, ref, seen)) if ref.pointer or ref.field \
                else ("text", operand)
        return ("text", operand)

    def address(self, function, ref, seen):
        """Where a reference leads."""
        if ref.pointer is not None:
            base = self.tree(function, ref.pointer, seen)
        else:
            base = function.copies.get(ref.variable) or ("variable", ref.variable)
        for field in re.findall(r"\.([A-Za-z_]\w*)", ref.path):
            base = ("field", base, field)
        for index in re.findall(r"\[([^\]]+)\]", ref.path):
            base = ("at", base, self.tree(function, index, seen))
        return base

    def define(self, function, name, seen):
        """The tree of a name from its definition."""
        s = function.defs.get(name)
        if s is None or s.kind == "phi":
            return ("name", name)
        if s.kind == "call":
            callee = self.callee(function, s.code)
            if callee is not None and callee.is_ours():
                shape = self.returned(callee)
                if shape is not None:
                    return substitute(shape, [self.tree(function, o, seen) for o in s.operands])
            return ("name", name)
        if s.code in ("nop_expr", "ssa_name", "addr_expr", "component_ref", "mem_ref",
                      "array_ref", "convert_expr"):
            return self.tree(function, s.operands[0], seen)
        return (s.code, *(self.tree(function, o, seen) for o in s.operands))

    def returned(self, function):
        """The tree that a function returns, if it is made of its parameters only."""
        returns = [s for s in function.statements() if s.kind == "return" and s.operands]
        if len(returns) != 1 or len(function.blocks) != 1:
            return None
        tree = self.tree(function, returns[0].operands[0])
        return tree if not mentions(tree, {"name", "variable"}) else None

    def prepare(self, function):
        """Definitions, and local structures that are copies of others."""
        function.defs, function.copies = {}, {}
        for s in function.statements():
            if s.target is not None and SSA.match(s.target):
                function.defs[s.target] = s
        copied = {}
        for s in function.statements():
            if s.kind == "assign" and s.code in ("component_ref", "mem_ref") and \
                    re.match(r"^[A-Za-z_]\w*$", s.target) and not SSA.match(s.target):
                copied.setdefault(s.target, []).append(s.operands[0])
        for variable, sources in copied.items():
            if len(sources) == 1:
                function.copies[variable] = self.address(function, Ref(sources[0]), ())

    def stored(self, function):
        """Names of the private fields that a function changes, with all that it calls."""
        key = (function.unit, function.name)
        if key in self.stores:
            return self.stores[key]
        self.stores[key] = set()
        names = set()
        for s in function.statements():
            names |= self.changes(function, s)
        self.stores[key] = names
        return names

    def changes(self, function, s):
        """Names of the private fields that a statement changes."""
        names = set()
        if s.target is not None and not SSA.match(s.target):
            names.add(Ref(s.target).field)
        if s.kind == "call":
            if s.code.startswith(("__atomic", "__sync")) and s.operands:
                tree = self.tree(function, s.operands[0])
                if tree[0] == "field":
                    names.add(tree[2])
            callee = self.callee(function, s.code)
            if callee is not None and callee.is_ours() and not callee.is_trusted():
                names |= self.stored(callee)
        return names - {None}

    def fetches(self, function, s):
        """(address, places) of what a statement fetches, with all that it calls."""
        if s.kind != "call":
            return []
        if FETCH.match(s.code):
            tree = self.tree(function, s.operands[0])
            if not self.is_tainted(function, s.operands[0]):
                return []
            return [(tree, (s.place(),))]
        callee = self.callee(function, s.code)
        if callee is None or not callee.is_ours() or callee.is_trusted() or s.code in LOOKS:
            return []
        arguments = [self.tree(function, o) for o in s.operands]
        return [(substitute(tree, arguments), (s.place(), *places))
                for tree, places in self.summary(callee).items()]

    def summary(self, function):
        """What a function may fetch, in terms of its parameters; judges it on the way."""
        key = (function.unit, function.name)
        if key in self.summaries:
            return self.summaries[key]
        if key in self.busy:
            return {}
        self.busy.add(key)
        after, every = {}, {}
        work = [min(function.blocks)]
        reached = {min(function.blocks): {}}
        while work:
            block = work.pop()
            state = dict(reached[block])
            for s in function.blocks[block]:
                self.step(function, s, state, every)
            if after.get(block) == state:
                continue
            after[block] = state
            for target in function.edges[block]:
                merged = {**state, **reached.get(target, {})}
                if target not in reached or merged != reached[target]:
                    reached[target] = merged
                    work.append(target)
        self.busy.discard(key)
        self.summaries[key] = {tree: places for tree, places in every.items()
                               if not mentions(tree, {"name", "variable"})}
        return self.summaries[key]

    def step(self, function, s, state, every):
        """What a statement does to the set of fields that were fetched before it."""
        for tree, places in self.fetches(function, s):
            first = state.get(tree)
            if first is not None:
                text = f"{function.name} fetches {show(tree, function.params)} a second time"
                via = f" (in {places[-1]})" if len(places) > 1 else ""
                self.complain(s, f"{text}{via}; first at {first[-1]}")
            state[tree] = first or places
            every.setdefault(tree, places)
        gone = set()
        if s.target is not None and SSA.match(s.target):
            gone.add(("name", s.target))
        for field in self.changes(function, s):
            gone.add(field)
        if gone:
            for tree in [t for t in state if depends(t, gone)]:
                del state[tree]

    def judge(self):
        """All of it. Returns lines, the first words of each are file:line."""
        self.spread()
        lost = [f for f in EXPECTED_FIELDS if f not in {name for name, _ in self.fields}]
        if lost:
            raise Error("no pointer into shared memory was found in a field called "
                        f"{', '.join(lost)}: is EXPECTED_FIELDS out of date?")
        stale = [name for name in LOOKS if name not in self.by_name]
        if stale:
            raise Error(f"LOOKS names functions that are gone: {', '.join(stale)}")
        self.judge_accesses()
        for function in self.functions:
            self.prepare(function)
        for function in self.functions:
            if function.is_ours() and not function.is_trusted():
                self.summary(function)
        return [f"{place}: error: {text}" for place, text in self.found]


def substitute(tree, arguments):
    """A callee's tree with the caller's arguments in place of parameters."""
    if tree[0] == "param":
        return arguments[tree[1]] if tree[1] < len(arguments) else ("text", "?")
    return tuple(substitute(t, arguments) if isinstance(t, tuple) else t for t in tree)


def mentions(tree, kinds):
    """Is there a node of such a kind in the tree?"""
    return tree[0] in kinds or any(mentions(t, kinds) for t in tree if isinstance(t, tuple))


def depends(tree, gone):
    """Does the value of the tree depend on a name or a loaded field that has changed?"""
    if tree in gone:
        return True
    if tree[0] == "load" and tree[1][0] == "field" and tree[1][2] in gone:
        return True
    return any(depends(t, gone) for t in tree if isinstance(t, tuple))


def show(tree, params):
    """A tree as C, roughly."""
    kind = tree[0]
    if kind == "param":
        return params[tree[1]]
    if kind in ("name", "variable", "text"):
        return re.sub(r"_\d+$", "", tree[1]) or "?"
    if kind == "field":
        base = tree[1]
        if base[0] == "load":
            return f"{show(base, params)}->{tree[2]}"
        return f"{show(base, params)}{'->' if base[0] == 'param' else '.'}{tree[2]}"
    if kind == "load":
        return show(tree[1], params)
    if kind in ("at", "pointer_plus_expr"):
        return f"{show(tree[1], params)}[]"
    return f"{kind.replace('_expr', '')}(" + \
        ", ".join(show(t, params) for t in tree[1:] if isinstance(t, tuple)) + ")"


def commands(build, root):
    """How each source of lib/ and drivers/ is compiled, per set of flags; the kernels' are not."""
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        entries = json.load(file)
    found = {}
    for entry in entries:
        source = os.path.realpath(os.path.join(entry["directory"], entry["file"]))
        name = os.path.relpath(source, root)
        if not name.startswith(("lib/", "drivers/net/")) or name == KERNELS:
            continue
        words, keep = shlex.split(entry["command"]), []
        skip = False
        for word in words:
            if skip:
                skip = False
            elif word in ("-o", "-MF", "-MQ", "-MT"):
                skip = True
            elif word not in ("-c", "-MD", "-Werror", entry["file"]) and \
                    not re.match(r"-O|-g|-fsanitize|-flto|--coverage|-fprofile", word):
                keep.append(word)
        found[name, tuple(keep)] = entry["directory"]
    return [(name, list(words), folder) for (name, words), folder in found.items()]


def dump(name, words, folder, source):
    """GCC's dump of one source, and the files that went into it."""
    with tempfile.TemporaryDirectory(prefix="folio-one-fetch.") as temp:
        text, deps = os.path.join(temp, "ssa"), os.path.join(temp, "deps")
        done = subprocess.run([*words, "-O1", "-w", "-S", "-o", os.devnull, "-MD", "-MF", deps,
                               f"-fdump-tree-ssa-raw-lineno={text}", source],
                              cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Error(f"{name} does not compile:\n{done.stderr}")
        with open(deps, encoding="utf-8") as file:
            used = file.read().replace("\\\n", " ").split(":", 1)[1].split()
        with open(text, encoding="utf-8") as file:
            return file.read(), [os.path.join(folder, u) for u in used]


def read_unit(job, root):
    """(functions, files that went into it) of one source, as an entry of commands()."""
    name, words, folder = job
    text, used = dump(name, words, folder, os.path.join(root, name))
    return Parser(" ".join([name, *words]), root, folder).read(text), used


def read_units(jobs, root):
    """The same of several, on all processors."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(lambda job: read_unit(job, root), jobs))


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

# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""What is shared, and who touches it.

A place is where a pointer is kept: a field, ("struct tag", field) whatever the types that it is
written and read with; or a variable in memory, ("variable", function or "", name).
"""

import re

from onefetch.gimple import NAME, SSA, TRUSTED, ref

# Functions outside of the project that get pointers into shared memory: which argument, and why.
EXTERNALS = {
    "memset": ({0}, "zeroes; reads nothing"),
    "memcpy": ({0}, "as the destination: reads nothing there"),
    "madvise": ({0}, "mapping, not content"),
    "mmap": ({0}, "mapping, not content"),
    "munmap": ({0}, "mapping, not content"),
    "mprotect": ({0}, "mapping, not content"),
    "numa_tonode_memory": ({0}, "mapping, not content"),
    "__atomic_store_8": ({1}, "as a value: the table of mappings in fault.c keeps addresses"),
    "__builtin_prefetch": ({0}, "no value arrives in the program"),
}

# Structures that are in shared memory only: of folio_wire.h, of lib/virtio and lib/vf.
WIRE_TYPE = re.compile(r"^(?:const )?(?:struct )?folio_(?:shared_u\d+|wire_\w+|virtq_desc|split_avail|"
                       r"split_used|packed_event|header|advq_desc) \*$")
# Fields that point there because whoever sets up a virtqueue has to see to it.
GIVEN = {("struct folio_virtq_memory", "rings"), ("struct folio_virtq_memory", "bufs"),
         ("struct folio_advq_memory", "desc"), ("struct folio_advq_memory", "bufs")}
COPY_TYPE = "folio_copy_fn"
COPY_TABLE = "struct folio_copy"
MOVES = ("memcpy", "memmove", "__builtin_memcpy", "__builtin_memmove", "__memcpy_chk")

FLOWS = {"ssa_name", "nop_expr", "convert_expr", "pointer_plus_expr", "plus_expr", "minus_expr",
         "bit_and_expr", "bit_ior_expr", "cond_expr", "view_convert_expr", "min_expr", "max_expr",
         "paren_expr", "negate_expr", "bit_not_expr", "addr_expr", "var_decl"}
LOADS = ("component_ref", "array_ref", "mem_ref", "var_decl", "ssa_name", "parm_decl",
         "bit_field_ref", "target_mem_ref", "indirect_ref", "view_convert_expr")
WIDE = {"long unsigned int", "long int", "unsigned long", "uint64_t", "int64_t", "uintptr_t",
        "intptr_t", "sizetype", "size_t", "ssizetype"}


def bare(name):
    """A name without the mark of a value on entry."""
    return name.replace("(D)", "")


class Sharing:
    """All units: follows pointers into shared memory, then looks at every access."""

    def __init__(self, functions):
        self.functions = functions
        self.ours = [f for f in functions if f.is_ours()]
        for function in self.ours:
            function.trees, function.tainted, function.cells = {}, set(), set()
            function.defs = {s.target: s for s in function.statements()
                             if s.target is not None and SSA.match(s.target)}
        self.by_unit = {(f.unit, f.name): f for f in functions}
        self.by_name = {f.name: f for f in functions}
        self.fields = set(GIVEN)  # places that hold pointers into shared memory
        self.returns = set()  # (unit, name) of functions that return one
        self.outs = set()     # (unit, name, parameter) that a function stores one behind
        self.found = {}       # (place, text): None, in order

    def callee(self, function, name):
        """The function of that name as seen from a function, or None."""
        return self.by_unit.get((function.unit, name)) or self.by_name.get(name)

    def complain(self, statement, text):
        """Something is wrong."""
        self.found.setdefault((statement.place(), text))

    # What is shared?

    @staticmethod
    def where(function, r):
        """The place that a reference is; None: only known to whoever made the pointer."""
        if r.fields:
            kind = function.type_of(r.pointer or r.variable)
            return function.structures.key(kind.removesuffix("*").strip(), r.fields)
        if r.variable is None or not re.match(r"^[A-Za-z_]", r.variable):
            return None
        return ("variable", f"{function.unit}:{function.name}" if function.is_local(r.variable)
                else "", r.variable)

    def is_tainted(self, function, operand):
        """May this operand point into shared memory?"""
        operand = operand.strip()
        if SSA.match(operand):
            return bare(operand) in function.tainted
        if operand.startswith("&"):
            pointer = ref(operand).pointer
            return pointer is not None and bare(pointer) in function.tainted
        if operand.startswith("VIEW_CONVERT_EXPR"):
            found = re.match(r"^VIEW_CONVERT_EXPR<.*>\((.*)\)$", operand)
            return bool(found) and self.is_tainted(function, found.group(1))
        return False

    def is_cell(self, function, operand):
        """May this operand point to a place that holds a pointer into shared memory?"""
        operand = operand.strip()
        if SSA.match(operand):
            return bare(operand) in function.cells
        if operand.startswith("&"):
            r = ref(operand)
            return self.where(function, r) in self.fields or \
                (not r.fields and r.pointer is not None and bare(r.pointer) in function.cells)
        return False

    def holds(self, function, text):
        """May the content of this place be a pointer into shared memory?"""
        r = ref(text)
        if r.address:
            return False
        place = self.where(function, r)
        if place in self.fields:
            return True
        if r.fields or r.pointer is None:
            return False
        if bare(r.pointer) in function.cells:
            return True
        # A word out of the middle of a structure that has such a field.
        kind = function.type_of(r.pointer)
        return r.is_cast and any(kind == f"{f[0]} *" for f in self.fields)

    @staticmethod
    def add(names, name):
        """Add to a set; is it new?"""
        name = bare(name)
        if name in names:
            return False
        names.add(name)
        return True

    def keep(self, function, operand, seen=()):
        """A pointer into shared memory is stored where `operand` points to."""
        operand = operand.strip()
        if operand.startswith("&"):
            r = ref(operand)
            place = self.where(function, r)
            if place is not None:
                return self.add_place(place)
            return r.pointer is not None and self.keep(function, r.pointer, seen)
        if not SSA.match(operand) or operand in seen:
            return False
        changed = self.add(function.cells, operand)
        if operand.endswith("(D)"):
            out = (function.unit, function.name, re.sub(r"_\d+$", "", bare(operand)))
            if out not in self.outs:
                self.outs.add(out)
                changed = True
            return changed
        s = function.defs.get(bare(operand))
        if s is not None and (s.kind == "phi" or s.code in FLOWS):
            for o in s.operands:
                changed |= self.keep(function, o, (*seen, operand))
        return changed

    def add_place(self, place):
        """A place holds a pointer into shared memory. Returns whether that is new."""
        if place is None or place in self.fields:
            return False
        self.fields.add(place)
        return True

    def spread_assign(self, function, s):
        """One step of spreading through an assignment."""
        if not SSA.match(s.target):
            if not self.is_tainted(function, s.operands[0]):
                return False
            r = ref(s.target)
            place = self.where(function, r)
            if place is not None:
                return self.add_place(place)
            return r.pointer is not None and self.keep(function, r.pointer)
        kind = function.type_of(s.target)
        if "*" not in kind and kind not in WIDE:
            return False
        changed = False
        if s.code in FLOWS:
            if any(self.is_tainted(function, o) for o in s.operands):
                changed |= self.add(function.tainted, s.target)
            if any(self.is_cell(function, o) for o in s.operands):
                changed |= self.add(function.cells, s.target)
        if s.code in LOADS and not SSA.match(s.operands[0]):
            place = self.where(function, ref(s.operands[0]))
            if WIRE_TYPE.match(kind) and place is not None and place[0] != "variable":
                changed |= self.add_place(place)
            if self.holds(function, s.operands[0]):
                changed |= self.add(function.tainted, s.target)
        return changed

    def spread_call(self, function, s):
        """One step of spreading through a call."""
        changed = False
        if s.code in ("mmap", "mmap64", "shmat"):
            flags = s.operands[3] if s.code != "shmat" else "1"
            if not flags.isdigit() or int(flags) & 1:
                changed |= s.target is not None and self.add(function.tainted, s.target)
            return changed
        if s.code in MOVES and self.is_cell(function, s.operands[1]):
            return self.keep(function, s.operands[0])
        callee = self.callee(function, s.code)
        if callee is None or not callee.is_ours() or function.is_trusted():
            return False
        for param, operand in zip(callee.params, s.operands):
            # The first use of a parameter is called param_N(D), with any N.
            if self.is_tainted(function, operand):
                changed |= self.add(callee.tainted, "param " + param)
            if self.is_cell(function, operand):
                changed |= self.add(callee.cells, "param " + param)
            if (callee.unit, callee.name, param) in self.outs:
                changed |= self.keep(function, operand)
        if s.target is not None and SSA.match(s.target) and \
                (callee.unit, callee.name) in self.returns:
            changed |= self.add(function.tainted, s.target)
        return changed

    def spread(self):
        """Follow pointers into shared memory until nothing new is found."""
        work = [(f, [s for s in f.statements() if s.kind in ("assign", "call", "phi", "return")])
                for f in self.ours]
        changed = True
        while changed:
            changed = False
            for function, statements in work:
                for name in function.entries:
                    param = "param " + re.sub(r"_\d+$", "", name)
                    for names in (function.tainted, function.cells):
                        if param in names:
                            changed |= self.add(names, name)
                for s in statements:
                    changed |= self.spread_statement(function, s)

    def spread_statement(self, function, s):
        """One step of spreading."""
        if s.kind == "assign":
            return self.spread_assign(function, s)
        if s.kind == "call":
            return self.spread_call(function, s)
        changed = False
        if s.kind == "phi":
            if any(self.is_tainted(function, o) for o in s.operands):
                changed |= self.add(function.tainted, s.target)
            if any(self.is_cell(function, o) for o in s.operands):
                changed |= self.add(function.cells, s.target)
        elif (function.unit, function.name) not in self.returns:
            if any(self.is_tainted(function, o) for o in s.operands):
                self.returns.add((function.unit, function.name))
                changed = True
        return changed

    # Rule one: who touches it?

    def touches(self, function, text):
        """Is this operand a reference to the content of shared memory?"""
        if SSA.match(text) or text.startswith("&") or not re.search(r"->|\*|MEM", text):
            return False
        pointer = ref(text).pointer
        return pointer is not None and self.is_tainted(function, pointer)

    def kernel_name(self, function, operand):
        """What a copy function that is passed on is called: exact, padded, or "" if unknown."""
        s = function.defs.get(bare(operand))
        if s is not None and s.code in LOADS:
            operand = ref(s.operands[0]).field or operand
        found = re.search(r"(exact|padded)", operand)
        return found.group(1) if found else ""

    def judge_kernels(self, function, s):
        """Is what a call passes as a copy function one, and the right one?"""
        callee = self.callee(function, s.code)
        if callee is None:
            return
        for param, operand in zip(callee.params, s.operands):
            if COPY_TYPE not in callee.type_of(param):
                continue
            kernel = self.callee(function, operand)
            if kernel and not kernel.is_trusted():
                self.complain(s, f"{function.name} passes {operand} as a folio_copy_fn, which "
                              f"is not in {' or '.join(TRUSTED)}")
            if param == "exact" and self.kernel_name(function, operand) == "padded":
                self.complain(s, f"{function.name} passes a padded copy where {s.code} needs an "
                              "exact one: bytes behind the packet would be copied")

    def judge_call(self, function, s):
        """May this call have the pointers into shared memory that it gets?"""
        self.judge_kernels(function, s)
        given = {i for i, o in enumerate(s.operands) if self.is_tainted(function, o)}
        callee = self.callee(function, s.code)
        if any(self.touches(function, o) for o in s.operands):
            self.complain(s, f"{function.name} reads shared memory directly")
        if not given:
            return
        if 0 in given and self.kernel_of(function, s) == "padded":
            self.complain(s, f"{function.name} fills shared memory with a padded copy: bytes "
                          "behind the packet would be copied")
        if callee is not None and callee.is_ours():
            return
        if SSA.match(s.code) and function.type_of(s.code):
            if not self.kernel_of(function, s):
                self.complain(s, f"{function.name} passes a pointer into shared memory to an "
                              f"unknown function ({s.code}); only a folio_copy_fn may have it")
            return
        allowed = EXTERNALS.get(s.code, (set(), ""))[0]
        if not given <= allowed:
            self.complain(s, f"{function.name} passes a pointer into shared memory to {s.code}()")

    def kernel_of(self, function, s):
        """The kind of copy kernel that a call calls, "" if it calls none."""
        loaded = function.defs.get(bare(s.code))
        if SSA.match(s.code):
            is_kernel = COPY_TYPE in function.type_of(s.code) or \
                loaded is not None and loaded.code == "component_ref" and \
                self.where(function, ref(loaded.operands[0]))[0] == COPY_TABLE
        else:
            is_kernel = s.code.startswith("folio_kernel_")
        return self.kernel_name(function, s.code) or "exact" if is_kernel else ""

    def judge_accesses(self):
        """Every statement of ours outside the accessors and kernels."""
        for function in self.ours:
            if function.is_trusted():
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

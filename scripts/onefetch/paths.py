# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""How often is it looked at? Every path through a function fetches a shared field once at most."""

import re

from onefetch.gimple import SSA, Error, ref
from onefetch.sharing import MOVES, Sharing, bare
from onefetch.tree import depends, fields, mentions, show, substitute

# Functions of which every call is a look of its own: what they fetch is judged before they return,
# and their callers keep nothing that an earlier call fetched.
LOOKS = {
    "folio_prod_refresh": "an index moves; each value is checked against the last valid one",
    "folio_cons_refresh": "as above",
    "folio_split_refresh": "as above",
    "folio_generation_is": "the session's end may come at any time; a comparison, nothing is kept",
    "folio_session_peer_holds": "polled while a port closes; a comparison, nothing is kept",
    "peer_holds": "polled while a port takes over; a comparison, nothing is kept",
}

# Where pointers into shared memory are kept. If one is not found, the check has lost its way.
EXPECTED_FIELDS = {
    "struct folio_prod": ("data", "desc", "produced", "consumed", "generation"),
    "struct folio_cons": ("data", "desc", "produced", "consumed", "generation"),
    "struct folio_session": ("own", "peer"),
    "struct folio_region": ("own", "peer"),
    "struct folio_virtq": ("bufs", "desc", "ring", "back", "elem", "event", "dev_event"),
}

# Fields whose content nothing is decided on: what copy kernels may read. (The header of a buffer of a
# virtqueue is fetched as any other field.)
PAYLOAD = {"data", "bufs"}

# Functions that read for the reading's sake; what they get is not used.
UNUSED = {
    "best_read_ns": "how long reads take is measured",
    "folio_device_touch": "page tables are filled in",
}

FETCH = re.compile(r"^folio_fetch\d+")
WORD = re.compile(r"^[A-Za-z_]\w*(?:\.\d+)?$")


class Program(Sharing):
    """All units: what is shared, who touches it, and how often."""

    def __init__(self, functions):
        super().__init__(functions)
        self.summaries, self.stores, self.busy = {}, {}, []

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
            return self.address(function, ref(operand), seen)
        if "->" in operand or operand.startswith(("*", "MEM")) or "." in operand:
            r = ref(operand)
            if r.pointer or r.field:
                return ("load", self.address(function, r, seen))
        return self.variable(function, operand) or ("text", operand)

    @staticmethod
    def variable(function, name):
        """The content of a variable in memory."""
        if not WORD.match(name):
            return None
        if function.is_local(name):
            return function.contents.get(name) or ("variable", name)
        return ("global", name)

    def address(self, function, r, seen):
        """Where a reference leads."""
        if r.pointer is not None:
            base = self.tree(function, r.pointer, seen)
        else:
            base = function.copies.get(r.variable) or \
                ("variable" if function.is_local(r.variable) else "global", r.variable)
        for field in r.fields:
            base = ("field", base, field)
        for index in re.findall(r"\[([^\]]+)\]", r.path):
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
        if s.code == "mem_ref":
            # memcpy() of a pointer is a load through the address of where it is kept.
            pointed = self.tree(function, ref(s.operands[0]).pointer or "?", seen)
            if pointed[0] == "field":
                return ("load", pointed)
        if s.code in ("nop_expr", "ssa_name", "addr_expr", "component_ref", "mem_ref",
                      "array_ref", "convert_expr", "var_decl"):
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
        """Local structures that are copies of others, and variables with one value only."""
        function.copies, function.contents, function.outs = {}, {}, {}
        copied, written = {}, {}
        for s in function.statements():
            if s.kind == "assign" and not SSA.match(s.target) and WORD.match(s.target):
                if s.code in ("component_ref", "mem_ref"):
                    copied.setdefault(s.target, []).append(s.operands[0])
                if not s.operands[0].startswith("{"):
                    written.setdefault(s.target, []).append((function, s.operands[0], None))
            elif s.kind == "assign" and not SSA.match(s.target):
                r = ref(s.target)
                if r.pointer is not None and r.pointer.endswith("(D)") and not r.path:
                    function.outs.setdefault(re.sub(r"_\d+$", "", bare(r.pointer)),
                                             []).append(s.operands[0])
        for variable, sources in copied.items():
            if len(sources) == 1:
                function.copies[variable] = self.address(function, ref(sources[0]), ())
        function.trees.clear()

    def outputs(self, function):
        """Local variables that only calls fill, always with the same."""
        filled = {}
        for s in function.statements():
            if s.kind == "assign" and not SSA.match(s.target):
                filled.setdefault(ref(s.target).variable, set()).add(None)
            if s.kind != "call":
                continue
            callee = self.callee(function, s.code)
            for at, operand in enumerate(s.operands):
                if not re.match(r"^&[A-Za-z_]\w*$", operand):
                    continue
                tree = None
                if callee is not None and callee.is_ours() and at < len(callee.params):
                    values = callee.outs.get(callee.params[at], [])
                    if len(values) == 1:
                        tree = substitute(self.tree(callee, values[0]),
                                          [self.tree(function, o) for o in s.operands])
                filled.setdefault(operand[1:], set()).add(tree)
        for s in function.statements():
            # What goes out of scope is no value.
            if s.kind == "assign" and s.operands and s.operands[0].startswith("{CLOBBER"):
                filled.get(s.target, set()).discard(None)
        for variable, trees in filled.items():
            tree = next(iter(trees)) if len(trees) == 1 else None
            if tree is not None and not mentions(tree, {"name", "variable"}):
                function.contents[variable] = tree
        function.trees.clear()

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
            r = ref(s.target)
            names.add(r.field)
            if r.pointer is None and not r.fields and r.variable:
                names.add(("variable" if function.is_local(r.variable) else "global", r.variable))
        if s.kind == "call":
            names |= {("variable", o[1:]) for o in s.operands if re.match(r"^&[A-Za-z_]\w*$", o)}
            if s.code.startswith(("__atomic", "__sync")) and s.operands:
                tree = self.tree(function, s.operands[0])
                if tree[0] == "field":
                    names.add(tree[2])
            callee = self.callee(function, s.code)
            if callee is not None and callee.is_ours() and not callee.is_trusted():
                names |= {n for n in self.stored(callee)
                          if not isinstance(n, tuple) or n[0] == "global"}
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
        if self.kernel_of(function, s) and len(s.operands) > 1 and \
                self.is_tainted(function, s.operands[1]):
            return [(("copy", self.tree(function, s.operands[1])), (s.place(),))]
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
            self.recursive(function)
            return {}
        self.busy.append(key)
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
        self.busy.pop()
        self.summaries[key] = {tree: places for tree, places in every.items()
                               if tree[0] == "copy" or not mentions(tree, {"name", "variable"})}
        return self.summaries[key]

    def judge_copy(self, function, s, tree):
        """A copy kernel reads payload, and nothing that decides anything. Is it for callers to say?"""
        kept = {place[-1] for place in self.fields if place[0] != "variable"} & fields(tree)
        if function.name in UNUSED or PAYLOAD & kept:
            return False
        if mentions(tree, {"param"}) and not kept:
            return True
        what = show(tree, function.params) if kept else "shared memory that can't be told"
        self.complain(s, f"{function.name} reads {what} with a copy kernel: those are for payload")
        return False

    def recursive(self, function):
        """A function that calls itself on the way can't be followed."""
        names = [name for _, name in self.busy]
        circle = [self.by_unit[k] for k in self.busy[names.index(function.name):]]
        for member in circle:
            for s in member.statements():
                if s.kind == "call" and (FETCH.match(s.code) or
                                         any(self.is_tainted(member, o) for o in s.operands)):
                    self.complain(s, f"{function.name} calls itself and has to do with shared "
                                  "memory: that can't be followed")

    def step(self, function, s, state, every):
        """What a statement does to the set of fields that were fetched before it."""
        for tree, places in self.fetches(function, s):
            if tree[0] == "copy":
                if self.judge_copy(function, s, tree[1]):
                    every.setdefault(tree, places)
                continue
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

    def resolve(self):
        """Find out what values are computed from."""
        for function in self.ours:
            self.prepare(function)
        for function in self.ours:
            self.outputs(function)

    def judge(self):
        """All of it. Returns lines, the first words of each are file:line."""
        self.spread()
        lost = [f"{tag}.{name}" for tag, names in EXPECTED_FIELDS.items() for name in names
                if (tag, name) not in self.fields]
        if lost:
            raise Error("no pointer into shared memory was found in "
                        f"{', '.join(lost)}: is EXPECTED_FIELDS out of date?")
        stale = [name for name in (*LOOKS, *UNUSED) if name not in self.by_name]
        if stale:
            raise Error(f"LOOKS or UNUSED names functions that are gone: {', '.join(stale)}")
        self.judge_accesses()
        self.resolve()
        for function in self.ours:
            if not function.is_trusted():
                self.summary(function)
        return [f"{place}: error: {text}" for place, text in self.found]

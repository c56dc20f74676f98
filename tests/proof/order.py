# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""In which order, and how strongly ordered, does the code touch what two threads or sides share?

Read from what GCC makes of the sources (scripts/onefetch), each call followed. RULES is what the
models (*.pml) and docs/wire-format.md take as given; MODELS says which rules stand for which
assumption of a model, so that spin is run on a model of the code as it is.
"""

import fnmatch
import os
import re
import sys
from typing import NamedTuple

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "scripts"))

from onefetch.gimple import SSA  # noqa: E402
from onefetch.paths import FETCH, Program  # noqa: E402
from onefetch.tree import substitute  # noqa: E402

# What is looked at, with what it is made of: all that a burst or a session's step can reach.
UNITS = ("lib/attach.c", "lib/boundary/gate.c", "lib/native/ring.c", "lib/native/session.c",
         "lib/native/burst.c", "lib/virtio/packed.c", "lib/virtio/split.c", "lib/virtio/vport_watch.c",
         "drivers/net/folio/folio_native_burst.c")

STRENGTH = {"0": "relaxed", "1": "consume", "2": "acquire", "3": "release", "4": "acq_rel",
            "5": "seq_cst"}
PUT = re.compile(r"^folio_put\d+")
ATOMIC = re.compile(r"^__atomic_(load|store|exchange)_\d+$")
MEMBARRIER = ("324", "8")  # SYS_membarrier of x86-64, MEMBARRIER_CMD_PRIVATE_EXPEDITED


# Not followed, where it is called: its answer decides what comes then.
OPAQUE = ("folio_gate_enter",)


class Rule(NamedTuple):
    """Of a function: `kind` is one of the methods of Orders."""

    function: str
    kind: str
    events: tuple


def first(function, *events):
    """Each event only behind the one in front of it."""
    return [Rule(function, "behind", pair) for pair in zip(events, events[1:])]


def never(function, after, *events):
    """None of the events behind `after`."""
    return [Rule(function, "never", (after, event)) for event in events]


def only(function, *events):
    """No such access but in this strength, and there is one."""
    return [Rule(function, "only", (event,)) for event in events]


# The identity and geometry of a header.
REST = ("version", "role", "queues", "ring_size", "slot_size", "page_shift", "refusal", "heartbeat")
IN_BURST = ("copy *", "load * desc", "store * desc", "call folio_cons_commit",
            "call folio_prod_publish")


def burst(function, commit):
    """A burst: nothing in front of the gate or behind it, nothing of the ring behind its index."""
    return [*(Rule(function, "behind", ("call folio_gate_enter", e)) for e in IN_BURST),
            *never(function, "call folio_gate_leave", *IN_BURST),
            *never(function, "call " + commit, "copy *", "load * desc", "store * desc"),
            Rule(function, "ends", ("true folio_gate_enter", "call folio_gate_leave")),
            Rule(function, "some", ("call " + commit,))]


def receiver(function):
    """What a receive burst copied counts, and is committed, only if the session still stands then."""
    return [Rule(function, "between", ("copy *", "true folio_cons_stands", "call folio_cons_commit")),
            *never(function, "call folio_cons_stands", "copy *", "load * desc")]


RECHECK = [*receiver("folio_recv"), *receiver("receive"),
           # On its way to an answer the slow half loads it again.
           Rule("folio_cons_stands", "behind", ("load * generation", "call folio_cons_stands_slow"))]
# An end of a session: another generation than the one in which it was offered, before all that is done
# to the rings later.
NEW_GENERATION = [r for name in ("begin_settle", "folio_session_stop") for r in (
    Rule(name, "some", ("call new_generation",)),
    *first(name, "call end_session", "store * generation"))]
WRITE_FENCE = [Rule(name, "ends", ("store * generation", "fence full"))
               for name in ("publish", "folio_session_wipe_header")]
READ_FENCE = first("folio_cons_stands", "fence read", "load * generation")
NAME_LAST = [Rule("publish", "between", ("store * ack", "fence full", "store * generation"))]

SPLIT_RELEASE = only("folio_split_tx_publish", "store release idx")
SPLIT_ACQUIRE = only("folio_split_refresh", "load acquire idx")
PACKED_RELEASE = only("folio_packed_publish", "store release rest")
PACKED_ACQUIRE = only("folio_packed_rx_word", "load acquire rest")
FIRST_LAST = [Rule("folio_packed_give", "behind", ("true held", "store * rest"))]

RULES = [
    # The header, docs/wire-format.md section 4.
    *only("look", "load acquire state", "load acquire generation", "load acquire ack"),
    *first("look", "load * state", "load * generation", "load * ack"),
    *(r for name in (*REST, "magic") for r in first("look", "load * generation", "load * " + name)),
    *only("publish", "store release magic", "store release generation", "store release state",
          "store release ack"),
    *(r for name in REST for r in first("publish", "store * magic", "store * " + name,
                                        "store * generation")),
    # Offered: generation, state, ack. Not offered any more: state, ack, generation.
    *first("publish", "store * state", "store * ack"),
    *never("publish", "store * ack", "store * state"),
    *(Rule("publish", "between", ("store * " + a, "fence full", "store * " + b))
      for a, b in (("heartbeat", "generation"), ("heartbeat", "state"), ("generation", "state"),
                   ("state", "ack"))),
    *NAME_LAST,
    Rule("publish", "ends", ("store * ack", "fence full")),
    *NEW_GENERATION,
    *WRITE_FENCE,
    *only("folio_session_wipe_header", "store release state", "store release generation",
          "store release magic"),
    *first("folio_session_wipe_header", "store * state", "store * generation", "call memset",
           "store * magic"),
    *first("folio_attach_wipe", "call folio_session_wipe_header", "call folio_region_zero"),
    *never("folio_attach_wipe", "call folio_region_zero", "call folio_session_wipe_header"),
    # The rings.
    *only("folio_prod_publish", "store release produced"),
    *only("folio_prod_publish_slow", "store release produced"),
    *first("folio_prod_publish_slow", "fence full", "store * produced"),
    Rule("folio_prod_publish_slow", "ends", ("store * produced", "fence full")),
    *only("folio_prod_refresh", "load acquire consumed", "store release produced"),
    *only("folio_cons_refresh", "load acquire produced", "store release consumed"),
    # On weak memory, which is asked for together with a ring that is broken.
    Rule("folio_prod_refresh", "between", ("true broken|weak", "fence full", "store * produced")),
    Rule("folio_cons_refresh", "between", ("true broken|weak", "fence full", "store * consumed")),
    Rule("folio_cons_refresh", "behind", ("load * produced", "fence full")),
    *only("folio_cons_commit", "store release consumed"),
    # The gate.
    *only("folio_gate_open", "store release open"),
    *only("folio_gate_leave", "store release busy"),
    Rule("folio_gate_enter", "between", ("store relaxed busy", "fence signal", "load * open")),
    Rule("folio_gate_enter", "some", ("exchange seq_cst busy",)),
    Rule("folio_gate_enter", "some", ("load seq_cst open",)),
    Rule("folio_gate_enter", "some", ("load acquire open",)),
    Rule("folio_gate_enter", "behind", ("* busy", "load * open")),
    *only("folio_gates_close", "exchange seq_cst open", "load seq_cst busy"),
    Rule("folio_gates_close", "behind", ("call shut", "load * busy")),
    *never("folio_gates_close", "load * busy", "exchange * open"),
    # shut() says no if each gate that it closed is fenced.
    Rule("folio_gates_close", "between",
         ("exchange * open", "membarrier", "load * busy", "true fenced", "false shut")),
    # Bursts.
    *burst("folio_send", "folio_prod_publish"),
    *burst("folio_recv", "folio_cons_commit"),
    *burst("transmit", "folio_prod_publish"),
    *burst("receive", "folio_cons_commit"),
    *RECHECK,
    *only("folio_cons_stands", "load relaxed generation"),
    *READ_FENCE,
    # Virtqueues. What is given is published last, the first of a burst in a packed ring.
    *SPLIT_RELEASE, *SPLIT_ACQUIRE, *PACKED_RELEASE, *PACKED_ACQUIRE, *FIRST_LAST,
    # What was published is out before the device's wish for a doorbell is looked at.
    Rule("folio_split_wants_doorbell", "between", ("load * doorbell", "fence full", "load * flags")),
    Rule("folio_packed_wants_doorbell", "between", ("load * doorbell", "fence full", "load * flags")),
]

# What a model takes away with -DNO_..., and the rules that say that the code has it.
MODELS = {
    "split.pml": {"NO_RELEASE": SPLIT_RELEASE, "NO_ACQUIRE": SPLIT_ACQUIRE},
    "packed.pml": {"NO_RELEASE": PACKED_RELEASE, "NO_ACQUIRE": PACKED_ACQUIRE,
                   "NO_FIRST_LAST": FIRST_LAST},
    "ring.pml": {
        "NO_RELEASE_PRODUCED": only("folio_prod_publish", "store release produced"),
        "NO_ACQUIRE_PRODUCED": only("folio_cons_refresh", "load acquire produced"),
        "NO_RELEASE_CONSUMED": only("folio_cons_commit", "store release consumed") +
                               only("folio_cons_refresh", "store release consumed"),
        "NO_ACQUIRE_CONSUMED": only("folio_prod_refresh", "load acquire consumed"),
    },
    "gate.pml": {
        "NO_MEMBARRIER": [r for r in RULES if "membarrier" in r.events],
        "NO_FENCE": [r for r in RULES if r.function == "folio_gate_enter" and r.kind == "some" and
                     "seq_cst" in r.events[0]],
        "NO_ACQUIRE_OPEN": [Rule("folio_gate_enter", "some", ("load acquire open",))],
        "NO_RELEASE_OPEN": only("folio_gate_open", "store release open"),
        "NO_RELEASE_BUSY": only("folio_gate_leave", "store release busy"),
        "NO_ACQUIRE_BUSY": only("folio_gates_close", "load seq_cst busy"),
    },
    "epoch.pml": {
        # The proofs read lib/ only; the driver's burst is held by RULES.
        "NO_RECHECK": [r for r in RECHECK if r.function != "receive"],
        "NO_READ_FENCE": READ_FENCE,
        "NO_NEW_GENERATION": NEW_GENERATION,
        "NO_WRITE_FENCE": WRITE_FENCE,
    },
    "session.pml": {
        "NO_RELEASE_ACK": only("publish", "store release ack"),
        "NO_ACQUIRE_ACK": only("look", "load acquire ack"),
        "NO_NAME_LAST": NAME_LAST,
    },
}


class Graph:
    """The events of a function and of all that it calls: each a node, with those that may follow."""

    def __init__(self, program, function):
        self.program = program
        self.text, self.next = {0: "entry"}, {0: set()}
        self.ends = self.inline(function, None, {0}, ())

    def node(self, text, before):
        """A new event behind some others."""
        number = len(self.text)
        self.text[number], self.next[number] = text, set()
        for b in before:
            self.next[b].add(number)
        return number

    def inline(self, function, arguments, before, stack):
        """The events of a function behind `before`; returns the last ones."""
        heads, tails = {}, {}
        for number in function.blocks:
            heads[number] = self.node("", ())
        for b in before:
            self.next[b].add(heads[min(function.blocks)])
        ends = set()
        for number, block in function.blocks.items():
            last = {heads[number]}
            for s in block:
                last = self.statement(function, s, arguments, last, stack)
            tails[number] = last
            if not function.edges[number]:
                ends |= last
            condition = self.condition(function, block)
            for at, target in enumerate(function.branches.get(number, function.edges[number])):
                # An edge is a node, which has a text where something is known to be 0 on it, or not.
                what, when = condition if number in function.branches else (None, None)
                known = "true" if at == when else "false"
                edge = self.node(f"{known} {what}" if what else "", last)
                self.next[edge].add(heads[target])
        return {self.node("", ends)}

    def condition(self, function, block):
        """(field or function, branch in which it is not 0) if a block ends by asking for that."""
        last = block[-1] if block else None
        if last is None or last.kind != "cond" or last.operands[2] != "0" or \
                last.operands[0] not in ("eq_expr", "ne_expr"):
            return None, None
        when = 1 if last.operands[0] == "eq_expr" else 0
        tree = self.program.tree(function, last.operands[1])
        while tree[0] == "name" and self.called(function, tree[1]) == "__builtin_expect":
            tree = self.program.tree(function, function.defs[tree[1]].operands[0])
        while tree[0] not in ("load", "param", "name", "text", "field"):
            when ^= tree[0] in ("bit_not_expr", "truth_not_expr")
            if tree[0] == "bit_ior_expr":
                return self.any_of(tree[1:]), when
            tree = tree[1] if isinstance(tree[1], tuple) else ("text", "")
        if tree[0] == "load" and tree[1][0] == "field":
            return tree[1][2], when
        called = self.called(function, tree[1]) if tree[0] == "name" else None
        return (called, when) if called else (None, None)

    @staticmethod
    def any_of(trees):
        """The fields of an "or", by their names; None if one of them is no field."""
        fields = [t[1][2] for t in trees if t[0] == "load" and t[1][0] == "field"]
        return "|".join(fields) if len(fields) == len(trees) else None

    @staticmethod
    def called(function, name):
        """The function whose result a name is, if it is one."""
        s = function.defs.get(name)
        return s.code if s is not None and s.kind == "call" else None

    def tree(self, function, operand, arguments):
        """What an operand is, as the outermost caller knows it."""
        tree = self.program.tree(function, operand)
        return tree if arguments is None else substitute(tree, arguments)

    def field(self, tree):
        """The name of the field that an address leads to."""
        while tree[0] not in ("field", "param", "name", "text", "variable", "global"):
            tree = tree[1]
        return tree[2] if tree[0] == "field" else "?"

    def strength(self, name):
        """How strongly an accessor is ordered, as its own code says."""
        accessor = self.program.by_name[name]
        found = {STRENGTH.get(s.operands[-1], "?") for s in accessor.statements()
                 if s.kind == "call" and ATOMIC.match(s.code)}
        return found.pop() if len(found) == 1 else "?"

    def is_full_fence(self, name):
        """Does folio_shared_fence() wait for stores and loads?"""
        return any(s.kind == "call" and (s.code == "__builtin_ia32_mfence" or
                                         s.code == "__atomic_thread_fence" and s.operands == ["5"])
                   for s in self.program.by_name[name].statements())

    def is_read_fence(self, name):
        """Does folio_read_fence() keep loads in order? Processors of x86 do so anyway."""
        return any(s.code in ("__atomic_signal_fence", "__atomic_thread_fence") and
                   STRENGTH.get(s.operands[0]) in ("acquire", "acq_rel", "seq_cst")
                   for s in self.program.by_name[name].statements() if s.kind == "call")

    def event(self, function, s, arguments):
        """The event that a call is, None if it is to be followed."""
        def where():
            return self.field(self.tree(function, s.operands[0], arguments))

        atomic = ATOMIC.match(s.code)
        if FETCH.match(s.code):
            return f"load {self.strength(s.code)} {where()}"
        if PUT.match(s.code):
            return f"store {self.strength(s.code)} {where()}"
        if atomic:
            return f"{atomic.group(1)} {STRENGTH.get(s.operands[-1], '?')} {where()}"
        if s.code == "folio_shared_fence":
            return "fence full" if self.is_full_fence(s.code) else "fence none"
        if s.code == "folio_read_fence":
            return "fence read" if self.is_read_fence(s.code) else "fence none"
        if s.code == "__atomic_signal_fence":
            return "fence signal"
        if s.code == "syscall":
            asked = tuple(self.tree(function, o, arguments)[-1] for o in s.operands[:2])
            return "membarrier" if asked == MEMBARRIER else f"syscall {asked[0]}"
        kernel = self.program.kernel_of(function, s)
        if kernel:
            return f"copy {kernel}"
        callee = self.program.callee(function, s.code)
        if callee is None or not callee.is_ours() or callee.is_trusted() or SSA.match(s.code) or \
                s.code in OPAQUE:
            return f"call {s.code}"
        return None

    def statement(self, function, s, arguments, before, stack):
        """Add what a statement does; returns the last events."""
        if s.kind != "call":
            return before
        event = self.event(function, s, arguments)
        if event is not None:
            return {self.node(event, before)}
        callee = self.program.callee(function, s.code)
        if callee.name in stack:
            return before
        begin = self.node(f"call {s.code}", before)
        given = [self.tree(function, o, arguments) for o in s.operands]
        return self.inline(callee, given, {begin}, (*stack, callee.name))

    def find(self, pattern):
        """The events of such a text."""
        return {n for n, text in self.text.items() if fnmatch.fnmatchcase(text, pattern)}

    def reach(self, start, without=frozenset()):
        """All that may follow, `without` entering some."""
        seen, work = set(), [n for s in start for n in self.next[s]]
        while work:
            n = work.pop()
            if n not in seen and n not in without:
                seen.add(n)
                work.extend(self.next[n])
        return seen


class Orders:
    """The rules, on a program."""

    def __init__(self, functions):
        self.program = Program(functions)
        self.program.resolve()
        self.graphs = {}

    def graph(self, name):
        """Of the function, from the unit that defines it."""
        if name not in self.graphs:
            function = self.program.by_name.get(name)
            if function is None or not function.is_ours() or not function.blocks:
                return None
            self.graphs[name] = Graph(self.program, function)
        return self.graphs[name]

    @staticmethod
    def behind(graph, a, b):
        """No `b` on a path without `a`."""
        return not graph.find(b) & graph.reach({0}, graph.find(a))

    @staticmethod
    def never(graph, a, b):
        """No `b` behind `a`."""
        return not graph.find(b) & graph.reach(graph.find(a))

    @staticmethod
    def between(graph, a, x, b, *unless):
        """From `a` to `b` by `x` only, but for where something is known; and there is such a way."""
        without = set().union(*(graph.find(pattern) for pattern in (x, *unless)))
        return bool(graph.find(b) & graph.reach(graph.find(a))) and \
            not graph.find(b) & graph.reach(graph.find(a), without)

    @staticmethod
    def ends(graph, a, x):
        """Behind `a` the function does not return without `x`; and there is an `a`."""
        return bool(graph.find(a)) and not graph.ends & graph.reach(graph.find(a), graph.find(x))

    @staticmethod
    def some(graph, a):
        """It happens."""
        return bool(graph.find(a))

    @staticmethod
    def only(graph, a):
        """It happens, and no such access in another strength."""
        what, _, field = a.split()
        return bool(graph.find(a)) and graph.find(f"{what} * {field}") == graph.find(a)

    def holds(self, rule):
        """Does the code keep a rule?"""
        graph = self.graph(rule.function)
        return graph is not None and getattr(self, rule.kind)(graph, *rule.events)

    def broken(self):
        """The rules that do not hold, a line each."""
        lines = []
        for rule in RULES:
            if self.graph(rule.function) is None:
                lines.append(f"{rule.function} is gone: fit RULES in tests/proof/order.py")
            elif not self.holds(rule):
                lines.append(f"{rule.function}: {rule.kind}: {', '.join(rule.events)}")
        return list(dict.fromkeys(lines))

    def missing(self, model):
        """What the code lacks of what a model assumes, as definitions for spin."""
        return [name for name, rules in MODELS[model].items()
                if not all(self.holds(rule) for rule in rules)]

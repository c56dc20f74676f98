# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""Proofs about the core: docs/proof.md says what they say. Frama-C, why3, provers and spin do them."""

import os
import re
import shutil
import sys
import unittest

import order
import tools
from onefetch.units import flags, read_units

PROVERS = ("frama-c", "why3", "cvc4", "z3", "gcc")
CHECKERS = ("spin", "gcc")      # of the models: ./run test has these only, as the others are large

# Queues, slots a ring, payload of a slot: the smallest and the largest of each, and some between.
GEOMETRIES = [(1, 64, 256), (64, 64, 256), (1, 2048, 2048), (3, 128, 1500), (2, 64, 65536),
              (1, 32768, 256), (64, 32768, 65536)]

# Buffers of a virtqueue, bytes of data in one, longest frame.
VIRTQUEUES = [(1, 64, 64), (8, 256, 65535), (256, 2048, 1518), (32768, 64, 65535)]

# Descriptors of a virtual function's ring, bytes from buffer to buffer.
CARD_RINGS = [(64, 1024), (64, 65600), (1024, 2112), (4096, 9280)]

# The code under proof: every function that is defined in it has to be proved or reached.
FILES = ["boundary/copy_isa.c", "boundary/copy_kernel.h", "boundary/gate.h", "boundary/shared.h",
         "count.h", "error.h", "native/burst.c", "native/layout.c", "native/layout.h",
         "native/ring.c", "native/ring.h", "native/session.c", "vf/advq.c", "vf/advq.h", "virtio/header.h",
         "virtio/judge.c", "virtio/packed.c", "virtio/packed.h", "virtio/queue.c", "virtio/queue.h",
         "virtio/split.c", "virtio/split.h"]
# ... but for these, which nothing in these files calls.
ELSEWHERE = {
    "folio_counted": "one load, for lib/queue.c",
    "are_chains": "as folio_virtq_valid",
    "folio_virtq_valid": "for tests: private memory only",
    "folio_advq_valid": "for tests: private memory only",
    "is_permutation": "as folio_virtq_valid",
    "folio_kernel_move": "another instruction set: tests/unit/test_copy.c",
    "folio_kernel_move16": "another instruction set: tests/unit/test_copy.c",
    "folio_kernel_small": "another instruction set: tests/unit/test_copy.c",
}
# Statements that Frama-C's own form of the program adds behind the last return of a switch or loop.
ADDED = {"folio_session_step": 1, "refusal_code": 4}

# Known alarms, by their text, each with the reason why it is none. There are none.
EXPLAINED = {}


def missing(programs):
    """Those of them that are not installed."""
    return [p for p in programs if not shutil.which(p)]


class Analyses:
    """Each analysis runs once, when it is first asked for."""

    done = {}

    @classmethod
    def get(cls, name, call, *args):
        """The result of call(*args)."""
        if name not in cls.done:
            cls.done[name] = call(*args)
        return cls.done[name]

    @classmethod
    def wp(cls):
        """Goals by function."""
        return cls.get("wp", tools.wp)

    @classmethod
    def eva(cls):
        """Every analysis of values."""
        found = {"layout": cls.get("layout", tools.eva_layout),
                 "session": cls.get("session", tools.eva_session)}
        for geometry in GEOMETRIES:
            name = "rings_" + "x".join(map(str, geometry))
            found[name] = cls.get(name, tools.eva_rings, *geometry)
        for queue in VIRTQUEUES:
            name = "virtq_" + "x".join(map(str, queue))
            found[name] = cls.get(name, tools.eva_virtq, *queue)
        for ring in CARD_RINGS:
            name = "advq_" + "x".join(map(str, ring))
            found[name] = cls.get(name, tools.eva_advq, *ring)
        return found

    @classmethod
    def coverage(cls):
        """Most statements reached of each function, in any of the analyses."""
        best = {}
        for analysis in cls.eva().values():
            for name, (done, total) in analysis.reached.items():
                best[name] = max(best.get(name, (0, 0)), (done, total))
        return best


def functions():
    """Names of the functions in FILES."""
    names = set()
    for name in FILES:
        with open(os.path.join(tools.ROOT, "lib", name), encoding="utf-8") as file:
            names.update(re.findall(r"^([a-z]\w*)\(.*(?:\n\t.*)?\n\{", file.read(), re.M))
    return sorted(names)


@unittest.skipIf(missing(PROVERS), f"not installed: {missing(PROVERS)}")
class Contracts(unittest.TestCase):
    """WP: the contracts of the rings and virtqueues, for every geometry."""

    def prove(self, owner):
        """All goals of a function, of which there are some."""
        goals = Analyses.wp().get(owner, {})
        self.assertTrue(goals, "no goals")
        self.assertEqual([name for name, proved in goals.items() if not proved], [])

    def test_lemmas(self):
        """What the provers are told on the way is proved as well."""
        self.prove("lemma")

    def test_admitted_lemmas(self):
        """What only holds for bits is proved on bits."""
        log, status = tools.run(["z3", os.path.join(tools.HERE, "mask.smt2")])
        self.assertEqual((log.split(), status), (["unsat"] * 6, 0))


@unittest.skipIf(missing(PROVERS), f"not installed: {missing(PROVERS)}")
class Values(unittest.TestCase):
    """EVA: no access, no arithmetic and no value that is undefined."""

    def analyse(self, analysis):
        """No alarm that is not explained, and as many as the summary says."""
        unexplained = [a for a in analysis.alarms if not any(e in a for e in EXPLAINED)]
        self.assertEqual(unexplained, [])
        self.assertEqual(analysis.count, len(analysis.alarms))

    def reach(self, name):
        """A function is proved by WP, or all of its statements were looked at."""
        if name in ELSEWHERE or name in tools.contracts():
            return
        done, total = Analyses.coverage().get(name, (0, 0))
        self.assertGreater(done, 0, "not reached")
        self.assertEqual(total - done, ADDED.get(name, 0), "statements that were not reached")

    def test_layout(self):
        """Any geometry."""
        self.analyse(Analyses.get("layout", tools.eva_layout))

    def test_session(self):
        """Any calls, any peer."""
        self.analyse(Analyses.get("session", tools.eva_session))

    def test_every_layout(self):
        """What the contracts take as given of a layout, by looking at every one."""
        log, status = tools.layouts()
        self.assertEqual((log, status), ("653440 layouts\n", 0))


@unittest.skipIf(missing(CHECKERS), f"not installed: {missing(CHECKERS)}")
class Order(unittest.TestCase):
    """spin: two sides on a weakly ordered machine."""

    states = 0

    @staticmethod
    def code():
        """The order of accesses in the core as it is."""
        jobs = [(name, flags(tools.ROOT), tools.ROOT) for name in order.UNITS
                if name.startswith("lib/")]
        read = read_units(jobs, tools.ROOT)
        return order.Orders([f for functions, _ in read for f in functions])

    def holds(self, model, *defines):
        """No counterexample, of a model that lacks what the code lacks."""
        lacks = Analyses.get("order", self.code).missing(model)
        errors, states = tools.spin(model, *defines, *lacks)
        self.assertEqual(errors, 0)
        Order.states += states

    def fails(self, model, *defines):
        """What was taken away is missed."""
        self.assertEqual(tools.spin(model, *defines)[0], 1)


def add(case, name, method, *args):
    """One test method, called test_<name>."""
    def test(self):
        method(self, *args)

    setattr(case, "test_" + name, test)


def add_proofs():
    """A test a function, a geometry."""
    for name in tools.contracts():
        add(Contracts, "contract_" + name, Contracts.prove, name)
    for name in functions():
        add(Values, "reached_" + name, Values.reach, name)
    for queues, ring, slot in GEOMETRIES:
        name = f"rings_{queues}x{ring}x{slot}"
        add(Values, name, lambda self, n=name: self.analyse(Analyses.eva()[n]))
    for queue in VIRTQUEUES:
        name = "virtq_" + "x".join(map(str, queue))
        add(Values, name, lambda self, n=name, q=queue: self.analyse(Analyses.get(n, tools.eva_virtq, *q)))
    for ring in CARD_RINGS:
        name = "advq_" + "x".join(map(str, ring))
        add(Values, name, lambda self, n=name, r=ring: self.analyse(Analyses.get(n, tools.eva_advq, *r)))


def add_models():
    """A test a model, and one for each thing that it cannot do without."""
    for size, lag, need in ((2, 1, 1), (2, 2, 2), (3, 1, 1), (3, 2, 1), (4, 2, 3)):
        add(Order, f"model_ring_of_{size}_lag_{lag}_need_{need}", Order.holds, "ring.pml",
            f"SIZE={size}", f"LAG={lag}", f"NEED={need}")
    for gone in ("RELEASE_PRODUCED", "ACQUIRE_PRODUCED", "RELEASE_CONSUMED", "ACQUIRE_CONSUMED"):
        add(Order, "model_ring_without_" + gone.lower(), Order.fails, "ring.pml", "NO_" + gone)
    add(Order, "model_ring_without_idle_publish", Order.fails, "ring.pml", "NO_IDLE_PUBLISH", "LAG=2",
        "NEED=2")
    add(Order, "model_gate", Order.holds, "gate.pml")
    add(Order, "model_gate_fenced", Order.holds, "gate.pml", "FENCED")
    for gone in ("MEMBARRIER", "ACQUIRE_OPEN", "RELEASE_OPEN", "RELEASE_BUSY", "ACQUIRE_BUSY"):
        add(Order, "model_gate_without_" + gone.lower(), Order.fails, "gate.pml", "NO_" + gone)
    add(Order, "model_gate_fenced_without_fence", Order.fails, "gate.pml", "FENCED", "NO_FENCE")
    add(Order, "model_epoch", Order.holds, "epoch.pml")
    for gone in ("RECHECK", "READ_FENCE", "NEW_GENERATION", "WRITE_FENCE"):
        add(Order, "model_epoch_without_" + gone.lower(), Order.fails, "epoch.pml", "NO_" + gone)
    add(Order, "model_session", Order.holds, "session.pml", "GENERATIONS=4")
    for gone in ("RELEASE_ACK", "ACQUIRE_ACK", "RESET", "SETTLE", "NAME_LAST"):
        add(Order, "model_session_without_" + gone.lower(), Order.fails, "session.pml", "NO_" + gone)
    for way in ((), ("TRANSMIT",)):
        for model, more in (("split", ()), ("packed", ("FIRST_LAST",))):
            name = "_".join(["model_virtq", model, *(w.lower() for w in way)])
            for size in (2, 3, 4):
                add(Order, f"{name}_of_{size}", Order.holds, model + ".pml", f"SIZE={size}", *way)
            for gone in ("ACQUIRE", "RELEASE", "DEVICE_ACQUIRE", "DEVICE_RELEASE", *more):
                add(Order, f"{name}_without_{gone.lower()}", Order.fails, model + ".pml",
                    "NO_" + gone, *way)


def tearDownModule():
    """The numbers."""
    if "wp" in Analyses.done:
        goals = [p for g in Analyses.done["wp"].values() for p in g.values()]
        print(f"WP: {len(tools.contracts())} functions, {sum(goals)} of {len(goals)} goals proved",
              file=sys.stderr)
    runs = [a for a in Analyses.done.values() if isinstance(a, tools.Eva)]
    if runs:
        known = {n: r for n, r in Analyses.coverage().items()
                 if n in functions() and n not in tools.contracts()}
        done, total = (sum(r[i] for r in known.values()) for i in (0, 1))
        for name, reached in sorted(known.items()):
            print(f"EVA: {name}: {reached[0]} of {reached[1]} statements", file=sys.stderr)
        print(f"EVA: {len(runs)} analyses, {len(known)} functions, {done} of {total} statements "
              f"({100 * done / total:.1f} %), {sum(a.count for a in runs)} alarms", file=sys.stderr)
    print(f"spin: {Order.states} states", file=sys.stderr)


if not missing(PROVERS):
    add_proofs()
if not missing(CHECKERS):
    add_models()

if __name__ == "__main__":
    tools.main()

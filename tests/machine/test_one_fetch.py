# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""The one-fetch check finds what it is there for, and nothing else.

Each case is a copy of the sources with one change. argv[1] is a build folder: its flags are used.
With $FOLIO_TEST_ALL all of the cases, else every third of each class.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
sys.path.insert(0, os.path.join(ROOT, "scripts"))

from onefetch.paths import Program  # noqa: E402
from onefetch.units import commands, moved, read_unit, read_units  # noqa: E402

BUILD = sys.argv.pop(1) if len(sys.argv) > 1 else "build"
ALL = bool(os.environ.get("FOLIO_TEST_ALL"))
BURST = "drivers/net/folio/folio_native_burst.c"


def copy_sources(target):
    """What the check reads."""
    for folder in ("lib", "include", "drivers", "scripts"):
        shutil.copytree(os.path.join(ROOT, folder), os.path.join(target, folder))


class Sources:
    """A copy of the sources whose files can be changed one at a time."""

    def __init__(self):
        self.temp = tempfile.mkdtemp(prefix="folio-one-fetch-test.")
        self.root = os.path.realpath(self.temp)
        copy_sources(self.root)
        chosen, seen = [], set()
        for job in commands(BUILD, ROOT):
            if job[0] not in seen and (job[0].startswith("lib/") or job[0] == BURST):
                seen.add(job[0])
                chosen.append(job)
        self.jobs = moved(chosen, ROOT, self.root, os.path.realpath(BUILD))
        self.units = read_units(self.jobs, self.root)

    def check(self, file=None, units=(), *changes):
        """What is found after changes (old, new) of a file that these units are made of."""
        path = os.path.join(self.root, file) if file else None
        read = list(self.units)
        if path is not None:
            with open(path, encoding="utf-8") as source:
                before = source.read()
            after = before
            for old, new in changes:
                if after.count(old) != 1:
                    raise AssertionError(f"{file} has {after.count(old)} times: {old}")
                after = after.replace(old, new)
            try:
                with open(path, "w", encoding="utf-8") as source:
                    source.write(after)
                for i, job in enumerate(self.jobs):
                    if job[0] in (units or (file,)):
                        read[i] = read_unit(job, self.root)
            finally:
                with open(path, "w", encoding="utf-8") as source:
                    source.write(before)
        return Program([f for functions, _ in read for f in functions]).judge()


SOURCES = None


def setUpModule():
    """Read the unchanged sources once."""
    global SOURCES  # pylint: disable=global-statement
    SOURCES = Sources()


def tearDownModule():
    """Leave nothing."""
    shutil.rmtree(SOURCES.temp)


class Case(unittest.TestCase):
    """Changes that are found, and changes that are not."""

    longMessage = True

    def found(self, expect, file, *changes, units=()):
        """The change is reported, once, with its place."""
        lines = SOURCES.check(file, units, *changes)
        self.assertTrue(lines, "nothing was found")
        text = "\n".join(lines)
        self.assertRegex(text, expect)
        for line in lines:
            self.assertRegex(line, r"^(lib|drivers)/[\w/]+\.[ch]:\d+: error: ")
        return lines

    def accepted(self, file, *changes, units=()):
        """The change is not reported."""
        self.assertEqual(SOURCES.check(file, units, *changes), [])


class SecondFetch(Case):
    """One field, twice on a path."""

    def test_unchanged_sources(self):
        self.accepted(None)

    def test_length_after_the_check(self):
        line = self.found(r"folio_recv fetches .*desc\[\].* a second time",
                          "lib/native/burst.c", ("bufs[got++].len = len;",
                                          "bufs[got++].len = (uint32_t)folio_cons_desc(c, head);"))
        self.assertEqual(len(line), 1)
        self.assertRegex(line[0], r"first at lib/native/ring\.h:\d+")

    def test_length_after_the_check_in_the_driver(self):
        self.found(r"receive_row fetches .* a second time", BURST,
                   ("\t\tlen = (uint32_t)desc;", "\t\tlen = (uint32_t)folio_cons_desc(c, at);"))

    def test_in_a_callee_that_is_not_inline(self):
        self.found(r"receive(_mixed)? fetches .* a second time", BURST,
                   ("folio_cons_judge(&end->ring, desc, head, frame)",
                    "folio_cons_judge(&end->ring, folio_cons_desc(&end->ring, head), head,"
                    " frame)"))

    def test_through_a_helper(self):
        self.found(r"folio_recv fetches .* a second time", "lib/native/burst.c",
                   ("uint16_t\nfolio_recv(",
                    "static uint32_t\nlength_at(struct folio_cons *c, uint32_t at)\n{\n"
                    "\treturn (uint32_t)folio_fetch64(&c->desc[at & c->mask]);\n}\n\n"
                    "uint16_t\nfolio_recv("),
                   ("frame.len <= bufs[got].room", "length_at(c, head) <= bufs[got].room"))

    def test_on_one_of_two_paths(self):
        self.found(r"folio_cons_refresh fetches c->produced a second time", "lib/native/ring.c",
                   ("\tavail = produced - c->head;",
                    "\tif (produced == 0)\n\t\tproduced = folio_fetch32(c->produced);\n"
                    "\tavail = produced - c->head;"))

    def test_spinning_on_an_index(self):
        self.found(r"folio_prod_refresh fetches p->consumed a second time", "lib/native/ring.c",
                   ("\tconsumed = folio_fetch32_acquire(p->consumed);",
                    "\tdo\n\t\tconsumed = folio_fetch32_acquire(p->consumed);\n"
                    "\twhile (consumed == p->seen);"))

    def test_header_looked_at_twice_a_step(self):
        self.found(r"folio_session_step fetches s->peer->state a second time", "lib/native/session.c",
                   ("\tlook(&v, s->peer);\n", "\tlook(&v, s->peer);\n\tlook(&v, s->peer);\n"))

    def test_state_behind_the_private_copy(self):
        self.found(r"folio_session_step fetches s->peer->state a second time", "lib/native/session.c",
                   ("\ts->peer_refusal = v.refusal;",
                    "\ts->peer_refusal = v.refusal;\n"
                    "\tif (folio_fetch32(&s->peer->state) == 0)\n\t\treturn FOLIO_DO_NOTHING;"))

    def test_used_index_of_a_virtqueue(self):
        self.found(r"folio_split_refresh fetches .*idx a second time", "lib/virtio/split.c",
                   ("\tq->seen = idx;", "\tq->seen = folio_fetch16(&q->back->idx);"))

    def test_header_of_a_received_frame(self):
        self.found(r"folio_virtq_judge fetches .*num_buffers a second time", "lib/virtio/judge.c",
                   ("\tframe->bufs = bufs;", "\tframe->bufs = folio_virtq_num_buffers(q, s);"))

    def test_element_of_a_virtqueue_past_the_accessor(self):
        self.found(r"folio_split_reclaim reads shared memory directly", "lib/virtio/split.c",
                   ("id = (uint32_t)folio_fetch64(&c.elem[used & c.mask]);",
                    "id = *(const uint32_t *)&q->elem[used & q->mask];"))

    def test_payload_of_a_virtqueue(self):
        self.found(r"folio_virtq_rx_piece reads shared memory directly", "lib/virtio/queue.c",
                   ("\t\texact(to, folio_virtq_buf(q,",
                    "\t\tlen -= folio_virtq_buf(q, s)[FOLIO_VIRTQ_LINE];\n"
                    "\t\texact(to, folio_virtq_buf(q,"))

    def test_fetch_in_both_branches(self):
        self.accepted("lib/native/ring.c",
                      ("\tconsumed = folio_fetch32_acquire(p->consumed);",
                       "\tif (p->head == 0)\n\t\tconsumed = folio_fetch32(p->consumed);\n"
                       "\telse\n\t\tconsumed = folio_fetch32_acquire(p->consumed);"))

    def test_two_slots(self):
        self.accepted("lib/native/burst.c",
                      ("bufs[got++].len = len;",
                       "bufs[got++].len = len + (uint32_t)folio_cons_desc(c, head + 1);"))

    def test_the_slot_after_the_index_moved(self):
        self.accepted("lib/native/burst.c",
                      ("\t\tfolio_cons_commit(c, head);\n\telse\n\t\tgot = 0;\n",
                       "\t\tgot += folio_cons_desc(c, c->head) == 1;\n"
                       "\tfolio_cons_commit(c, head);\n"
                       "\tgot += folio_cons_desc(c, c->head) == 1;\n"))


# A function in front of folio_recv(), which calls it where it has fetched the descriptor already.
BEFORE_RECV = "uint16_t\nfolio_recv("
LENGTH = "bufs[got++].len = len;"


class Detours(Case):
    """The pointer takes another way before it is used."""

    def by(self, expect, helper, use, *, declare=""):
        """`helper` in front of folio_recv(), `use` in place of the length that was checked."""
        self.found(expect, "lib/native/burst.c", (BEFORE_RECV, helper + "\n\n" + BEFORE_RECV),
                   (LENGTH, "bufs[got++].len = (uint32_t)(" + use + ");"),
                   ("\tuint32_t head, avail;\n", "\tuint32_t head, avail;\n" + declare))

    def test_cast_into_a_named_pointer(self):
        self.by("folio_recv reads shared memory directly", "#include <string.h>",
                "d[head & c->mask] + d[head & c->mask]",
                declare="\tconst uint64_t *d = (const uint64_t *)c->desc;\n")

    def test_cast_into_a_pointer_of_another_width(self):
        self.by("folio_recv reads shared memory directly", "#include <string.h>",
                "d[4 * (head & c->mask)]", declare="\tconst uint16_t *d = (const void *)c->desc;\n")

    def test_integer(self):
        self.by("folio_recv reads shared memory directly", "#include <string.h>",
                "*(const uint32_t *)d", declare="\tuintptr_t d = (uintptr_t)c->produced;\n")

    def test_named_pointer_and_the_accessor(self):
        """No direct access, but twice, and once by a pointer of another name."""
        self.by(r"folio_recv fetches .*desc\[\].* a second time", "#include <string.h>",
                "folio_fetch64(&d[head & c->mask])", declare="\tfolio_wire_desc *d = (void *)(uintptr_t)c->desc;\n")

    def test_out_parameter(self):
        self.by("folio_recv reads shared memory directly",
                "static __attribute__((noinline)) void\n"
                "where(const struct folio_cons *c, const uint64_t **out)\n{\n"
                "\t*out = (const uint64_t *)c->desc;\n}",
                "(where(c, &d), d[head & c->mask])", declare="\tconst uint64_t *d;\n")

    def test_out_parameter_and_the_accessor(self):
        self.by(r"folio_recv fetches .*desc\[\].* a second time",
                "static __attribute__((noinline)) void\n"
                "where(const struct folio_cons *c, const folio_wire_desc **out)\n{\n"
                "\t*out = c->desc;\n}",
                "(where(c, &d), folio_fetch64(&d[head & c->mask]))",
                declare="\tconst folio_wire_desc *d;\n")

    def test_pointer_to_the_pointer(self):
        self.by("at reads shared memory directly",
                "static __attribute__((noinline)) uint64_t\nat(const uint64_t **d, uint32_t i)\n"
                "{\n\treturn (*d)[i];\n}",
                "at(&d, head & c->mask)", declare="\tconst uint64_t *d = (const uint64_t *)c->desc;\n")

    def test_global(self):
        self.by("folio_recv reads shared memory directly", "static const uint64_t *spied;",
                "(spied = (const uint64_t *)c->desc, spied[head & c->mask])")

    def test_global_that_another_function_reads(self):
        self.by("spy reads shared memory directly",
                "static const void *spied;\n\nstatic __attribute__((noinline)) uint32_t\n"
                "spy(uint32_t i)\n{\n\treturn ((const uint32_t *)spied)[i];\n}",
                "(spied = c->desc, spy(head & c->mask))")

    def test_global_fetched_twice(self):
        self.by(r"folio_recv fetches spied\[\] a second time",
                "static const folio_wire_desc *spied;\n\n"
                "static __attribute__((noinline)) uint64_t\nspy(void)\n{\n"
                "\treturn folio_fetch64(&spied[7]);\n}",
                "(spied = c->desc, spy() + spy())")

    def test_structure_of_another_name(self):
        self.by("folio_recv reads shared memory directly",
                "struct spied {\n\tstruct {\n\t\tint x;\n\t\tconst uint8_t *bytes;\n\t} in[2];\n};",
                "k.in[1].bytes[8 * (head & c->mask)]",
                declare="\tstruct spied k = {.in[1].bytes = (const uint8_t *)c->desc};\n")

    def test_union(self):
        self.by("folio_recv reads shared memory directly",
                "union spied {\n\tconst folio_wire_desc *desc;\n\tuintptr_t number;\n};",
                "*(const uint64_t *)k.number",
                declare="\tunion spied k = {.desc = c->desc};\n")

    def test_array(self):
        self.by("folio_recv reads shared memory directly", "#include <string.h>",
                "d[n & 1][head & c->mask]",
                declare="\tconst uint64_t *d[2] = {NULL, (const uint64_t *)c->desc};\n")

    def test_memcpy_of_the_pointer(self):
        self.by("folio_recv reads shared memory directly", "#include <string.h>",
                "(memcpy(&d, &c->desc, sizeof(d)), d[head & c->mask])",
                declare="\tconst uint64_t *d;\n")

    def test_memcpy_of_the_structure(self):
        self.by("folio_recv reads shared memory directly", "#include <string.h>",
                "(memcpy(&k, c, sizeof(k)), ((const uint64_t *)k.desc)[head & c->mask])",
                declare="\tstruct folio_cons k;\n")

    def test_copy_kernel(self):
        self.by(r"folio_recv reads .*desc\[\] with a copy kernel", "#include <string.h>",
                "(exact(&d, &c->desc[head & c->mask], sizeof(d)), d)", declare="\tuint64_t d;\n")

    def test_copy_kernel_in_a_helper(self):
        self.by(r"folio_recv reads .*desc\[\] with a copy kernel",
                "static __attribute__((noinline)) uint64_t\n"
                "spy(const void *from, folio_copy_fn exact)\n{\n\tuint64_t d;\n\n"
                "\texact(&d, from, sizeof(d));\n\treturn d;\n}",
                "spy(&c->desc[head & c->mask], exact)")

    def test_recursion(self):
        self.by("spy calls itself and has to do with shared memory",
                "static uint64_t\nspy(const struct folio_cons *c, uint32_t n)\n{\n"
                "\tuint64_t d = folio_fetch64(&c->desc[7]);\n\n"
                "\treturn n == 0 ? d : d + spy(c, n - 1);\n}",
                "spy(c, n)")

    def test_recursion_by_two(self):
        self.by("calls itself and has to do with shared memory",
                "static uint64_t spy(const struct folio_cons *c, uint32_t n);\n\n"
                "static __attribute__((noinline)) uint64_t\n"
                "spy2(const struct folio_cons *c, uint32_t n)\n{\n\treturn spy(c, n - 1);\n}\n\n"
                "static uint64_t\nspy(const struct folio_cons *c, uint32_t n)\n{\n"
                "\treturn n == 0 ? folio_fetch64(&c->desc[7]) : spy2(c, n - 1) + spy2(c, n - 1);\n}",
                "spy(c, n)")

    def test_recursion_without_shared_memory(self):
        self.accepted("lib/native/burst.c",
                      (BEFORE_RECV, "static uint32_t\nspy(uint32_t n)\n{\n"
                       "\treturn n < 2 ? n : spy(n - 1) + spy(n - 2);\n}\n\n" + BEFORE_RECV),
                      (LENGTH, "bufs[got++].len = len + 0 * spy(n);"))

    def test_private_field_of_the_same_name(self):
        """`desc` of another structure, which points to private memory."""
        self.accepted("lib/native/burst.c",
                      (BEFORE_RECV, "struct mine {\n\tconst folio_wire_desc *what;\n"
                       "\tconst uint64_t *desc;\n};\n\n" + BEFORE_RECV),
                      ("\tuint32_t head, avail;\n", "\tuint32_t head, avail;\n"
                       "\tuint64_t own = 1;\n\tstruct mine k = {.desc = &own};\n"),
                      (LENGTH, "bufs[got++].len = len + (uint32_t)(k.desc[0] - *k.desc);"))


class Padded(Case):
    """What goes out is copied to the byte."""

    def test_padded_kernel_in_the_driver(self):
        self.found("passes a padded copy where folio_prod_put needs an exact one", BURST,
                   ("\t\t\tfolio_prod_put(&p, head, rte_pktmbuf_mtod(m, const void *), len,\n"
                    "\t\t\t\t       folio_kernel_exact);",
                    "\t\t\tfolio_prod_put(&p, head, rte_pktmbuf_mtod(m, const void *), len,\n"
                    "\t\t\t\t       folio_kernel_padded);"))

    def test_padded_kernel_in_the_core(self):
        self.found("folio_send passes a padded copy where folio_prod_put needs an exact one",
                   "lib/native/burst.c",
                   ("\tstruct folio_txq *txq = folio_port_txq(f, queue);\n"
                    "\tfolio_copy_fn exact = folio_port_copy(f)->exact;",
                    "\tstruct folio_txq *txq = folio_port_txq(f, queue);\n"
                    "\tfolio_copy_fn exact = folio_port_copy(f)->padded;"))


class DirectAccess(Case):
    """Shared memory by another way than the accessors."""

    def test_raw_member(self):
        self.found(r"lib/native/session\.c:\d+: error: look reads shared memory directly",
                   "lib/native/session.c", ("folio_fetch32(&h->role)", "h->role.raw"))

    def test_raw_member_in_an_inline_function(self):
        self.found(r"lib/native/ring\.h:\d+: error: folio_cons_desc reads shared memory directly",
                   "lib/native/ring.h", ("folio_fetch64(&c->desc[at & c->mask])",
                                  "c->desc[at & c->mask].raw"), units=("lib/native/burst.c",))

    def test_volatile_pointer(self):
        self.found(r"folio_prod_refresh reads shared memory directly", "lib/native/ring.c",
                   ("folio_fetch32_acquire(p->consumed)",
                    "*(const volatile uint32_t *)p->consumed"))

    def test_atomic_load_of_its_own(self):
        self.found(r"passes a pointer into shared memory to __atomic_load_4\(\)", "lib/native/ring.c",
                   ("folio_fetch32_acquire(c->produced)",
                    "__atomic_load_n(&c->produced->raw, __ATOMIC_ACQUIRE)"))

    def test_structure_copy(self):
        self.found(r"look reads shared memory directly", "lib/native/session.c",
                   ("\tv->state = folio_fetch32_acquire(&h->state);",
                    "\tstruct folio_wire_header copy = *h;\n\n"
                    "\tv->state = folio_fetch32_acquire(&copy.state);"))

    def test_memcpy_of_the_header(self):
        self.found(r"look passes a pointer into shared memory to memcpy\(\)", "lib/native/session.c",
                   ("\tv->state = folio_fetch32_acquire(&h->state);",
                    "\tstruct folio_wire_header copy;\n\n\tmemcpy(&copy, h, sizeof(copy));\n"
                    "\tv->state = folio_fetch32_acquire(&copy.state);"))

    def test_small_memcpy(self):
        """Which the compiler turns into a load."""
        self.found(r"look reads shared memory directly", "lib/native/session.c",
                   ("\tv->state = folio_fetch32_acquire(&h->state);",
                    "\tmemcpy(&v->state, &h->state, sizeof(v->state));"))

    def test_write_past_the_accessors(self):
        self.found(r"publish writes shared memory directly", "lib/native/session.c",
                   ("folio_put32(&h->refusal, s->refusal)", "h->refusal.raw = s->refusal"))

    def test_payload_in_the_driver(self):
        self.found(r"receive_row reads shared memory directly", BURST,
                   ("\t\tsum += len;",
                    "\t\tsum += len + (c->data[(at & c->mask) * c->stride] & 1);"))

    def test_payload_through_rte_memcpy(self):
        self.found(r"passes a pointer into shared memory to rte_memcpy\(\)", BURST,
                   ('#include "folio_mbuf.h"',
                    '#include "folio_mbuf.h"\n#include <rte_memcpy.h>'),
                   ("\t\tsum += len;",
                    "\t\tsum += len;\n\t\trte_memcpy(m->buf_addr, c->data, len);"))

    def test_copy_that_is_no_kernel(self):
        self.found(r"folio_recv passes my_copy as a folio_copy_fn", "lib/native/burst.c",
                   ("uint16_t\nfolio_recv(",
                    "static void\nmy_copy(void *dst, const void *src, size_t len)\n{\n"
                    "\t__builtin_memmove(dst, src, len);\n}\n\nuint16_t\nfolio_recv("),
                   ("bufs[got].data, frame.len, exact);", "bufs[got].data, frame.len, my_copy);"))

    def test_function_pointer(self):
        self.found(r"passes a pointer into shared memory to an unknown function", "lib/native/session.c",
                   ("static void\nlook(", "extern int (*spy)(const void *);\n"
                    "int (*spy)(const void *);\n\nstatic void\nlook("),
                   ("\tv->state = folio_fetch32_acquire(&h->state);",
                    "\tv->state = folio_fetch32_acquire(&h->state) + (uint32_t)spy(&h->magic);"))

    def test_assembly(self):
        self.found(r"gives shared memory to assembly code", "lib/native/ring.c",
                   ("\tconsumed = folio_fetch32_acquire(p->consumed);",
                    '\t__asm__ volatile("movl (%1), %0" : "=r"(consumed) : "r"(p->consumed));'))

    def test_address_in_a_message(self):
        self.found(r"passes a pointer into shared memory to (printf|__printf_chk|puts)\(\)",
                   "lib/native/session.c",
                   ("\ts->geom = *geom;", '\ts->geom = *geom;\n\tprintf("%p", peer_area);'))

    def test_private_copy(self):
        """What pread() copied does not change any more."""
        self.accepted("lib/attach.c",
                      ("\tif (folio_session_peek(s, &copy, &g, &generation) <= 0)",
                       "\tif (copy.magic.raw == 1 && copy.magic.raw == copy.ack.raw)\n"
                       "\t\treturn 0;\n"
                       "\tif (folio_session_peek(s, &copy, &g, &generation) <= 0)"))


def load_tests(loader, tests, pattern):
    """By the name of this hook unittest finds it."""
    del pattern
    if ALL:
        return tests
    chosen = unittest.TestSuite()
    for case in [c for c in Case.__subclasses__() if not c.__name__.startswith("_")] + [Build]:
        names = loader.getTestCaseNames(case)
        chosen.addTests(case(name) for i, name in enumerate(names)
                        if case is Build or i % 3 == 0 or "unchanged" in name)
    return chosen


class Build(unittest.TestCase):
    """A build with such a mistake fails."""

    def test_a_build_folder_elsewhere(self):
        """Neither below the sources nor beside them."""
        with tempfile.TemporaryDirectory(prefix="folio-one-fetch-test.") as temp:
            subprocess.run(["meson", "setup", temp, ROOT, "-Ddriver=false", "-Dtests=false"],
                           check=True, capture_output=True)
            done = subprocess.run(["ninja", "-C", temp, "one-fetch.stamp"], check=False,
                                  capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stdout)
            with open(os.path.join(temp, "one-fetch.stamp"), encoding="ascii") as stamp:
                self.assertRegex(stamp.read(), r"^[1-9]\d* functions, [1-9]\d* fields$")

    def test_the_build_fails(self):
        with tempfile.TemporaryDirectory(prefix="folio-one-fetch-test.") as temp:
            copy_sources(temp)
            for name in ("meson.build", "meson_options.txt", "examples", "tools"):
                path = os.path.join(ROOT, name)
                (shutil.copytree if os.path.isdir(path) else shutil.copy)(
                    path, os.path.join(temp, name))
            path = os.path.join(temp, "lib/native/ring.h")
            build = os.path.join(temp, "build")
            subprocess.run(["meson", "setup", build, temp, "-Ddriver=false", "-Dtests=false"],
                           check=True, capture_output=True)
            good = subprocess.run(["ninja", "-C", build, "one-fetch.stamp"], check=False,
                                  capture_output=True, text=True)
            self.assertEqual(good.returncode, 0, good.stdout)
            with open(path, encoding="utf-8") as source:
                text = source.read()
            with open(path, "w", encoding="utf-8") as source:
                source.write(text.replace("folio_fetch64(&c->desc[at & c->mask])",
                                          "c->desc[at & c->mask].raw"))
            plan = subprocess.run(["ninja", "-C", build, "-n"], check=True,
                                  capture_output=True, text=True)
            self.assertRegex(plan.stdout, "one-fetch", "not part of an ordinary build")
            bad = subprocess.run(["ninja", "-C", build, "one-fetch.stamp"], check=False,
                                 capture_output=True, text=True)
            self.assertNotEqual(bad.returncode, 0)
            self.assertTrue(re.search(r"^lib/native/ring\.h:\d+: error: folio_cons_desc reads shared "
                                      "memory directly$", bad.stdout, re.M), bad.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)

# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""The machine code of the bursts: nothing that traps in an SNP guest, no call to a stranger.

Argument: the build folder. The plugin and libfolio of that build are looked at, and plugins that
are built from changed sources, which must not pass.
"""

import functools
import os
import re
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts"))

import machine_code  # noqa: E402
from relink import Changed, PLUGIN  # noqa: E402

BUILD = os.path.realpath(sys.argv.pop(1) if len(sys.argv) > 1 else "build")
BURST = "drivers/net/folio/folio_native_burst.c"
VIRTIO_BURST = "drivers/net/folio/folio_virtio_burst.c"
VF_BURST = "drivers/net/folio/folio_vf_burst.c"
# A line of a slow path of the native bursts.
DISCARD = "\trte_pktmbuf_free_bulk(pkts, n);\n"
ISAS = ("portable", "sse", "avx2", "avx512")

# Who is called outside of the library, and what it does there.
OUTSIDE = {
    "rte_pktmbuf_free_bulk":
        "librte_mbuf: returns sent mbufs without FAST_FREE to their pools, through the pools' ops; "
        "for an mbuf with an external buffer it calls the application's free function",
    "__tls_get_addr":
        "ld.so: where rte_lcore_id() of this thread is, which picks the mempool cache; at a "
        "thread's first use of a library's variables it may allocate",
    "__rte_panic":
        "librte_eal: the assertion in rte_mempool_get_ops(), on the pool's own private number; "
        "nothing that a peer writes gets there",
    "memcpy": "libc: the portable kernels, and copies of a few bytes; no system call",
}

# Source functions with calls through pointers, and where those lead.
POINTERS = {
    "rte_mempool_ops_dequeue_bulk": "the mempool driver's dequeue: by default rte_ring",
    "rte_mempool_ops_enqueue_bulk": "the mempool driver's enqueue: by default rte_ring",
    "rte_memcpy_generic": "a jump table for SSE, inside of the function; copies mbuf pointers",
    "folio_prod_put": "folio_copy_fn: a kernel, looked at here",
    "folio_prod_piece": "folio_copy_fn: a kernel, looked at here",
    "folio_cons_get": "folio_copy_fn: a kernel, looked at here",
    "folio_cons_piece": "folio_copy_fn: a kernel, looked at here",
    "folio_virtq_tx_piece": "folio_copy_fn: a kernel, looked at here",
    "folio_virtq_rx_piece": "folio_copy_fn: a kernel, looked at here",
    "folio_vq_ring": "the transport's notify: the doorbell, a system call, for a device that asks for "
                     "one. Nothing else in a burst enters the kernel",
    "folio_vf_ring": "a store to the card's tail register by the kernel, where the register is not "
                     "mapped: the doorbell of a virtual function",
}


@functools.lru_cache(maxsize=2)
def datapath(path, bursts):
    """Everything that bursts reach: from the tables, and from the core's own bursts."""
    library = machine_code.Library(path)
    roots = []
    tables = [(f"folio_copy_{isa}", 2) for isa in ISAS]
    if bursts:
        tables += [(f"folio_{kind}_burst_{isa}", n) for isa in ISAS
                   for kind, n in (("native", 3), ("virtio", 5), ("vf", 3))]
    for table, entries in tables:
        functions = library.table(table)
        if len(functions) != entries:
            raise AssertionError(f"{table} has {len(functions)} functions, not {entries}")
        roots += functions
    roots += library.named("folio_send") + library.named("folio_recv")
    return machine_code.Datapath(library, roots)


def complaints(path, bursts=True):
    """What is wrong with a library, a line each."""
    found = datapath(path, bursts)
    lines = [f"{name}: {i.address:x}: {i.text}: no such instruction in a burst"
             for name, i in found.bad]
    lines += [f"{', '.join(sorted(callers))}: calls {name}, which is not on the list"
              for name, callers in found.leaves.items() if name not in OUTSIDE]
    lines += [f"{name}: {i.address:x}: {i.text}: a call through a pointer in {origin}"
              for origin, name, i in found.origins() if origin not in POINTERS]
    return lines


class Built(unittest.TestCase):
    """The libraries as built."""

    def test_plugin(self):
        self.assertEqual(complaints(os.path.join(BUILD, PLUGIN)), [])

    def test_libfolio(self):
        self.assertEqual(complaints(os.path.join(BUILD, "lib/libfolio.so"), bursts=False), [])

    def test_everything_is_reached(self):
        """Calls are followed into slow paths, the core and the kernels of each instruction set."""
        found = datapath(os.path.join(BUILD, PLUGIN), True)
        names = found.names()
        for name in ("receive", "transmit", "receive_slow", "transmit_slow",
                     "folio_mbuf_alloc_fewer", "folio_split_refresh", "folio_split_reclaim",
                     "folio_packed_reclaim", "folio_virtq_judge", "folio_vq_ring",
                     "folio_advq_rx_judge", "folio_vf_ring",
                     "folio_prod_refresh", "folio_cons_refresh", "folio_cons_judge",
                     "folio_prod_piece", "folio_cons_piece", "folio_send", "folio_recv"):
            self.assertIn(name, names)
        for name, times in (("receive", 3), ("transmit", 3), ("exact", 1), ("padded", 1)):
            count = sum(found.library.functions[start][0] == name for start in found.reached)
            self.assertEqual(count, times * len(ISAS), f"{name}: not {times} per instruction set")
        # Control, which may do all this, is not part of it.
        self.assertFalse(names & {"folio_open", "folio_tick", "folio_copy_select"})

    def test_lists_are_in_use(self):
        """Nothing is allowed that is not there."""
        found = datapath(os.path.join(BUILD, PLUGIN), True)
        self.assertLessEqual(set(OUTSIDE), set(found.leaves))
        self.assertEqual(set(POINTERS), {origin for origin, _, _ in found.origins()})


class ChangedSources(unittest.TestCase):
    """Plugins from changed sources do not pass: the check sees what it is there for. What is changed
    in the bursts is in one plugin, as to compile them is most of the work."""

    def plugin_complaints(self, *changes):
        """What is wrong with a plugin with these changes (file, old, new); the bursts' are AVX2's."""
        with tempfile.TemporaryDirectory(prefix="folio-disassembly.") as temp:
            changed = Changed(BUILD, temp, changes)
            return complaints(changed.link(PLUGIN, sorted({file for file, _, _ in changes})))

    def refused(self, expect, *changes):
        """The changed plugin is refused for these reasons, each of them, and for no other."""
        lines = self.plugin_complaints(*changes)
        for reason in expect:
            self.assertTrue(any(re.search(reason, line) for line in lines), f"{reason}: {lines}")
        for line in lines:
            self.assertTrue(any(re.search(reason, line) for reason in expect), line)

    def test_unchanged(self):
        same = "extern const struct folio_burst FOLIO_BURST_OPS;"
        self.assertEqual(self.plugin_complaints((BURST, same, same)), [])

    def test_list_of_instructions(self):
        for code in ("cpuid", "rdtscp", "rdpmc", "rdmsr", "inb $0x80, %al", "outl %eax, %dx",
                     "rep insb", "rep outsl", "monitor", "mwait", "umonitor %rax", "umwait %eax",
                     "tpause %eax", "monitorx", "mwaitx", "wbinvd", "invd", "wbnoinvd", "syscall",
                     "sysenter", "int $0x80", "int3", "hlt", "pause", "xgetbv", "rdrand %rax",
                     "vmmcall", "rep vmmcall", "mov %db7, %rax", "ud2"):
            expect = machine_code.Instruction(0, code)
            self.assertTrue(expect.is_forbidden(), code)

    def test_in_the_bursts(self):
        """Instructions in a burst and in a slow path, a stranger, an unknown pointer, a jump out of
        the library, which is a call too; in virtio's burst, and on the way to its doorbell."""
        every = "; ".join(("cpuid", "rdtscp", "inb $0x80, %%al", "rep outsl", "mwaitx", "wbnoinvd",
                           "tpause %%eax", "syscall", "int $0x80", "hlt", "mov %%db7, %%rax"))
        head = "static __rte_noinline void\ndiscard("
        self.refused(
            [r"^receive: .*\brdtsc\b",
             *(rf"^(discard|receive): .*{mnemonic}" for mnemonic in (
                 "cpuid", "rdtscp", "in ", "outsl", "mwaitx", "wbnoinvd", "tpause", "syscall", "int ",
                 "hlt", "%db7")),
             r"^receive_slow: calls (printf|puts|__printf_chk), which is not on the list",
             r"a call through a pointer in transmit", r"calls sched_yield",
             r"^folio_vq_ring: calls syscall"],
            (BURST, "\tn = deliver(q, pkts, n, head, bytes);",
             "\tn = deliver(q, pkts, n, head, bytes + __builtin_ia32_rdtsc());"),
            (BURST, "\tif (!folio_mbuf_takes(q, frame->len))\n",
             '\tprintf("slow %u\\n", frame->len);\n\tif (!folio_mbuf_takes(q, frame->len))\n'),
            (BURST, "extern const struct folio_burst FOLIO_BURST_OPS;",
             "extern const struct folio_burst FOLIO_BURST_OPS;\n"
             "__attribute__((weak)) void (*folio_hook)(void);"),
            (BURST, "static uint16_t\ntransmit(",
             "extern void (*folio_hook)(void);\n\nstatic uint16_t\ntransmit("),
            (BURST, "\t/* Copied: the mbufs have done their work. */", "\tfolio_hook();"),
            (BURST, head, "extern int sched_yield(void);\n\n"
             "static __rte_noinline int\nrest(void)\n{\n\treturn sched_yield();\n}\n\n" + head),
            (BURST, DISCARD, f'\t__asm__ volatile("{every}" ::: "rax", "rbx", "rcx", "rdx");\n'
             "\tn += (uint16_t)rest();\n" + DISCARD),
            ("lib/virtio/vport.c", "\td->ops->notify(", "\tsyscall(39);\n\td->ops->notify("),
            ("lib/virtio/vport.c", "#include <errno.h>", "#include <errno.h>\n#include <unistd.h>"))

    def test_in_the_bursts_of_vf(self):
        self.refused([r"^receive: .*\brdtsc\b"],
                     (VF_BURST, "\trq->stats.packets += p.got;",
                      "\trq->stats.packets += p.got + (__builtin_ia32_rdtsc() == 0);"))

    def test_in_the_core(self):
        self.refused([r"^folio_cons_refresh: .*\bcpuid\b",
                      r"^(folio_prod_refresh|prod_bad_index|prod_give_up): calls syscall"],
                     ("lib/native/ring.c", "\tproduced = folio_fetch32_acquire(c->produced);",
                      '\t__asm__ volatile("cpuid" ::: "rax", "rbx", "rcx", "rdx");\n'
                      "\tproduced = folio_fetch32_acquire(c->produced);"),
                     ("lib/native/ring.c", '#include "native/ring.h"',
                      '#include "ring.h"\n#include <unistd.h>'),
                     ("lib/native/ring.c", "\tp->seen = p->head - p->size;",
                      "\tp->seen = p->head - p->size;\n\tsyscall(39);"))

    def test_in_the_bursts_of_virtio(self):
        self.refused([r"^receive: .*\brdtsc\b"],
                     (VIRTIO_BURST, "\trq->stats.packets += p.got;",
                      "\trq->stats.packets += p.got + (__builtin_ia32_rdtsc() == 0);"))


if __name__ == "__main__":
    unittest.main(verbosity=2)

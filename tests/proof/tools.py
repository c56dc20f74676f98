# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""How the provers are run, and how their answers are read."""

import os
import re
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.append(os.path.join(ROOT, "scripts"))

import ending  # noqa: E402

# Seconds for one goal of WP. Most take less than one; it only bounds what cannot be proved.
PATIENCE = 120


def run(argv, **kwargs):
    """Output (both streams) and exit status of a program."""
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, **kwargs)
    return done.stdout, done.returncode


def main():
    """Run the tests of the calling program, a line each."""
    sys.exit(ending.run("proof", lambda: unittest.main(verbosity=2)))


def frama_c(root, sources, defines, options, contracts):
    """Frama-C on shipped sources of the tree `root` and harnesses of this folder."""
    files = [os.path.join(root if name.startswith("lib/") else HERE, name) for name in sources]
    includes = [f"-I{root}/lib", f"-I{root}/include", f"-I{HERE}", "-D_GNU_SOURCE",
                f"-include {HERE}/shim.h"]
    if contracts:
        includes.append(f"-include {HERE}/{contracts}")
    includes += [f"-D{name}={value}" for name, value in defines.items()]
    with tempfile.TemporaryDirectory(prefix="folio-proof-") as folder:
        # Frama-C does not remove its temporary files when it is interrupted.
        env = dict(os.environ, WHY3CONFIG=os.path.join(folder, "why3.conf"), TMPDIR=folder)
        if "-wp" in options:
            log, status = run(["why3", "config", "detect"], env=env, cwd=folder)
            if status != 0:
                raise RuntimeError(log)
        log, status = run(["frama-c", "-c11", "-machdep", "gcc_x86_64",
                           "-cpp-extra-args=" + " ".join(includes), *files, *options],
                          env=env, cwd=folder)
    if status != 0:
        raise RuntimeError(log)
    return log


# WP: contracts of lib/native/ring.[ch] and of lib/virtio/, every geometry.

# A source, what is put in front of it, where the contracts of its functions are, and how those are
# named, its headers' among them. Where that is empty it has all that no other source has.
RING = "lib/native/ring.c"
UNITS = {
    RING: ("contracts.h", ["contracts.h", "pieces.h"], ""),
    "lib/virtio/queue.c": ("contracts_virtq.h", ["contracts_virtq.h", "pieces_virtq.h"], ""),
    "lib/virtio/judge.c": ("contracts_virtq.h", ["contracts_virtq.h"],
                           "next_buffer|has|keep_len|by_length"),
    "lib/virtio/split.c": ("contracts_virtq.h", ["contracts_virtq.h"], r"folio_split_\w+"),
    "lib/virtio/packed.c": ("contracts_virtq.h", ["contracts_virtq.h"], r"folio_packed_\w+"),
    "lib/vf/advq.c": ("contracts_advq.h", ["contracts_advq.h"], r"folio_advq_\w+"),
}
LEMMAS = {
    RING: "mul_mono,slot_in_ring,slot_offset,ring_bytes,whole_lines",
    "lib/virtio/queue.c": "mul_mono,buffer_in_queue,buffer_offset,queue_bytes",
}


def contracts(unit=None):
    """Names of the functions that have a contract, of one source or of all."""
    if unit is None:
        return sorted({name for u in UNITS for name in contracts(u)})
    _, headers, mine = UNITS[unit]
    others = "|".join(only for name, (_, _, only) in UNITS.items() if only and name != unit)
    names = []
    for header in headers:
        with open(os.path.join(HERE, header), encoding="utf-8") as file:
            text = file.read()
        names += re.findall(r"^\*/\n[a-z][\w ]*[ *](\w+)\(", text, re.M)
    return [name for name in names if not name.startswith("proof_") and
            (re.fullmatch(mine, name) if mine else not re.fullmatch(others, name))]


def wp(root=ROOT, functions=None, patience=PATIENCE):
    """Goals by function (and "lemma"): {name: {goal: proved}}."""
    goals = {}
    for unit in UNITS:
        mine = [f for f in contracts(unit) if functions is None or f in functions]
        # A header's function that several sources have is proved once.
        mine = [f for f in mine if f not in goals]
        if mine:
            wp_of(root, unit, mine, patience, goals)
    return goals


def wp_of(root, unit, functions, patience, goals):
    """Add the goals of one source."""
    options = ["-wp", "-wp-model", "Typed+Cast", "-wp-prover", "cvc4,z3", "-wp-timeout", str(patience)]
    log = frama_c(root, [unit], {}, [*options, "-wp-rte", "-wp-par", "2", "-wp-fct",
                                     ",".join(functions)], UNITS[unit][0])
    lemmas = ""
    if unit in LEMMAS:
        lemmas = frama_c(root, [unit], {}, [*options, "-wp-prop", LEMMAS[unit]], UNITS[unit][0])
    own = {}
    for result, name in re.findall(r"^\[wp\] \[([^\]]+)\] Goal (\w+)", log + lemmas, re.M):
        name = name.removeprefix("typed_cast_")
        owner = max((f for f in [*functions, "lemma"] if name.startswith(f + "_")), key=len,
                    default=name)
        own.setdefault(owner, {})[name] = result != "Failed"
    for proved, total in re.findall(r"Proved goals: +(\d+) / (\d+)", log):
        found = sum(len(g) for owner, g in own.items() if owner != "lemma")
        if found != int(total) or (proved != total) != any(
                not all(g.values()) for owner, g in own.items() if owner != "lemma"):
            raise RuntimeError("WP's goals and its summary differ:\n" + log)
    for owner, found in own.items():
        goals.setdefault(owner, {}).update({f"{unit}: {name}": ok for name, ok in found.items()})


# EVA: programs that call what is under proof with anything.

def layout_of(queues, ring, slot):
    """(bytes of an area, longest frame), for areas aligned to 4 KiB; the harness asserts them."""
    def pages(size):
        return -(-size // 4096) * 4096

    stride = (-(-slot // 64) | 1) * 64
    area = 4096 + pages(queues * 256) + queues * (pages(ring * 8) + pages(ring * 32) +
                                                  pages(ring * stride))
    return area, min(ring * stride, 65536)


def split(*names):
    """Options that keep apart what a function did according to what it returned."""
    return ["-eva-split-return-function", ",".join(names)]


class Eva:
    """One analysis: its alarms, and what of each function it has reached."""

    def __init__(self, sources, options, defines=None, contracts_file=None, root=ROOT):
        log = frama_c(root, sources, defines or {},
                      ["-eva", "-eva-no-show-progress", "-eva-msg-key=-initial-state,-final-states",
                       *options, "-then", "-metrics", "-metrics-eva-cover"], contracts_file)
        self.alarms = re.findall(r"^\[eva:alarm\] .*\n(?:  .*\n)*", log, re.M)
        count = re.search(r"^  (\d+) alarms? generated by the analysis", log, re.M)
        unproved = re.findall(r"(\d+) unknown +(\d+) invalid", log)
        if count is None or not unproved:
            raise RuntimeError("no summary:\n" + log)
        self.count = int(count[1]) + sum(int(n) for pair in unproved for n in pair)
        self.reached = {}
        for name, done, total in re.findall(r"^  (\w+): (\d+) stmts out of (\d+)", log, re.M):
            name = re.sub(r"_\d+$", "", name) # a static inline function has a copy a file
            best = self.reached.get(name, (0, 0))
            self.reached[name] = max(best, (int(done), int(total)))


def eva_layout(root=ROOT):
    """Any geometry; here no unsigned number may wrap either."""
    return Eva(["eva_layout.c", "lib/native/layout.c"],
               ["-warn-unsigned-overflow", "-eva-slevel", "200", "-eva-split-return", "full"],
               root=root)


def eva_session(root=ROOT):
    """Any calls, any peer."""
    return Eva(["eva_session.c", "lib/native/session.c", "lib/native/layout.c"],
               ["-eva-slevel", "6", "-eva-auto-loop-unroll", "8", "-eva-split-return", "auto"],
               root=root)


def eva_rings(queues, ring, slot, root=ROOT):
    """One geometry, any indices, any peer."""
    area, longest = layout_of(queues, ring, slot)
    return Eva(["eva_rings.c", "lib/native/ring.c", "lib/native/burst.c", "lib/boundary/copy_isa.c", "lib/native/layout.c"],
               ["-eva-use-spec", "folio_prod_piece,folio_cons_piece", "-eva-domains", "equality",
                "-eva-slevel-function",
                "folio_send:20,folio_frame_slots:4,check_range:9,check_geometry:9,"
                "folio_layout_init:9",
                *split("folio_frame_slots:1", "folio_layout_init:0", "check_range:0",
                       "check_geometry:0")],
               {"QUEUES": queues, "RING": ring, "SLOT": slot, "AREA": area, "LONGEST": longest,
                "FOLIO_COPY_PORTABLE": 1, "FOLIO_COPY_OPS": "folio_copy_portable"},
               "bursts.h", root=root)


def eva_virtq(size, room, longest, root=ROOT):
    """One size, any private indices, any device."""
    return Eva(["eva_virtq.c", "lib/virtio/queue.c", "lib/virtio/split.c", "lib/virtio/packed.c",
                "lib/virtio/judge.c", "lib/boundary/copy_isa.c"],
               ["-eva-slevel", "10", "-eva-use-spec", "folio_virtq_tx_piece,folio_virtq_rx_piece"],
               {"SIZE": f"{size}u", "ROOM": f"{room}u", "MAX_FRAME": f"{longest}u", "FOLIO_COPY_PORTABLE": 1,
                "FOLIO_COPY_OPS": "folio_copy_portable"}, "pieces_virtq.h", root=root)


def eva_advq(size, stride, root=ROOT):
    """One size, any private state, any card."""
    return Eva(["eva_advq.c", "lib/vf/advq.c", "lib/boundary/copy_isa.c"], ["-eva-slevel", "10"],
               {"SIZE": f"{size}u", "STRIDE": f"{stride}u", "FOLIO_COPY_PORTABLE": 1,
                "FOLIO_COPY_OPS": "folio_copy_portable"}, root=root)


# Every layout, by running it.

def layouts(root=ROOT):
    """What the program says, and its exit status."""
    with tempfile.TemporaryDirectory(prefix="folio-proof-") as folder:
        program = os.path.join(folder, "layouts")
        log, status = run(["gcc", "-std=gnu11", "-O2", "-Wall", "-Werror", "-fsanitize=undefined",
                           "-fno-sanitize=pointer-overflow", "-fno-sanitize-recover",
                           f"-I{root}/lib", f"-I{root}/include", f"{HERE}/layouts.c",
                           f"{root}/lib/native/layout.c", "-o", program])
        if status != 0:
            raise RuntimeError(log)
        return run([program])


# spin: models of what two sides do to each other.

def spin(model, *defines):
    """(errors found, states stored) of a model."""
    with tempfile.TemporaryDirectory(prefix="folio-proof-") as folder:
        flags = [f"-D{name}" for name in defines]
        log, status = run(["spin", *flags, "-a", os.path.join(HERE, model)], cwd=folder)
        if status == 0:
            log, status = run(["gcc", "-O0", "-w", "-DSAFETY", "-o", "pan", "pan.c"], cwd=folder)
        if status == 0:
            log, status = run(["./pan", "-m2000000"], cwd=folder)
        found = re.search(r"depth reached \d+, errors: (\d+)", log)
        if status != 0 or found is None or "max search depth too small" in log:
            raise RuntimeError(log)
        return int(found[1]), int(re.search(r"(\d+) states, stored", log)[1])

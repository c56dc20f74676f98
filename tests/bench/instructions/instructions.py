# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""What a packet costs in instructions, and what each protection adds: counted by callgrind.

A count does not depend on the machine's mood, and hardly on the machine: on the compiler, and on
which kernels the emulated CPU makes folio choose. command.py is `./run instructions`.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../.."))
sys.path.insert(0, os.path.join(ROOT, "scripts"))

from relink import Changed, LIBFOLIO, PLUGIN  # noqa: E402

BASELINE = os.path.join(ROOT, "tests/bench/instructions.json")
BURST = "drivers/net/folio/folio_native_burst.c"
VIRTIO_BURST = "drivers/net/folio/folio_virtio_burst.c"

# The sources that the datapath is made of, or that a change below is in.
PLUGIN_PARTS = ("lib/native/ring.c", "lib/queue.c", BURST)
VIRTIO_PARTS = ("lib/virtio/queue.c", "lib/virtio/split.c", "lib/virtio/packed.c", VIRTIO_BURST)
LIBFOLIO_PARTS = ("lib/native/ring.c", "lib/queue.c", "lib/native/burst.c")

SIZES = (64, 256, 1518)
BURSTS = (1, 8, 32)
PACKETS = 4096  # FRAMES of count.h
RING = 2048
LARGE_RING = 32768  # no index reaches its end: places without masks stay inside
TOLERANCE = 0.03
ATTEMPTS = 3  # on a busy machine the driver may find that its device stands still, and reset it

# The burst functions, by program.
FUNCTIONS = {"driver": {"RX": "receive", "TX": "transmit"},
             "core": {"RX": "folio_recv", "TX": "folio_send"}}
# The same of the virtio datapath, by the rings of the device that it finds (count_device.h).
DEVICES = ("split", "packed", "split-merged", "packed-merged")
VIRTIO = {"virtio " + device: FUNCTIONS["driver"] for device in DEVICES}
ALL = {**FUNCTIONS, **VIRTIO}

# What is taken out of a copy of the sources: (file, text, replacement). None of this can be
# switched off in folio itself.
DESCRIPTOR = [("lib/native/ring.h", "\treturn desc - FOLIO_WIRE_FRAME_MIN <= max - FOLIO_WIRE_FRAME_MIN;",
               "\t(void)desc;\n\t(void)max;\n\treturn true;")]
INDEX = [("lib/native/ring.c", "p->broken | p->weak)) {\n\t\tif (p->broken)\n\t\t\treturn 0;\n",
          "p->weak)) {\n"),
         ("lib/native/ring.c", "c->broken | c->weak)) {\n\t\tif (c->broken)\n\t\t\treturn 0;\n",
          "c->weak)) {\n"),
         ("lib/native/ring.c", "\tif (FOLIO_UNLIKELY(consumed - p->seen > p->head - p->seen))\n"
          "\t\treturn prod_bad_index(p);\n", "\t(void)prod_bad_index;\n"),
         ("lib/native/ring.c",
          "\tif (FOLIO_UNLIKELY(produced - c->seen > c->size - (c->seen - c->head)))\n"
          "\t\treturn cons_bad_index(c);\n", "\t(void)cons_bad_index;\n"),
         ("lib/native/ring.h", "\tif (FOLIO_UNLIKELY(p->broken | p->weak))",
          "\tif (FOLIO_UNLIKELY(p->weak))")]
MASK = [("lib/native/layout.h", "(uint64_t)(i & mask) * stride", "((void)mask, (uint64_t)i * stride)"),
        ("lib/native/ring.h", "p->desc[at & p->mask]", "p->desc[at]"),
        ("lib/native/ring.h", "c->desc[at & c->mask]", "c->desc[at]"),
        ("lib/native/ring.c", "(uint64_t)(at & mask) * stride", "(uint64_t)at * stride")]
GATE = [("lib/boundary/gate.h", "{\n\tuint32_t open;\n",
         "{\n\tuint32_t open;\n\n\tif (1)\n\t\treturn true;\n"),
        ("lib/boundary/gate.h", "\t__atomic_store_n(&g->busy, 0, __ATOMIC_RELEASE);", "\t(void)g;")]
ONE_FETCH = [("lib/boundary/shared.h", "__atomic_load_n(&(p)->raw, order)", "((p)->raw)"),
             ("lib/boundary/shared.h", "__atomic_store_n(&p->raw, v, __ATOMIC_RELAXED)", "p->raw = v"),
             ("lib/boundary/shared.h", "__atomic_store_n(&p->raw, v, __ATOMIC_RELEASE)", "p->raw = v")]
ZEROING = [("lib/queue.c", "\tif (!folio_region_zero(&f->region, &f->layout))\n\t\treturn false;\n", "")]
EXACT = [(BURST,
          "rte_pktmbuf_mtod(m, const void *), len,\n\t\t\t\t       folio_kernel_exact);",
          "rte_pktmbuf_mtod(m, const void *), len,\n\t\t\t\t       folio_kernel_padded);")]
WITHOUT = {
    "descriptor validation": DESCRIPTOR,
    "index validation": INDEX,
    "all validation": DESCRIPTOR + INDEX,
    "masking": MASK,
    "one-fetch loads and stores": ONE_FETCH,
    "gate": GATE,
    "zeroing": ZEROING,
    "exact length on transmit": EXACT,
    "all of these": DESCRIPTOR + INDEX + MASK + ONE_FETCH + GATE + ZEROING + EXACT,
}
# The same of the virtio datapath. What says that something was returned at all stays, and so do the
# driver's own notes of chains, and the way to frames of several buffers (hence max != 0, which is so,
# rather than true); only what the device could lie about is believed.
RETURNED = [("lib/virtio/split.h",
             "\treturn (uint32_t)word == folio_virtq_at(q, s) &&\n"
             "\t       folio_split_rx_len(word) - FOLIO_VIRTQ_FRAME_MIN <= max - FOLIO_VIRTQ_FRAME_MIN;",
             "\t(void)q;\n\t(void)s;\n\t(void)word;\n\treturn max != 0;"),
            ("lib/virtio/split.h", "\treturn id == oldest && ", "\t(void)id;\n\treturn "),
            ("lib/virtio/packed.h",
             "\tuint32_t expected = folio_virtq_at(q, s) | folio_packed_back(q, s) << 16;\n\n"
             "\treturn ((uint32_t)(word >> 32) & FOLIO_PACKED_STATE) == expected &&\n"
             "\t       folio_packed_rx_len(word) - FOLIO_VIRTQ_FRAME_MIN <= max - FOLIO_VIRTQ_FRAME_MIN;",
             "\t(void)max;\n\treturn folio_packed_is_back(q, s, word);"),
            ("lib/virtio/packed.h",
             "\treturn ((uint32_t)(word >> 32) & FOLIO_PACKED_STATE) ==\n"
             "\t       (id | folio_packed_back(q, q->head) << 16) &&",
             "\treturn folio_packed_is_back(q, q->head, word) &&")]
USED_INDEX = [("lib/virtio/split.c", "\tif (q->broken)\n\t\treturn 0;\n", ""),
              ("lib/virtio/split.c",
               "\tif ((uint16_t)(idx - q->seen) > (uint16_t)(q->avail - q->used) - known)\n"
               "\t\treturn folio_virtq_give_up(q, &q->bad_index);\n", "\t(void)known;\n"),
              ("lib/virtio/split.h", "\tif (__builtin_expect(q->broken | q->weak, 0))",
               "\tif (__builtin_expect(q->weak, 0))"),
              ("lib/virtio/packed.h", "\treturn __builtin_expect(q->broken, 0) ? 0 : q->size;",
               "\treturn q->size;"),
              ("lib/virtio/packed.h",
               "\tif (__builtin_expect(q->broken, 0))\n\t\tfolio_virtq_stay_broken(q);\n", ""),
              ("lib/virtio/packed.c", "q->head != q->tail && !q->broken", "q->head != q->tail")]
VIRTIO_WITHOUT = {
    "returned ids and lengths": RETURNED,
    "used index, and broken queues": USED_INDEX,
    "all validation of a device": RETURNED + USED_INDEX,
}


class Failure(Exception):
    """For the user: one line."""


def run(*command, **more):
    """Run a tool; its output is for when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, **more)
    if done.returncode != 0:
        raise Failure(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def self_costs(text):
    """(name, cost of functions by themselves) of one dump, None if it is not one of ours."""
    trigger = re.search(r"^desc: Trigger: Client Request: (\d+ \d+)$", text, re.M)
    if trigger is None:
        return None, {}
    names, costs = {}, {}
    function = file = home = None
    skip = False
    for line in text.splitlines():
        found = re.match(r"^(c?)(fn|fl|fi|fe|ob|obj|cfi|cfn|cob)=\((\d+)\)(?: (.*))?$", line)
        if found:
            kind = "fn" if found.group(2).endswith("fn") else \
                "ob" if found.group(2).endswith("ob") else "file"
            if found.group(4):
                names[kind, found.group(3)] = found.group(4)
            name = names.get((kind, found.group(3)), "?")
            if line.startswith("fn="):
                function, file = name, home
            elif line.startswith("fl="):
                file = home = name
            elif line.startswith(("fi=", "fe=")):
                file = name
        elif line.startswith("calls="):
            skip = True
        elif re.match(r"^[-+*\d]\S* \d+$", line):
            if not skip:
                key = f"{function.removesuffix(chr(39))} ({os.path.basename(file)})"
                costs[key] = costs.get(key, 0) + int(line.split()[1])
            skip = False
    return trigger.group(1), costs


def callgrind(function, command, folder, env=None):
    """Counts inside of one function: {"64 32": {function: instructions a packet}}, and the ISA."""
    out = os.path.join(folder, "callgrind.out")
    text = run("valgrind", "--tool=callgrind", f"--toggle-collect={function}",
               f"--callgrind-out-file={out}", *command, env={**os.environ, **(env or {})})
    found = {}
    for name in os.listdir(folder):
        if not name.startswith("callgrind.out"):
            continue
        path = os.path.join(folder, name)
        with open(path, encoding="utf-8", errors="replace") as file:
            what, costs = self_costs(file.read())
        os.unlink(path)
        if what is not None:
            found[what] = {f: c / PACKETS for f, c in costs.items() if c}
    if set(found) != {f"{s} {b}" for s in SIZES for b in BURSTS} or not all(found.values()):
        raise Failure(f"callgrind's dumps of {command[0]} are not what was expected: {found}")
    return found, re.search(r"^isa (\w+)$", text, re.M).group(1)


def patiently(has_device, *what):
    """callgrind(), again if the device was lost."""
    for attempt in range(ATTEMPTS):
        try:
            return callgrind(*what)
        except Failure:
            if not has_device or attempt == ATTEMPTS - 1:
                raise
    return None


def count(build, programs=tuple(FUNCTIONS), directions=("RX", "TX"), plugin=None, libfolio=None,
          ring=RING):
    """Counts of programs: {"driver TX 64 32": {function: instructions}}, and the ISA."""
    # EAL takes no plugin from below a folder that everybody can write to.
    folder = tempfile.mkdtemp(prefix="folio-instructions.", dir="/run")
    prefix = "folio-" + os.path.basename(folder)
    bench = os.path.join(build, "tests/bench/instructions")
    library = shutil.copy(libfolio or os.path.join(build, LIBFOLIO),
                          os.path.join(folder, "libfolio.so.0"))
    plugin = shutil.copy(plugin or os.path.join(build, PLUGIN), folder)
    commands = {
        "core": [os.path.join(bench, "count_core"), str(ring)],
        "driver": [os.path.join(bench, "count_driver"), "--no-huge", "-m", "64", "--no-pci",
                   "--no-telemetry", "-l", "0", "--file-prefix", prefix, "-d", plugin,
                   f"--vdev=net_folio0,loopback=1,ring_size={ring}"],
    }
    for device in DEVICES:
        socket = os.path.join(folder, "socket")
        packed = int(device.startswith("packed"))
        driver = commands["driver"]
        commands["virtio " + device] = [driver[0], device, socket, *driver[1:-1],
                                        f"--vdev=net_folio0,vhost_user={socket},packed={packed}"]
    found, isas = {}, set()
    try:
        for program in programs:
            for direction in directions:
                counts, isa = patiently(program in VIRTIO, ALL[program][direction],
                                        commands[program], folder,
                                        {"LD_PRELOAD": library} if program == "core" else None)
                found.update((f"{program} {direction} {what}", costs)
                             for what, costs in counts.items())
                isas.add(isa)
    finally:
        shutil.rmtree(folder)
        shutil.rmtree(os.path.join("/var/run/dpdk", prefix), ignore_errors=True)
    if len(isas) != 1:
        raise Failure(f"the programs chose different instruction sets: {isas}")
    return found, isas.pop()


def options(build):
    """Meson's options of a build folder."""
    listed = json.loads(run("meson", "introspect", "--buildoptions", build))
    return {o["name"]: o["value"] for o in listed}


def conditions(build, isa):
    """What counts depend on, apart from the sources."""
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        compiler = json.load(file)[0]["command"].split()[0]
    chosen = options(build)
    return {
        "compiler": run(compiler, "--version").splitlines()[0],
        "dpdk": run("pkg-config", "--modversion", "libdpdk").strip(),
        "isa": isa,
        "flags": f"-O{chosen['optimization']} debug={chosen['debug']} lto={chosen['b_lto']} "
                 f"sanitize={chosen['b_sanitize']}",
    }


def total(costs):
    """Instructions of all functions."""
    return sum(costs.values())


def compare(baseline, now):
    """(what got slower, what got faster): lines that name the functions."""
    slower, faster = [], []
    for what in sorted(set(baseline) & set(now)):
        before = baseline[what]
        old, new = total(before), total(now[what])
        change = new / old - 1
        if abs(change) <= TOLERANCE:
            continue
        moved = {f: now[what].get(f, 0) - before.get(f, 0) for f in {**before, **now[what]}}
        order = sorted(moved.items(), key=lambda m: m[1], reverse=change > 0)
        names = ", ".join(f"{f} {d:+.1f}" for f, d in order[:4] if d * change > 0)
        line = f"{what}: {old:.1f} -> {new:.1f} instructions a packet ({change:+.1%}): {names}"
        (slower if change > 0 else faster).append(line)
    return slower, faster


def count_changed(build, changes, isa, programs=tuple(FUNCTIONS), **what):
    """Counts of libraries from changed sources, which nobody else ever sees."""
    parts = VIRTIO_PARTS if set(programs) <= set(VIRTIO) else PLUGIN_PARTS
    with tempfile.TemporaryDirectory(prefix="folio-instructions-build.") as temp:
        changed = Changed(build, temp, changes, isa)
        if parts == PLUGIN_PARTS:
            what["libfolio"] = changed.link(LIBFOLIO, LIBFOLIO_PARTS)
        return count(build, programs, plugin=changed.link(PLUGIN, parts), **what)[0]


def price(build, names, progress):
    """Counts with everything, and without each protection: {name: counts}, and the ISA."""
    everything, isa = count(build)
    found = {"everything": everything}
    if any(MASK[0] in WITHOUT[name] for name in names):
        found["everything, large ring"] = count(build, tuple(FUNCTIONS), ring=LARGE_RING)[0]
    for name in names:
        progress(f"without {name}")
        ring = LARGE_RING if MASK[0] in WITHOUT[name] else RING
        found[name] = count_changed(build, WITHOUT[name], isa, ring=ring)
    return found, isa


def price_virtio(build, progress):
    """The same of the virtio datapath."""
    everything, isa = count(build, tuple(VIRTIO))
    found = {"everything": everything}
    for name, changes in VIRTIO_WITHOUT.items():
        progress(f"without {name}")
        found[name] = count_changed(build, changes, isa, tuple(VIRTIO))
    return found, isa


def share(found, name, kinds):
    """Instructions that a protection adds to a packet, and their part of all, e.g. 0.04."""
    ring = "everything, large ring" if MASK[0] in WITHOUT.get(name, ()) else "everything"
    before = sum(total(found[ring][what]) for what in kinds)
    after = sum(total(found[name][what]) for what in kinds)
    return before - after, (before - after) / before

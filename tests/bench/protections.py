# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""Builds of folio that lack one protection, to see what it costs. They exist for a run only.

The texts that are taken out of a private copy of the sources are those of ./run instructions. Masks
are not among them: they are how a ring begins anew, and without them nothing works.
"""

import concurrent.futures
import os
import sys

from contestants import folio
from side import HERE

sys.path.append(os.path.join(HERE, "instructions"))

from instructions import MASK, PLUGIN_PARTS, WITHOUT  # noqa: E402
from relink import Changed, PLUGIN, Stale  # noqa: E402

KERNELS = "lib/boundary/copy_kernel.h"
REGION = "lib/memory/shm_map.c"
HEADERS = "\tif (len > 64)\n\t\tlen = 64;\n"
COPY = [(KERNELS, name + "(void *dst, const void *src, size_t len)\n{\n",
         name + "(void *dst, const void *src, size_t len)\n{\n" + HEADERS)
        for name in ("folio_kernel_exact", "folio_kernel_padded")]
READ_ONLY = [(REGION, "peer = mmap(NULL, len, PROT_READ, ",
              "peer = mmap(NULL, len, PROT_READ | PROT_WRITE, ")]
EVERYTHING = "all of these"


def changes():
    """{protection: what is changed to be without it}."""
    found = {name: listed for name, listed in WITHOUT.items()
             if MASK[0] not in listed and name != EVERYTHING}
    found["read-only mapping"] = READ_ONLY
    everything = [change for name, listed in found.items() if name != "all validation"
                  for change in listed]
    found[EVERYTHING] = everything
    found["copies beyond 64 B"] = COPY
    return found


def build_one(build, folder, without, listed):
    """A plugin without a protection, as a contestant of its own."""
    target = os.path.join(folder, "without-" + without.replace(" ", "-"))
    os.mkdir(target)
    parts = PLUGIN_PARTS + ((REGION,) if READ_ONLY[0] in listed else ())
    plugin = Changed(build, target, listed, isa=None).link(PLUGIN, parts)
    return folio("without " + without, plugin, only=("protections",))


def build_all(build, folder):
    """(contestants, what could not be built and why). As many at a time as there are CPUs."""
    found, failed = [], []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = {name: pool.submit(build_one, build, folder, name, listed)
                for name, listed in changes().items()}
    for name, job in jobs.items():
        try:
            found.append(job.result())
        except Stale as err:
            failed.append("folio without %s (%s)" % (name, str(err).splitlines()[0]))
    return found, failed

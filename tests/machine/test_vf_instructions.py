# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""Instructions a packet of the vf datapath, beside DPDK's own driver of the same card: both on the model
of the card in tests/vf.

Argument: the build folder.
"""

import os
import re
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts"))

from relink import Changed  # noqa: E402

BUILD = os.path.realpath(sys.argv.pop(1) if len(sys.argv) > 1 else "build")
COUNT = os.path.join(BUILD, "tests/bench/instructions/count_vf")
PLUGIN = "tests/vf/librte_net_folio_model.so"
FRAMES = 256        # of count_vf.c
BURSTS = (1, 8, 32)
RATIO_MAX = 1.15    # of bursts, without folio's two copies
SINGLE_MAX = 1.45   # the same of single frames: what a burst costs is not shared
VALIDATION_MAX = 0.05
# What the card could lie about is believed. The way to frames of several mbufs stays, hence max != 0,
# which is so.
VALIDATION = [
    ("lib/vf/advq.h",
     "\treturn (word & (whole | q->errors)) == whole &&\n"
     "\t       len - FOLIO_ADVQ_FRAME_MIN <= max - FOLIO_ADVQ_FRAME_MIN;",
     "\t(void)q;\n\t(void)len;\n\t(void)whole;\n"
     "\treturn (word & FOLIO_ADVQ_RX_DONE) != 0 && max != 0;"),
    ("drivers/net/folio/folio_vf_burst.c",
     "\tif (unlikely(from->dropping != 0))\n\t\treturn false;\n", ""),
]


def count(driver, plugin):
    """{"RX 64 32": instructions a frame}, and of copies {"padded 64": instructions}."""
    options = ["-l", "0", "--no-huge", "-m", "256", "--no-pci", "--no-telemetry", "--iova-mode=va",
               "--file-prefix", f"folio-count-{os.getpid()}", "--log-level=*:3",
               "--force-max-simd-bitwidth=256"]
    if driver == "folio":
        options.append("--vdev=net_folio0,vf=0000:01:10.0,path=/dev/folio_alloc")
    done = subprocess.run([COUNT, driver, "-d", plugin, *options], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        raise RuntimeError(f"count_vf {driver} failed:\n{done.stdout}{done.stderr}")
    found = re.findall(r"^steps (\S+ \d+(?: \d+)?) (\d+)$", done.stdout, re.M)
    return {what: int(n) / (FRAMES if what[0] in "RT" else 1) for what, n in found}


def both(counts, burst, size=64):
    """Received and sent."""
    return counts[f"RX {size} {burst}"] + counts[f"TX {size} {burst}"]


class Instructions(unittest.TestCase):
    """Counted by the processor's trap flag."""

    @classmethod
    def setUpClass(cls):
        pmds = subprocess.run(["pkg-config", "--variable=libdir", "libdpdk"], capture_output=True,
                              text=True, check=False).stdout.strip()
        theirs = os.path.join(pmds, "librte_net_e1000.so")
        if not os.path.exists(COUNT) or not os.path.exists(theirs):
            raise unittest.SkipTest("DPDK's headers of PCI drivers, or its driver e1000, are not here")
        cls.folio = count("folio", os.path.join(BUILD, PLUGIN))
        cls.dpdk = count("igbvf", theirs)

    def test_beside_dpdk(self):
        """The copies come on top."""
        copies = self.folio["padded 64"] + self.folio["exact 64"]
        for burst in BURSTS:
            ours, theirs = both(self.folio, burst), both(self.dpdk, burst)
            ratio = (ours - copies) / theirs
            print(f"burst of {burst}: {ours:.1f} instructions, of these {copies:.0f} of copies; DPDK's "
                  f"igbvf {theirs:.1f}: without the copies {ratio:.2f}")
            self.assertLessEqual(ratio, SINGLE_MAX if burst == 1 else RATIO_MAX, f"burst of {burst}")

    def test_price_of_validation(self):
        with tempfile.TemporaryDirectory(prefix="folio-vf-instructions.", dir="/run") as temp:
            plugin = Changed(BUILD, temp, VALIDATION).link(
                PLUGIN, ("lib/vf/advq.c", "drivers/net/folio/folio_vf_burst.c"))
            without = count("folio", plugin)
        for burst in BURSTS:
            ours = both(self.folio, burst)
            more = ours - both(without, burst)
            print(f"burst of {burst}: {more:.1f} instructions, {more / ours:.1%}")
            self.assertGreater(more, 0, "nothing was taken out")
            self.assertLessEqual(more / ours, VALIDATION_MAX, f"burst of {burst}")


if __name__ == "__main__":
    unittest.main(verbosity=2)

# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""DPDK's own tests, as Debian ships them, on a loopback port."""

import os
import subprocess
import unittest

import common
from testpmd import memory_args, plugin_path, remove_runtime


class DpdkTest(unittest.TestCase):
    """dpdk-test with a folio port."""

    def run_test(self, name):
        """Run one autotest; returns its output."""
        args = ["dpdk-test", "-l", "0,1", "--no-pci", "--no-telemetry", *memory_args(512),
                "--file-prefix", f"folio-perf-{os.getpid()}", "-d", plugin_path(),
                "--vdev=net_folio0,loopback=1"]
        done = subprocess.run(args, input=f"{name}\nquit\n", capture_output=True, text=True,
                              timeout=300, check=False)
        remove_runtime(f"folio-perf-{os.getpid()}")
        text = done.stdout + done.stderr
        self.assertIn("Test OK", text, text[-3000:])
        self.assertNotIn("Test Failed", text)
        return text

    def test_pmd_perf_autotest(self):
        self.assertIn("Result:", self.run_test("pmd_perf_autotest"))

    def test_ethdev_link_status(self):
        self.run_test("ethdev_link_status")


if __name__ == "__main__":
    common.main()

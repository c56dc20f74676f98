# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""The unit and driver tests, inside the guest: the same binaries, another kernel and processor."""

import re

import common

SUITES = ("layout", "ring", "copy", "session", "region", "device", "port", "threads")
DRIVER_SUITES = ("devargs", "ethdev")


class Suites(common.GuestCase):
    """One guest for all of them."""

    def run_suite(self, guest, name):
        """A program of cmocka tests; all that ran must have passed."""
        status, text = guest.shells[0].run(
            f"cd /tmp; FOLIO_PLUGIN=/opt/folio/librte_net_folio.so /opt/folio/test_{name} 2>&1", 600)
        ran = re.search(r"(\d+) test\(s\) run", text)
        self.assertEqual(status, 0, text[-3000:])
        self.assertGreater(int(ran.group(1)), 0, text[-3000:])
        return int(ran.group(1))

    def test_suites(self):
        guest, _ = self.boot(append="folio.huge=64", memory=1536, cpus=2)
        for name in SUITES + DRIVER_SUITES:
            with self.subTest(suite=name):
                print(f"test_{name} in the guest: {self.run_suite(guest, name)} cases", flush=True)


if __name__ == "__main__":
    common.main()

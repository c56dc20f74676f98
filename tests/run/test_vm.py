# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""`./run vm`: KVM or emulation, and what QEMU says when it does not start or dies.

usage: test_vm.py BUILD
"""

import contextlib
import io
import json
import os
import shutil
import signal
import sys
import tempfile
import threading
import unittest

sys.argv.pop(1)
ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
sys.path.insert(0, os.path.join(ROOT, "scripts"))

import vm  # noqa: E402
from guest import EMULATED, KVM, Guest  # noqa: E402
from testpmd import Failure  # noqa: E402

DOES_NOT = "/dev/kvm is there and does not run guests"


class AcceleratorTest(unittest.TestCase):
    """The choice, by what a doctor says who is not one."""

    def setUp(self):
        self.build = tempfile.mkdtemp(prefix="folio-vm-test-")
        self.addCleanup(shutil.rmtree, self.build)

    def doctor(self, output, status=0):
        """It prints this."""
        path = os.path.join(self.build, "tools/doctor/folio-doctor")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\ncat <<'END'\n{output}\nEND\nexit {status}\n")
        os.chmod(path, 0o755)

    def found(self, guest, status=0):
        """The doctor found this out about guests."""
        line = {"check": "kvm", "text": DOES_NOT, "facts": {"usable": True, "guest": guest}}
        self.doctor(json.dumps({"lines": [{"check": "kind"}, line]}), status)

    def choose(self, kvm=False, tcg=False):
        """The accelerator, and what was printed."""
        with contextlib.redirect_stdout(io.StringIO()) as text:
            return vm.choose_accelerator(self.build, kvm, tcg), text.getvalue()

    def test_runs(self):
        for status in 0, 1:     # whether folio can run here is another question
            self.found("runs", status)
            self.assertEqual(self.choose(), (KVM, ""))
            self.assertEqual(self.choose(kvm=True), (KVM, ""))
            self.assertEqual(self.choose(tcg=True), (EMULATED, ""))

    def test_does_not_run(self):
        for guest in "fails", "unknown":
            self.found(guest)
            self.assertEqual(self.choose(), (EMULATED, f"no KVM ({DOES_NOT}): the guest is "
                                                       "emulated\n"))
            with self.assertRaisesRegex(Failure, f"^--kvm: {DOES_NOT}"):
                self.choose(kvm=True)
            self.assertEqual(self.choose(tcg=True), (EMULATED, ""))

    def test_no_answer(self):
        for output in "", "{}", '{"lines": []}', "no JSON":
            self.doctor(output)
            self.assertEqual(self.choose()[0], EMULATED)
            with self.assertRaisesRegex(Failure, "did not tell"):
                self.choose(kvm=True)


@unittest.skipUnless(shutil.which("qemu-system-x86_64"), "QEMU is not installed")
class QemuTest(unittest.TestCase):
    """Its own words are in the failure."""

    def guest(self, **kwargs):
        """One that has no kernel to boot."""
        guest = Guest("/no/kernel", "/no/initrd", [], **kwargs)
        self.addCleanup(guest.end)
        return guest

    def test_refuses(self):
        with self.assertRaisesRegex(Failure, r"QEMU \(nonsense\) did not start:\n(.*\n)*.*invalid "
                                             r"accelerator nonsense(.*\n)*QEMU ended, exit status 1"):
            self.guest(accelerator="nonsense").boot()

    def test_no_kernel(self):
        with self.assertRaisesRegex(Failure, "/no/kernel.*\n(.*\n)*QEMU ended, exit status 1"):
            self.guest().boot()

    def test_dies(self):
        """While it is waited for."""
        guest = self.guest()
        for option in "-kernel", "-initrd", "-append":
            at = guest.args.index(option)
            del guest.args[at:at + 2]
        boot = guest.wait_boot

        def die_first():
            threading.Timer(0.2, guest.process.send_signal, [signal.SIGKILL]).start()
            boot()

        guest.wait_boot = die_first
        with self.assertRaisesRegex(Failure, "ended waiting for the guest to boot:\n(.*\n)*"
                                             "QEMU ended, exit status -9"):
            guest.boot()


if __name__ == "__main__":
    unittest.main(verbosity=2)

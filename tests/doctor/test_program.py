# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""The command line, the output, and this machine."""

import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from common import DOCTOR, NOBODY, PLUGIN, DoctorCase, libraries, run
from machine import DEVICE


HERE = os.path.dirname(os.path.abspath(__file__))


class OptionsTest(DoctorCase):
    """The command line, and what goes in strings."""

    def test_help(self):
        result = run("--help")
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        for word in (b"--role", b"--json", b"--plugin", b"--root", b"--no-dpdk", b"Exit status"):
            self.assertIn(word, result.stdout)

    def test_version(self):
        with open(os.path.join(HERE, "../../meson.build"), encoding="utf-8") as file:
            version = re.search(r"version: '(\S+)'", file.read()).group(1)
        result = run("--version")
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        self.assertEqual(result.stdout.decode(), f"folio-doctor {version}\n")

    def test_usage_errors(self):
        for args, text in (
                (["--what"], b"usage:"), (["--role"], b"usage:"),
                (["--role", "both"], b"--role=both is unknown: allowed are guest and host"),
                (["more"], b'unexpected argument "more"'),
                (["--root", "/no/where"], b"--root=/no/where: No such file"),
                (["--root", ""], b"--root=: No such file"),
                (["--root", DOCTOR], b"Not a directory"),
                (["--no-dpdk", "--plugin", "x"], b"exclude each other")):
            result = run(*args)
            self.assertEqual((result.returncode, result.stdout), (2, b""), args)
            self.assertIn(text, result.stderr)

    def test_report_that_cannot_be_written(self):
        with open("/dev/full", "wb") as full:
            result = subprocess.run([DOCTOR, "--no-dpdk"], stdout=full, stderr=subprocess.PIPE,
                                    check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn(b"cannot write the report: No space left", result.stderr)

    def test_strings_from_a_hostile_host(self):
        """They steer no terminal, and leave the JSON valid."""
        self.machine.virtual(b'"\\\x1b[2J\x07\x9b\xff\xc3\xa4\n')
        report = self.examine()
        self.assertEqual(report["by_name"]["kind"]["facts"]["hypervisor"],
                         '"\\\x1b[2J\x07\ufffd\ufffd\u00e4\n')
        self.machine.put("/sys/module/folio/version",
                         "\u0085\u4e2d\U0001f600".encode() + b"\xed\xa0\x80")
        report = self.examine("--role", "guest")
        self.assertEqual(report["by_name"]["folio.ko"]["facts"]["version"],
                         "\ufffd" * 2 + "\u4e2d\U0001f600" + "\ufffd" * 3)
        text = run("--root", self.machine.root).stdout.decode()
        self.assertNotRegex(text, "[\0-\x09\x0b-\x1f\x7f-\x9f]")

    def test_root_is_all_that_is_read(self):
        """Nothing of this machine is in a report about another."""
        report = self.examine()
        with open("/proc/sys/kernel/osrelease", encoding="ascii") as file:
            self.assertNotIn(file.read().strip(), json.dumps(report))
        self.assertEqual(report["root"], self.machine.root)

    def test_long_root(self):
        """A path that is too long leads nowhere; its beginning is another file's."""
        deep = self.machine.root + "/x" * ((1023 - len("/dev/sev") - len(self.machine.root)) // 2)
        os.makedirs(deep + "/dev")
        with open((deep + "/dev/sev-guest")[:1023], "wb"):
            pass
        report = self.look("--root", deep)
        self.check(report, "kind", "ok", "bare metal")
        report = self.look("--root", deep + "/." * 100)
        self.assertFalse(report["can_run"])


class HereTest(DoctorCase):
    """This machine, whatever it is."""

    def test_this_machine(self):
        args = ["--plugin", PLUGIN] if PLUGIN else ["--no-dpdk"]
        report = self.look(*args)
        self.assertIsNone(report["root"])
        with open("/proc/sys/kernel/osrelease", encoding="ascii") as file:
            self.assertEqual(report["by_name"]["release"]["facts"]["release"], file.read().strip())
        if PLUGIN:
            self.check(report, "plugin", "ok", "can be loaded")
            self.assertRegex(report["by_name"]["dpdk"]["facts"]["version"], r"^DPDK \d+\.\d+")
        for role in ("guest", "host"):
            self.assertEqual(self.look("--role", role, *args)["roles"], [role])

    def test_copy_kernels_of_this_machine(self):
        """What the core chooses is what the flags in /proc/cpuinfo lead to."""
        shutil.copy("/proc/cpuinfo", self.machine.path("/proc/cpuinfo"))
        self.assertEqual(self.look("--no-dpdk")["by_name"]["copy"],
                         self.examine()["by_name"]["copy"])

    def test_kvm(self):
        """What QEMU would find, without QEMU: a verdict, whatever it is, and within seconds."""
        facts = self.look("--no-dpdk", "--role", "host")["by_name"]["kvm"]["facts"]
        self.assertEqual("guest" in facts, facts["usable"])
        if facts["usable"]:
            self.assertIn(facts["guest"], ("runs", "fails", "unknown"))
            self.assertEqual(facts["error"] != "", facts["guest"] == "fails")

    @unittest.skipIf(len(os.sched_getaffinity(0)) < 2, "one CPU")
    def test_distance(self):
        """A cache line needs some ns at least; where others use the CPUs it says so."""
        for _ in range(5):
            facts = self.look("--no-dpdk")["by_name"]["distance"]["facts"]
            if facts["pairs"] > 0:
                break
        else:
            self.skipTest("others use the CPUs")
        self.assertGreater(facts["nearest_ns"], 5)
        self.assertGreaterEqual(facts["farthest_ns"], facts["nearest_ns"])
        nearest = {int(cpu) for cpu in facts["nearest"].split(",")}
        self.assertEqual(len(nearest), 2)
        self.assertLessEqual(nearest, os.sched_getaffinity(0))

    def test_affinity_is_left_alone(self):
        """The doctor measures on CPUs that it may use only."""
        own = min(os.sched_getaffinity(0))
        result = run("--json", "--no-dpdk", preexec_fn=lambda: os.sched_setaffinity(0, {own}))
        line = next(l for l in json.loads(result.stdout)["lines"] if l["check"] == "distance")
        self.assertEqual(line["text"], "no two CPUs to measure")

    def test_plugin_of_the_build_folder(self):
        """Found from where the program is, not from where the user is."""
        build = os.path.join(os.path.dirname(DOCTOR), "../..")
        expected = os.path.join(os.path.realpath(build), "drivers/net/folio/librte_net_folio.so")
        report = self.look("--role", "host", cwd="/")
        facts = report["by_name"]["plugin"]["facts"]
        if os.path.exists(expected):
            self.assertEqual((facts["path"], facts["installed"]), (expected, False))
        else:
            self.assertEqual(facts["path"] != "", facts["installed"])

    def test_not_root(self):
        """Nothing is assumed that only root may read."""
        facts = self.check(self.unprivileged("--no-dpdk"), "user", "warn", "not root")
        self.assertEqual(facts["uid"], os.geteuid() or NOBODY)

    def unprivileged(self, *args):
        """A report to somebody who is not root."""
        copy = shutil.copy(DOCTOR, self.machine.root)
        other = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        result = subprocess.run([copy, "--json", *args], capture_output=True, timeout=120, cwd="/",
                                check=False, **(other if os.geteuid() == 0 else {}))
        self.assertEqual(result.stderr, b"")
        report = json.loads(result.stdout)
        report["by_name"] = {line["check"]: line for line in report["lines"]}
        return report

    def test_permissions(self):
        """Files that are there and may not be used."""
        self.machine.virtual().ivshmem()
        self.machine.put("/dev/folio_alloc", "")
        self.machine.write_answers()
        for path in ("/dev/kvm", "/dev/folio_alloc", f"{DEVICE}/resource2"):
            os.chmod(self.machine.path(path), 0)
        os.chmod(self.machine.path("/dev/hugepages"), 0o555)
        report = self.unprivileged("--root", self.machine.root)
        self.check(report, "kvm", "warn", "no permission to use /dev/kvm", "group kvm")
        self.check(report, "/dev/folio_alloc", "warn", "no permission to open it", "udev")
        self.check(report, "0000:00:04.0", "fail", "resource2 cannot be mapped: Permission denied",
                   "as root, or load the kernel module")
        self.check(report, "hugetlbfs", "warn", "/dev/hugepages (2 MiB, not writable)", "uid=")

    def test_needs_libc_only(self):
        """It has to run in an initramfs."""
        text = subprocess.check_output(["readelf", "-d", DOCTOR], text=True)
        needed = set(re.findall(r"NEEDED.*\[(\S+)\]", text))
        self.assertIn("libc.so.6", needed)
        allowed = ("libc.so", "libdl.so", "ld-linux", "libasan", "libubsan", "libtsan")
        self.assertEqual([n for n in needed if not n.startswith(allowed)], [])

    @unittest.skipUnless(os.geteuid() == 0, "chroot needs root")
    def test_initramfs(self):
        """The program and its libraries, no /proc, no /sys: a report, and no crash."""
        root = tempfile.mkdtemp(prefix="folio-initramfs-")
        self.addCleanup(shutil.rmtree, root)
        for path in re.findall(r"(/\S+)", libraries(DOCTOR)):
            os.makedirs(root + os.path.dirname(path), exist_ok=True)
            shutil.copy(path, root + path)
        shutil.copy(DOCTOR, root + "/folio-doctor")
        os.makedirs(root + "/dev")
        with open(root + "/dev/folio0", "wb"):
            pass
        # AddressSanitizer, if it is there, misses /proc, and says so.
        result = subprocess.run(["/folio-doctor", "--json", "--role", "guest"],
                                capture_output=True, timeout=120, check=False,
                                env={"ASAN_OPTIONS": "detect_leaks=0"},
                                preexec_fn=lambda: os.chroot(root))
        self.assertEqual(result.returncode, 1)
        self.assertNotRegex(result.stderr, b"ERROR|runtime error")
        report = json.loads(result.stdout)
        report["by_name"] = {line["check"]: line for line in report["lines"]}
        self.check(report, "/dev/folio0", "warn", "does not answer as folio's: Inappropriate ioctl")


if __name__ == "__main__":
    unittest.main(verbosity=2)

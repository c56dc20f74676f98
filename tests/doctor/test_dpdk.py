# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""DPDK, and plugins that can be loaded or not."""

import json
import os
import re
import shutil
import tempfile
import unittest

from common import PLUGIN, DoctorCase, libraries, run
from machine import LIB


class DpdkTest(DoctorCase):
    """DPDK and the plugin."""

    def private(self, mode=0o755):
        """A folder that EAL accepts, if it accepts the plugin."""
        folder = tempfile.mkdtemp(prefix="doctor-", dir=os.path.dirname(PLUGIN))
        self.addCleanup(shutil.rmtree, folder)
        os.chmod(folder, mode)
        return folder

    def plugin(self, path, verdict, text, advice=None, role="host"):
        """The report with this plugin."""
        report = self.examine("--role", role, "--plugin", path)
        facts = self.check(report, "plugin", verdict, text, advice)
        self.assertEqual(facts["loadable"], verdict == "ok")
        self.assertEqual(report["can_run"], verdict == "ok")
        if verdict == "fail":
            self.check(report, role, "fail", "the driver cannot be loaded")
        return facts

    def test_installed_elsewhere(self):
        report = self.examine()
        facts = self.check(report, "dpdk", "ok", f"DPDK 22.11.11 ({LIB}/librte_eal.so.23)")
        self.assertEqual(facts["version"], "DPDK 22.11.11")
        self.check(report, "testpmd", "ok", "/usr/bin/dpdk-testpmd")
        self.check(report, "plugin", "ok", f"{LIB}/dpdk/pmds-23.0/librte_net_folio.so is there; "
                   "code from another machine is not tried")

    def test_installed_in_a_world_writable_folder(self):
        os.chmod(self.machine.path(f"{LIB}/dpdk"), 0o777)
        facts = self.check(self.examine(), "plugin", "fail",
                           "EAL refuses it, because everybody may write to", "chmod o-w")
        self.assertEqual(facts["world_writable"],
                         os.path.realpath(self.machine.path(f"{LIB}/dpdk")))

    def test_no_testpmd(self):
        os.chmod(self.machine.path("/usr/bin/dpdk-testpmd"), 0o644)
        self.check(self.examine(), "testpmd", "warn", "no dpdk-testpmd in PATH", "any other DPDK")

    def test_version_is_unknown(self):
        self.machine.drop(f"{LIB}/pkgconfig")
        self.check(self.examine(), "dpdk", "ok", "of unknown version")

    def test_without_dpdk(self):
        self.machine.drop(LIB)
        self.assertFalse(self.examine()["can_run"])
        report = self.examine("--no-dpdk")
        self.assertTrue(report["can_run"])
        self.assertNotIn("plugin", report["by_name"])

    def test_plugin_missing(self):
        self.machine.drop(f"{LIB}/dpdk")
        report = self.examine()
        self.check(report, "plugin", "fail", "no librte_net_folio.so found", "./run build")
        self.check(report, "host", "fail", "the driver cannot be loaded")
        self.plugin("/no/where.so", "fail", "/no/where.so: No such file or directory",
                    "--plugin FILE")

    @unittest.skipIf(PLUGIN is None, "built without the driver")
    def test_plugin_can_be_loaded(self):
        self.plugin(PLUGIN, "ok", "can be loaded: give EAL -d and this path")

    @unittest.skipIf(PLUGIN is None, "built without the driver")
    def test_plugin_without_a_slash(self):
        """As EAL's -d: the current folder's, else the loader's."""
        self.machine.write_answers()
        folder = self.private()
        shutil.copy(PLUGIN, os.path.join(folder, "named.so"))
        path = os.path.realpath(os.path.join(folder, "named.so"))
        found = {}
        for cwd, libraries_in in ((folder, ""), ("/", folder), ("/", "")):
            text = run("--json", "--root", self.machine.root, "--plugin", "named.so", cwd=cwd,
                       env={"LD_LIBRARY_PATH": libraries_in}).stdout
            found[cwd, libraries_in] = next(line for line in json.loads(text)["lines"]
                                            if line["check"] == "plugin")
        here, loader, nowhere = found.values()
        self.assertEqual((here["verdict"], here["facts"]["path"]), ("ok", path), here)
        self.assertIn("can be loaded: give EAL -d and this path", here["text"])
        self.assertEqual((loader["verdict"], loader["facts"]["path"]), ("ok", path), loader)
        self.assertIn("the loader finds it for EAL's -d and this name", loader["text"])
        self.assertEqual((nowhere["verdict"], nowhere["facts"]["loadable"]), ("fail", False))
        self.assertIn("named.so: neither in the current folder nor where the loader looks",
                      nowhere["text"])

    @unittest.skipIf(PLUGIN is None, "built without the driver")
    def test_plugin_in_a_world_writable_folder(self):
        folder = self.private(0o777)
        copy = shutil.copy(PLUGIN, folder)
        facts = self.plugin(copy, "fail", f"EAL refuses it, because everybody may write to "
                            f"{os.path.realpath(folder)}", "scripts/with-plugin")
        self.assertEqual(facts["world_writable"], os.path.realpath(folder))

    @unittest.skipIf(PLUGIN is None, "built without the driver")
    def test_plugin_that_everybody_may_write(self):
        copy = shutil.copy(PLUGIN, self.private())
        self.plugin(copy, "ok", "can be loaded")
        os.chmod(copy, 0o757)
        self.plugin(copy, "fail", f"everybody may write to {os.path.realpath(copy)}")

    @unittest.skipIf(PLUGIN is None, "built without the driver")
    def test_plugin_for_another_dpdk(self):
        with open(PLUGIN, "rb") as file:
            content = file.read()
        name = re.search(rb"librte_ethdev\.so\.\d+", content).group()
        other = name[:-2] + b"99"
        path = os.path.join(self.private(), "other.so")
        with open(path, "wb") as file:
            file.write(content.replace(name, other))
        self.plugin(path, "fail", f"cannot be loaded: {other.decode()}: cannot open shared object",
                    "built for another DPDK than DPDK 22.11.11")
        self.machine.drop(f"{LIB}/librte_eal.so.23")
        self.plugin(path, "fail", "cannot open shared object",
                    "install the DPDK that it was built for")

    @unittest.skipIf(PLUGIN is None, "built without the driver")
    def test_plugin_is_something_else(self):
        path = os.path.join(self.private(), "text.so")
        with open(path, "w", encoding="ascii") as file:
            file.write('no "library"\n' * 100)
        self.plugin(path, "fail", "invalid ELF header", "build it anew")
        libc = re.search(r"=> (/\S*/libc\.so\.6)", libraries(PLUGIN))
        self.plugin(libc.group(1), "fail", "it is not folio's driver")

    @unittest.skipIf(PLUGIN is None, "built without the driver")
    def test_plugin_crashes(self):
        copy = shutil.copy(os.environ["FOLIO_PLUGIN_CRASH"], self.private())
        facts = self.plugin(copy, "fail", "cannot be loaded: it crashed: Aborted")
        self.assertEqual(facts["error"], "it crashed: Aborted")

    @unittest.skipIf(PLUGIN is None, "built without the driver")
    def test_plugin_hangs(self):
        copy = shutil.copy(os.environ["FOLIO_PLUGIN_HANG"], self.private())
        self.machine.write_answers()
        report = json.loads(run("--json", "--root", self.machine.root, "--plugin", copy).stdout)
        line = [line for line in report["lines"] if line["check"] == "plugin"][0]
        self.assertEqual(line["facts"]["error"], "it did not end within 15 s")


if __name__ == "__main__":
    unittest.main(verbosity=2)

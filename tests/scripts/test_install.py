# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""test_install.py BUILD: what is installed, and where, for each kind of prefix."""

import json
import os
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = sys.argv.pop(1)
PLUGIN = "librte_net_folio.so"


def run(*command, **options):
    """Run something that must succeed; returns what it printed."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, **options)
    if done.returncode != 0:
        raise AssertionError(f"{command}:\n{done.stdout}")
    return done.stdout


def option(name):
    """What an option of the build under test is set to."""
    options = json.loads(run("meson", "introspect", "--buildoptions", BUILD))
    return next(o["value"] for o in options if o["name"] == name)


def headers():
    """Where that build has DPDK's driver headers from, so that none is downloaded again."""
    given = option("dpdk_driver_headers")
    fetched = os.path.join(BUILD, "dpdk-headers")
    return given or (fetched if os.path.isdir(fetched) else "")


def installed(*options):
    """Set up with these options; returns where each file would be installed, by name."""
    with tempfile.TemporaryDirectory(prefix="folio-install.") as folder:
        run("meson", "setup", folder, ROOT, "-Dtests=false", f"-Ddpdk_driver_headers={headers()}",
            *options)
        places = json.loads(run("meson", "introspect", "--installed", folder)).values()
    return {os.path.basename(place): place for place in places}


def system_folder():
    """Where EAL looks by itself."""
    text = run("gcc", "-E", "-dM", *run("pkg-config", "--cflags", "libdpdk").split(),
               "-include", "rte_build_config.h", "-x", "c", "/dev/null")
    return text.split("RTE_EAL_PMD_PATH")[1].split('"')[1]


class Install(unittest.TestCase):
    """Nothing outside the prefix, but for the system's own two."""

    def test_prefix(self):
        places = installed("--prefix=/opt/folio")
        for place in places.values():
            self.assertTrue(place.startswith("/opt/folio/"), place)
        folder = os.path.dirname(places[PLUGIN])
        self.assertEqual(os.path.basename(folder), os.path.basename(system_folder()))
        self.assertNotEqual(folder, system_folder())

    def test_system_prefixes(self):
        for prefix in "/usr", "/usr/local":
            places = installed(f"--prefix={prefix}")
            self.assertEqual(places.pop(PLUGIN), os.path.join(system_folder(), PLUGIN))
            for place in places.values():
                self.assertTrue(place.startswith(prefix + "/"), place)

    def test_option(self):
        for prefix in "/usr", "/opt/folio":
            places = installed(f"--prefix={prefix}", "-Dpmd_dir=/srv/plugins")
            self.assertEqual(places[PLUGIN], "/srv/plugins/" + PLUGIN)

    def test_destdir(self):
        """The build under test, below another root: the files are where it says, and nowhere else."""
        prefix = option("prefix")
        says = {p for p in json.loads(run("meson", "introspect", "--installed", BUILD)).values()}
        with tempfile.TemporaryDirectory(prefix="folio-install.") as folder:
            run("meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", folder)
            for place in says:
                self.assertTrue(os.path.lexists(folder + place), place)
            found = [os.path.join(path, name)[len(folder):]
                     for path, _, names in os.walk(folder) for name in names]
        for place in found:
            self.assertTrue(place.startswith((prefix + "/", system_folder() + "/",
                                              option("pmd_dir") or prefix)), place)
        self.assertIn(PLUGIN, {os.path.basename(place) for place in found})


if __name__ == "__main__":
    unittest.main(verbosity=2)

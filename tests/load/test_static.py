# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""test_static.py BUILD: the driver in statically linked programs, as an archive and as a
plugin. The other end is an unmodified testpmd with the ordinary plugin."""

import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
SYSTEM = os.path.join(HERE, "../system")
sys.path.insert(0, SYSTEM)

import common  # noqa: E402
from verifier import Verify  # noqa: E402

BUILD = sys.argv.pop(1)


def output(*command, **env):
    """What a command prints; it has to succeed."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, env=dict(os.environ, **env))
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)[:2000]}:\n{done.stdout[-3000:]}")
    return done.stdout


class Static(common.PairCase):
    """Programs that have DPDK in themselves."""

    @classmethod
    def setUpClass(cls):
        # Not below /tmp: EAL takes no plugin from below a folder that everybody can write to.
        cls.folder = tempfile.mkdtemp(prefix="folio-load.", dir="/run")
        output("meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", cls.folder)
        pc = glob.glob(f"{cls.folder}/**/libfolio-pmd.pc", recursive=True)[0]
        with open(pc, encoding="ascii") as file:
            text = file.read()
        with open(pc, "w", encoding="ascii") as file: # as if the prefix had been below our folder
            file.write(re.sub("^prefix=", f"prefix={cls.folder}", text, flags=re.M))
        cls.pkgconfig = os.path.dirname(pc)
        cls.plugin = glob.glob(f"{cls.folder}/**/librte_net_folio_static-*.so", recursive=True)[0]

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def build(self, name, source, *packages, static=True, flags=()):
        """Compile a program against these packages of pkg-config."""
        program = os.path.join(self.folder, name)
        words = output("pkg-config", "--cflags", "--libs", *(["--static"] if static else []),
                       *packages, PKG_CONFIG_PATH=self.pkgconfig).split()
        if not static: # what only the plugin asks for, too
            words = [word.replace("--as-needed", "--no-as-needed") for word in words]
        try:
            output("gcc", "-O1", "-D_GNU_SOURCE", "-DALLOW_EXPERIMENTAL_API", "-o", program, source,
                   *flags, *words)
        except AssertionError as error:
            missing = re.search(r"cannot find (-l\w+)", str(error))
            if missing:
                raise unittest.SkipTest(f"libdpdk's static libraries need {missing[1]}")
            raise
        return program

    def converse(self, program, plugin):
        """With a host that sends everything back; every byte is checked."""
        host = self.spawn("host")
        host.cmd("set fwd io")
        host.cmd("start")
        guest = Verify(f"net_folio0,role=guest,path={self.region.path}", 0, program=program,
                       plugin=plugin)
        try:
            guest.wait_received(20000)
            self.assertEqual(guest.finish(), 0, "".join(guest.text[-10:]))
            self.assertEqual(guest.counters[2:], (0, 0))
        finally:
            guest.end()
        self.assertEqual(host.quit(), 0)

    def test_archive(self):
        """pkg-config --static --libs libfolio-pmd libdpdk is all that it takes."""
        program = self.build("archive", f"{SYSTEM}/verify.c", "libfolio-pmd", "libdpdk")
        self.assertNotIn("librte_", output("ldd", program))
        self.converse(program, "")

    def test_plugin(self):
        """A program that exports DPDK's functions, as libdpdk's flags for static linking ask."""
        program = self.build("plain", f"{SYSTEM}/verify.c", "libdpdk")
        self.assertNotIn("librte_", output("ldd", program))
        self.assertNotIn("librte_", output("readelf", "-d", self.plugin))
        self.converse(program, self.plugin)

    def test_other_release(self):
        """Refused by a line that names both releases: private structures differ between them."""
        program = self.build("other", f"{HERE}/other_release.c", "libdpdk", static=False,
                             flags=["-Wl,--export-dynamic", "-Wl,--no-as-needed",
                                    "-lrte_bus_vdev"])
        done = subprocess.run([program, "--no-huge", "-m", "64", "--no-pci", "--no-telemetry",
                               "--file-prefix", f"folio-load-{os.getpid()}", "-d", self.plugin,
                               "--vdev=net_folio0,loopback=1"],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False)
        shutil.rmtree(f"/var/run/dpdk/folio-load-{os.getpid()}", ignore_errors=True)
        release = re.search(r"static-(\d+)\.(\d+)\.so", self.plugin)
        year, month = int(release[1]), release[2]
        self.assertIn(f"folio: this plugin is for DPDK {year}.{month}, and the program has DPDK "
                      f"{year + 1}.{month}: the driver is not registered", done.stdout)
        self.assertEqual(done.returncode, 1, done.stdout)


if __name__ == "__main__":
    common.main()

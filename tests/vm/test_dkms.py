# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""make dkms: an update whose version is the old one replaces the module, for every kernel that had it."""

import os
import shutil
import subprocess
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCES = os.path.join(HERE, "../../drivers/kernel/folio")
HEADER = os.path.join(HERE, "../../include/folio_ioctl.h")

# As dkms 3.0 answers. What it has of a version and a kernel it keeps.
DKMS = """#!/bin/sh
set -e
action=$1; shift
while [ $# -gt 0 ]; do
	case $1 in
	-v) version=$2; shift ;;
	-k) kernel=$2; shift ;;
	esac
	shift
done
cd "$FAKE/state"
case $action in
status)
	for of in */; do
		[ "$of" != "*/" ] || exit 0
		for kernel in $(ls "$of"); do
			echo "folio/${of%/}, $kernel, x86_64: installed"
		done
	done ;;
add) mkdir "$version" ;;
install) [ -e "$version/$kernel" ] || cp "$FAKE/src/folio-$version/main.c" "$version/$kernel" ;;
remove) rm -r "$version" ;;
esac
"""


class Dkms(unittest.TestCase):
    """With a dkms that is made up, and a folder in place of /usr/src."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="folio-dkms.")
        self.addCleanup(shutil.rmtree, self.folder)
        for name in "src", "state":
            os.mkdir(os.path.join(self.folder, name))
        shutil.copytree(SOURCES, os.path.join(self.folder, "module"))
        shutil.copy(HEADER, os.path.join(self.folder, "module"))
        self.dkms = os.path.join(self.folder, "dkms")
        with open(self.dkms, "w", encoding="utf-8") as file:
            file.write(DKMS)
        os.chmod(self.dkms, 0o755)

    def make(self, target):
        """make TARGET, in a copy of the sources."""
        subprocess.run(["make", "-s", "-C", f"{self.folder}/module", target, f"DKMS={self.dkms}",
                        f"SOURCES={self.folder}/src"], check=True,
                       env={**os.environ, "FAKE": self.folder})

    def installed(self):
        """What is installed: a text for each version and kernel."""
        found = {}
        for version in os.listdir(f"{self.folder}/state"):
            for kernel in os.listdir(f"{self.folder}/state/{version}"):
                with open(f"{self.folder}/state/{version}/{kernel}", encoding="utf-8") as file:
                    found[version, kernel] = file.read()
        return found

    def edit(self, name, old, new):
        """Replace a text in a source file."""
        path = f"{self.folder}/module/{name}"
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self.assertIn(old, text)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace(old, new))

    def test_update_of_the_same_version(self):
        self.make("dkms")
        (version, kernel), = self.installed()
        self.assertEqual(kernel, os.uname().release)
        shutil.copy(f"{self.folder}/state/{version}/{kernel}", f"{self.folder}/state/{version}/6.1.0-1")
        self.edit("main.c", "module_init", "/* newer */ module_init")
        self.make("dkms")
        self.assertEqual({k: "newer" in text for k, text in self.installed().items()},
                         {(version, kernel): True, (version, "6.1.0-1"): True})

    def test_another_version(self):
        self.make("dkms")
        self.edit("dkms.conf", 'PACKAGE_VERSION="', 'PACKAGE_VERSION="9')
        self.make("dkms")
        (version, _), = self.installed()
        self.assertTrue(version.startswith("9"))
        self.assertEqual(os.listdir(f"{self.folder}/src"), [f"folio-{version}"])

    def test_removed(self):
        self.make("dkms")
        self.make("dkms-remove")
        self.assertEqual(self.installed(), {})
        self.assertEqual(os.listdir(f"{self.folder}/src"), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)

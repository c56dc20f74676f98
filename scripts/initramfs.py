# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""initramfs.py OUT [FILE[:PATH]...]: the file system of the test guest, as an initramfs.

It holds Debian's dpdk-testpmd with the mempool driver that it needs and net_tap, a static busybox,
guest-init, and the files named: at PATH, or for FILE alone in /opt/folio. Shared libraries that any of them needs
come along.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
LIBRARIES = "/usr/lib/x86_64-linux-gnu"
LIBGCC = "/lib/x86_64-linux-gnu/libgcc_s.so.1"
FOLDERS = ("dev", "etc", "opt/folio", "proc", "root", "run", "sys", "tmp", "usr/bin", "usr/sbin",
           "usr/lib/modules", "usr/lib64", "var")
MOTD = """
This is the folio test guest. Its memory is private; BAR2 of the ivshmem device is shared. This folder,
/opt/folio, has the plugin and the test programs.
  folio-doctor --plugin librte_net_folio.so
  dpdk-testpmd --lcores 0@0,1@0 --no-pci --no-huge -m 128 -d librte_net_folio.so \\
      --vdev=net_folio0,role=guest,pci=0000:00:04.0 -- -i --total-num-mbufs=16384
"poweroff -f", or leaving this shell, ends the guest.
"""


def needed_libraries(path):
    """The shared libraries that the loader would take for a file."""
    listing = subprocess.run(["ldd", path], capture_output=True, text=True, check=False).stdout
    return re.findall(r"(/\S+) \(0x", listing)


class Tree:
    """The file system in a folder."""

    def __init__(self, root):
        self.root = root
        for folder in FOLDERS:
            os.makedirs(os.path.join(root, folder))
        for name in "bin", "sbin", "lib", "lib64":
            os.symlink("usr/" + name, os.path.join(root, name))
        os.symlink("/run", os.path.join(root, "var/run"))

    def add(self, source, path, libraries=True):
        """Copy a file to an absolute path of the guest, and what it needs along with it."""
        target = self.root + path
        if os.path.exists(target):
            return
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copy(os.path.realpath(source), target)
        if libraries:
            for library in needed_libraries(source):
                self.add(library, library, libraries=False)

    def write(self, path, text):
        """A file with this text."""
        with open(self.root + path, "w", encoding="utf-8") as file:
            file.write(text)

    def pack(self, out):
        """As an archive that the kernel unpacks; uncompressed, which is quickest under emulation."""
        names = subprocess.run(["find", ".", "-print0"], cwd=self.root, check=True,
                               capture_output=True).stdout
        with open(out + ".new", "wb") as archive:
            subprocess.run(["cpio", "--null", "-o", "-H", "newc", "--quiet", "-R", "0:0"],
                           cwd=self.root, input=names, stdout=archive, check=True)
        os.rename(out + ".new", out)


def main():
    """Build it."""
    out, files = os.path.abspath(sys.argv[1]), sys.argv[2:]
    with tempfile.TemporaryDirectory(prefix="folio-initramfs.") as root:
        tree = Tree(root)
        tree.add("/bin/busybox", "/bin/busybox")
        os.symlink("busybox", os.path.join(root, "bin/sh"))
        tree.add(os.path.join(HERE, "guest-init"), "/init", libraries=False)
        tree.add("/usr/bin/dpdk-testpmd", "/usr/bin/dpdk-testpmd")
        # glibc loads it when a thread is cancelled, as EAL does at its end.
        tree.add(LIBGCC, LIBGCC)
        drivers = next(d for d in sorted(os.listdir(LIBRARIES + "/dpdk")) if d.startswith("pmds-"))
        for name in "mempool_ring", "net_tap":
            driver = f"{LIBRARIES}/dpdk/{drivers}/librte_{name}.so"
            tree.add(driver, driver)
        tree.write("/etc/motd", MOTD)
        tree.write("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n")
        tree.write("/etc/ld.so.conf", f"{LIBRARIES}\n")
        for file in files:
            source, _, path = file.partition(":")
            tree.add(source, path or "/opt/folio/" + os.path.basename(source))
        subprocess.run(["/sbin/ldconfig", "-r", root], check=True)
        tree.pack(out)


if __name__ == "__main__":
    main()

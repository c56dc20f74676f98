# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""vm.py IMAGE [--shell]: a guest and its host, each an unmodified testpmd, and traffic between them."""

import os
import subprocess
import sys
import time

import traffic
from guest import Guest, accelerator
from testpmd import RegionFile, Testpmd

REGION_MB = 64


def show_traffic(guest, region):
    """Boot, connect, and print the table."""
    start = time.monotonic()
    print(f"booting a guest (QEMU, {accelerator()}); its memory is private but for "
          f"{REGION_MB} MiB behind an ivshmem device ...", flush=True)
    guest.boot()
    print(f"{time.monotonic() - start:6.1f} s  the guest is up", flush=True)
    host = Testpmd([f"net_folio0,role=host,path={region.path}"], 1, traffic.APP_ARGS)
    try:
        host.wait_prompt()
        inside = guest.testpmd(f"role=guest,pci={guest.pci_address()}", app_args=traffic.APP_ARGS)
        inside.wait_prompt()
        for side in host, inside:
            side.wait_link()
        print(f"{time.monotonic() - start:6.1f} s  the link is up", flush=True)
        for line in inside.report().splitlines():
            if "region:" in line:
                print("          " + line.strip())
        bad = traffic.table(inside, host, rates=accelerator() != "tcg")
        for name, side in ("guest", inside), ("host", host):
            counted = {k: v for k, v in side.xstats().items()
                       if v and (k.startswith("violation_") or k in ("rx_errors", "tx_errors"))}
            print(f"{name}: violations and errors: {counted or 'none'}")
        inside.quit()
        host.quit()
    finally:
        host.end()
    if accelerator() == "tcg":
        print("\nEmulated processors: that packets flow means something, how fast does not.")
    return bad


def shell(guest):
    """The user at the guest's console, with everything loaded."""
    args = list(guest.args)
    first = args.index("-chardev")  # ttyS0
    args[first:first + 4] = ["-serial", "mon:stdio"]
    print("The guest's console follows. \"poweroff -f\" ends it, Ctrl-A X ends QEMU.", flush=True)
    return subprocess.call(args)


def main():
    """One of both."""
    image, options = sys.argv[1], sys.argv[2:]
    if options not in ([], ["--shell"]):
        print(f"vm: {' '.join(options)} is unknown: allowed is --shell", file=sys.stderr)
        return 2
    region = RegionFile()
    append = "folio.huge=32" + (" folio.shell" if options else "")
    guest = Guest(os.path.join(image, "vmlinuz"), os.path.join(image, "initrd"),
                  [(region.path, REGION_MB)], append=append, memory=512)
    try:
        if options:
            print(f"The region outside is {region.path}: a host's testpmd would take "
                  f"--vdev=net_folio0,role=host,path={region.path}")
            return shell(guest)
        return 1 if show_traffic(guest, region) else 0
    finally:
        guest.end()
        region.remove()


if __name__ == "__main__":
    sys.exit(main())

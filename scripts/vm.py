# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""vm.py BUILD [OPTIONS]: a guest and its host, each an unmodified testpmd, and traffic between them."""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import time

import ending
import traffic
import vm_ovs
import vm_vf
import vm_virtio
from guest import EMULATED, KVM, Guest
from testpmd import Failure, RegionFile, Testpmd

REGION_MB = 64


def kvm_trouble(build):
    """What keeps guests from running under KVM, as folio-doctor found by running one; or ''."""
    done = subprocess.run([os.path.join(build, "tools/doctor/folio-doctor"), "--json", "--no-dpdk",
                           "--role", "host"], stdout=subprocess.PIPE, text=True, check=False)
    try:
        line = next(l for l in json.loads(done.stdout)["lines"] if l["check"] == "kvm")
    except (ValueError, KeyError, StopIteration):
        return "folio-doctor did not tell"
    return "" if line["facts"].get("guest") == "runs" else line["text"]


def choose_accelerator(build, kvm, tcg):
    """KVM where it runs guests, unless the user wants something else."""
    if tcg:
        return EMULATED
    trouble = kvm_trouble(build)
    if not trouble:
        return KVM
    if kvm:
        raise Failure(f"--kvm: {trouble}")
    print(f"no KVM ({trouble}): the guest is emulated", flush=True)
    return EMULATED


def show_traffic(guest, region):
    """Boot, connect, and print the table; returns how much was wrong."""
    emulated = guest.accelerator == EMULATED
    start = time.monotonic()
    print(f"booting a guest (QEMU, {guest.accelerator}); its memory is private but for "
          f"{REGION_MB} MiB behind an ivshmem device ...", flush=True)
    guest.boot()
    print(f"{time.monotonic() - start:6.1f} s  the guest is up", flush=True)
    with contextlib.ExitStack() as stack:
        host = Testpmd([f"net_folio0,role=host,path={region.path}"], 1, traffic.APP_ARGS)
        stack.callback(host.end)
        host.wait_prompt()
        inside = guest.testpmd(f"role=guest,pci={guest.pci_address()}", app_args=traffic.APP_ARGS)
        inside.wait_prompt()
        for side in host, inside:
            side.wait_link()
        print(f"{time.monotonic() - start:6.1f} s  the link is up", flush=True)
        for line in inside.report().splitlines():
            if "region:" in line:
                print("          " + line.strip())
        bad = traffic.table(inside, host, rates=not emulated)
        for name, side in ("guest", inside), ("host", host):
            counted = {k: v for k, v in side.xstats().items()
                       if v and (k.startswith("violation_") or k in ("rx_errors", "tx_errors"))}
            print(f"{name}: violations and errors: {counted or 'none'}")
        inside.quit()
        host.quit()
    if emulated:
        print("\nEmulated processors: that packets flow means something, how fast does not.")
    return bad


def shell(guest):
    """The user at the guest's console, with everything loaded."""
    args = list(guest.args)
    first = args.index("-chardev")  # ttyS0
    args[first:first + 4] = ["-serial", "mon:stdio"]
    print("The guest's console follows. \"poweroff -f\" ends it, Ctrl-A X ends QEMU.", flush=True)
    return subprocess.call(args)


def parse_args():
    """The command line."""
    parser = argparse.ArgumentParser(prog="./run vm", usage="./run vm [--shell | --virtio | --ovs | --vf] "
                                     "[--kvm | --tcg]")
    parser.add_argument("build", help=argparse.SUPPRESS)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--shell", action="store_true")
    what.add_argument("--virtio", action="store_true")
    what.add_argument("--ovs", action="store_true")
    what.add_argument("--vf", action="store_true")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--kvm", action="store_true")
    which.add_argument("--tcg", action="store_true")
    parser.add_argument("--check", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def main():
    """One of both."""
    args = parse_args()
    if args.check:
        return 0    # before anything is installed, built or booted
    accelerator = choose_accelerator(args.build, args.kvm, args.tcg)
    image = os.path.join(args.build, "guest")
    if args.vf:
        return 1 if vm_vf.show(args.build, accelerator) else 0
    if args.virtio:
        return 1 if vm_virtio.show(image, accelerator) else 0
    if args.ovs:
        return vm_ovs.show(image, accelerator)
    append = "folio.huge=32" + (" folio.shell" if args.shell else "")
    with contextlib.ExitStack() as stack:
        region = RegionFile()
        stack.callback(region.remove)
        guest = Guest(os.path.join(image, "vmlinuz"), os.path.join(image, "initrd"),
                      [(region.path, REGION_MB)], append=append, memory=512,
                      accelerator=accelerator)
        stack.callback(guest.end)
        if args.shell:
            print(f"The region outside is {region.path}: a host's testpmd would take "
                  f"--vdev=net_folio0,role=host,path={region.path}")
            return shell(guest)
        return 1 if show_traffic(guest, region) else 0


if __name__ == "__main__":
    sys.exit(ending.run("vm", main, Failure, OSError))

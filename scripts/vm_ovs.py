# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""./run vm --ovs: two guests with ordinary virtio-net devices ping each other through Open vSwitch."""

import contextlib
import os
import re

from guest import Guest, Nic
from ovs import Switch
from testpmd import Failure, RegionFile
from stock import table_text

REGION_MB = 16
PINGS = 5
TAP = "dtap0"


def address(n):
    """Of the nth guest."""
    return f"10.213.1.{n + 1}"


def start_guest(stack, image, accelerator, switch, n):
    """A guest whose kernel has a network interface: testpmd forwards between it and folio."""
    region = RegionFile()
    stack.callback(region.remove)
    guest = Guest(os.path.join(image, "vmlinuz"), os.path.join(image, "initrd"),
                  [(region.path, REGION_MB)], memory=384, accelerator=accelerator,
                  nics=[Nic(switch.sockets[n], server=True)])
    stack.callback(guest.end)
    guest.boot()
    inside = guest.testpmd(f"virtio={guest.virtio_address()},pci={guest.pci_address()}",
                           first=[f"net_tap0,iface={TAP}"])
    inside.wait_prompt()
    inside.wait_link(port=1)
    inside.cmd("start")
    guest.shells[0].check(f"ip addr add {address(n)}/24 dev {TAP} && ip link set {TAP} up")
    print(f"guest {n + 1} is up, its address is {address(n)}; "
          f"{table_text(switch.memory_table(n))}", flush=True)
    return guest


def ping(guest, n):
    """As many answers as pings."""
    guest.shells[0].run(f"ping -c 1 -W 30 {address(n)}", 120)   # finds the way
    text = guest.shells[0].check(f"ping -c {PINGS} -s 1400 -W 30 {address(n)}", 300)
    found = re.search(r"(\d+) packets received", text)
    if found is None or int(found.group(1)) != PINGS:
        raise Failure(f"pings were lost:\n{text}")
    print(text.strip().splitlines()[-1], flush=True)


def show(image, accelerator):
    """Both ways; returns the command's exit status."""
    with contextlib.ExitStack() as stack:
        print("starting Open vSwitch with DPDK, in a folder and a network namespace of its own ...",
              flush=True)
        switch = Switch(os.path.join(os.path.dirname(image), "ovs"), 2)
        stack.callback(switch.end)
        switch.start()
        guests = [start_guest(stack, image, accelerator, switch, n) for n in range(2)]
        for n in range(2):
            print(f"guest {n + 1} pings guest {2 - n}: ", end="")
            ping(guests[n], 1 - n)
        for n in range(2):
            counted = switch.statistics(n)
            print(f"Open vSwitch counts at port {n}: {counted['rx_packets']} packets from the guest, "
                  f"{counted['tx_packets']} to it")
    return 0

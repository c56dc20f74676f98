# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""./run vm --vf: a guest with a virtual function of QEMU's 82576, and a peer outside of it.

The physical function is in the guest as well, with Linux's own driver: QEMU emulates the whole card.
On a real machine it is the host's. The guest has an IOMMU, which lets the virtual function reach the
shared memory and nothing else.
"""

import contextlib
import os
import re
import socket
import struct
import tempfile
import threading
import time

from guest import EMULATED, Guest
from mirror import Mirrored
from testpmd import Failure, RegionFile

REGION_MB = 32
FRAMES = 2000   # that come back, of each kind
MAC = bytes((2, 0, 0, 0, 0, 2))     # that tests/system/verify.c sends from
ALLOC = "path=/dev/folio_alloc,size=16M"
TAG = struct.Struct("<6s6sHHI4xQQ") # tests/system/frame.h
MASK = (1 << 64) - 1
MODULES = ("dca", "i2c-algo-bit", "igb", "irqbypass", "vfio", "vfio_virqfd", "vfio_iommu_type1",
           "vfio-pci-core", "vfio-pci")


def body(identity, sequence, length):
    """What a frame of this tag has behind it."""
    word = identity ^ sequence * 0x9e3779b97f4a7c15 & MASK
    words = (length + 7) // 8
    whole = b"".join((word + i * 0x100000001b3 & MASK).to_bytes(8, "little") for i in range(words))
    return whole[TAG.size:length]


class Peer:
    """The other end of the cable: checks every frame that the card sends, and sends it back."""

    def __init__(self, folder):
        self.card, self.path = os.path.join(folder, "card"), os.path.join(folder, "peer")
        self.right = self.wrong = self.longest = 0
        self.shortest = 65536
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self._socket.bind(self.path)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def args(self):
        """For QEMU."""
        return ["-netdev", f"dgram,id=cable,local.type=unix,local.path={self.card},"
                f"remote.type=unix,remote.path={self.path}"]

    def _run(self):
        while True:
            frame = self._socket.recv(65536)
            if not frame:
                return
            if len(frame) < TAG.size:
                continue
            _, source, kind, _, length, identity, sequence = TAG.unpack_from(frame)
            if source != MAC or kind != 0xb588:
                continue    # the guest's kernel has something to say, too
            if length == len(frame) and frame[TAG.size:] == body(identity, sequence, length):
                self.right += 1
                self.shortest, self.longest = min(self.shortest, length), max(self.longest, length)
            else:
                self.wrong += 1
            with contextlib.suppress(OSError):
                self._socket.sendto(MAC + bytes((2, 0, 0, 0, 0, 1)) + frame[12:], self.card)

    def flood(self, frames):
        """Send what nobody asked for."""
        for _ in range(frames):
            with contextlib.suppress(OSError):
                self._socket.sendto(MAC + bytes((2, 0, 0, 0, 0, 1)) + b"\x88\xb5" + bytes((0xee,)) * 1000,
                                    self.card)

    def close(self):
        """Unplug it."""
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
            end.sendto(b"", self.path)
        self._thread.join(10)
        self._socket.close()


def boot(image, qemu, region, peer, accelerator=EMULATED):
    """A guest with the card, in a QEMU that scripts/qemu-unpack has in the folder `qemu`."""
    share = f"{qemu}/usr/share"
    return Guest(
        os.path.join(image, "vmlinuz"), os.path.join(image, "initrd"), [(region, REGION_MB)],
        memory=768, accelerator=accelerator, append="intel_iommu=on",
        qemu=(f"{qemu}/usr/bin/qemu-system-x86_64", "-L", f"{share}/seabios", "-L", f"{share}/qemu"),
        more=["-device", "intel-iommu,intremap=on",
              # QEMU 10 maps the BARs of virtual functions above 4 GiB at their low 32 bits.
              "-global", "q35-pcihost.pci-hole64-size=0",
              *peer.args(), "-device", "pcie-root-port,id=root0,chassis=1,addr=10",
              "-device", "igb,netdev=cable,bus=root0,romfile="])


def make_function(guest):
    """Have the card's driver make a virtual function, and give it to vfio-pci. Returns its address."""
    shell = guest.shells[0]
    for module in MODULES:
        shell.run(f"insmod /lib/modules/{module}.ko 2>/dev/null")
    shell.check("test -d /sys/bus/pci/drivers/igb && test -c /dev/vfio/vfio")
    return shell.check(
        "cd /sys/bus/pci/drivers/igb/0000:*/ && pf=$(ls net) && "
        "/opt/folio/ip link set $pf up mtu 9000 && echo 0 > sriov_drivers_autoprobe && "
        "echo 1 > sriov_numvfs && "
        f"/opt/folio/ip link set $pf vf 0 mac {MAC.hex(':')} && vf=$(readlink -f virtfn0) && "
        "echo vfio-pci > $vf/driver_override && echo ${vf##*/} > /sys/bus/pci/drivers_probe && "
        "readlink $vf/driver | grep -q vfio-pci && cd / && echo VF=${vf##*/}"
    ).split("VF=")[1].split()[0]


def faults(guest):
    """What the IOMMU has refused so far, and to whom."""
    return re.findall(r"DMAR: \[DMA .*", guest.shells[0].run("dmesg")[1])


def verify(guest, peer, name, devargs, app="--max-len 1500"):
    """Frames of every length go out and come back; a line says so."""
    peer.right = peer.longest = 0
    peer.shortest = 65536
    inside = Mirrored(guest, devargs, app)
    inside.wait_received(FRAMES)
    frames = inside.finish()
    if peer.wrong:
        raise Failure(f"{peer.wrong} frames arrived outside with wrong contents")
    print(f"{name}: {peer.right} frames of {peer.shortest} to {peer.longest} bytes arrived outside, "
          f"{frames} came back, every byte of them right", flush=True)


def show(build, accelerator):
    """All of it; returns how much was wrong."""
    with contextlib.ExitStack() as stack:
        region = RegionFile()
        stack.callback(region.remove)
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="folio-vf."))
        peer = Peer(folder)
        stack.callback(peer.close)
        start = time.monotonic()
        print(f"booting a guest (QEMU 10, {accelerator}) with an 82576 and an IOMMU ...", flush=True)
        guest = boot(os.path.join(build, "guest-vf"), os.path.join(build, "qemu"), region.path, peer,
                     accelerator)
        stack.callback(guest.end)
        guest.boot()
        print(f"{time.monotonic() - start:6.1f} s  the guest is up", flush=True)
        function = make_function(guest)
        print(f"{time.monotonic() - start:6.1f} s  it has the virtual function {function}", flush=True)
        vf = f"vf={function}"
        verify(guest, peer, "memory of /dev/folio_alloc", f"{vf},{ALLOC}")
        verify(guest, peer, "frames of up to 9000 bytes", f"{vf},{ALLOC},ring_size=256,slot_size=9216",
               "--max-len 9000")
        verify(guest, peer, "the BAR of an ivshmem device", f"{vf},path=/dev/folio0")
        refused = faults(guest)
        print("the IOMMU refused nothing: the card reached for the shared memory only" if not refused
              else "\n".join(refused))
    print("\nThe whole card is emulated, its physical function is in the same guest: no real card was "
          "driven. That frames flow\nmeans something, how fast does not.")
    return len(refused)

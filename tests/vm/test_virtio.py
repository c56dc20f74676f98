# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""A guest with an ordinary virtio-net device, on a host that has nothing of ours: DPDK's net_vhost in an
unmodified testpmd, which sends back what it gets."""

import json
import os
import socket
import threading
from typing import NamedTuple

import common
from common import PCI, REGION_MB
from guest import Guest, Nic
from mirror import Mirrored
from stock import Backend, SocketPath

VIRTIO = f"virtio={Guest.virtio_address()}"
RINGS = {"packed": "", "split": ",packed=0"}
FRAMES = 1000
RESETS = 100
KILLS = 20


class OwnNic(NamedTuple):
    """A virtio-net device that QEMU serves itself, in its main loop: it does not poll, so it has to be
    told of everything. What it sends goes to a UDP port of this machine."""

    to: int
    more: str = "packed=on,iommu_platform=on"

    def args(self, n):
        """The nth one's for QEMU."""
        return ["-netdev", f"socket,id=net{n},udp=127.0.0.1:{self.to},localaddr=127.0.0.1:0",
                "-device", f"virtio-net-pci,id=virtio{n},netdev=net{n},addr={n + 8},romfile=,"
                f"disable-legacy=on,{self.more}"]


class Echo:
    """A UDP port that sends back what it gets."""

    def __init__(self):
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.frames = 0
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        while True:
            frame, sender = self._socket.recvfrom(65536)
            if not frame:
                return
            self.frames += 1
            self._socket.sendto(frame, sender)

    def end(self):
        """An empty datagram is the end."""
        self._socket.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join()
        self._socket.close()


class VirtioCase(common.GuestCase):
    """A socket, a back end, and guests with a device at it."""

    def setUp(self):
        super().setUp()
        self.socket = SocketPath()
        self.addCleanup(self.socket.remove)

    def back_end(self, queues=1):
        """One that forwards; in place of one that was killed, perhaps."""
        if os.path.exists(self.socket.path):
            os.unlink(self.socket.path)     # rte_vhost does not take it over
        side = Backend(self.socket.path, queues=queues, more=",iommu-support=1")
        self.hosts.append(side)
        side.wait_prompt()
        side.cmd("set fwd io")
        side.cmd("start")
        return side

    def boot_device(self, queues=1, append="", more="", **kwargs):
        """A back end and a guest; returns both, and the region's path."""
        back = self.back_end(queues)
        nic = Nic(self.socket.path, queues)
        guest, (path,) = self.boot(append=append, nics=[nic._replace(more=nic.more + more)],
                                   **kwargs)
        return back, guest, path

    def converse(self, guest, devargs, app=""):
        """Every byte that comes back is right."""
        inside = Mirrored(guest, devargs, app)
        inside.wait_received(FRAMES)
        inside.finish()

    def check_table(self, back, path):
        """What the back end has of the guest is the BAR's file, and it has that whole."""
        table = back.memory_table()
        self.assertEqual([region.file for region in table], [path])
        self.assertEqual(table[0].size, REGION_MB << 20)

    def doctor(self, guest):
        """Its line on the device."""
        text = guest.shells[0].run("folio-doctor --json --role guest --plugin "
                                   "/opt/folio/librte_net_folio.so")[1]
        return next(line for line in json.loads(text)["lines"]
                    if line["check"] == guest.virtio_address())


class Short(VirtioCase):
    """In one guest, each property once."""

    def test_stock_host(self):
        back, guest, path = self.boot_device()
        line = self.doctor(guest)
        self.assertEqual(line["verdict"], "ok", line)
        self.assertIn("it offers ACCESS_PLATFORM, packed rings, 1 queue pairs, 1024 descriptors",
                      line["text"])
        for rings, more in RINGS.items():
            with self.subTest(rings=rings):
                self.converse(guest, f"{VIRTIO},{PCI}{more}", "--max-len 9600")
                self.check_table(back, path)
        self.assertEqual(self.doctor(guest)["facts"]["status"], 0, "the driver resets it at its end")


class Doorbells(VirtioCase):
    """A back end that sleeps until it is told."""

    def test_of_qemu_itself(self):
        echo = Echo()
        self.addCleanup(echo.end)
        guest, _ = self.boot(nics=[OwnNic(echo.port)])
        for more in RINGS.values():
            seen = echo.frames
            self.converse(guest, f"{VIRTIO},{PCI}{more}")
            self.assertGreater(echo.frames, seen + FRAMES)


class Memory(VirtioCase):
    """Other memory than the BAR that the driver finds by itself."""

    def test_node_of_the_module(self):
        back, guest, path = self.boot_device()
        self.converse(guest, f"{VIRTIO},path=/dev/folio0")
        self.check_table(back, path)

    def test_through_sysfs(self):
        back, guest, path = self.boot_device(append="folio.module=0")
        for more in RINGS.values():
            self.converse(guest, f"{VIRTIO},{PCI}{more}")
        self.check_table(back, path)

    def test_of_the_guest_itself(self):
        """Without ivshmem. In this kind of guest it is no isolation: all memory is in the table."""
        back = self.back_end()
        guest = self.boot_with([], (), nics=[Nic(self.socket.path)], shared_ram=True)
        self.converse(guest, f"{VIRTIO},path=/dev/folio_alloc,size=16M")
        self.assertGreaterEqual(sum(region.size for region in back.memory_table()), 256 << 20)


class Lifecycle(VirtioCase):
    """Resets, back ends that die, drivers that were there before."""

    def test_four_queue_pairs(self):
        _, guest, _ = self.boot_device(queues=4, memory=512)
        for more in RINGS.values():
            self.converse(guest, f"{VIRTIO},{PCI},queues=4,ring_size=256{more}",
                          "--queues 4 --max-len 9600")

    def test_a_hundred_resets(self):
        back, guest, path = self.boot_device()
        for more in RINGS.values():
            inside = guest.testpmd(f"{VIRTIO},{PCI}{more}").wait_prompt()
            inside.cmd("set fwd flowgen")
            for _ in range(RESETS // len(RINGS)):
                inside.wait_link()
                inside.cmd("start")
                self.flow(inside)
                inside.cmd("stop")
                inside.cmd("port stop 0")
                inside.cmd("port start 0")
            self.assertEqual(inside.violations(), 0)
            inside.quit()
        self.check_table(back, path)

    def test_back_end_is_killed(self):
        back, guest, path = self.boot_device()
        for rings, more in RINGS.items():
            inside = Mirrored(guest, f"{VIRTIO},{PCI}{more}", "--max-len 4000")
            for _ in range(KILLS):
                with self.subTest(rings=rings):
                    inside.wait_received(inside.counters()[1] + 100)
                    back.kill()
                    back = self.back_end()
            inside.wait_received(inside.counters()[1] + 100)
            inside.finish()
        self.check_table(back, path)

    def test_kernel_had_it_before(self):
        """virtio_net has the device, uses it, and is unbound. Its rings are in the guest's own memory,
        which the back end must see. With MSI-X and without KVM QEMU 7.2 crashes here (SIGSEGV)."""
        _, guest, _ = self.boot_device(more=",vectors=0", shared_ram=True)
        shell = guest.shells[0]
        for module in ("virtio_ring", "virtio", "virtio_pci_modern_dev", "virtio_pci_legacy_dev",
                       "virtio_pci", "failover", "net_failover", "virtio_net"):
            shell.check(f"insmod /lib/modules/{module}.ko")
        line = self.doctor(guest)
        self.assertIn("the kernel has it as eth0, agreed on: ACCESS_PLATFORM, packed rings",
                      line["text"])
        shell.check("ip addr add 10.213.3.1/24 dev eth0 && ip link set eth0 up")
        shell.run("ping -c 2 -W 1 10.213.3.2")
        shell.check(f"echo {guest.virtio_address()} > /sys/bus/pci/drivers/virtio-pci/unbind")
        self.converse(guest, f"{VIRTIO},{PCI}")

    def test_left_running(self):
        """A driver is killed, and nobody resets the device behind it."""
        _, guest, _ = self.boot_device(append="folio.module=0")
        for more in *RINGS.values(), "":
            inside = Mirrored(guest, f"{VIRTIO},{PCI}{more}")
            inside.wait_received(100)
            inside.kill()
            self.assertIn("left it running (status 0x0f)", self.doctor(guest)["text"])
        self.converse(guest, f"{VIRTIO},{PCI}")


if __name__ == "__main__":
    common.main()

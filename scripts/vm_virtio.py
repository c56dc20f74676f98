# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""./run vm --virtio: a guest with an ordinary virtio-net device, and a host that has nothing of ours."""

import contextlib
import os
import time

import traffic
from guest import EMULATED, Guest, Nic
from mirror import Mirrored
from testpmd import RegionFile
from stock import Backend, SocketPath, table_text

REGION_MB = 32
FRAMES = 5000   # that come back, of each kind
# What the driver is told, and what that means.
FORMS = (
    ("packed rings, frames of up to 9600 bytes", "", "--max-len 9600"),
    ("split rings", ",packed=0", ""),
)
BAR = "pci=0000:00:04.0"
SHARED = "path=/dev/folio_alloc,size=16M"


def mirror(backend):
    """All that it receives goes back, on the same queue."""
    backend.cmd("stop")
    backend.cmd("set fwd io")
    backend.cmd("start")


def start_backend(stack, **kwargs):
    """A stock back end that guests with a protected memory can use."""
    socket = SocketPath()
    stack.callback(socket.remove)
    backend = Backend(socket.path, more=",iommu-support=1", **kwargs)
    stack.callback(backend.end)
    return backend.wait_prompt(), socket.path


def verify(guest, name, devargs, app=""):
    """Frames of every length go out and come back; a line says so."""
    inside = Mirrored(guest, devargs, app)
    inside.wait_received(FRAMES)
    frames = inside.finish()
    print(f"{name}: {frames} frames came back, every byte of them right", flush=True)


def with_bar(image, accelerator):
    """The guest's memory is its own but for the BAR. Returns how much was wrong."""
    with contextlib.ExitStack() as stack:
        region = RegionFile()
        stack.callback(region.remove)
        backend, socket = start_backend(stack)
        start = time.monotonic()
        print(f"booting a guest (QEMU, {accelerator}) with an ordinary virtio-net device; its memory is "
              f"private but for {REGION_MB} MiB behind an ivshmem device ...", flush=True)
        guest = Guest(os.path.join(image, "vmlinuz"), os.path.join(image, "initrd"),
                      [(region.path, REGION_MB)], memory=512, accelerator=accelerator,
                      nics=[Nic(socket)])
        stack.callback(guest.end)
        guest.boot()
        print(f"{time.monotonic() - start:6.1f} s  the guest is up", flush=True)
        virtio = f"virtio={guest.virtio_address()}"
        inside = guest.testpmd(f"{virtio},{BAR}", app_args=traffic.APP_ARGS).wait_prompt()
        inside.wait_link()
        print(f"{time.monotonic() - start:6.1f} s  the link is up")
        print(table_text(backend.memory_table()))
        bad = traffic.table(inside, backend, rates=accelerator != EMULATED)
        inside.quit()
        mirror(backend)
        print()
        for name, more, app in FORMS:
            verify(guest, name, f"{virtio},{BAR}{more}", app)
        verify(guest, "memory of /dev/folio0, the same BAR", f"{virtio},path=/dev/folio0")
        print(table_text(backend.memory_table()))
        backend.quit()
    return bad


def with_own_memory(image, accelerator):
    """Memory of the guest's own, which it shares with its host."""
    with contextlib.ExitStack() as stack:
        backend, socket = start_backend(stack)
        print("\nbooting a guest without ivshmem, whose memory can be shared ...", flush=True)
        guest = Guest(os.path.join(image, "vmlinuz"), os.path.join(image, "initrd"), [], memory=512,
                      accelerator=accelerator, nics=[Nic(socket)], shared_ram=True)
        stack.callback(guest.end)
        guest.boot()
        mirror(backend)
        verify(guest, "memory of /dev/folio_alloc", f"virtio={guest.virtio_address()},{SHARED}")
        print(table_text(backend.memory_table()))
        backend.quit()
    print("That is all of the guest's memory: in this kind of guest nothing is isolated. In a confidential "
          "one the private pages\nare elsewhere, and the back end has what the guest has shared.")


def show(image, accelerator):
    """Both; returns how much was wrong."""
    bad = with_bar(image, accelerator)
    with_own_memory(image, accelerator)
    if accelerator == EMULATED:
        print("\nEmulated processors: that packets flow means something, how fast does not.")
    return bad

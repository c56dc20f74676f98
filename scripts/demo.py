# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""demo.py [--virtio]: two unmodified testpmds, guest and host, exchange packets over shared memory."""

import contextlib
import sys

import ending
import traffic
from testpmd import Failure, RegionFile, Testpmd
from stock import Backend, SocketPath, table_text

NATIVE = ("Each packet was copied from private memory into the shared region, and out of it after "
          "validation.")
VIRTIO = """The host is DPDK's own net_vhost; nothing of folio's is in it, and all that it has of the guest is the
memory above. Each packet was copied from private memory into it, and out of it after validation."""
LOOP = '"loop": packets go round and round through both processes; the rate is what the guest receives.'


def wait_both(sides):
    """Until each has a link."""
    for side in sides:
        side.wait_prompt()
        side.wait_link()
    return sides


def start_pair(stack):
    """Both with folio, connected."""
    region = RegionFile()
    stack.callback(region.remove)
    sides = []
    for cpu, role in enumerate(("guest", "host")):
        sides.append(Testpmd([f"net_folio0,role={role},path={region.path}"], cpu,
                             traffic.APP_ARGS))
        stack.callback(sides[-1].end)
    return wait_both(sides)


def start_virtio(stack):
    """A guest with folio and a host without, connected."""
    socket = SocketPath()
    stack.callback(socket.remove)
    host = Backend(socket.path)
    stack.callback(host.end)
    guest = Testpmd([f"net_folio0,vhost_user={socket.path}"], 0, traffic.APP_ARGS)
    stack.callback(guest.end)
    wait_both([host, guest])
    print(table_text(host.memory_table()))
    return guest, host


def main():
    """Run every case and print the table."""
    virtio = sys.argv[1:] == ["--virtio"]
    with contextlib.ExitStack() as stack:
        print("starting two dpdk-testpmd processes ...", flush=True)
        guest, host = start_virtio(stack) if virtio else start_pair(stack)
        bad = traffic.table(guest, host)
        for side in guest, host:
            side.quit()
    print(f"\n{VIRTIO if virtio else NATIVE}\n{LOOP}")
    if bad:
        print("demo: packets were lost, violations counted, or nothing flowed", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(ending.run("demo", main, Failure, OSError))

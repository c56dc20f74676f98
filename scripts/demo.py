# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""Two unmodified testpmds, guest and host, exchange packets over a bounce region."""

import sys
import time

from testpmd import RegionFile, Testpmd

SIZES = {64: "64", 512: "512", 1518: "1518", 9000: "2000,2000,2000,2000,1000"}
SECONDS = 2.0
APP_ARGS = ["--max-pkt-len=9018", "--txd=2048", "--rxd=2048"]


def start_pair(region):
    """Both processes, connected."""
    print("starting two dpdk-testpmd processes ...", flush=True)
    guest = Testpmd([f"net_folio0,role=guest,path={region.path}"], 0, APP_ARGS)
    host = Testpmd([f"net_folio0,role=host,path={region.path}"], 1, APP_ARGS)
    for side in guest, host:
        side.wait_prompt()
        side.wait_link()
    return guest, host


def clear(*sides):
    """Start counting from zero."""
    for side in sides:
        side.cmd("clear port stats all")


def drain(guest, host):
    """Let both receive what is still on its way."""
    for side in guest, host:
        side.cmd("stop")
        side.cmd("set fwd rxonly")
        side.cmd("start")
    before = -1
    while before != guest.stats()["RX-packets"] + host.stats()["RX-packets"]:
        before = guest.stats()["RX-packets"] + host.stats()["RX-packets"]
        time.sleep(0.05)
    for side in guest, host:
        side.cmd("stop")


def measure(receiver):
    """Packets a second that a side receives."""
    first, start = receiver.stats()["RX-packets"], time.monotonic()
    time.sleep(SECONDS)
    last, end = receiver.stats()["RX-packets"], time.monotonic()
    return (last - first) / (end - start)


def run_case(guest, host, direction, size):
    """One line of the table."""
    for side in guest, host:
        side.cmd(f"set txpkts {SIZES[size]}")
    clear(guest, host)
    if direction == "loop":
        for side in guest, host:
            side.cmd("set fwd io")
        guest.cmd("start")
        host.cmd("start tx_first 16")
        rate = measure(guest)
    else:
        sender, receiver = (guest, host) if direction == "guest to host" else (host, guest)
        sender.cmd("set fwd txonly")
        receiver.cmd("set fwd rxonly")
        receiver.cmd("start")
        sender.cmd("start")
        rate = measure(receiver)
        sender.cmd("stop")
        sender.cmd("set fwd rxonly")
        sender.cmd("start")
    drain(guest, host)
    g, h = guest.stats(), host.stats()
    lost = g["TX-packets"] + h["TX-packets"] - g["RX-packets"] - h["RX-packets"]
    violations = guest.violations() + host.violations()
    return rate, lost, violations


def main():
    """Run every case and print the table."""
    region = RegionFile()
    guest = host = None
    bad = 0
    try:
        guest, host = start_pair(region)
        print(f"\n{'size':>6}  {'direction':<14} {'Mpps':>8} {'Gbit/s':>8} {'lost':>6} "
              f"{'violations':>10}", flush=True)
        for size in SIZES:
            for direction in "guest to host", "host to guest", "loop":
                rate, lost, violations = run_case(guest, host, direction, size)
                bad += lost + violations + (rate == 0)
                print(f"{size:>6}  {direction:<14} {rate / 1e6:8.2f} {rate * size * 8 / 1e9:8.2f} "
                      f"{lost:>6} {violations:>10}", flush=True)
        for side in guest, host:
            side.quit()
    finally:
        for side in guest, host:
            if side is not None:
                side.end()
        region.remove()
    print("""
Each packet was copied from private memory into the shared region, and out of it after validation.
"loop": packets go round and round through both processes; the rate is what the guest receives.""")
    if bad:
        print("demo: packets were lost, violations counted, or nothing flowed", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

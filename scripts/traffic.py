# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""Traffic between two testpmds, a guest and a host: cases, what they count, and a table of them."""

import time

from busy import UNDISTURBED, Watch, text_of

SIZES = {64: "64", 512: "512", 1518: "1518", 9000: "2000,2000,2000,2000,1000"}
DIRECTIONS = ("guest to host", "host to guest", "loop")
SECONDS = 2.0
# For frames of every size above.
APP_ARGS = ["--max-pkt-len=9018", "--enable-scatter", "--txd=2048", "--rxd=2048"]


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


def measure(receiver, watch):
    """Packets a second that a side receives, while it is watched who has the CPUs."""
    first, start = receiver.stats()["RX-packets"], time.monotonic()
    with watch:
        time.sleep(SECONDS)
    last, end = receiver.stats()["RX-packets"], time.monotonic()
    return (last - first) / (end - start)


def run_case(guest, host, direction, size):
    """One case: packets a second at the receiver, packets received and lost, violations; and who
    had the CPUs, guest before host."""
    cpus = {guest.cpu, host.cpu}
    watch = Watch([guest.process.pid, host.process.pid], None if None in cpus else cpus)
    for side in guest, host:
        side.cmd(f"set txpkts {SIZES[size]}")
    clear(guest, host)
    if direction == "loop":
        for side in guest, host:
            side.cmd("set fwd io")
        guest.cmd("start")
        host.cmd("start tx_first 16")
        rate = measure(guest, watch)
    else:
        sender, receiver = (guest, host) if direction == "guest to host" else (host, guest)
        sender.cmd("set fwd txonly")
        receiver.cmd("set fwd rxonly")
        receiver.cmd("start")
        sender.cmd("start")
        rate = measure(receiver, watch)
        sender.cmd("stop")
        sender.cmd("set fwd rxonly")
        sender.cmd("start")
    drain(guest, host)
    g, h = guest.stats(), host.stats()
    received = g["RX-packets"] + h["RX-packets"]
    lost = g["TX-packets"] + h["TX-packets"] - received
    violations = guest.violations() + host.violations()
    return rate, received, lost, violations, watch


def busy_text(watch):
    """Why a rate says little about folio; empty if it does not."""
    if min(watch.shares) >= UNDISTURBED:
        return ""
    return "        CPU: guest %.0f %%, host %.0f %%; others: %s" % (
        *(100 * share for share in watch.shares), text_of(watch.others) or "nobody that is seen")


def table(guest, host, rates=True):
    """Run every case and print a line each; returns how much was wrong."""
    bad = disturbed = 0
    columns = f" {'Mpps':>8} {'Gbit/s':>8}" if rates else f" {'received':>10}"
    print(f"\n{'size':>6}  {'direction':<14}{columns} {'lost':>6} {'violations':>10} {'CPU':>5}",
          flush=True)
    for size in SIZES:
        for direction in DIRECTIONS:
            rate, received, lost, violations, watch = run_case(guest, host, direction, size)
            bad += lost + violations + (received == 0)
            values = (f" {rate / 1e6:8.2f} {rate * size * 8 / 1e9:8.2f}" if rates
                      else f" {received:>10}")
            print(f"{size:>6}  {direction:<14}{values} {lost:>6} {violations:>10} "
                  f"{min(watch.shares):5.0%}", flush=True)
            busy = busy_text(watch)
            if busy:
                print(busy, flush=True)
                disturbed += 1
    print("\nCPU: the share of a CPU that the guest or the host had, whichever had less.")
    if disturbed:
        print(f"In {disturbed} of {len(SIZES) * len(DIRECTIONS)} cases that was less than "
              f"{UNDISTURBED:.0%}, because others used the CPUs, too: such rates say little.")
    return bad

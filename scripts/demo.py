# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""Two unmodified testpmds, guest and host, exchange packets over a bounce region."""

import contextlib
import sys

import ending
import traffic
from testpmd import Failure, RegionFile, Testpmd


def start_pair(region, stack):
    """Both processes, connected."""
    print("starting two dpdk-testpmd processes ...", flush=True)
    sides = []
    for cpu, role in enumerate(("guest", "host")):
        sides.append(Testpmd([f"net_folio0,role={role},path={region.path}"], cpu,
                             traffic.APP_ARGS))
        stack.callback(sides[-1].end)
    for side in sides:
        side.wait_prompt()
        side.wait_link()
    return sides


def main():
    """Run every case and print the table."""
    with contextlib.ExitStack() as stack:
        region = RegionFile()
        stack.callback(region.remove)
        guest, host = start_pair(region, stack)
        bad = traffic.table(guest, host)
        for side in guest, host:
            side.quit()
    print("""
Each packet was copied from private memory into the shared region, and out of it after validation.
"loop": packets go round and round through both processes; the rate is what the guest receives.""")
    if bad:
        print("demo: packets were lost, violations counted, or nothing flowed", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(ending.run("demo", main, Failure, OSError))

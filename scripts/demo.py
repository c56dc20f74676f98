# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""Two unmodified testpmds, guest and host, exchange packets over a bounce region."""

import sys

import traffic
from testpmd import RegionFile, Testpmd


def start_pair(region):
    """Both processes, connected."""
    print("starting two dpdk-testpmd processes ...", flush=True)
    guest, host = (Testpmd([f"net_folio0,role={role},path={region.path}"], cpu, traffic.APP_ARGS)
                   for cpu, role in enumerate(("guest", "host")))
    for side in guest, host:
        side.wait_prompt()
        side.wait_link()
    return guest, host


def main():
    """Run every case and print the table."""
    region = RegionFile()
    guest = host = None
    try:
        guest, host = start_pair(region)
        bad = traffic.table(guest, host)
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

# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""A program in a guest that checks every byte of its own frames, which a back end sends back."""

import re
import time

from guest import PLUGIN
from testpmd import Failure

COUNTERS = re.compile(r"sent (\d+) received (\d+) bad (\d+) order (\d+)")


class Mirrored:
    """tests/system/verify.c in the guest, with a port of these devargs. The back end is to forward
    what it receives to where it came from, queue by queue ("set fwd io")."""

    def __init__(self, guest, devargs, app="", shell=2):
        self._shell = guest.shells[shell]
        self._log = "/tmp/verify"
        self._pid = self._shell.check(
            f"FOLIO_HUGE_DIR= /opt/folio/verify --lcores 0@0 --no-pci --no-telemetry --no-huge -m 96 "
            f"-d {PLUGIN} '--vdev=net_folio0,{devargs}' -- {app} > {self._log} 2>&1 & "
            "echo $!").split()[-1]

    def counters(self):
        """Sent, received, bad, out of order; as last printed."""
        found = COUNTERS.findall(self._shell.run(f"tail -n 2 {self._log}")[1])
        return tuple(int(n) for n in found[-1]) if found else (0, 0, 0, 0)

    def said(self):
        """All that it printed but its counters."""
        return self._shell.run(f"grep -v '^sent' {self._log}")[1]

    def wait_received(self, more_than, timeout=180):
        """Wait until more than so many have come back; returns how many."""
        deadline = time.monotonic() + timeout
        while True:
            _, got, bad, order = self.counters()
            if bad or order:
                raise Failure(f"{bad} frames came back with wrong contents, {order} in wrong order")
            if got > more_than:
                return got
            ended = self._shell.run(f"kill -0 {self._pid}")[0] != 0
            if ended or time.monotonic() > deadline:
                raise Failure(f"{got} frames came back, waiting for more than {more_than}"
                              f"{'; the program ended' if ended else ''}:\n"
                              f"{self.said()[-3000:]}")
            time.sleep(0.1)

    def finish(self):
        """End it in good order; returns frames that came back. It is a Failure if one was wrong, or
        the program does not have all its mbufs again."""
        status, text = self._shell.run(f"kill {self._pid}; wait {self._pid}; s=$?; "
                                       f"tail -n 20 {self._log}; (exit $s)")
        if status != 0:
            raise Failure(f"in the guest: verify ended with {status}:\n{text}")
        return self.counters()[1]

    def kill(self):
        """SIGKILL."""
        self._shell.run(f"kill -9 {self._pid}; wait {self._pid}")

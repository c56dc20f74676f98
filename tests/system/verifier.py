# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""A process that checks every byte it receives (verify.c)."""

import os
import re
import signal
import subprocess
import threading
import time

from testpmd import die_with_parent, memory_args, plugin_path, remove_runtime

COUNTERS = re.compile(r"sent (\d+) received (\d+) bad (\d+) order (\d+)")


class Verify:
    """One side of the conversation, on the port of a vdev. plugin: a file, or "" for none."""

    _serial = 0

    def __init__(self, vdev, cpu=0, eal=(), app=(), program=None, plugin=None):
        Verify._serial += 1
        self.prefix = f"folio-verify-{os.getpid()}-{Verify._serial}"
        self.counters = (0, 0, 0, 0)
        self.text = []
        self.process = subprocess.Popen(
            [program or os.environ["FOLIO_VERIFY"], "--lcores", f"0@{cpu}", "--no-pci",
             "--no-telemetry", "--file-prefix", self.prefix, *memory_args(128),
             *([] if plugin == "" else ["-d", plugin or plugin_path()]), *eal,
             f"--vdev={vdev}", "--", *app],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, preexec_fn=die_with_parent)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        with self.process.stdout as output:
            for line in output:
                self.text.append(line)
                found = COUNTERS.search(line)
                if found:
                    self.counters = tuple(int(n) for n in found.groups())

    def wait_received(self, more_than, timeout=240):
        """Wait for traffic."""
        deadline = time.monotonic() + timeout
        while self.counters[1] <= more_than:
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise AssertionError("no traffic:\n" + "".join(self.text[-30:]))
            time.sleep(0.02)

    def wait_new(self, packets):
        """Wait until so many more packets are received."""
        self.wait_received(self.counters[1] + packets)

    def finish(self):
        """SIGTERM; returns exit status and the last counters."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(180)
        self.reader.join(10)
        return status

    def kill(self):
        """SIGKILL."""
        self.process.kill()
        self.process.wait()

    def end(self):
        """Whatever happened."""
        if self.process.poll() is None:
            self.kill()
        remove_runtime(self.prefix)

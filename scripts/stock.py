# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""What every host has: a vhost-user back end, DPDK's net_vhost in an unmodified dpdk-testpmd."""

import os
import re
import shutil
import tempfile
from typing import NamedTuple

from testpmd import Testpmd

TABLE = "read message VHOST_USER_SET_MEM_TABLE"
REGION = re.compile(r"guest memory region size: (0x[0-9a-f]+)\n.*guest physical addr: (0x[0-9a-f]+)\n"
                    r".*\n.*host  virtual  addr: (0x[0-9a-f]+)\n")
# net_vhost takes frames of any length by itself, and refuses to be told so (--enable-scatter).
APP_ARGS = ["--max-pkt-len=9018", "--txd=2048", "--rxd=2048"]


class Region(NamedTuple):
    """A line of a back end's memory table."""

    size: int
    address: int
    file: str

    def __str__(self):
        return f"{self.size >> 10} KiB at 0x{self.address:x} ({self.file})"


class SocketPath:
    """A place for a back end's socket, in a folder of its own."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="folio-vhost-")
        self.path = os.path.join(self.folder, "socket")

    def remove(self):
        """Remove whatever is left."""
        shutil.rmtree(self.folder, ignore_errors=True)


def mapped_file(pid, address):
    """The file that a process has mapped at an address."""
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps:
        for line in maps:
            span, *_, name = (line.rstrip("\n") + " ").split(" ", 5)
            low, high = (int(n, 16) for n in span.split("-"))
            if low <= address < high:
                return name.strip()
    return "not mapped any more"


def regions(log, pid, socket):
    """The memory table that a process with DPDK's vhost library has logged last for a socket."""
    log = "".join(line for line in log.splitlines(True) if f"({socket})" in line)
    # A table that is the same again is not logged.
    tables = [part for part in log.split(TABLE)[1:] if REGION.search(part)]
    return [Region(int(size, 16), int(address, 16), mapped_file(pid, int(here, 16)))
            for size, address, here in REGION.findall(tables[-1] if tables else "")]


def table_text(found):
    """A memory table as a line for people."""
    return (f"the back end's memory table: {len(found)} region{'s' * (len(found) != 1)}, " +
            ", ".join(str(region) for region in found))


class Backend(Testpmd):
    """One port, net_vhost, at a socket. Nothing of ours is loaded."""

    def __init__(self, path, cpu=1, queues=1, more="", app_args=APP_ARGS):
        self.path = path
        many = [f"--rxq={queues}", f"--txq={queues}"] if queues > 1 else []
        super().__init__([f"net_vhost0,iface={path},queues={queues}{more}"], cpu,
                         [*app_args, *many], plugin=False)

    def memory_table(self):
        """Regions of its peer's memory that it has mapped."""
        return regions(self.terminal.log, self.process.pid, self.path)

# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""A virtual machine with a bounce region: QEMU, its serial ports, and what runs at their ends.

The guest's memory is anonymous memory of the QEMU process, as it is by default; the only memory that
anybody else can map is the file behind the ivshmem device. (With shared_ram it is otherwise: then the
guest's memory is a memfd, as that part of a confidential guest's memory is which the guest shares.)
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from typing import NamedTuple

from testpmd import PATIENCE, PROMPT, TESTPMD_ARGS, Commands, Failure, Terminal, die_with_parent

READY = "folio-guest-ready"
PLUGIN = "/opt/folio/librte_net_folio.so"
BOOT_TIMEOUT = 4 * PATIENCE
EMULATED, KVM = "tcg", "kvm"    # as QEMU calls them


class SocketTerminal(Terminal):
    """One serial port of a guest, at a UNIX socket that QEMU listens on."""

    def __init__(self, path, process):
        super().__init__()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        deadline = time.monotonic() + 30
        while True:
            try:
                self._socket.connect(path)
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline:
                    self._socket.close()
                    raise
                time.sleep(0.02)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def write(self, text):
        # A serial port has no flow control worth the name: at most what its line buffer holds.
        self._socket.sendall(text.encode())

    def _read(self):
        chunk = b"-"
        while chunk:
            try:
                chunk = self._socket.recv(65536)
            except OSError:
                chunk = b""
            self.feed(chunk)

    def close(self):
        """Hang up."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._reader.join(10)
        self._socket.close()


class Shell:
    """A shell on a serial port: one command at a time."""

    def __init__(self, terminal, guest):
        self.terminal = terminal
        self.guest = guest
        self._serial = 0
        self._from = 0

    def wait_ready(self, timeout=BOOT_TIMEOUT):
        """Wait until the guest has come (once more) as far as to start the shell."""
        text = self.terminal.wait(self._from, lambda t: READY in t, "the guest to boot", timeout,
                                  self.guest.report)
        self._from += text.index(READY) + len(READY)

    def run(self, command, timeout=PATIENCE):
        """Run a command; returns its exit status and what it printed."""
        self._serial += 1
        mark = f"@@{self._serial}="
        start = len(self.terminal.text())
        self.terminal.write(f"{command}; echo @@{self._serial}=$?@\n")
        text = self.terminal.wait(start, lambda t: mark in t and "@" in t.split(mark)[1],
                                  command, timeout, self.guest.report)
        output, status = text.split(mark)
        return int(status.split("@")[0]), output.replace("\r", "")

    def check(self, command, timeout=PATIENCE):
        """Run a command that must succeed; returns what it printed."""
        status, output = self.run(command, timeout)
        if status != 0:
            raise Failure(f"in the guest: {command}: exit status {status}:\n{output}\n"
                          f"{self.guest.report()}")
        return output


class GuestTestpmd(Commands):
    """An unmodified dpdk-testpmd in the guest. It takes its shell's serial port until it ends."""

    def __init__(self, shell, vdevs, app_args=(), eal_args=(), memory=128):
        self.terminal = shell.terminal
        self.process = shell.guest.process
        self.cpu = None     # QEMU's threads run anywhere
        self._shell = shell
        self._start = len(self.terminal.text())
        args = ["dpdk-testpmd", "--lcores", "0@0,1@0", "--no-pci", "--no-telemetry", "--no-huge",
                "-m", str(memory), "-d", PLUGIN, *eal_args]
        for vdev in vdevs:
            args += ["--vdev", vdev]
        args += ["--", *TESTPMD_ARGS, *app_args]
        self.terminal.write(" ".join(args) + "\n")

    def report(self):
        return self.terminal.text()[self._start:][-5000:]

    def wait_prompt(self, timeout=2 * PATIENCE):
        """Wait until it takes commands."""
        text = self.terminal.wait(self._start, lambda t: PROMPT in t, "testpmd's prompt in the guest",
                                  timeout, self.report)
        if "No probed ethernet devices" in text:
            raise Failure(f"testpmd in the guest has no port:\n{self.report()}")
        return self

    def quit(self, timeout=PATIENCE):
        """End it in good order; the shell has the port again."""
        self.terminal.write("quit\n")
        self.terminal.wait(self._start, lambda t: "Bye..." in t, "testpmd to end", timeout,
                           self.report)
        return self._shell.run("true", timeout)[0]


class Nic(NamedTuple):
    """An ordinary virtio-net device on a vhost-user netdev. Its back end listens at a socket, or with
    server=True connects to it."""

    socket: str
    queues: int = 1
    server: bool = False
    more: str = "packed=on,iommu_platform=on"   # properties of the device

    def args(self, n):
        """The nth one's for QEMU."""
        many = f",mq=on,vectors={2 * self.queues + 2}" if self.queues > 1 else ""
        how = "server=on" if self.server else "reconnect=1"
        return ["-chardev", f"socket,id=nic{n},path={self.socket},{how}",
                "-netdev", f"vhost-user,id=net{n},chardev=nic{n},queues={self.queues}",
                "-device", f"virtio-net-pci,id=virtio{n},netdev=net{n},addr={n + 8},romfile=,"
                f"disable-legacy=on,rx_queue_size=1024,tx_queue_size=1024{many},{self.more}"]


class Guest:
    """A virtual machine with an ivshmem device for each region file, and a virtio-net device for each
    of the nics, whose back ends must be there. qemu: another one than the system's, with its options;
    more: devices that come before those."""

    def __init__(self, kernel, initrd, regions, memory=384, cpus=1, append="",
                 accelerator=EMULATED, nics=(), shared_ram=False, qemu=("qemu-system-x86_64",),
                 more=()):
        self._folder = tempfile.mkdtemp(prefix="folio-vm.")
        self.memory = memory
        self.accelerator = accelerator
        self.process = None
        self.terminals = []
        self.shells = []
        self.args = [*qemu, "-M", "q35", "-accel", accelerator, "-cpu", "max",
                     "-smp", str(cpus), "-m", str(memory), "-nodefaults", "-display", "none",
                     "-no-user-config", "-kernel", kernel, "-initrd", initrd, "-append",
                     "console=ttyS0 quiet panic=-1 " + append,
                     "-qmp", f"unix:{self._folder}/qmp,server=on,wait=off"]
        self.args += more
        for n in range(4):
            self.args += ["-chardev", f"socket,id=s{n},path={self._folder}/s{n},server=on,wait=off",
                          "-serial", f"chardev:s{n}"]
        for n, (path, size) in enumerate(regions):
            self.args += ["-object", f"memory-backend-file,id=region{n},mem-path={path},"
                          f"size={size}M,share=on",
                          "-device", f"ivshmem-plain,id=ivshmem{n},memdev=region{n},addr={n + 4}"]
        for n, nic in enumerate(nics):
            self.args += nic.args(n)
        if shared_ram:
            self.args += ["-object", f"memory-backend-memfd,id=ram,size={memory}M,share=on",
                          "-machine", "memory-backend=ram"]

    @staticmethod
    def pci_address(n=0):
        """Of the device for the nth region."""
        return f"0000:00:{n + 4:02x}.0"

    @staticmethod
    def virtio_address(n=0):
        """Of the nth nic."""
        return f"0000:00:{n + 8:02x}.0"

    def qemu_says(self):
        """What QEMU itself said, and whether it has ended."""
        with open(os.path.join(self._folder, "qemu.log"), encoding="utf-8", errors="replace") as log:
            text = log.read()
        status = None
        if self.process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                status = self.process.wait(1)   # its ports are closed before it has ended
        return text if status is None else f"{text}QEMU ended, exit status {status}\n"

    def report(self):
        """The end of the kernel's console and QEMU's own words, for the reader of a failure."""
        return (f"--- console of the guest:\n{self.console()[-3000:]}\n"
                f"--- QEMU ({self.accelerator}):\n{self.qemu_says()[-3000:]}")

    def console(self):
        """What the kernel printed."""
        return self.terminals[0].text() if self.terminals else ""

    def boot(self):
        """Start it and wait for its shells."""
        with open(os.path.join(self._folder, "qemu.log"), "wb") as log:
            self.process = subprocess.Popen(self.args, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, preexec_fn=die_with_parent,
                                            process_group=0)
        try:
            self.terminals = [SocketTerminal(f"{self._folder}/s{n}", self.process)
                               for n in range(4)]
        except OSError as error:
            raise Failure(f"QEMU ({self.accelerator}) did not start:\n{self.qemu_says()}") from error
        self.shells = [Shell(t, self) for t in self.terminals[1:]]
        self.wait_boot()
        return self

    def wait_boot(self):
        """Wait for the shells, after a reset too."""
        for shell in self.shells:
            shell.wait_ready()

    def testpmd(self, devargs, shell=1, first=(), **kwargs):
        """Start a testpmd in the guest with a folio port, behind those of other vdevs."""
        return GuestTestpmd(self.shells[shell], [*first, f"net_folio0,{devargs}"], **kwargs)

    def qmp(self, command, **arguments):
        """One command of QEMU's monitor; returns its answer."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(30)
            connection.connect(f"{self._folder}/qmp")
            with connection.makefile("rw", encoding="utf-8") as stream:
                for message in ({"execute": "qmp_capabilities"},
                                {"execute": command, "arguments": arguments}):
                    stream.write(json.dumps(message) + "\n")
                    stream.flush()
                    answer = {}
                    while "return" not in answer and "error" not in answer:
                        answer = json.loads(stream.readline())
        if "error" in answer:
            raise Failure(f"QEMU: {command}: {answer['error']}")
        return answer["return"]

    def reset(self):
        """The reset button."""
        self.qmp("system_reset")

    def power_off(self):
        """Pull the plug, by QEMU's own hand."""
        try:
            self.qmp("quit")
        except (OSError, ValueError):
            pass # it may end before it answers
        self.wait_end()

    def kill(self):
        """SIGKILL to QEMU."""
        self.process.send_signal(signal.SIGKILL)
        self.wait_end()

    def wait_end(self):
        """Wait until QEMU has ended, and hang up."""
        self.process.wait(PATIENCE)
        for terminal in self.terminals:
            terminal.close()
        self.terminals = []
        self.shells = []

    def end(self):
        """Make sure that it is gone, in whatever state it is."""
        if self.process is not None and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

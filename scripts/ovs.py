# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""Debian's Open vSwitch with DPDK, run by itself: no service, all of its files in one folder, and its
network interfaces in a namespace of its own. scripts/ovs-unpack has the programs."""

import os
import shutil
import signal
import subprocess
import tempfile
import time

import stock
from testpmd import Failure, die_with_parent

DEADLINE = 60   # seconds for any of its programs; the machine may be busy
# It adds --in-memory, which wants huge pages, unless it is told otherwise.
MEMORY = "--no-huge --legacy-mem -m 512"


class Switch:
    """A bridge with dpdkvhostuserclient ports; at the other end of each somebody listens."""

    def __init__(self, root, ports):
        self.folder = tempfile.mkdtemp(prefix="folio-ovs-")
        self.namespace = os.path.basename(self.folder)
        self.sockets = [os.path.join(self.folder, f"port{n}") for n in range(ports)]
        self.pid = None
        self._root = root
        self._processes = []
        share = os.path.join(root, "usr/share/openvswitch")
        self._env = dict(os.environ, OVS_RUNDIR=self.folder, OVS_LOGDIR=self.folder,
                         OVS_DBDIR=self.folder, OVS_SYSCONFDIR=self.folder, OVS_PKGDATADIR=share)
        self._schema = os.path.join(share, "vswitch.ovsschema")
        self._database = f"unix:{self.folder}/db"

    def log(self):
        """What it logged so far."""
        try:
            with open(os.path.join(self.folder, "vswitchd.log"), encoding="utf-8",
                      errors="replace") as file:
                return file.read()
        except OSError:
            return ""

    def _fail(self, what, text):
        raise Failure(f"Open vSwitch: {what}:\n{text}\n{self.log()[-3000:]}")

    def _call(self, *command):
        done = subprocess.run(command, env=self._env, text=True, timeout=DEADLINE, check=False,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        if done.returncode != 0:
            self._fail(" ".join(command), done.stdout)
        return done.stdout

    def _program(self, path):
        return os.path.join(self._root, path)

    def _vsctl(self, *args):
        return self._call(self._program("usr/bin/ovs-vsctl"), f"--db={self._database}",
                          f"--timeout={DEADLINE // 2}", *args)

    def _start(self, name, path, *args):
        with open(os.path.join(self.folder, name + ".out"), "wb") as out:
            self._processes.append(subprocess.Popen(
                ["ip", "netns", "exec", self.namespace, self._program(path), *args,
                 f"--unixctl={self.folder}/{name}.ctl", f"--log-file={self.folder}/{name}.log",
                 "-vconsole:off"], env=self._env, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                preexec_fn=die_with_parent, process_group=0))
        return self._processes[-1]

    def _wait(self, what, condition):
        deadline = time.monotonic() + DEADLINE
        while not condition():
            if time.monotonic() > deadline or any(p.poll() is not None for p in self._processes):
                self._fail(what, "not seen")
            time.sleep(0.1)

    def start(self):
        """Until it has its ports."""
        self._call("ip", "netns", "add", self.namespace)
        file = os.path.join(self.folder, "conf.db")
        self._call(self._program("usr/bin/ovsdb-tool"), "create", file, self._schema)
        self._start("ovsdb", "usr/sbin/ovsdb-server", file, f"--remote=p{self._database}")
        self._wait("its database", lambda: os.path.exists(os.path.join(self.folder, "db")))
        self._vsctl("--no-wait", "init")
        self._vsctl("--no-wait", "set", "Open_vSwitch", ".", "other_config:dpdk-init=true",
                    f"other_config:pmd-cpu-mask={1 << max(os.sched_getaffinity(0)):#x}",
                    f"other_config:dpdk-extra={MEMORY} --no-pci --file-prefix={self.namespace}",
                    "other_config:vhost-iommu-support=true",
                    "other_config:per-port-memory=true")    # by what a port needs: else 700 MB
        self._start_vswitchd()
        self._vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev")
        for n, path in enumerate(self.sockets):
            self._vsctl("add-port", "br0", f"port{n}", "--", "set", "Interface", f"port{n}",
                        "type=dpdkvhostuserclient", f"options:vhost-server-path={path}")
        return self

    def _start_vswitchd(self):
        self.pid = self._start("vswitchd", "usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk",
                               self._database).pid
        self._wait("DPDK", lambda: "DPDK Enabled - initialized" in self.log())

    def kill_and_restart(self):
        """SIGKILL of the switch; its ports are in the database, which lives on."""
        process = self._processes.pop()
        process.kill()
        process.wait()
        os.unlink(os.path.join(self.folder, "vswitchd.log"))
        self._start_vswitchd()

    def statistics(self, port):
        """Of a port, by name."""
        text = self._vsctl("get", "Interface", f"port{port}", "statistics")
        return {k: int(v) for k, v in (pair.split("=") for pair in text.strip(" {}\n").split(", "))}

    def memory_table(self, port):
        """What it has mapped of who is behind a port."""
        return stock.regions(self.log(), self.pid, self.sockets[port])

    def end(self):
        """Nothing is left of it."""
        for process in reversed(self._processes):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        subprocess.run(["ip", "netns", "del", self.namespace], check=False, capture_output=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.rmtree(os.path.join("/var/run/dpdk", self.namespace), ignore_errors=True)

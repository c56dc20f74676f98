#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""Compare folio with the other ways of moving packets between two processes.

Two unmodified dpdk-testpmd processes, a guest and a host, each poll on a CPU of their own:

  one way  the guest transmits (txonly), the host receives (rxonly)
  io loop  both forward (io); packets that the host injects once circulate between them

The figure is the rate at which the host receives. The contestants take turns, round by round. The
two CPUs' distance is probed right before and after every measured window, and only samples of one
placement are compared: virtual CPUs move, and their distance decides everything.

Needs root, two idle CPUs and 1.1 GiB of free huge pages. PLUGIN is librte_net_folio.so. A sample
takes about three seconds more than its window: seven minutes with the defaults.
"""

import argparse
import collections
import datetime
import hashlib
import json
import os
import platform
import re
import select
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

from testpmd import Failure, Testpmd

HUGEPAGES = "/dev/hugepages"
BURST = 32
MBUFS = 8192
INJECTED_BURSTS = 16        # 512 packets circulate in the io loop: they fit into every ring
VIRTQUEUE = 1024            # the most that vhost promises; 256, the default, is no faster
WARM_UP = 0.3               # seconds of traffic before the window
START_DEADLINE = 30
LINK_DEADLINE = 10
PROBE_DEADLINE = 30
ENOUGH = 3                  # samples of one placement, of every contestant
UNDISTURBED = 0.9           # of its CPU at least: else somebody else's work was measured, too
PLACEMENTS = ("siblings", "near", "between", "far")     # "mixed" and "disturbed" never count
PREFERRED = "near"
CASES = {"one way": ("txonly", "rxonly"), "io loop": ("io", "io")}  # guest's and host's mode

Contestant = collections.namedtuple("Contestant", "name ours guest host wide proofs")
# wide: both sides may use 512 bit; proofs: what the guest says if it is what its name says.
VIRTIO = "--vdev=net_virtio_user0,path={sock},queues=1,queue_size=%d" % VIRTQUEUE
VHOST = "--vdev=net_vhost0,iface={sock},queues=1"
MEMIF = "--vdev=net_memif0,role=%s,socket={sock},socket-abstract=no,rsize=11,bsize=2112"
FOLIO = "--vdev=net_folio0,role=%s,path={region}"
CONTESTANTS = (
    Contestant("folio", True, FOLIO % "guest", FOLIO % "host", False, ()),
    Contestant("folio-avx512", True, FOLIO % "guest", FOLIO % "host", True,
               ("Burst mode: avx512",)),
    Contestant("memif", False, MEMIF % "client", MEMIF % "server", False, ()),
    Contestant("memif-zero-copy", False, MEMIF % "client" + ",zero-copy=yes", MEMIF % "server",
               False, ()),
    Contestant("virtio-packed-vec", False,
               VIRTIO + ",packed_vq=1,vectorized=1,in_order=1,mrg_rxbuf=0", VHOST, True,
               ("vectorized Rx path", "vectorized Tx path")),
    Contestant("virtio-packed", False, VIRTIO + ",packed_vq=1", VHOST, False, ()),
    Contestant("virtio-split", False, VIRTIO, VHOST, False, ()),
)


class Bench:
    """What all samples have in common: the options, the private folder, the probe."""

    def __init__(self, args, folder):
        self.args = args
        self.folder = folder
        self.count = 0
        # EAL refuses plugins below a world-writable folder such as /tmp: load a copy.
        self.plugin = shutil.copy(args.plugin, os.path.join(folder, "librte_net_folio.so"))
        self.pingpong = os.path.join(folder, "pingpong")
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pingpong.c")
        subprocess.run(["cc", "-O2", "-pthread", "-o", self.pingpong, source], check=True,
                       timeout=60)
        self.cpus = [str(cpu) for cpu in args.cpus]

    def start_spinner(self):
        """Keep both CPUs awake with idle priority; the caller ends the process."""
        process = subprocess.Popen([self.pingpong, "--spin", *self.cpus],
                                   stdout=subprocess.PIPE)
        ready, _, _ = select.select([process.stdout], [], [], PROBE_DEADLINE)
        if not ready or process.stdout.readline() != b"spinning\n":
            process.kill()
            raise Failure("the idle-priority spinner did not start")
        return process

    def probe(self):
        """The time in ns of a round trip of one cache line between the two CPUs."""
        try:
            done = subprocess.run([self.pingpong, *self.cpus], check=True, text=True,
                                  stdout=subprocess.PIPE, timeout=PROBE_DEADLINE)
        except subprocess.SubprocessError as err:
            raise Failure("the ping-pong probe failed: %s" % err) from err
        return float(done.stdout)

    def command(self, contestant, side, mode, paths):
        """The command line of one testpmd."""
        cpus = "%s,%s" % tuple(self.cpus)
        own = self.cpus[0 if side == "guest" else 1]
        command = ["dpdk-testpmd", "-v", "--lcores=0@(%s),1@%s" % (cpus, own), "-m", "512",
                   "--no-pci", "--in-memory", "--single-file-segments", "--no-telemetry",
                   "--file-prefix=%s-%s" % (os.path.basename(self.folder), side)]
        if contestant.wide:
            command.append("--force-max-simd-bitwidth=512")
            command.append("--log-level=pmd.net.virtio.*:info")     # tells its burst functions
        if contestant.ours:
            command += ["-d", self.plugin]
        vdev = contestant.guest if side == "guest" else contestant.host
        return command + [vdev.format(**paths), "--", "-i", "--nb-cores=1",
                          "--burst=%d" % BURST, "--total-num-mbufs=%d" % MBUFS,
                          "--port-topology=loop", "--disable-link-check",
                          "--mask-event=intr_lsc", "--mask-event=queue_state",
                          "--forward-mode=%s" % mode]

    def start(self, contestant, side, mode, paths, sample):
        """Start one side and wait for its prompt."""
        command = self.command(contestant, side, mode, paths)
        sample["commands"][side] = " ".join(command)
        env = dict(os.environ, RUNTIME_DIRECTORY=self.folder)
        log = "%s/%d-%s.log" % (self.folder, self.count, side)
        return Testpmd("%s %s" % (contestant.name, side), command, env, log)

    def take(self, contestant, case, size, number):
        """Take one sample. It says itself whether it failed, and why."""
        self.count += 1
        paths = {"sock": "%s/%d.sock" % (self.folder, self.count),
                 "region": "%s/%s-%d" % (HUGEPAGES, os.path.basename(self.folder), self.count)}
        sample = {"round": number, "contestant": contestant.name, "case": case, "size": size,
                  "time": now(), "status": "failed", "placement": None, "commands": {}}
        running = []
        try:
            for side, mode in reversed(tuple(zip(("guest", "host"), CASES[case]))):
                running.append(self.start(contestant, side, mode, paths, sample))
                running[-1].reply(START_DEADLINE)
            host, guest = running
            prepare(contestant, guest, host, size, sample)
            self.measure(guest, host, case, sample)
        except (OSError, Failure) as err:
            sample["error"] = str(err)
        finally:
            for process in reversed(running):   # the guest first: the host serves it
                process.end()
            for path in paths.values():
                if os.path.exists(path):
                    os.unlink(path)
        return sample

    def measure(self, guest, host, case, sample):
        """Run the traffic and count what the host receives in the window."""
        before = self.probe()
        if case == "io loop":
            guest.ask("start", r"packet forwarding - ports=1")
            host.ask("start tx_first %d" % INJECTED_BURSTS, r"io packet forwarding - ports=1")
        else:
            host.ask("start", r"packet forwarding - ports=1")
            guest.ask("start", r"packet forwarding - ports=1")
        time.sleep(WARM_UP)
        used = [process.cpu_time() for process in (guest, host)]
        first, _, start = received(host)
        time.sleep(self.args.seconds)
        last, own_rate, end = received(host)
        used = [process.cpu_time() - t for process, t in zip((guest, host), used)]
        for process in (guest, host):
            process.ask("stop", r"Done\.")
        after = self.probe()
        share = [t / (end - start) for t in used]
        sample.update(probe_ns=[before, after], cpu_share=share,
                      placement=placement(before, after, share),
                      packets=last - first, seconds=end - start, testpmd_pps=own_rate,
                      mpps=(last - first) / (end - start) / 1e6)
        if last == first:
            raise Failure("no packet arrived in the window")
        sample["status"] = "ok"


def prepare(contestant, guest, host, size, sample):
    """Wait for the links, set the packet size, check that it is what its name says."""
    for process in (guest, host):
        wait_link(process)
        process.ask("set txpkts %d" % size)
    sample["rx_burst_mode"] = {}    # not every driver tells it
    for side, process in (("guest", guest), ("host", host)):
        mode, _ = process.ask("show rxq info 0 0", r"Burst mode: (.*)", needed=False)
        sample["rx_burst_mode"][side] = mode and mode.group(1)
    said = guest.output + guest.read_log()
    for proof in contestant.proofs:
        if not re.search(proof, said):
            raise Failure("the guest is not what its name says: no %r in:\n%s" % (proof, said))
    version = re.search(r"RTE Version: '(.*)'", said)
    sample["dpdk"] = version and version.group(1)


def wait_link(process):
    """Wait until testpmd's port is up."""
    deadline = time.monotonic() + LINK_DEADLINE
    while time.monotonic() < deadline:
        reply, _ = process.ask("show port summary all", r"\n0 +\S+ +\S+ +\S+ +(up|down) ")
        if reply.group(1) == "up":
            return
        time.sleep(0.05)
    raise Failure("%s: the link did not come up in %d s" % (process.name, LINK_DEADLINE))


def received(process):
    """Packets received so far, testpmd's own rate since the last time, and the time."""
    match, when = process.ask("show port stats 0", r"RX-packets: *(\d+)(?s:.*?)Rx-pps: *(\d+)")
    return int(match.group(1)), int(match.group(2)), when


def now():
    """The time of day, for the record."""
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")


def distance(nanoseconds):
    """The class of one ping-pong time."""
    for limit, name in ((70, "siblings"), (250, "near"), (400, "between")):
        if nanoseconds < limit:
            return name
    return "far"


def placement(before, after, share):
    """The class of a sample: that of its two probes if they agree and nobody was in the way."""
    if min(share) < UNDISTURBED:
        return "disturbed"
    return distance(before) if distance(before) == distance(after) else "mixed"


def choose_placement(samples, names):
    """Return the placement to compare, and whether it has enough samples of every contestant."""
    counts = collections.Counter((s["placement"], s["contestant"]) for s in samples)
    fit = [p for p in PLACEMENTS if all(counts[p, name] >= ENOUGH for name in names)]
    if PREFERRED in fit:
        return PREFERRED, True

    def merit(where):
        numbers = [counts[where, name] for name in names]
        return sum(n > 0 for n in numbers), sum(numbers), where == PREFERRED
    return max(fit or PLACEMENTS, key=merit), bool(fit)


def summarize(samples, contestants, case, size):
    """One column of the table: medians, spreads and ratios at one case and packet size."""
    mine = [s for s in samples if (s["case"], s["size"]) == (case, size)]
    good = [s for s in mine if s["status"] == "ok"]
    where, fit = choose_placement(good, [c.name for c in contestants])
    column = {"case": case, "size": size, "placement": where, "comparable": fit, "rows": {}}
    for contestant in contestants:
        all_of_it = [s for s in mine if s["contestant"] == contestant.name]
        rates = [s["mpps"] for s in all_of_it
                 if s["status"] == "ok" and s["placement"] == where]
        row = {"used": len(rates), "taken": len(all_of_it),
               "failed": sum(s["status"] != "ok" for s in all_of_it)}
        if rates:
            row.update(median=statistics.median(rates), min=min(rates), max=max(rates))
        column["rows"][contestant.name] = row
    add_ratios(column, contestants)
    return column


def add_ratios(column, contestants):
    """Who is the best peer, and folio's rate over it."""
    rows = column["rows"]
    peers = [c.name for c in contestants if not c.ours and "median" in rows[c.name]]
    column["best_peer"] = max(peers, key=lambda n: rows[n]["median"]) if peers else None
    column["ratios"] = {
        c.name: rows[c.name]["median"] / rows[column["best_peer"]]["median"]
        for c in contestants if c.ours and peers and "median" in rows[c.name]}


def cell(row):
    """A contestant's cell in the table."""
    failed = ", %d failed" % row["failed"] if row["failed"] else ""
    if "median" not in row:
        return "- (0 of %d%s)" % (row["taken"], failed)
    return "%.2f (%.2f-%.2f; %d of %d%s)" % (
        row["median"], row["min"], row["max"], row["used"], row["taken"], failed)


def table(columns, contestants):
    """The table as text that is Markdown, too."""
    def note(c):
        return c["placement"] + ("" if c["comparable"] else ", TOO FEW SAMPLES")
    lines = [["Mpps"] + ["%s %d B" % (c["case"], c["size"]) for c in columns],
             None, ["CPUs"] + [note(c) for c in columns]]
    for contestant in contestants:
        lines.append([contestant.name] + [cell(c["rows"][contestant.name]) for c in columns])
    lines.append(["best peer"] + [c["best_peer"] or "-" for c in columns])
    for contestant in contestants:
        if contestant.ours:
            ratios = [c["ratios"].get(contestant.name) for c in columns]
            lines.append(["%s / best peer" % contestant.name] +
                         ["-" if r is None else "%.2f" % r for r in ratios])
    widths = [max(len(line[i]) for line in lines if line) for i in range(len(columns) + 1)]
    lines[1] = ["-" * width for width in widths]
    return "\n".join("| " + " | ".join(t.ljust(w) for t, w in zip(line, widths)) + " |"
                     for line in lines) + "\n"


def text_of(command):
    """A command's output, or None: facts for the record that need not be there."""
    try:
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              check=True, text=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def machine(plugin):
    """What was measured on, and what was measured."""
    with open(plugin, "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    here = os.path.dirname(os.path.abspath(__file__))
    with open("/proc/meminfo", encoding="ascii") as file:
        hugepages = [line.split(":")[1].strip() for line in file if line.startswith("HugePages_T")]
    return {"kernel": platform.release(), "machine": platform.machine(),
            "lscpu": text_of(["lscpu"]), "hugepages": hugepages[0],
            "dpdk_package": text_of(["dpkg-query", "-W", "-f", "${Version}", "dpdk"]),
            "folio_commit": text_of(["git", "-C", here, "describe", "--always", "--dirty"]),
            "plugin": os.path.abspath(plugin), "plugin_sha256": digest}


def cpu_model(facts):
    """The processor's name."""
    match = re.search(r"Model name: *(.*)", facts["lscpu"] or "")
    return match.group(1) if match else facts["machine"]


def has_avx512():
    """The 512-bit contestants need it."""
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        return " avx512bw " in file.read()


def run_rounds(bench, contestants):
    """Every contestant once a round, the order rotated; a line of progress for each sample."""
    samples = []
    for number in range(bench.args.samples):
        for case in CASES:
            for size in bench.args.sizes:
                for i in range(len(contestants)):
                    contestant = contestants[(i + number) % len(contestants)]
                    sample = bench.take(contestant, case, size, number + 1)
                    samples.append(sample)
                    log_progress(sample)
    return samples


def brief(error):
    """The first line of an error and the last ones of what testpmd said; the record has all."""
    lines = error.splitlines()
    return "\n  | ".join(lines[:1] + lines[1:][-5:])


def log_progress(sample):
    """One line on stderr for a sample."""
    text = "round %d  %s %4d B  %-18s" % (sample["round"], sample["case"], sample["size"],
                                          sample["contestant"])
    if sample["status"] == "ok":
        text += "%8.2f Mpps  %s (%.0f, %.0f ns; %.0f, %.0f %% of the CPU)" % (
            sample["mpps"], sample["placement"], *sample["probe_ns"],
            *(100 * share for share in sample["cpu_share"]))
    else:
        text += "FAILED: " + brief(sample["error"])
    print(text, file=sys.stderr, flush=True)


def write_results(folder, record, text):
    """compare.json with everything, compare.md with the table."""
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "compare.json"), "w", encoding="utf-8") as file:
        json.dump(record, file, indent=1)
        file.write("\n")
    with open(os.path.join(folder, "compare.md"), "w", encoding="utf-8") as file:
        file.write(text)


def report(record, contestants):
    """The heading, the table and what one must know to read it."""
    facts = record["machine"]
    text = "# folio and its peers\n\n%s, Linux %s, %s, folio %s, %s\n\n" % (
        cpu_model(facts), facts["kernel"], record["dpdk"], facts["folio_commit"] or "unknown",
        record["date"])
    text += table(record["summary"], contestants)
    text += ("\nMedian (min-max; samples of this placement of all taken) of what the host "
             "receives,\n%g s a sample. CPUs: the distance of the two, by a ping-pong of one "
             "cache line\n(siblings < 70 ns, near < 250, between < 400, far). A sample does "
             "not count if its placement\nchanged, or if a side had less than %d %% of its CPU.\n"
             % (record["options"]["seconds"], round(100 * UNDISTURBED)))
    if record["left_out"]:
        text += "Not run, this CPU has no AVX-512: %s.\n" % ", ".join(record["left_out"])
    return text


def parse_args():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("plugin", metavar="PLUGIN")
    parser.add_argument("--samples", type=int, default=5, help="rounds (default: 5)")
    parser.add_argument("--seconds", type=float, default=3, help="window of one sample")
    parser.add_argument("--sizes", default="64", help="packet sizes, e.g. 64,256,1518")
    parser.add_argument("--cpus", default="0,1", help="the guest's CPU and the host's")
    parser.add_argument("--out", metavar="FOLDER", help="for compare.json and compare.md")
    args = parser.parse_args()
    try:
        args.sizes = [int(size) for size in args.sizes.split(",")]
        args.cpus = [int(cpu) for cpu in args.cpus.split(",")]
    except ValueError:
        parser.error("--sizes and --cpus are lists of numbers")
    if args.samples < 1 or args.seconds <= 0 or len(set(args.cpus)) != 2:
        parser.error("--samples, --seconds and --cpus: one or more, above 0, two")
    if not all(60 <= size <= 1518 for size in args.sizes):
        parser.error("--sizes: 60 to 1518, so that a packet fits into a buffer of every peer")
    if os.geteuid() != 0:
        parser.error("huge pages and pinned threads need root")
    if not os.path.isfile(args.plugin):
        parser.error("no such plugin: %s" % args.plugin)
    return args


def run(args, folder):
    """Measure; return the record and its contestants."""
    contestants = [c for c in CONTESTANTS if has_avx512() or not c.wide]
    record = {"date": now(), "machine": machine(args.plugin), "command": sys.argv,
              "options": {**vars(args), "burst": BURST, "mbufs": MBUFS,
                          "injected_bursts": INJECTED_BURSTS},
              "left_out": [c.name for c in CONTESTANTS if c not in contestants]}
    bench = Bench(args, folder)
    spinner = bench.start_spinner()
    try:
        record["samples"] = run_rounds(bench, contestants)
    finally:
        spinner.kill()
        spinner.wait()
        spinner.stdout.close()
    record["dpdk"] = next((s["dpdk"] for s in record["samples"] if s.get("dpdk")), "DPDK unknown")
    record["summary"] = [summarize(record["samples"], contestants, case, size)
                         for case in CASES for size in args.sizes]
    return record, contestants


def main():
    """Exit status: 0 if every contestant gave a sample in every case at every size."""
    args = parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))   # so that everything is cleaned up
    folder = tempfile.mkdtemp(prefix="folio-bench-", dir="/run")
    try:
        record, contestants = run(args, folder)
    finally:
        shutil.rmtree(folder)
    text = report(record, contestants)
    print(text)
    if args.out:
        write_results(args.out, record, text)
    return 0 if all(row["failed"] < row["taken"] for column in record["summary"]
                    for row in column["rows"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())

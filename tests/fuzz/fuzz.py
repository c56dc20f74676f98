# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""Build, run and measure the fuzzers of the core. ./run fuzz calls this; see docs/fuzzing.md."""

import argparse
import concurrent.futures
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from typing import NamedTuple

from mutants import MUTANTS

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "mutation"))

from tree import break_file  # noqa: E402

BUILD = os.path.join(ROOT, "build-fuzz")
VIRTIO = os.path.join(os.path.dirname(HERE), "virtio")
DEVICE = os.path.join(ROOT, "tools", "hostile-device")
CORPUS = os.path.join(HERE, "corpus")
INTERRUPTED = 72  # libFuzzer's exit code after Ctrl-C
CLANG, COV, PROFDATA = "clang-14", "llvm-cov-14", "llvm-profdata-14"

HARNESS = ["hook", "oracle", "copies", "system", "content", f"{DEVICE}/acts", f"{DEVICE}/model"]
PORT = ["port_sides", "port_bursts", "port_peer", "port_traffic"]
PARTS = {"port": PORT, "traffic": PORT,  # of some fuzzers only
         "session": ["session_checks"],
         "pci": ["../virtio/pcidev"]}
BASE = ["-std=gnu11", "-D_GNU_SOURCE", "-g", "-Wall", "-Wextra", "-Werror"]
# What falls on address zero AddressSanitizer sees as well, and a load of shared memory that is not
# aligned the hook: UBSan's checks of both are a third of an execution.
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all",
              "-fno-sanitize=null,alignment"]
# As in lib/meson.build; the kernels are chosen at run time here too.
KERNELS = {
    "portable": ["-DFOLIO_COPY_PORTABLE"],
    "sse": ["-mprfchw"],
    "avx2": ["-mavx2", "-mbmi2", "-mprfchw"],
    "avx512": ["-mavx2", "-mbmi2", "-mavx512f", "-mavx512bw", "-mavx512vl", "-mprfchw"],
}


class Target(NamedTuple):
    """A fuzzer: the longest input, its share of a minute, and of a CI run in executions. Without
    entropic mutation goes on from any input alike; its bookkeeping is a fifth of fuzz_port's time."""

    name: str
    max_len: int
    seconds: int
    runs: int
    entropic: bool = True


TARGETS = [Target("layout", 64, 4, 200_000), Target("session", 256, 14, 10_000),
           Target("ring", 512, 16, 6_000), Target("port", 256, 16, 5_000, False),
           Target("traffic", 64, 10, 40_000, False),
           Target("virtq", 256, 12, 20_000), Target("pci", 192, 4, 8_000),
           Target("vhost", 256, 8, 20_000), Target("advq", 192, 6, 20_000)]


class Outcome(NamedTuple):
    """What a run of a fuzzer came to."""

    runs: int
    seconds: float
    finding: str  # path of the input, "" for none
    output: str


def say(text):
    """Print a line now."""
    print(text, flush=True)


def files_of(folder, endings):
    """Paths of the files below a folder that end so, in a fixed order."""
    return sorted(os.path.join(where, name) for where, _, names in os.walk(folder)
                  for name in names if name.endswith(endings))


class Builder:
    """Objects are named after a hash of all that goes into them: nothing is ever built twice."""

    def __init__(self, lib=os.path.join(ROOT, "lib"), coverage=False):
        self.lib = lib
        self.coverage = coverage
        self.includes = [os.path.join(ROOT, "include"), lib, HERE]
        self.objects = os.path.join(BUILD, "objects")
        os.makedirs(self.objects, exist_ok=True)
        self.headers = hashlib.sha256()
        for folder in (*self.includes, VIRTIO, DEVICE):
            for name in files_of(folder, ".h"):
                with open(name, "rb") as file:
                    self.headers.update(file.read())

    def compile(self, source, flags, fuzzed):
        """An object file."""
        if self.coverage:
            flags = BASE + flags + ["-O0", "-fprofile-instr-generate", "-fcoverage-mapping"]
        elif fuzzed:
            flags = BASE + flags + ["-O2", "-fsanitize=fuzzer-no-link"] + SANITIZERS
        else:
            flags = BASE + flags + ["-O2"] + ([] if source.endswith("/hook.c") else SANITIZERS)
        key = self.headers.copy()
        key.update(repr(flags).encode())
        with open(source, "rb") as file:
            key.update(file.read())
        name = os.path.basename(source)[:-2]
        path = os.path.join(self.objects, f"{name}-{key.hexdigest()[:24]}.o")
        if not os.path.exists(path):
            command = [CLANG, *flags, *(f"-I{folder}" for folder in self.includes),
                       "-include", os.path.join(HERE, "load.h"), "-c", source, "-o", path + ".new"]
            subprocess.run(command, check=True)
            os.rename(path + ".new", path)
        return path

    def build(self, names, folder):
        """The fuzzers of such names, in a folder; returns their paths by name."""
        jobs = [(name, ["-DFUZZED"], True) for name in files_of(self.lib, ".c")
                if os.path.basename(name) != "copy_isa.c"]
        jobs += [(os.path.join(self.lib, "boundary", "copy_isa.c"),
                  flags + [f"-DFOLIO_COPY_OPS=folio_copy_{isa}"], True)
                 for isa, flags in KERNELS.items()]
        jobs += [(os.path.join(HERE, name + ".c"), [], False) for name in HARNESS]
        own = {name: [f"fuzz_{name}", *PARTS.get(name, [])] for name in names}
        mains = [(os.path.join(HERE, part + ".c"), [], False) for name in names for part in own[name]]
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            built = list(pool.map(lambda job: self.compile(*job), jobs + mains))
        os.makedirs(folder, exist_ok=True)
        programs = {}
        rest = iter(built[len(jobs):])
        for name in names:
            parts = [next(rest) for _ in own[name]]
            programs[name] = os.path.join(folder, f"fuzz_{name}")
            instrument = ["-fsanitize=fuzzer"]
            instrument += ["-fprofile-instr-generate"] if self.coverage else SANITIZERS
            subprocess.run([CLANG, *instrument, "-Wl,--wrap=folio_copy_select", *parts,
                            *built[:len(jobs)], "-lnuma", "-lpthread", "-o", programs[name]],
                           check=True)
        return programs


def environment(folder):
    """For a fuzzer whose region files go to a folder."""
    return dict(os.environ, FOLIO_FUZZ_DIR=folder,
                ASAN_OPTIONS="quarantine_size_mb=8:malloc_context_size=8:detect_leaks=1:"
                             "allocator_release_to_os_interval_ms=-1",
                UBSAN_OPTIONS="print_stacktrace=1",
                ASAN_SYMBOLIZER_PATH="/usr/bin/llvm-symbolizer-14")


def region_folder():
    """A private folder in memory."""
    return tempfile.TemporaryDirectory(prefix="folio-fuzz.",
                                       dir="/dev/shm" if os.path.isdir("/dev/shm") else None)


def fuzz(program, target, corpora, limit, seed, findings=os.path.join(BUILD, "findings")):
    """Run a fuzzer; the first of the corpora grows. What limits it is an option of libFuzzer."""
    os.makedirs(findings, exist_ok=True)
    prefix = os.path.join(findings, target.name + "-")
    with region_folder() as folder:
        begin = time.monotonic()
        with subprocess.Popen(
                [program, limit, f"-seed={seed}", f"-max_len={target.max_len}", "-len_control=0",
                 f"-entropic={int(target.entropic)}",
                 "-timeout=120", "-report_slow_units=120", "-rss_limit_mb=0",
                 "-malloc_limit_mb=1024",
                 f"-artifact_prefix={prefix}", "-print_final_stats=1", *corpora],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                env=environment(folder)) as process:
            try:
                output, _ = process.communicate()
            except KeyboardInterrupt:
                process.send_signal(signal.SIGINT)
                process.communicate()
                raise
        took = time.monotonic() - begin
    wrote = re.search(r"Test unit written to (\S+)", output)
    failed = process.returncode not in (0, INTERRUPTED)
    if failed and wrote is None:
        raise RuntimeError(f"{program} failed:\n{output[-3000:]}")
    counts = re.findall(r"^stat::number_of_executed_units: +(\d+)|^#(\d+)\t", output, re.M)
    runs = max((int(a or b) for a, b in counts), default=0)
    return Outcome(runs, took, wrote.group(1) if failed else "", output)


def kept(target):
    """The inputs of a target that the repository has."""
    folder = os.path.join(CORPUS, target.name)
    return folder if os.path.isdir(folder) else None


def report(target, outcome):
    """A line, and for a finding what is known of it."""
    rate = outcome.runs / max(outcome.seconds, 0.001)
    text = (f"fuzz_{target.name}: {outcome.runs} executions in {outcome.seconds:.0f} s, "
            f"{rate:.0f}/s: " + ("A FINDING" if outcome.finding else "no finding"))
    if not outcome.finding:
        return text
    lines = outcome.output.splitlines()
    first = next((i for i, line in enumerate(lines)
                  if "not so:" in line or "ERROR" in line or "runtime error" in line), 0)
    return "\n".join([text, *lines[first:first + 25],
                      f"reproduce: ./run fuzz --reproduce {target.name} "
                      f"{os.path.relpath(outcome.finding, ROOT)}"])


def ci_limit(target):
    """libFuzzer counts the corpus, too."""
    return f"-runs={target.runs}"


def run_ci(target, program):
    """The share of a target in a CI run: the corpus first, then so many inputs from a fixed seed,
    however long it takes. Whoever runs it runs the same inputs."""
    with tempfile.TemporaryDirectory() as fresh:
        corpora = [fresh] + ([kept(target)] if kept(target) else [])
        return fuzz(program, target, corpora, ci_limit(target), 1)


def command_ci(targets):
    """All targets. Returns how many have a finding."""
    programs = Builder().build([t.name for t in targets], BUILD)
    failed = 0
    for target in targets:
        outcome = run_ci(target, programs[target.name])
        say(report(target, outcome))
        failed += bool(outcome.finding)
    say(f"{len(targets) - failed} passed, {failed} failed")
    return failed


def command_fuzz(targets, minutes, workers):
    """In turns, a slice of half a minute or more each, until it is enough or there is a finding."""
    programs = Builder().build([t.name for t in targets], BUILD)
    end = time.monotonic() + minutes * 60 if minutes else None
    total = {t.name: [0, 0.0] for t in targets}
    found = []
    interrupted = False

    def slices():
        turn = 0
        while not found:
            target = targets[turn % len(targets)]
            seconds = target.seconds * 4
            if end is not None:
                seconds = min(seconds, int(end - time.monotonic()))
                if seconds <= 0:
                    return
            turn += 1
            yield target, seconds, int.from_bytes(os.urandom(3), "big") + 1

    def one(job):
        target, seconds, seed = job
        grows = os.path.join(BUILD, "corpus", target.name)
        os.makedirs(grows, exist_ok=True)
        corpora = [grows] + ([kept(target)] if kept(target) else [])
        outcome = fuzz(programs[target.name], target, corpora, f"-max_total_time={seconds}", seed)
        total[target.name][0] += outcome.runs
        total[target.name][1] += outcome.seconds
        say(report(target, outcome))
        if outcome.finding:
            found.append(outcome.finding)

    try:
        work = slices()
        with concurrent.futures.ThreadPoolExecutor(workers) as pool:
            pending = set()
            while True:
                while len(pending) < workers:
                    job = next(work, None)
                    if job is None:
                        break
                    pending.add(pool.submit(one, job))
                if not pending:
                    break
                done, pending = concurrent.futures.wait(
                    pending, return_when=concurrent.futures.FIRST_COMPLETED)
                for future in done:
                    future.result()
    except KeyboardInterrupt:
        say("")
        interrupted = True
    for name, (runs, seconds) in total.items():
        say(f"fuzz_{name}: in all {runs} executions in {seconds / 60:.1f} min, "
            f"{runs / max(seconds, 0.001):.0f}/s")
    if interrupted and not found:
        raise KeyboardInterrupt
    return len(found)


def command_keep(targets):
    """Replace the repository's corpus by the least that covers as much as it and the grown one."""
    programs = Builder().build([t.name for t in targets], BUILD)
    for target in targets:
        old, new = os.path.join(CORPUS, target.name), os.path.join(BUILD, "keep", target.name)
        shutil.rmtree(new, ignore_errors=True)
        os.makedirs(new)
        sources = [old] if kept(target) else []
        grown = os.path.join(BUILD, "corpus", target.name)
        sources += [grown] if os.path.isdir(grown) else []
        with region_folder() as folder:
            subprocess.run([programs[target.name], "-set_cover_merge=1", "-rss_limit_mb=0",
                            f"-max_len={target.max_len}", "-report_slow_units=120", new, *sources],
                           check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                           env=environment(folder))
        shutil.rmtree(old, ignore_errors=True)
        shutil.copytree(new, old)
        say(f"fuzz_{target.name}: {len(os.listdir(old))} inputs kept")
    return 0


def command_reproduce(name, path):
    """Run one input, with all that the program says."""
    program = Builder().build([name], BUILD)[name]
    with region_folder() as folder:
        return subprocess.run([program, "-rss_limit_mb=0", "-report_slow_units=120", path],
                              check=False, env=environment(folder)).returncode


def command_coverage(targets):
    """Lines and branches of lib/ that the corpus reaches."""
    out = os.path.join(BUILD, "coverage")
    shutil.rmtree(out, ignore_errors=True)
    programs = Builder(coverage=True).build([t.name for t in targets], out)
    profiles = []
    for target in targets:
        corpora = [kept(target)] if kept(target) else []
        grown = os.path.join(BUILD, "corpus", target.name)
        corpora += [grown] if os.path.isdir(grown) else []
        profiles.append(os.path.join(out, target.name + ".profraw"))
        with region_folder() as folder:
            subprocess.run([programs[target.name], "-runs=0", "-rss_limit_mb=0",
                            "-report_slow_units=120", *corpora],
                           check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                           env=dict(environment(folder), LLVM_PROFILE_FILE=profiles[-1]))
    merged = os.path.join(out, "all.profdata")
    subprocess.run([PROFDATA, "merge", "-o", merged, *profiles], check=True)
    objects = [arg for t in targets for arg in ("-object", programs[t.name])][1:]
    sources = files_of(os.path.join(ROOT, "lib"), (".c", ".h"))
    text = subprocess.run([COV, "report", *objects, f"-instr-profile={merged}",
                           "-show-branch-summary", "-show-region-summary=false", *sources],
                          check=True, capture_output=True, text=True).stdout
    say(text)
    shown = subprocess.run([COV, "show", *objects, f"-instr-profile={merged}",
                            "-show-branches=count", *sources],
                           check=True, capture_output=True, text=True).stdout
    with open(os.path.join(out, "lines.txt"), "w", encoding="utf-8") as file:
        file.write(shown)
    say(f"every line and branch: {os.path.relpath(os.path.join(out, 'lines.txt'), ROOT)}")
    return 0


def share_objects(folder):
    """Give a folder for kill() the objects that a deliberate bug does not touch."""
    objects = os.path.join(BUILD, "objects")
    if os.path.isdir(objects):
        shutil.copytree(objects, os.path.join(folder, "objects"))


def kill(mutant, folder):
    """Is a deliberate bug found in what a CI run gives to its target? Returns the outcome."""
    lib = os.path.join(folder, "lib")
    shutil.rmtree(lib, ignore_errors=True)
    shutil.copytree(os.path.join(ROOT, "lib"), lib)
    break_file(folder, os.path.join("lib", mutant.file), mutant.old, mutant.new)
    target = next(t for t in TARGETS if t.name == mutant.target)
    builder = Builder(lib)
    builder.objects = os.path.join(folder, "objects")
    os.makedirs(builder.objects, exist_ok=True)
    program = builder.build([target.name], folder)[target.name]
    fresh = os.path.join(folder, "corpus")
    shutil.rmtree(fresh, ignore_errors=True)
    os.makedirs(fresh)
    corpora = [fresh] + ([kept(target)] if kept(target) else [])
    return fuzz(program, target, corpora, ci_limit(target), 1, folder)


def command_self_test(names):
    """Every deliberate bug, or some of them. Returns how many survive."""
    chosen = [m for m in MUTANTS if not names or m.name in names]
    killed = 0
    with tempfile.TemporaryDirectory() as folder:
        share_objects(folder)
        for mutant in chosen:
            outcome = kill(mutant, folder)
            killed += bool(outcome.finding)
            how = re.search(r"not so: .*|ERROR: \S+: .*|runtime error: .*", outcome.output)
            how = how.group(0)[:70] if how else ""
            say(f"{mutant.name}: " + (f"found by fuzz_{mutant.target} in {outcome.seconds:.1f} s, "
                                      f"{outcome.runs} executions: {how}"
                                      if outcome.finding else "SURVIVES"))
    say(f"{killed} of {len(chosen)} deliberate bugs found")
    return len(chosen) - killed


def main():
    """The command line."""
    parser = argparse.ArgumentParser(prog="./run fuzz", description="Fuzz the core of folio.")
    parser.add_argument("--minutes", type=float, default=0, help="stop by itself")
    parser.add_argument("--workers", type=int, choices=(1, 2), default=1)
    parser.add_argument("--target", action="append", choices=[t.name for t in TARGETS],
                        help="only this one (may be repeated)")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--ci", action="store_true", 
                      help="the same inputs each time: corpus first, then from a fixed seed")
    what.add_argument("--coverage", action="store_true", help="what of lib/ the corpus reaches")
    what.add_argument("--self-test", nargs="*", metavar="NAME", help="are deliberate bugs found?")
    what.add_argument("--keep", action="store_true", help="minimise the corpus into the repository")
    what.add_argument("--reproduce", nargs=2, metavar=("TARGET", "FILE"), help="run one input")
    args = parser.parse_args()
    targets = [t for t in TARGETS if not args.target or t.name in args.target]
    if args.ci:
        return command_ci(targets)
    if args.coverage:
        return command_coverage(targets)
    if args.self_test is not None:
        return command_self_test(args.self_test)
    if args.keep:
        return command_keep(targets)
    if args.reproduce:
        return command_reproduce(*args.reproduce)
    return command_fuzz(targets, args.minutes, args.workers)


if __name__ == "__main__":
    try:
        sys.exit(1 if main() else 0)
    except KeyboardInterrupt:
        sys.exit(130)

# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""The checks that a deliberate bug may have to get past. None depends on luck or on the clock."""

import os
import subprocess
import sys
import tempfile

from tree import HERE, ROOT, Broken, Relinked

sys.path.insert(0, os.path.join(os.path.dirname(HERE), "proof"))

import order  # noqa: E402
from onefetch.gimple import Error  # noqa: E402
from onefetch.paths import Program  # noqa: E402
from onefetch.units import commands, moved, read_unit, read_units  # noqa: E402

PLUGIN = "drivers/net/folio/librte_net_folio.so"
CARD = "tests/vf/librte_net_folio_model.so"     # with a model of a network card in it
TIMEOUT = 300  # seconds, for a bug that makes a program wait for ever


class Checks:
    """On a build of the sources as they are."""

    def __init__(self, build):
        self.build = os.path.realpath(build)
        self.cache = {}

    # What GCC makes of the sources.

    def units(self):
        """{job: (functions, files it is made of)} of the sources as they are, read once."""
        if "units" not in self.cache:
            jobs = {}
            for job in commands(self.build, ROOT):
                if job[0].startswith("lib/") or job[0] in order.UNITS:
                    jobs.setdefault(job[0], job)
            read = read_units(list(jobs.values()), ROOT)
            self.cache["units"] = [(job, functions, {os.path.relpath(os.path.realpath(u), ROOT)
                                                     for u in used})
                                   for job, (functions, used) in zip(jobs.values(), read)]
        return self.cache["units"]

    def functions(self, bugs, names=None):
        """The functions of a copy with these bugs; only what they get into is read anew."""
        found = []
        with Broken(*bugs, parts=("lib", "include", "drivers")) as root:
            for job, functions, used in self.units():
                if names is not None and job[0] not in names:
                    continue
                if used & {file for file, _, _ in bugs}:
                    job, = moved([job], ROOT, os.path.realpath(root), self.build)
                    functions, _ = read_unit(job, os.path.realpath(root))
                found += functions
        return found

    def one_fetch(self, bugs):
        """How shared memory is read, docs/mechanical-checks.md."""
        try:
            return Program(self.functions(bugs)).judge()
        except Error as error:
            return [str(error)]

    def order(self, bugs):
        """In which order, tests/proof/order.py."""
        return order.Orders(self.functions(bugs, order.UNITS)).broken()

    # Programs.

    def run(self, argv, env=None):
        """What a test program says if it fails, else nothing."""
        try:
            done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                  errors="replace", timeout=TIMEOUT, check=False,
                                  env=dict(os.environ, **(env or {})))
        except subprocess.TimeoutExpired:
            return [f"still running after {TIMEOUT} s"]
        if done.returncode == 0:
            return []
        if done.returncode == 77:
            raise RuntimeError(f"{argv[0]} was skipped")
        lines = [line for line in done.stdout.splitlines()
                 if "[  FAILED  ]" in line or "[  ERROR" in line or "ERROR:" in line]
        return lines or [f"ended with status {done.returncode}"]

    def unit(self, bugs, program):
        """A unit test of the core."""
        with tempfile.TemporaryDirectory(prefix="folio-broken.") as temp:
            path = Relinked(self.build).link(f"tests/unit/{program}", temp, bugs)
            return self.run([path])

    def hostile(self, bugs, program):
        """The core against a hostile peer."""
        with tempfile.TemporaryDirectory(prefix="folio-broken.") as temp:
            path = Relinked(self.build).link(f"tests/hostile/{program}", temp, bugs)
            return self.run([path])

    def plugin(self, bugs, argv, env=None, target=PLUGIN):
        """A test of the driver, with the plugin that has the bugs, in SSE: one copy to compile."""
        # EAL takes no plugin from below a folder that everybody may write to.
        with tempfile.TemporaryDirectory(prefix="folio-broken.", dir="/run") as temp:
            plugin = Relinked(self.build, isa="sse").link(target, temp, bugs)
            device = os.path.join(self.build, "tools/hostile-device/folio-hostile-device")
            return self.run(argv, {"FOLIO_PLUGIN": plugin, "FOLIO_SIMD_BITS": "128",
                                   "FOLIO_HOSTILE_DEVICE": device, **(env or {})})

    def driver(self, bugs, program):
        """One of tests/driver. Behind a colon: $FOLIO_PAIR."""
        program, _, pair = program.partition(":")
        return self.plugin(bugs, [os.path.join(self.build, "tests/driver", program)],
                           {"FOLIO_PAIR": pair} if pair else {})

    def card(self, bugs, program):
        """One of tests/driver that is about a virtual function."""
        argv = [os.path.join(self.build, "tests/driver", program)]
        return self.plugin(bugs, argv, target=CARD)

    def compiled(self, bugs, program):
        """One of tests/driver that has sources of the driver in it."""
        with tempfile.TemporaryDirectory(prefix="folio-broken.") as temp:
            path = Relinked(self.build).link(f"tests/driver/{program}", temp, bugs)
            return self.run([path])

    def disclosure(self, bugs, program):
        """What reaches shared memory, by a program of tests/hostile."""
        return self.plugin(bugs, [os.path.join(self.build, "tests/hostile", program)])

    def device(self, bugs, tests):
        """A testpmd against the hostile device: some tests of test_device.py."""
        script = os.path.join(ROOT, "tests/hostile/test_device.py")
        return self.plugin(bugs, [sys.executable, script, "-f", tests], {"FOLIO_TEST_ALL": "1"})

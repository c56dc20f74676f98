# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""programs.py BUILD SUITE...: what ninja has to make for the tests of these suites, a path a line."""

import json
import os
import subprocess
import sys


def introspect(build, what):
    """What meson knows of a build."""
    return json.loads(subprocess.run(["meson", "introspect", build, "--" + what],
                                     stdout=subprocess.PIPE, check=True).stdout)


def main():
    """Print them."""
    build, *suites = sys.argv[1:]
    needed = {target for test in introspect(build, "tests")
              if {suite.split(":")[-1] for suite in test["suite"]} & set(suites)
              for target in test["depends"]}
    for target in introspect(build, "targets"):
        if target["id"] in needed:
            print(os.path.relpath(target["filename"][0], os.path.realpath(build)))


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""cases.py BUILD TALLY: print the cases of the last meson test in BUILD, a line each; add them up.

TALLY is a file with the three numbers so far: passed, failed, skipped; TALLY.skips gets a line for
each that was skipped, with the reason. A program that knows no cases counts as one.
"""

import json
import os
import re
import sys

# cmocka: "[       OK ] name"; unittest: "name (where) ... ok", perhaps with a line between.
CMOCKA = re.compile(r"^\[ +(OK|FAILED|ERROR|SKIPPED) +\] ([A-Za-z]\w+)\r?$", re.M)
UNITTEST = re.compile(r"^(test_\w+) \([\w.]+\)(?:\n[^\n]*?)? \.\.\. (ok|FAIL|ERROR|skipped)\b", re.M)
RESULTS = {"OK": "ok", "ok": "ok", "FAILED": "FAILED", "FAIL": "FAILED", "ERROR": "FAILED",
           "SKIPPED": "skipped", "skipped": "skipped", "TIMEOUT": "FAILED", "SKIP": "skipped"}


# What is printed before a case of cmocka is skipped; behind one of unittest; by a whole program.
WHY_CMOCKA = re.compile(r"skipped: ([^\n]*)\r?\n\[ +SKIPPED +\] ([A-Za-z]\w+)")
WHY_UNITTEST = re.compile(r"^(test_\w+) \([\w.]+\)(?:\n[^\n]*?)? \.\.\. skipped (['\"])(.*)\2", re.M)
WHY_PROGRAM = re.compile(r"skipped:? (.*)", re.I)


def cases(program):
    """Names and results of the cases of one test program, and why some were skipped."""
    text = program.get("stdout", "") + "\n" + program.get("stderr", "")
    found = {name: RESULTS[result] for result, name in CMOCKA.findall(text)}
    found.update((name, RESULTS[result]) for name, result in UNITTEST.findall(text))
    why = {name: reason for reason, name in WHY_CMOCKA.findall(text)}
    why.update((name, reason) for name, _, reason in WHY_UNITTEST.findall(text))
    whole = RESULTS.get(program["result"], "FAILED")
    if not found or (whole == "FAILED" and "FAILED" not in found.values()):
        found["(the program)"] = whole
        reason = WHY_PROGRAM.search(text)
        why["(the program)"] = reason.group(1) if reason else text.strip().split("\n")[-1]
    return found, why


def main():
    """Read, print, add."""
    build, tally = sys.argv[1:]
    counts = {"ok": 0, "FAILED": 0, "skipped": 0}
    with open(os.path.join(build, "meson-logs/testlog.json"), encoding="utf-8") as log, \
            open(tally + ".skips", "a", encoding="utf-8") as skips:
        for line in log:
            program = json.loads(line)
            name = program["name"].split(" / ")[-1].split(":")[-1]
            found, why = cases(program)
            for case, result in found.items():
                print(f"{name}: {case}: {result}")
                counts[result] += 1
                if result == "skipped":
                    skips.write(f"{name}: {case}: {why.get(case) or 'no reason given'}\n")
    with open(tally, encoding="ascii") as file:
        before = [int(n) for n in file.read().split()]
    with open(tally, "w", encoding="ascii") as file:
        print(*(a + b for a, b in zip(before, counts.values())), file=file)


if __name__ == "__main__":
    main()

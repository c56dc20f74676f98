# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""One bench-generator process under a script's control. Every wait has a deadline."""

import json
import select
import subprocess
import time

from side import Failure
from busy import cpu_time

# For what hangs: with many others on the CPUs it takes some seconds to be heard.
START_DEADLINE = 120
ANSWER_DEADLINE = 60
QUIT_DEADLINE = 60
LINK_DEADLINE = 60


class Generator:
    """Commands in, answers out; its log goes into a file. If this script dies, it ends, too."""

    def __init__(self, name, command, env, log):
        self.name = name
        self.log = log
        self.unread = b""
        with open(log, "wb") as stderr:
            # In a group of its own: Ctrl-C is for this script, which ends it.
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=stderr,
                                            stdout=subprocess.PIPE, bufsize=0, env=env,
                                            process_group=0)

    def read_log(self):
        """What it has logged so far."""
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def failure(self, what):
        """An exception that says what is wrong, with the log."""
        return Failure("%s: generator %s; its log:\n%s"
                       % (self.name, what, self.read_log()[-3000:]))

    def answer(self, seconds=ANSWER_DEADLINE):
        """The next answer, also if it is an error."""
        deadline = time.monotonic() + seconds
        while b"\n" not in self.unread:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                raise self.failure("is silent")
            data = self.process.stdout.read(65536)
            if not data:
                raise self.failure("ended")
            self.unread += data
        line, self.unread = self.unread.split(b"\n", 1)
        try:
            return json.loads(line)
        except ValueError as err:
            raise self.failure("said %r, which is not JSON" % line) from err

    def wait_ready(self):
        """What it says of itself when it has started."""
        return self.answer(START_DEADLINE)

    def try_to(self, text, seconds=ANSWER_DEADLINE):
        """Send a command; return its answer, also if it is an error."""
        try:
            self.process.stdin.write(text.encode() + b"\n")
        except OSError as err:
            raise self.failure("is gone") from err
        return self.answer(seconds)

    def ask(self, text, seconds=ANSWER_DEADLINE):
        """Send a command that has to succeed; return its answer."""
        answer = self.try_to(text, seconds)
        if "error" in answer:
            raise self.failure("answers %r: %s" % (text, answer["error"]))
        return answer

    def wait_link(self, seconds=LINK_DEADLINE):
        """Wait until its port is up."""
        deadline = time.monotonic() + seconds
        while self.ask("link")["link"] != "up":
            if time.monotonic() > deadline:
                raise self.failure("has no link after %g s" % seconds)
            time.sleep(0.05)

    def cpu_time(self):
        """The CPU time in seconds of all its threads so far; all but one sleep."""
        return cpu_time(self.process.pid)

    def end(self):
        """Close its input, then terminate it, then kill it: this one process. Its exit status."""
        self.process.stdin.close()
        for step in (lambda: None, self.process.terminate, self.process.kill):
            step()
            try:
                self.process.wait(QUIT_DEADLINE)
                break
            except subprocess.TimeoutExpired:
                continue
        self.process.stdout.close()
        return self.process.returncode

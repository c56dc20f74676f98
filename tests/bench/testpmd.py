# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""One dpdk-testpmd process under a script's control. Every wait has a deadline."""

import os
import pty
import re
import subprocess
import threading
import time

PROMPT = "testpmd> "
REPLY_DEADLINE = 10
QUIT_DEADLINE = 10


class Failure(Exception):
    """Something did not happen in time, or not as it should; the text says what."""


def cpu_time(pid):
    """The CPU time in seconds of all threads of a process so far."""
    total = 0
    folder = "/proc/%d/task" % pid
    for task in os.listdir(folder):
        try:
            with open("%s/%s/schedstat" % (folder, task), encoding="ascii") as file:
                total += int(file.read().split()[0])
        except FileNotFoundError:   # a thread that has just ended
            continue
    return total / 1e9


class Testpmd:
    """One testpmd process: commands in through a pipe, output back through a pseudo terminal.

    With a pipe in both directions testpmd would keep its replies in a buffer. Its log goes into a
    file: it would break up the prompts. If this script is killed, testpmd ends with its input.
    """

    def __init__(self, name, command, env, log):
        self.name = name
        self.log = log
        self.output = ""
        self.last_read = 0.0
        self.seen = 0       # the output up to the latest prompt that was waited for
        self.closed = False
        self.news = threading.Condition()
        self.master, slave = pty.openpty()
        try:
            with open(log, "wb") as stderr:
                self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=slave,
                                                stderr=stderr, env=env)
        except OSError:
            os.close(self.master)
            raise
        finally:
            os.close(slave)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        """Collect output, and remember when it came, until the other end closes."""
        while True:
            try:
                data = os.read(self.master, 65536)
            except OSError:
                data = b""
            with self.news:
                self.last_read = time.monotonic()
                self.output += data.decode(errors="replace").replace("\r", "")
                self.closed = not data
                self.news.notify_all()
            if not data:
                return

    def reply(self, seconds=REPLY_DEADLINE):
        """Wait for the next prompt; return the text up to it and the time when it came."""
        deadline = time.monotonic() + seconds
        with self.news:
            while True:
                end = self.output.find(PROMPT, self.seen)
                if end >= 0:
                    text = self.output[self.seen:end]
                    self.seen = end + len(PROMPT)
                    return text, self.last_read
                left = deadline - time.monotonic()
                if self.closed or left <= 0:
                    raise Failure("%s: testpmd %s; it said:\n%s\nand its log:\n%s" % (
                        self.name, "ended" if self.closed else "is silent", self.output[-1500:],
                        self.read_log()[-3000:]))
                self.news.wait(left)

    def cpu_time(self):
        """The CPU time in seconds of all its threads so far; all but one sleep."""
        return cpu_time(self.process.pid)

    def read_log(self):
        """What it has logged so far."""
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def send(self, text):
        """Send a command."""
        try:
            self.process.stdin.write(text.encode() + b"\n")
            self.process.stdin.flush()
        except OSError as err:
            raise Failure("%s: testpmd is gone: %s" % (self.name, err)) from err

    def ask(self, text, pattern="", needed=True):
        """Send a command, look for the pattern in its reply; return the match and the time."""
        self.send(text)
        reply, when = self.reply()
        match = re.search(pattern, reply)
        if needed and not match:
            raise Failure("%s: unexpected reply to %r:\n%s" % (self.name, text, reply))
        return match, when

    def end(self):
        """Ask it to quit, then terminate it, then kill it: this one process."""
        try:
            self.send("stop")
            self.send("quit")
            self.process.stdin.close()
        except (OSError, Failure):
            pass
        for step in (lambda: None, self.process.terminate, self.process.kill):
            step()
            try:
                self.process.wait(QUIT_DEADLINE)
                break
            except subprocess.TimeoutExpired:
                continue
        self.reader.join(QUIT_DEADLINE)
        os.close(self.master)

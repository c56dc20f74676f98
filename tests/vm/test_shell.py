# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""The user's shell in the guest, as `./run vm --shell` has it: what its greeting says works there."""

import re

import common
from testpmd import PROMPT

SHELL_PROMPT = "guest# "


class ShellTest(common.GuestCase):
    """A guest whose console is the user's."""

    def console_run(self, console, command, timeout=300):
        """Type a command at the console; returns what it printed."""
        start = len(console.text())
        console.write(command + "\n")
        # The terminal echoes the command; then comes its output, then the prompt.
        return console.wait(start, lambda t: SHELL_PROMPT in t, command, timeout)

    def test_greeting(self):
        """The plugin is in the shell's folder, and the doctor and testpmd take it from there."""
        guest, _ = self.boot(append="folio.shell", memory=512)
        console = guest.terminals[0]
        greeting = console.wait(0, lambda t: SHELL_PROMPT in t, "the shell's prompt", 300)
        self.assertIn("This is the folio test guest", greeting)
        self.assertIn("\r\nlibrte_net_folio.so", self.console_run(console, "ls -1"))
        commands = greeting.replace("\\\r\n", "").replace("\r", "").splitlines()
        doctor = next(line.strip() for line in commands if "folio-doctor" in line)
        self.assertRegex(self.console_run(console, doctor),
                         r"plugin +/opt/folio/librte_net_folio.so can be loaded")
        testpmd = next(line.strip() for line in commands if "dpdk-testpmd" in line)
        start = len(console.text())
        console.write(re.sub(" +", " ", testpmd) + "\n")
        text = console.wait(start, lambda t: PROMPT in t, "testpmd's prompt", 600)
        self.assertNotIn("No probed ethernet devices", text)
        console.write("quit\n")
        console.wait(start, lambda t: "Bye..." in t, "testpmd to end", 300)


if __name__ == "__main__":
    common.main()

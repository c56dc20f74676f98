# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""How a command ends: by itself, by an error that its user can mend, or because it is told to."""

import signal
import sys

INTERRUPTED = 130   # the shell's status of what Ctrl-C has ended
TOLD_TO_END = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


_told = [0]         # how many signals there were


def _interrupt(*_):
    """A second signal does not interrupt the cleaning up; who sends a third one means it."""
    _told[0] += 1
    if _told[0] != 2:
        raise KeyboardInterrupt


def check():
    """For loops that go on after errors: one that came up while a signal unwound the program has
    taken the place of KeyboardInterrupt."""
    if _told[0]:
        raise KeyboardInterrupt


def run(name, main, *errors):
    """Call main(); returns the exit status of the command `name`.

    A signal that tells it to end becomes KeyboardInterrupt, so that whatever main cleans up in
    `finally` and `with` is cleaned up; then the status is INTERRUPTED. Exceptions of the classes
    `errors` are told in their own words, without a traceback; then it is 1.
    """
    for number in TOLD_TO_END:
        if signal.getsignal(number) != signal.SIG_IGN:  # as under nohup
            signal.signal(number, _interrupt)
    try:
        return main()
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        return INTERRUPTED
    except errors as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 1

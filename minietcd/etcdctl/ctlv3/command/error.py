"""How a command fails: one line on standard error, and a code that says what kind of failure it was.

Go: etcdctl/ctlv3/command/error.go
"""

from __future__ import annotations

from typing import NoReturn

ExitSuccess = 0
ExitError = 1
ExitBadConnection = 2
ExitInvalidInput = 3
ExitBadFeature = 4
ExitInterrupted = 5
ExitIO = 6
ExitBadArgs = 128


class CommandError(Exception):
    """Ends the command with ``code``; no text means that all has been said."""

    def __init__(self, code: int, text: object) -> None:
        super().__init__(str(text))
        self.code = code


def exit_with_error(code: int, err: object) -> NoReturn:
    """End the command. Go: etcdctl/ctlv3/command/error.go#ExitWithError"""
    raise CommandError(code, err)

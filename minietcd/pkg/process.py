"""What a program sees to before it loads anything else."""

from __future__ import annotations

import os
import signal
import sys


def prepare() -> None:
    """Let Ctrl-C end the process at once and without a word, and give it the standard streams it lacks.

    Loading takes Python half a second, in which an interruption would print where it happened. And a
    descriptor below 3 that is closed would be given to the next file: what is meant for the terminal would
    be written into the log of a member.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    for fd, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free, which is this one
            setattr(sys, name, open(fd, mode, encoding="utf-8", closefd=False))  # noqa: SIM115

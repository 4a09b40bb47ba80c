"""What a program sees to before it loads anything else."""

from __future__ import annotations

import os
import signal
import sys
from io import TextIOWrapper


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


def speak_utf8() -> None:
    """Let the standard streams hold UTF-8 whatever the locale is; the rest is kept as surrogate escapes."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="surrogateescape", newline="\n")


def as_utf8(args: list[str]) -> list[str]:
    """Words of the command line, which were read by the rules of the locale, as UTF-8."""
    return [os.fsencode(arg).decode("utf-8", "surrogateescape") for arg in args]

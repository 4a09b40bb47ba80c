"""The ``minietcdctl`` program. Go: etcdctl/main.go"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys

from minietcd.embed.config_logging import ZapFormatter
from minietcd.etcdctl.cobra import Surroundings
from minietcd.etcdctl.ctlv3.command.error import ExitError, ExitIO
from minietcd.pkg.process import as_utf8, speak_utf8

API_ENV = "ETCDCTL_API"


async def run(args: list[str], surroundings: Surroundings | None = None) -> int:
    """Run one command in the loop there is, and return its exit code: what the program does, embedded."""
    surroundings = surroundings or Surroundings()
    environ = dict(surroundings.environ)
    api = environ.pop(API_ENV, "")
    surroundings.environ = environ
    if api in ("", "3"):
        from minietcd.etcdctl.ctlv3 import ctl

        return await ctl.start(args, surroundings)
    problem = "the v2 API is not supported yet" if api == "2" else f"unsupported API version {api}"
    print(problem, file=surroundings.stderr)
    return ExitError


def main(argv: list[str] | None = None) -> int:
    """The program, when it is loaded. Go: etcdctl/main.go#main"""
    speak_utf8()
    _log_to_stderr()
    args = as_utf8(sys.argv[1:] if argv is None else argv)
    try:
        code = asyncio.run(run(args))
        sys.stdout.flush()
    except OSError as err:
        # What is still buffered has nowhere to go, so it must not be flushed at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(err, BrokenPipeError):
            return 128 + signal.SIGPIPE
        print(f"Error: cannot write the output: {err.strerror}", file=sys.stderr)
        return ExitIO
    return code


def _log_to_stderr() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(ZapFormatter())
    logging.getLogger("clientv3").addHandler(handler)

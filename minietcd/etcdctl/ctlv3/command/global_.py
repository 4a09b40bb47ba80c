"""What all commands are told by flags and ETCDCTL_* variables: whom to call, and how to print.

Left out: TLS, logging in and discovery by DNS, because the server does not offer them yet; their flags are
known, and refused in one line.

Go: etcdctl/ctlv3/command/global.go
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import TextIO

from minietcd.clientv3.client import Client, Config, new
from minietcd.clientv3.errors import NoAvailableEndpointsError, NotSupportedError
from minietcd.etcdctl.cobra import Command, Flag
from minietcd.etcdctl.ctlv3.command.error import (
    ExitBadConnection,
    ExitBadFeature,
    ExitError,
    exit_with_error,
)
from minietcd.etcdctl.ctlv3.command.printer import Printer, new_printer
from minietcd.pkg.flags import ShadowedError, flag_to_env, set_flags_from_env

_NOT_SUPPORTED = {
    **dict.fromkeys(("cert", "key", "cacert", "insecure-skip-tls-verify"), "TLS is"),
    **dict.fromkeys(("user", "password"), "logging in is"),
    **dict.fromkeys(("discovery-srv", "discovery-srv-name"), "discovery by DNS is"),
}


def init_display_from_cmd(cmd: Command) -> Printer:
    """How to print. Go: etcdctl/ctlv3/command/global.go#initDisplayFromCmd"""
    display = new_printer(cmd.get("write-out", str), cmd.get("hex", bool), cmd.surroundings.stdout)
    return display or exit_with_error(ExitBadFeature, "unsupported output format")


def client_config_from_cmd(cmd: Command) -> Config:
    """Whom to call, and how.

    Go: etcdctl/ctlv3/command/global.go#clientConfigFromCmd
    Go: etcdctl/ctlv3/command/global.go#newClientCfg
    """
    flags = cmd.inherited_flags()
    set_pflags_from_env("ETCDCTL", flags, cmd)
    if cmd.get("debug", bool):
        for name in sorted(flags):
            print(f"{flag_to_env('ETCDCTL', name)}={flags[name]}", file=cmd.surroundings.stderr)
    _refuse_what_is_not_supported(flags)
    init_display_from_cmd(cmd)
    return Config(
        endpoints=[endpoint.strip() for endpoint in cmd.get("endpoints", list)],
        dial_timeout=cmd.get("dial-timeout", float),
        unary_interceptors=cmd.surroundings.unary_interceptors,
    )


async def must_client_from_cmd(cmd: Command) -> Client:
    """A client to call with; the caller closes it.

    Go: etcdctl/ctlv3/command/global.go#mustClientFromCmd
    Go: etcdctl/ctlv3/command/global.go#clientConfig.mustClient
    """
    cfg = client_config_from_cmd(cmd)
    try:
        return await new(cfg)
    except (NoAvailableEndpointsError, TimeoutError) as err:
        exit_with_error(ExitBadConnection, err)
    except NotSupportedError as err:
        exit_with_error(ExitBadFeature, err)


def arg_or_stdin(args: list[str], stdin: TextIO, i: int) -> str:
    """The ``i``-th argument, else all of standard input. ValueError when that is empty.

    Go: etcdctl/ctlv3/command/global.go#argOrStdin
    """
    if i < len(args):
        return args[i]
    text = stdin.read()
    if not text:
        raise ValueError("no available argument and stdin")
    return text


def _refuse_what_is_not_supported(flags: Mapping[str, Flag]) -> None:
    for name, what in _NOT_SUPPORTED.items():
        if flags[name].changed:
            exit_with_error(ExitBadFeature, f"{what} not supported yet (--{name})")
    if not flags["insecure-transport"].value:
        exit_with_error(ExitBadFeature, "TLS is not supported yet (--insecure-transport=false)")


def set_pflags_from_env(prefix: str, flags: Mapping[str, Flag], cmd: Command) -> None:
    """Take from the environment what no flag says. A value that cannot be read is passed over, as in etcdctl.

    Go: pkg/flags/flag.go#SetPflagsFromEnv
    """

    def set_flag(name: str, _: str, text: str) -> None:
        with contextlib.suppress(ValueError):
            flags[name].set(text)

    def say(level: str, message: object) -> None:
        print(f"{datetime.now()} {level} | pkg/flags: {message}", file=cmd.surroundings.stderr)

    given = [name for name, flag in flags.items() if flag.changed]
    try:
        set_flags_from_env(prefix, flags, given, cmd.surroundings.environ, set_flag, partial(say, "W"))
    except ShadowedError as err:
        say("C", err)
        exit_with_error(ExitError, "")

"""What all commands are told by flags and ETCDCTL_* variables: whom to call, and how to print.

Left out: TLS, logging in and discovery by DNS, because the server does not offer them yet; their flags are
known, and refused in one line.

Go: etcdctl/ctlv3/command/global.go
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import datetime
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
from minietcd.pkg.strconv import quote

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
    environ = cmd.surroundings.environ
    given = {flag_to_env(prefix, name) for name, flag in flags.items() if flag.changed}
    used = set()
    for name, flag in flags.items():
        key = flag_to_env(prefix, name)
        if key not in given and environ.get(key):
            used.add(key)
            with contextlib.suppress(ValueError):
                flag.set(environ[key])
    verify_env(prefix, used, given, cmd)


def flag_to_env(prefix: str, name: str) -> str:
    """``ETCDCTL_DIAL_TIMEOUT``. Go: pkg/flags/flag.go#FlagToEnv"""
    return f"{prefix}_{name.upper().replace('-', '_')}"


def verify_env(prefix: str, used: set[str], given: set[str], cmd: Command) -> None:
    """Refuse a variable that a flag contradicts, warn of one that means nothing.

    Go: pkg/flags/flag.go#verifyEnv
    """
    for key, value in cmd.surroundings.environ.items():
        if key in given:
            shadowed = f"environment variable {quote(key)} is shadowed by corresponding command-line flag"
            _log(cmd, "C", f"conflicting {shadowed} (either unset environment variable or disable flag)")
            exit_with_error(ExitError, "")
        if key.startswith(f"{prefix}_") and key not in used:
            _log(cmd, "W", f"unrecognized environment variable {key}={value}")


def _log(cmd: Command, level: str, message: str) -> None:
    print(f"{datetime.now()} {level} | pkg/flags: {message}", file=cmd.surroundings.stderr)

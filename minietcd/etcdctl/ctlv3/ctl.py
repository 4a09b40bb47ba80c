"""The root of the command tree, with the flags that all commands know.

Left out: ``completion``, because it comes with etcdctl's library rather than with etcd.

Go: etcdctl/ctlv3/ctl.go
Go: etcdctl/ctlv3/ctl_nocov.go
"""

from __future__ import annotations

from minietcd.etcdctl.cobra import Command, Surroundings, UsageError
from minietcd.etcdctl.ctlv3.command.del_command import new_del_command
from minietcd.etcdctl.ctlv3.command.error import CommandError, ExitError, ExitSuccess
from minietcd.etcdctl.ctlv3.command.get_command import new_get_command
from minietcd.etcdctl.ctlv3.command.member_command import new_member_command
from minietcd.etcdctl.ctlv3.command.put_command import new_put_command
from minietcd.etcdctl.ctlv3.command.version_command import new_version_command
from minietcd.etcdctl.ctlv3.help import usage_func

CLI_NAME = "minietcdctl"
CLI_DESCRIPTION = "A simple command line client for etcd3."


def root_cmd(surroundings: Surroundings) -> Command:
    """The program: the flags all its commands share, and the commands. Go: etcdctl/ctlv3/ctl.go#init"""
    root = Command(CLI_NAME, CLI_DESCRIPTION, root_surroundings=surroundings)
    flag = root.persistent_flag
    flag("endpoints", ["127.0.0.1:2379"], "gRPC endpoints")
    flag("debug", False, "enable client-side debug logging")
    flag("write-out", "simple", "set the output format (fields, json, protobuf, simple, table)", "w")
    flag("hex", False, "print byte strings as hex encoded strings")
    flag("dial-timeout", 2.0, "dial timeout for client connections")
    flag("command-timeout", 5.0, "timeout for short running command (excluding dial timeout)")
    flag("keepalive-time", 2.0, "keepalive time for client connections")
    flag("keepalive-timeout", 6.0, "keepalive timeout for client connections")
    flag("insecure-transport", True, "disable transport security for client connections")
    flag("insecure-discovery", True, "accept insecure SRV records describing cluster endpoints")
    flag(
        "insecure-skip-tls-verify",
        False,
        "skip server certificate verification "
        "(CAUTION: this option should be enabled only for testing purposes)",
    )
    flag("cert", "", "identify secure client using this TLS certificate file")
    flag("key", "", "identify secure client using this TLS key file")
    flag("cacert", "", "verify certificates of TLS-enabled secure servers using this CA bundle")
    flag("user", "", "username[:password] for authentication (prompt if password is not supplied)")
    flag(
        "password",
        "",
        "password for authentication (if this option is used, --user option shouldn't include password)",
    )
    flag("discovery-srv", "", "domain name to query for SRV records describing cluster endpoints", "d")
    flag("discovery-srv-name", "", "service name to query when using DNS discovery")
    root.add_command(new_get_command(), new_put_command(), new_del_command(), new_version_command())
    root.add_command(new_member_command())
    root.add_command(Command("help [command]", "Help about any command", _HELP, _help_command_func))
    return root


_HELP = f"""
Help provides help for any command in the application.
Simply type {CLI_NAME} help [path to command] for full details.
"""


async def _help_command_func(cmd: Command, args: list[str]) -> None:
    try:
        found, _ = cmd.root.find(args)
        found.init_default_help_flag()
    except UsageError:
        found = cmd.root
        topics = " ".join(f"`{arg}`" for arg in args)
        print(f"Unknown help topic [{topics}]", file=cmd.surroundings.stderr)
    usage_func(found)


async def start(args: list[str], surroundings: Surroundings) -> int:
    """Run the command that ``args`` name, and return its exit code. Go: etcdctl/ctlv3/ctl_nocov.go#Start"""
    try:
        await _execute(root_cmd(surroundings), args)
    except UsageError as err:
        _explain(err)
        return ExitError
    except CommandError as err:
        if str(err):
            print("Error:", err, file=surroundings.stderr)
        return err.code
    return ExitSuccess


async def _execute(root: Command, args: list[str]) -> None:
    cmd, rest = root.find(args)
    cmd.init_default_help_flag()
    words = cmd.parse_flags(rest)
    if cmd.run is None or cmd.get("help", bool):
        usage_func(cmd)
    else:
        await cmd.run(cmd, words)


def _explain(err: UsageError) -> None:
    """What was wrong, the help that is due, and once more what was wrong, since the help may be long."""
    stderr = err.command.surroundings.stderr
    print("Error:", err, file=stderr)
    if err.unknown_command:
        print(f"Run '{err.command.path} --help' for usage.", file=stderr)
    else:
        usage_func(err.command)
        print(file=stderr)
    print("Error:", err, file=stderr)

"""``version``. Go: etcdctl/ctlv3/command/version_command.go"""

from __future__ import annotations

from minietcd.etcdctl.cobra import Command
from minietcd.version.version import API_VERSION, VERSION


def new_version_command() -> Command:
    """The command ``version``. Go: etcdctl/ctlv3/command/version_command.go#NewVersionCommand"""
    return Command("version", "Prints the version of etcdctl", run=version_command_func)


async def version_command_func(cmd: Command, args: list[str]) -> None:
    """Say which etcdctl this is the equal of.

    Go: etcdctl/ctlv3/command/version_command.go#versionCommandFunc
    """
    print("etcdctl version:", VERSION, file=cmd.surroundings.stdout)
    print("API version:", API_VERSION, file=cmd.surroundings.stdout)

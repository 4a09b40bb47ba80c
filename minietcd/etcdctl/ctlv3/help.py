"""The help page of a command, laid out in tab-aligned columns.

Go: etcdctl/ctlv3/help.go
"""

from __future__ import annotations

from collections.abc import Mapping

from minietcd.etcdctl.cobra import Command, Flag
from minietcd.pkg.strconv import quote
from minietcd.version.version import API_VERSION, VERSION


def usage_func(cmd: Command) -> None:
    """Print the page. Go: etcdctl/ctlv3/help.go#usageFunc"""
    words = cmd.path.split(maxsplit=1)[-1]
    use = f"{cmd.parent.path} {cmd.use}" if cmd.parent else cmd.use
    page = [f"NAME:\n\t{words} - {cmd.short}\n", f"USAGE:\n\t{use} [flags]\n"]
    if cmd.parent is None:
        page.append(f"VERSION:\n\t{VERSION}\n")
    if cmd.commands:
        page.append(f"API VERSION:\n\t{API_VERSION}\n\n")
        above = f"{cmd.path} "
        rows = [(sub.path.removeprefix(above), sub.short) for sub in get_sub_commands(cmd) if sub.run]
        page.append(f"COMMANDS:\n{_columns(rows, '\t')}")
    if cmd.long:
        lines = cmd.long.strip().split("\n")
        page.append("DESCRIPTION:\n" + "".join(f"\t{line}\n" for line in lines))
    if local := cmd.local | cmd.persistent:
        page.append(f"OPTIONS:\n{etcd_flag_usages(local)}")
    if inherited := cmd.inherited_flags():
        page.append(f"GLOBAL OPTIONS:\n{etcd_flag_usages(inherited)}")
    print("\n".join(page), file=cmd.surroundings.stdout)


def etcd_flag_usages(flags: Mapping[str, Flag]) -> str:
    """A line for each flag, with its default. Go: etcdctl/ctlv3/help.go#etcdFlagUsages"""
    return _columns([(_flag(flag), flag.usage) for _, flag in sorted(flags.items())])


def get_sub_commands(cmd: Command) -> list[Command]:
    """Every command below this one. Go: etcdctl/ctlv3/help.go#getSubCommands"""
    children = sorted(cmd.commands, key=lambda command: command.name)
    return [found for child in children for found in (child, *get_sub_commands(child))]


def _flag(flag: Flag) -> str:
    names = f"  -{flag.shorthand}, --{flag.name}" if flag.shorthand else f"      --{flag.name}"
    if isinstance(flag.value, bool):
        return f"{names}[={flag.default}]"
    return f"{names}={quote(flag.default) if isinstance(flag.value, str) else flag.default}"


def _columns(rows: list[tuple[str, str]], indent: str = "") -> str:
    """Two columns; the first is as wide as its longest cell, and filled up with tabs of eight."""
    tabs = max(len(left) for left, _ in rows) // 8 + 1
    return "".join(f"{indent}{left}{'\t' * (tabs - len(left) // 8)}{right}\n" for left, right in rows)

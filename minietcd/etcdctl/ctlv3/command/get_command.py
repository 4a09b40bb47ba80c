"""``get``. Go: etcdctl/ctlv3/command/get_command.go"""

from __future__ import annotations

from minietcd.clientv3.op import (
    OpOption,
    SortAscend,
    SortByCreateRevision,
    SortByKey,
    SortByModRevision,
    SortByValue,
    SortByVersion,
    SortDescend,
    SortNone,
    with_from_key,
    with_keys_only,
    with_limit,
    with_prefix,
    with_range,
    with_rev,
    with_serializable,
    with_sort,
)
from minietcd.etcdctl.cobra import Command
from minietcd.etcdctl.ctlv3.command.error import ExitBadArgs, ExitBadFeature, exit_with_error
from minietcd.etcdctl.ctlv3.command.global_ import init_display_from_cmd, must_client_from_cmd
from minietcd.etcdctl.ctlv3.command.printer_simple import SimplePrinter
from minietcd.etcdctl.ctlv3.command.util import command_ctx
from minietcd.pkg.strconv import quote

ORDERS = {"ASCEND": SortAscend, "DESCEND": SortDescend, "": SortNone}
TARGETS = {
    "CREATE": SortByCreateRevision,
    "KEY": SortByKey,
    "MODIFY": SortByModRevision,
    "VALUE": SortByValue,
    "VERSION": SortByVersion,
    "": SortByKey,
}


def new_get_command() -> Command:
    """Go: etcdctl/ctlv3/command/get_command.go#NewGetCommand"""
    cmd = Command("get [options] <key> [range_end]", "Gets the key or a range of keys", run=get_command_func)
    cmd.flag("consistency", "l", "Linearizable(l) or Serializable(s)")
    cmd.flag("order", "", "Order of results; ASCEND or DESCEND (ASCEND by default)")
    cmd.flag("sort-by", "", "Sort target; CREATE, KEY, MODIFY, VALUE, or VERSION")
    cmd.flag("limit", 0, "Maximum number of results")
    cmd.flag("prefix", False, "Get keys with matching prefix")
    cmd.flag("from-key", False, "Get keys that are greater than or equal to the given key using byte compare")
    cmd.flag("rev", 0, "Specify the kv revision")
    cmd.flag("keys-only", False, "Get only the keys")
    cmd.flag("print-value-only", False, 'Only write values when using the "simple" output format')
    return cmd


async def get_command_func(cmd: Command, args: list[str]) -> None:
    """Go: etcdctl/ctlv3/command/get_command.go#getCommandFunc"""
    key, opts = get_get_op(cmd, args)
    async with command_ctx(cmd) as ctx, await must_client_from_cmd(cmd) as client:
        resp = await client.kv.get(ctx, key, *opts)
    display = init_display_from_cmd(cmd)
    if cmd.get("print-value-only", bool):
        if not isinstance(display, SimplePrinter):
            exit_with_error(ExitBadArgs, "print-value-only is only for `--write-out=simple`")
        display.value_only = True
    display.get(resp)


def get_get_op(cmd: Command, args: list[str]) -> tuple[str, list[OpOption]]:
    """Go: etcdctl/ctlv3/command/get_command.go#getGetOp"""
    if not args:
        exit_with_error(
            ExitBadArgs, "get command needs one argument as key and an optional argument as range_end"
        )
    range_opts = range_options(cmd, args)
    opts = []
    if (consistency := cmd.get("consistency", str)) == "s":
        opts.append(with_serializable())
    elif consistency != "l":
        exit_with_error(ExitBadFeature, f"unknown consistency flag {quote(consistency)}")
    opts.append(with_limit(cmd.get("limit", int)))
    if (rev := cmd.get("rev", int)) > 0:
        opts.append(with_rev(rev))
    opts += [*range_opts, _sort(cmd)]
    if cmd.get("keys-only", bool):
        opts.append(with_keys_only())
    return args[0], opts


def _sort(cmd: Command) -> OpOption:
    order, target = cmd.get("order", str), cmd.get("sort-by", str)
    if order.upper() not in ORDERS:
        exit_with_error(ExitBadFeature, f"bad sort order {order}")
    if target.upper() not in TARGETS:
        exit_with_error(ExitBadFeature, f"bad sort target {target}")
    return with_sort(TARGETS[target.upper()], ORDERS[order.upper()])


def range_options(cmd: Command, args: list[str]) -> list[OpOption]:
    """Which keys: those up to the second argument, or what --prefix or --from-key says."""
    prefix, from_key = cmd.get("prefix", bool), cmd.get("from-key", bool)
    if prefix and from_key:
        exit_with_error(ExitBadArgs, "`--prefix` and `--from-key` cannot be set at the same time, choose one")
    if len(args) == 1:
        return [with_prefix()] if prefix else [with_from_key()] if from_key else []
    if prefix or from_key:
        exit_with_error(
            ExitBadArgs,
            "too many arguments, only accept one argument when `--prefix` or `--from-key` is set",
        )
    return [with_range(args[1])]

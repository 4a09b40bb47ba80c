"""``get``. Go: etcdctl/ctlv3/command/get_command.go"""

from __future__ import annotations

from minietcd.clientv3 import op as clientv3
from minietcd.etcdctl.cobra import Command
from minietcd.etcdctl.ctlv3.command.error import ExitBadArgs, ExitBadFeature, exit_with_error
from minietcd.etcdctl.ctlv3.command.global_ import init_display_from_cmd, must_client_from_cmd
from minietcd.etcdctl.ctlv3.command.printer_simple import SimplePrinter
from minietcd.etcdctl.ctlv3.command.util import command_ctx
from minietcd.pkg.strconv import quote

ORDERS = {"ASCEND": clientv3.SortAscend, "DESCEND": clientv3.SortDescend, "": clientv3.SortNone}
TARGETS = {
    "CREATE": clientv3.SortByCreateRevision,
    "KEY": clientv3.SortByKey,
    "MODIFY": clientv3.SortByModRevision,
    "VALUE": clientv3.SortByValue,
    "VERSION": clientv3.SortByVersion,
    "": clientv3.SortByKey,
}


def new_get_command() -> Command:
    """The command ``get``: its words, help and flags.

    Go: etcdctl/ctlv3/command/get_command.go#NewGetCommand
    """
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
    """Read a key or a range of keys, and print what is there.

    Go: etcdctl/ctlv3/command/get_command.go#getCommandFunc
    """
    key, opts = get_get_op(cmd, args)
    async with command_ctx(cmd) as ctx, await must_client_from_cmd(cmd) as client:
        resp = await client.kv.get(ctx, key, *opts)
        display = init_display_from_cmd(cmd)
        if cmd.get("print-value-only", bool):
            if not isinstance(display, SimplePrinter):
                exit_with_error(ExitBadArgs, "print-value-only is only for `--write-out=simple`")
            display.value_only = True
        display.get(resp)


def get_get_op(cmd: Command, args: list[str]) -> tuple[str, list[clientv3.OpOption]]:
    """The first key and the options, from the words and flags.

    Go: etcdctl/ctlv3/command/get_command.go#getGetOp
    """
    if not args:
        exit_with_error(
            ExitBadArgs, "get command needs one argument as key and an optional argument as range_end"
        )
    range_opts = range_options(cmd, args)
    opts = []
    if (consistency := cmd.get("consistency", str)) == "s":
        opts.append(clientv3.with_serializable())
    elif consistency != "l":
        exit_with_error(ExitBadFeature, f"unknown consistency flag {quote(consistency)}")
    opts.append(clientv3.with_limit(cmd.get("limit", int)))
    if (rev := cmd.get("rev", int)) > 0:
        opts.append(clientv3.with_rev(rev))
    opts += [*range_opts, _sort(cmd)]
    if cmd.get("keys-only", bool):
        opts.append(clientv3.with_keys_only())
    return args[0], opts


def _sort(cmd: Command) -> clientv3.OpOption:
    order, target = cmd.get("order", str), cmd.get("sort-by", str)
    if order.upper() not in ORDERS:
        exit_with_error(ExitBadFeature, f"bad sort order {order}")
    if target.upper() not in TARGETS:
        exit_with_error(ExitBadFeature, f"bad sort target {target}")
    return clientv3.with_sort(TARGETS[target.upper()], ORDERS[order.upper()])


def range_options(cmd: Command, args: list[str]) -> list[clientv3.OpOption]:
    """Which keys: those up to the second argument, or what --prefix or --from-key says."""
    prefix, from_key = cmd.get("prefix", bool), cmd.get("from-key", bool)
    if prefix and from_key:
        exit_with_error(ExitBadArgs, "`--prefix` and `--from-key` cannot be set at the same time, choose one")
    if len(args) == 1:
        return [clientv3.with_prefix()] if prefix else [clientv3.with_from_key()] if from_key else []
    if prefix or from_key:
        exit_with_error(
            ExitBadArgs,
            "too many arguments, only accept one argument when `--prefix` or `--from-key` is set",
        )
    return [clientv3.with_range(args[1])]

"""``del``. Go: etcdctl/ctlv3/command/del_command.go"""

from __future__ import annotations

from minietcd.clientv3 import op as clientv3
from minietcd.etcdctl.cobra import Command
from minietcd.etcdctl.ctlv3.command.error import ExitBadArgs, exit_with_error
from minietcd.etcdctl.ctlv3.command.get_command import range_options
from minietcd.etcdctl.ctlv3.command.global_ import init_display_from_cmd, must_client_from_cmd
from minietcd.etcdctl.ctlv3.command.util import command_ctx


def new_del_command() -> Command:
    """The command ``del``: its words, help and flags.

    Go: etcdctl/ctlv3/command/del_command.go#NewDelCommand
    """
    cmd = Command(
        "del [options] <key> [range_end]",
        "Removes the specified key or range of keys [key, range_end)",
        run=del_command_func,
    )
    cmd.flag("prefix", False, "delete keys with matching prefix")
    cmd.flag("prev-kv", False, "return deleted key-value pairs")
    cmd.flag(
        "from-key", False, "delete keys that are greater than or equal to the given key using byte compare"
    )
    return cmd


async def del_command_func(cmd: Command, args: list[str]) -> None:
    """Delete a key or a range of keys, and print how many there were.

    Go: etcdctl/ctlv3/command/del_command.go#delCommandFunc
    """
    key, opts = get_del_op(cmd, args)
    async with command_ctx(cmd) as ctx, await must_client_from_cmd(cmd) as client:
        resp = await client.kv.delete(ctx, key, *opts)
        init_display_from_cmd(cmd).del_(resp)


def get_del_op(cmd: Command, args: list[str]) -> tuple[str, list[clientv3.OpOption]]:
    """The first key and the options, from the words and flags.

    Go: etcdctl/ctlv3/command/del_command.go#getDelOp
    """
    if len(args) not in (1, 2):
        exit_with_error(
            ExitBadArgs, "del command needs one argument as key and an optional argument as range_end"
        )
    opts = range_options(cmd, args)
    if cmd.get("prev-kv", bool):
        opts.append(clientv3.with_prev_kv())
    return args[0], opts

"""``put``. Go: etcdctl/ctlv3/command/put_command.go"""

from __future__ import annotations

from minietcd.clientv3 import op as clientv3
from minietcd.etcdctl.cobra import Command
from minietcd.etcdctl.ctlv3.command.error import ExitBadArgs, exit_with_error
from minietcd.etcdctl.ctlv3.command.global_ import arg_or_stdin, init_display_from_cmd, must_client_from_cmd
from minietcd.etcdctl.ctlv3.command.util import command_ctx
from minietcd.pkg.strconv import parse_int

NEEDS = "put command needs 1 argument and input from stdin or 2 arguments"


def new_put_command() -> Command:
    """The command ``put``: its words, help and flags.

    Go: etcdctl/ctlv3/command/put_command.go#NewPutCommand
    """
    cmd = Command(
        use="put [options] <key> <value> (<value> can also be given from stdin)",
        short="Puts the given key into the store",
        long="""
Puts the given key into the store.

When <value> begins with '-', <value> is interpreted as a flag.
Insert '--' for workaround:

$ put <key> -- <value>
$ put -- <key> <value>

If <value> isn't given as a command line argument and '--ignore-value' is not specified,
this command tries to read the value from standard input.

If <lease> isn't given as a command line argument and '--ignore-lease' is not specified,
this command tries to read the value from standard input.

For example,
$ cat file | put <key>
will store the content of the file to <key>.
""",
        run=put_command_func,
    )
    cmd.flag("lease", "0", "lease ID (in hexadecimal) to attach to the key")
    cmd.flag("prev-kv", False, "return the previous key-value pair before modification")
    cmd.flag("ignore-value", False, "updates the key using its current value")
    cmd.flag("ignore-lease", False, "updates the key using its current lease")
    return cmd


async def put_command_func(cmd: Command, args: list[str]) -> None:
    """Put a key, and print the answer. Go: etcdctl/ctlv3/command/put_command.go#putCommandFunc"""
    key, value, opts = get_put_op(cmd, args)
    async with command_ctx(cmd) as ctx, await must_client_from_cmd(cmd) as client:
        resp = await client.kv.put(ctx, key, value, *opts)
        init_display_from_cmd(cmd).put(resp)


def get_put_op(cmd: Command, args: list[str]) -> tuple[str, str, list[clientv3.OpOption]]:
    """Key, value and options, from the words and flags. The value may come from standard input.

    Go: etcdctl/ctlv3/command/put_command.go#getPutOp
    """
    ignore_value = cmd.get("ignore-value", bool)
    if not args:
        exit_with_error(ExitBadArgs, NEEDS)
    if ignore_value and len(args) > 1:
        exit_with_error(ExitBadArgs, "put command needs only 1 argument when 'ignore-value' is set")
    try:
        value = "" if ignore_value else arg_or_stdin(args, cmd.surroundings.stdin, 1)
    except ValueError:
        exit_with_error(ExitBadArgs, NEEDS)
    try:
        lease_id = parse_int(cmd.get("lease", str), 16)
    except ValueError as err:
        exit_with_error(ExitBadArgs, f"bad lease ID ({err}), expecting ID in Hex")
    opts = [clientv3.with_lease(lease_id)] if lease_id else []
    if cmd.get("prev-kv", bool):
        opts.append(clientv3.with_prev_kv())
    if ignore_value:
        opts.append(clientv3.with_ignore_value())
    if cmd.get("ignore-lease", bool):
        opts.append(clientv3.with_ignore_lease())
    return args[0], value, opts

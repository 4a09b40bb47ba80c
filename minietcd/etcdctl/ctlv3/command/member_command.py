"""``member``. Go: etcdctl/ctlv3/command/member_command.go"""

from __future__ import annotations

from minietcd.etcdctl.cobra import Command
from minietcd.etcdctl.ctlv3.command.error import ExitBadArgs, exit_with_error
from minietcd.etcdctl.ctlv3.command.global_ import init_display_from_cmd, must_client_from_cmd
from minietcd.etcdctl.ctlv3.command.printer_simple import SimplePrinter
from minietcd.etcdctl.ctlv3.command.util import command_ctx
from minietcd.pkg.strconv import parse_uint, quote
from minietcd.proto.etcdserverpb.rpc_pb2 import MemberAddResponse


def new_member_command() -> Command:
    """The command ``member``, which only has others below it.

    Go: etcdctl/ctlv3/command/member_command.go#NewMemberCommand
    """
    mc = Command("member <subcommand>", "Membership related commands")
    mc.add_command(
        new_member_add_command(),
        new_member_remove_command(),
        new_member_update_command(),
        new_member_list_command(),
        new_member_promote_command(),
    )
    return mc


def new_member_add_command() -> Command:
    """The command ``member add``: its words, help and flags.

    Go: etcdctl/ctlv3/command/member_command.go#NewMemberAddCommand
    """
    cc = Command("add <memberName> [options]", "Adds a member into the cluster", run=member_add_command_func)
    cc.flag("peer-urls", "", "comma separated peer URLs for the new member.")
    cc.flag("learner", False, "indicates if the new member is raft learner")
    return cc


def new_member_remove_command() -> Command:
    """The command ``member remove``: its words and help.

    Go: etcdctl/ctlv3/command/member_command.go#NewMemberRemoveCommand
    """
    return Command("remove <memberID>", "Removes a member from the cluster", run=member_remove_command_func)


def new_member_update_command() -> Command:
    """The command ``member update``: its words, help and flags.

    Go: etcdctl/ctlv3/command/member_command.go#NewMemberUpdateCommand
    """
    cc = Command(
        "update <memberID> [options]", "Updates a member in the cluster", run=member_update_command_func
    )
    cc.flag("peer-urls", "", "comma separated peer URLs for the updated member.")
    return cc


def new_member_list_command() -> Command:
    """The command ``member list``: its words and help.

    Go: etcdctl/ctlv3/command/member_command.go#NewMemberListCommand
    """
    return Command(
        use="list",
        short="Lists all members in the cluster",
        long="""
When --write-out is set to simple, this command prints out comma-separated member lists for each endpoint.
The items in the lists are ID, Status, Name, Peer Addrs, Client Addrs, Is Learner.
""",
        run=member_list_command_func,
    )


def new_member_promote_command() -> Command:
    """The command ``member promote``: its words and help.

    Go: etcdctl/ctlv3/command/member_command.go#NewMemberPromoteCommand
    """
    return Command(
        use="promote <memberID>",
        short="Promotes a non-voting member in the cluster",
        long="Promotes a non-voting learner member to a voting one in the cluster.",
        run=member_promote_command_func,
    )


async def member_add_command_func(cmd: Command, args: list[str]) -> None:
    """Add a member, or a learner, and print what it has to be told when it starts.

    Go: etcdctl/ctlv3/command/member_command.go#memberAddCommandFunc
    """
    if not args:
        exit_with_error(ExitBadArgs, "member name not provided")
    if len(args) > 1:
        urls = [arg for arg in args if arg.lower().startswith("http")]
        guesses = "".join(f", did you mean --peer-urls={url}" for url in urls)
        exit_with_error(ExitBadArgs, f"too many arguments{guesses}")
    urls = _peer_urls(cmd)
    async with command_ctx(cmd) as ctx, await must_client_from_cmd(cmd) as client:
        add = client.cluster.member_add_as_learner if cmd.get("learner", bool) else client.cluster.member_add
        resp = await add(ctx, urls)
        display = init_display_from_cmd(cmd)
        display.member_add(resp)
        if isinstance(display, SimplePrinter):
            _print_environment(cmd, args[0], resp)


def _print_environment(cmd: Command, name: str, resp: MemberAddResponse) -> None:
    """What the new member has to be told when it starts."""
    conf = [
        f"{name if memb.ID == resp.member.ID else memb.name}={url}"
        for memb in resp.members
        for url in memb.peerURLs
    ]
    values = {
        "ETCD_NAME": name,
        "ETCD_INITIAL_CLUSTER": ",".join(conf),
        "ETCD_INITIAL_ADVERTISE_PEER_URLS": cmd.get("peer-urls", str),
        "ETCD_INITIAL_CLUSTER_STATE": "existing",
    }
    print(file=cmd.surroundings.stdout)
    for variable, value in values.items():
        print(f"{variable}={quote(value)}", file=cmd.surroundings.stdout)


async def member_remove_command_func(cmd: Command, args: list[str]) -> None:
    """Remove a member by its id. Go: etcdctl/ctlv3/command/member_command.go#memberRemoveCommandFunc"""
    id = _member_id(args)
    async with command_ctx(cmd) as ctx, await must_client_from_cmd(cmd) as client:
        resp = await client.cluster.member_remove(ctx, id)
        init_display_from_cmd(cmd).member_remove(id, resp)


async def member_update_command_func(cmd: Command, args: list[str]) -> None:
    """Give a member other peer URLs. Go: etcdctl/ctlv3/command/member_command.go#memberUpdateCommandFunc"""
    id, urls = _member_id(args), _peer_urls(cmd)
    async with command_ctx(cmd) as ctx, await must_client_from_cmd(cmd) as client:
        resp = await client.cluster.member_update(ctx, id, urls)
        init_display_from_cmd(cmd).member_update(id, resp)


async def member_list_command_func(cmd: Command, args: list[str]) -> None:
    """Print who is a member. Go: etcdctl/ctlv3/command/member_command.go#memberListCommandFunc"""
    async with command_ctx(cmd) as ctx, await must_client_from_cmd(cmd) as client:
        resp = await client.cluster.member_list(ctx)
        init_display_from_cmd(cmd).member_list(resp)


async def member_promote_command_func(cmd: Command, args: list[str]) -> None:
    """Let a learner vote. Go: etcdctl/ctlv3/command/member_command.go#memberPromoteCommandFunc"""
    id = _member_id(args)
    async with command_ctx(cmd) as ctx, await must_client_from_cmd(cmd) as client:
        resp = await client.cluster.member_promote(ctx, id)
        init_display_from_cmd(cmd).member_promote(id, resp)


def _member_id(args: list[str]) -> int:
    if len(args) != 1:
        exit_with_error(ExitBadArgs, "member ID is not provided")
    try:
        return parse_uint(args[0], 16)
    except ValueError as err:
        exit_with_error(ExitBadArgs, f"bad member ID arg ({err}), expecting ID in Hex")


def _peer_urls(cmd: Command) -> list[str]:
    urls = cmd.get("peer-urls", str)
    if not urls:
        exit_with_error(ExitBadArgs, "member peer urls not provided")
    return urls.split(",")

"""What the commands share besides flags. Go: etcdctl/ctlv3/command/util.go"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TextIO

from minietcd.clientv3.errors import StatusError
from minietcd.etcdctl.cobra import Command
from minietcd.etcdctl.ctlv3.command.error import ExitError, exit_with_error
from minietcd.etcdserver.api.v3rpc.rpctypes.error import EtcdError
from minietcd.pkg.context import BACKGROUND, Context
from minietcd.pkg.types import URLError
from minietcd.proto.mvccpb.kv_pb2 import KeyValue


def text_of(data: bytes) -> str:
    """Bytes as the streams of a command take them."""
    return data.decode("utf-8", "surrogateescape")


def print_kv(out: TextIO, is_hex: bool, value_only: bool, kv: KeyValue) -> None:
    """Key and value, a line each. Go: etcdctl/ctlv3/command/util.go#printKV"""
    show = add_hex_prefix if is_hex else text_of
    if not value_only:
        print(show(kv.key), file=out)
    print(show(kv.value), file=out)


def add_hex_prefix(data: bytes) -> str:
    r"""``\x6b\x76``. Go: etcdctl/ctlv3/command/util.go#addHexPrefix"""
    return "".join(f"\\x{byte:02x}" for byte in data)


@asynccontextmanager
async def command_ctx(cmd: Command) -> AsyncIterator[Context]:
    """The time a command may take; a call that fails in it, or outlasts it, ends the command.

    Go: etcdctl/ctlv3/command/util.go#commandCtx
    """
    try:
        async with asyncio.timeout(cmd.get("command-timeout", float)):
            yield BACKGROUND
    except TimeoutError:
        exit_with_error(ExitError, "context deadline exceeded")
    except (EtcdError, StatusError, URLError) as err:
        exit_with_error(ExitError, err)

"""Printers that do the same with every answer: print it as the message it is, or refuse.

Go: etcdctl/ctlv3/command/printer.go
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

from minietcd.etcdctl.ctlv3.command.error import ExitBadFeature, exit_with_error
from minietcd.proto.etcdserverpb import rpc_pb2 as pb

if TYPE_CHECKING:
    from google.protobuf.message import Message


class PrinterRPC:
    """Hands every answer to ``p``. etcdctl 3.4 forgot promotions here, and crashes after one in JSON.

    Go: etcdctl/ctlv3/command/printer.go#printerRPC
    """

    def __init__(self, out: TextIO, p: Callable[[TextIO, Message], None]) -> None:
        self.out = out
        self.p = p

    def del_(self, r: pb.DeleteRangeResponse) -> None:
        """The answer to a deletion. Go: etcdctl/ctlv3/command/printer.go#printerRPC.Del"""
        self.p(self.out, r)

    def get(self, r: pb.RangeResponse) -> None:
        """The answer to a range. Go: etcdctl/ctlv3/command/printer.go#printerRPC.Get"""
        self.p(self.out, r)

    def put(self, r: pb.PutResponse) -> None:
        """The answer to a put. Go: etcdctl/ctlv3/command/printer.go#printerRPC.Put"""
        self.p(self.out, r)

    def member_add(self, r: pb.MemberAddResponse) -> None:
        """The answer to an addition. Go: etcdctl/ctlv3/command/printer.go#printerRPC.MemberAdd"""
        self.p(self.out, r)

    def member_remove(self, id: int, r: Message) -> None:
        """The answer to a removal; it has the id itself, as all of these have.

        Go: etcdctl/ctlv3/command/printer.go#printerRPC.MemberRemove
        """
        self.p(self.out, r)

    def member_update(self, id: int, r: Message) -> None:
        """The answer to an update. Go: etcdctl/ctlv3/command/printer.go#printerRPC.MemberUpdate"""
        self.p(self.out, r)

    def member_promote(self, id: int, r: Message) -> None:
        """Like ``member_update``."""
        self.p(self.out, r)

    def member_list(self, r: pb.MemberListResponse) -> None:
        """Who is a member. Go: etcdctl/ctlv3/command/printer.go#printerRPC.MemberList"""
        self.p(self.out, r)


def unsupported(n: str) -> Callable[[TextIO, Message], None]:
    """What the format ``n`` does with an answer that it has no form for.

    Go: etcdctl/ctlv3/command/printer.go#newPrinterUnsupported
    """

    def f(out: TextIO, r: Message) -> None:
        exit_with_error(ExitBadFeature, f"{n} not supported as output format")

    return f

"""The formats of a command's output.

Go: etcdctl/ctlv3/command/printer.go
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TextIO

from minietcd.etcdctl.ctlv3.command.printer_fields import FieldsPrinter
from minietcd.etcdctl.ctlv3.command.printer_json import print_json
from minietcd.etcdctl.ctlv3.command.printer_rpc import PrinterRPC
from minietcd.etcdctl.ctlv3.command.printer_simple import SimplePrinter
from minietcd.etcdctl.ctlv3.command.printer_table import TablePrinter
from minietcd.proto.etcdserverpb import rpc_pb2 as pb

if TYPE_CHECKING:
    from google.protobuf.message import Message


class Printer(Protocol):
    """Prints an answer in one format, whatever was asked. Go: etcdctl/ctlv3/command/printer.go#printer"""

    def del_(self, r: pb.DeleteRangeResponse) -> None:
        """The answer to a deletion."""

    def get(self, r: pb.RangeResponse) -> None:
        """The answer to a range."""

    def put(self, r: pb.PutResponse) -> None:
        """The answer to a put."""

    def member_add(self, r: pb.MemberAddResponse) -> None:
        """A member was added."""

    def member_remove(self, id: int, r: pb.MemberRemoveResponse) -> None:
        """The member ``id`` was removed."""

    def member_update(self, id: int, r: pb.MemberUpdateResponse) -> None:
        """The member ``id`` has other peer URLs."""

    def member_promote(self, id: int, r: pb.MemberPromoteResponse) -> None:
        """The member ``id`` votes now."""

    def member_list(self, r: pb.MemberListResponse) -> None:
        """Who is a member."""


def new_printer(printer_type: str, is_hex: bool, out: TextIO) -> Printer | None:
    """The printer of a format, if there is one. Go: etcdctl/ctlv3/command/printer.go#NewPrinter"""
    if printer_type == "simple":
        return SimplePrinter(out, is_hex)
    if printer_type == "fields":
        return FieldsPrinter(out)
    if printer_type == "table":
        return TablePrinter(out)
    p = {"json": print_json, "protobuf": print_pb}.get(printer_type)
    return PrinterRPC(out, p) if p else None


def print_pb(out: TextIO, v: Message) -> None:
    """The bytes of the message. Go: etcdctl/ctlv3/command/printer_protobuf.go#printPB"""
    out.write(v.SerializeToString().decode("utf-8", "surrogateescape"))

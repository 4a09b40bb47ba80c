"""The formats of a command's output.

Go: etcdctl/ctlv3/command/printer.go
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TextIO

from minietcd.etcdctl.ctlv3.command.error import ExitBadFeature, exit_with_error
from minietcd.etcdctl.ctlv3.command.printer_fields import FieldsPrinter
from minietcd.etcdctl.ctlv3.command.printer_json import print_json
from minietcd.etcdctl.ctlv3.command.printer_simple import SimplePrinter
from minietcd.proto.etcdserverpb.rpc_pb2 import DeleteRangeResponse, PutResponse, RangeResponse

if TYPE_CHECKING:
    from google.protobuf.message import Message


class Printer(Protocol):
    """Go: etcdctl/ctlv3/command/printer.go#printer"""

    def del_(self, r: DeleteRangeResponse) -> None:
        """The answer to a deletion."""

    def get(self, r: RangeResponse) -> None:
        """The answer to a range."""

    def put(self, r: PutResponse) -> None:
        """The answer to a put."""


def new_printer(printer_type: str, is_hex: bool, out: TextIO) -> Printer | None:
    """The printer of a format, if there is one. Go: etcdctl/ctlv3/command/printer.go#NewPrinter"""
    if printer_type == "simple":
        return SimplePrinter(out, is_hex)
    if printer_type == "fields":
        return FieldsPrinter(out)
    p = {"json": print_json, "protobuf": print_pb, "table": unsupported}.get(printer_type)
    return PrinterRPC(out, p) if p else None


class PrinterRPC:
    """Prints responses as the messages they are. Go: etcdctl/ctlv3/command/printer.go#printerRPC"""

    def __init__(self, out: TextIO, p: Callable[[TextIO, Message], None]) -> None:
        self.out = out
        self.p = p

    def put(self, r: Message) -> None:
        """The same for every kind of response.

        Go: etcdctl/ctlv3/command/printer.go#printerRPC.Del
        Go: etcdctl/ctlv3/command/printer.go#printerRPC.Get
        Go: etcdctl/ctlv3/command/printer.go#printerRPC.Put
        """
        self.p(self.out, r)

    del_ = get = put


def print_pb(out: TextIO, v: Message) -> None:
    """The bytes of the message. Go: etcdctl/ctlv3/command/printer_protobuf.go#printPB"""
    out.write(v.SerializeToString().decode("utf-8", "surrogateescape"))


def unsupported(out: TextIO, v: Message) -> None:
    """Tables are for members and endpoints. Go: etcdctl/ctlv3/command/printer.go#newPrinterUnsupported"""
    exit_with_error(ExitBadFeature, "table not supported as output format")

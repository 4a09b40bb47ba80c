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

    def del_(self, r: DeleteRangeResponse) -> None: ...
    def get(self, r: RangeResponse) -> None: ...
    def put(self, r: PutResponse) -> None: ...


def new_printer(printer_type: str, is_hex: bool, out: TextIO) -> Printer | None:
    """The printer of a format, if there is one. Go: etcdctl/ctlv3/command/printer.go#NewPrinter"""
    match printer_type:
        case "simple":
            return SimplePrinter(out, is_hex)
        case "fields":
            return FieldsPrinter(out)
        case "json":
            return PrinterRPC(out, print_json)
        case "protobuf":
            return PrinterRPC(out, print_pb)
        case "table":
            return PrinterRPC(out, unsupported)
    return None


class PrinterRPC:
    """Prints every response in the same way, as the message it is.

    Go: etcdctl/ctlv3/command/printer.go#printerRPC
    """

    def __init__(self, out: TextIO, p: Callable[[TextIO, Message], None]) -> None:
        self.out = out
        self.p = p

    def del_(self, r: DeleteRangeResponse) -> None:
        """Go: etcdctl/ctlv3/command/printer.go#printerRPC.Del"""
        self.p(self.out, r)

    def get(self, r: RangeResponse) -> None:
        """Go: etcdctl/ctlv3/command/printer.go#printerRPC.Get"""
        self.p(self.out, r)

    def put(self, r: PutResponse) -> None:
        """Go: etcdctl/ctlv3/command/printer.go#printerRPC.Put"""
        self.p(self.out, r)


def print_pb(out: TextIO, v: Message) -> None:
    """The bytes of the message. Go: etcdctl/ctlv3/command/printer_protobuf.go#printPB"""
    out.write(v.SerializeToString().decode("utf-8", "surrogateescape"))


def unsupported(out: TextIO, v: Message) -> None:
    """Tables are for members and endpoints. Go: etcdctl/ctlv3/command/printer.go#newPrinterUnsupported"""
    exit_with_error(ExitBadFeature, "table not supported as output format")

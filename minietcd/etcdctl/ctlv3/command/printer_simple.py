"""The output meant for people and pipes. Go: etcdctl/ctlv3/command/printer_simple.go"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TextIO

from minietcd.etcdctl.ctlv3.command.util import print_kv
from minietcd.proto.etcdserverpb.rpc_pb2 import DeleteRangeResponse, PutResponse, RangeResponse


@dataclass(slots=True)
class SimplePrinter:
    """Go: etcdctl/ctlv3/command/printer_simple.go#simplePrinter"""

    out: TextIO
    is_hex: bool = False
    value_only: bool = False

    def del_(self, r: DeleteRangeResponse) -> None:
        """Go: etcdctl/ctlv3/command/printer_simple.go#simplePrinter.Del"""
        print(r.deleted, file=self.out)
        for kv in r.prev_kvs:
            print_kv(self.out, self.is_hex, self.value_only, kv)

    def get(self, r: RangeResponse) -> None:
        """Go: etcdctl/ctlv3/command/printer_simple.go#simplePrinter.Get"""
        for kv in r.kvs:
            print_kv(self.out, self.is_hex, self.value_only, kv)

    def put(self, r: PutResponse) -> None:
        """Go: etcdctl/ctlv3/command/printer_simple.go#simplePrinter.Put"""
        print("OK", file=self.out)
        if r.HasField("prev_kv"):
            print_kv(self.out, self.is_hex, self.value_only, r.prev_kv)

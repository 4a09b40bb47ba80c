"""A line for each field. Go: etcdctl/ctlv3/command/printer_fields.go"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TextIO

from minietcd.pkg.strconv import quote
from minietcd.proto.etcdserverpb.rpc_pb2 import (
    DeleteRangeResponse,
    PutResponse,
    RangeResponse,
    ResponseHeader,
)
from minietcd.proto.mvccpb.kv_pb2 import KeyValue


@dataclass(slots=True)
class FieldsPrinter:
    """Go: etcdctl/ctlv3/command/printer_fields.go#fieldsPrinter"""

    out: TextIO

    def kv(self, pfx: str, kv: KeyValue) -> None:
        """Go: etcdctl/ctlv3/command/printer_fields.go#fieldsPrinter.kv"""
        self._line(f"{pfx}Key", quote(kv.key))
        self._line(f"{pfx}CreateRevision", kv.create_revision)
        self._line(f"{pfx}ModRevision", kv.mod_revision)
        self._line(f"{pfx}Version", kv.version)
        self._line(f"{pfx}Value", quote(kv.value))
        self._line(f"{pfx}Lease", kv.lease)

    def hdr(self, h: ResponseHeader) -> None:
        """Go: etcdctl/ctlv3/command/printer_fields.go#fieldsPrinter.hdr"""
        self._line("ClusterID", h.cluster_id)
        self._line("MemberID", h.member_id)
        self._line("Revision", h.revision)
        self._line("RaftTerm", h.raft_term)

    def del_(self, r: DeleteRangeResponse) -> None:
        """Go: etcdctl/ctlv3/command/printer_fields.go#fieldsPrinter.Del"""
        self.hdr(r.header)
        self._line("Deleted", r.deleted)
        for kv in r.prev_kvs:
            self.kv("Prev", kv)

    def get(self, r: RangeResponse) -> None:
        """Go: etcdctl/ctlv3/command/printer_fields.go#fieldsPrinter.Get"""
        self.hdr(r.header)
        for kv in r.kvs:
            self.kv("", kv)
        self._line("More", str(r.more).lower())
        self._line("Count", r.count)

    def put(self, r: PutResponse) -> None:
        """Go: etcdctl/ctlv3/command/printer_fields.go#fieldsPrinter.Put"""
        self.hdr(r.header)
        if r.HasField("prev_kv"):
            self.kv("Prev", r.prev_kv)

    def _line(self, name: str, value: object) -> None:
        print(f'"{name}" : {value}', file=self.out)

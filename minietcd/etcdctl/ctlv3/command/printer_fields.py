"""A line for each field. Go: etcdctl/ctlv3/command/printer_fields.go"""

from __future__ import annotations

from typing import TextIO

from minietcd.etcdctl.ctlv3.command.printer_rpc import PrinterRPC, unsupported
from minietcd.pkg.strconv import quote
from minietcd.proto.etcdserverpb import rpc_pb2 as pb
from minietcd.proto.mvccpb.kv_pb2 import KeyValue


class FieldsPrinter(PrinterRPC):
    """Prints every field of an answer on a line of its own, by its name.

    Go: etcdctl/ctlv3/command/printer_fields.go#fieldsPrinter
    """

    def __init__(self, out: TextIO) -> None:
        super().__init__(out, unsupported("fields"))

    def kv(self, pfx: str, kv: KeyValue) -> None:
        """The fields of one key, their names preceded by ``pfx``.

        Go: etcdctl/ctlv3/command/printer_fields.go#fieldsPrinter.kv
        """
        self._lines(Key=quote(kv.key), CreateRevision=kv.create_revision, prefix=pfx)
        self._lines(ModRevision=kv.mod_revision, Version=kv.version, prefix=pfx)
        self._lines(Value=quote(kv.value), Lease=kv.lease, prefix=pfx)

    def hdr(self, h: pb.ResponseHeader) -> None:
        """The fields of the header. Go: etcdctl/ctlv3/command/printer_fields.go#fieldsPrinter.hdr"""
        self._lines(ClusterID=h.cluster_id, MemberID=h.member_id, Revision=h.revision, RaftTerm=h.raft_term)

    def del_(self, r: pb.DeleteRangeResponse) -> None:
        """How many keys were deleted, and which, if that was asked for.

        Go: etcdctl/ctlv3/command/printer_fields.go#fieldsPrinter.Del
        """
        self.hdr(r.header)
        self._lines(Deleted=r.deleted)
        for kv in r.prev_kvs:
            self.kv("Prev", kv)

    def get(self, r: pb.RangeResponse) -> None:
        """Each key, then whether there are more and how many there are.

        Go: etcdctl/ctlv3/command/printer_fields.go#fieldsPrinter.Get
        """
        self.hdr(r.header)
        for kv in r.kvs:
            self.kv("", kv)
        self._lines(More=str(r.more).lower(), Count=r.count)

    def put(self, r: pb.PutResponse) -> None:
        """The header, and the key as it was before, if that was asked for.

        Go: etcdctl/ctlv3/command/printer_fields.go#fieldsPrinter.Put
        """
        self.hdr(r.header)
        if r.HasField("prev_kv"):
            self.kv("Prev", r.prev_kv)

    def member_list(self, r: pb.MemberListResponse) -> None:
        """The fields of each member. Go: etcdctl/ctlv3/command/printer_fields.go#fieldsPrinter.MemberList"""
        self.hdr(r.header)
        for m in r.members:
            self._lines(ID=m.ID, Name=quote(m.name))
            for url in m.peerURLs:
                self._lines(PeerURL=quote(url))
            for url in m.clientURLs:
                self._lines(ClientURL=quote(url))
            self._lines(IsLearner=str(m.isLearner).lower())
            print(file=self.out)

    def _lines(self, prefix: str = "", **values: object) -> None:
        for name, value in values.items():
            print(f'"{prefix}{name}" : {value}', file=self.out)

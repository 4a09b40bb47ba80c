"""The output meant for people and pipes. Go: etcdctl/ctlv3/command/printer_simple.go"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TextIO

from minietcd.etcdctl.ctlv3.command.printer_table import make_member_list_table
from minietcd.etcdctl.ctlv3.command.util import print_kv
from minietcd.proto.etcdserverpb.rpc_pb2 import (
    DeleteRangeResponse,
    MemberAddResponse,
    MemberListResponse,
    MemberPromoteResponse,
    MemberRemoveResponse,
    MemberUpdateResponse,
    PutResponse,
    RangeResponse,
)


@dataclass(slots=True)
class SimplePrinter:
    """Prints what a person wants to know, and no more: the format unless another is chosen.

    Go: etcdctl/ctlv3/command/printer_simple.go#simplePrinter
    """

    out: TextIO
    is_hex: bool = False
    value_only: bool = False

    def del_(self, r: DeleteRangeResponse) -> None:
        """How many keys were deleted, and which, if that was asked for.

        Go: etcdctl/ctlv3/command/printer_simple.go#simplePrinter.Del
        """
        print(r.deleted, file=self.out)
        for kv in r.prev_kvs:
            print_kv(self.out, self.is_hex, self.value_only, kv)

    def get(self, r: RangeResponse) -> None:
        """A line for each key, and one for its value.

        Go: etcdctl/ctlv3/command/printer_simple.go#simplePrinter.Get
        """
        for kv in r.kvs:
            print_kv(self.out, self.is_hex, self.value_only, kv)

    def put(self, r: PutResponse) -> None:
        """``OK``, and the key as it was before, if that was asked for.

        Go: etcdctl/ctlv3/command/printer_simple.go#simplePrinter.Put
        """
        print("OK", file=self.out)
        if r.HasField("prev_kv"):
            print_kv(self.out, self.is_hex, self.value_only, r.prev_kv)

    def member_add(self, r: MemberAddResponse) -> None:
        """Who was added. Go: etcdctl/ctlv3/command/printer_simple.go#simplePrinter.MemberAdd"""
        self._member(r.member.ID, "added to", r.header.cluster_id)

    def member_remove(self, id: int, r: MemberRemoveResponse) -> None:
        """Who was removed. Go: etcdctl/ctlv3/command/printer_simple.go#simplePrinter.MemberRemove"""
        self._member(id, "removed from", r.header.cluster_id)

    def member_update(self, id: int, r: MemberUpdateResponse) -> None:
        """Whose peer URLs are others now.

        Go: etcdctl/ctlv3/command/printer_simple.go#simplePrinter.MemberUpdate
        """
        self._member(id, "updated in", r.header.cluster_id)

    def member_promote(self, id: int, r: MemberPromoteResponse) -> None:
        """Who votes now. Go: etcdctl/ctlv3/command/printer_simple.go#simplePrinter.MemberPromote"""
        self._member(id, "promoted in", r.header.cluster_id)

    def member_list(self, r: MemberListResponse) -> None:
        """A line for each member. Go: etcdctl/ctlv3/command/printer_simple.go#simplePrinter.MemberList"""
        for row in make_member_list_table(r)[1]:
            print(", ".join(row), file=self.out)

    def _member(self, id: int, what: str, cluster: int) -> None:
        print(f"Member {id:16x} {what} cluster {cluster:16x}", file=self.out)

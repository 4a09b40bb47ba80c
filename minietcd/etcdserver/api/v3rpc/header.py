"""The header of every answer: who answered, and at which term and revision.

Go: etcdserver/api/v3rpc/header.go
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from minietcd.etcdserver.server import EtcdServer
from minietcd.proto.etcdserverpb.rpc_pb2 import ResponseHeader


@dataclass(slots=True, frozen=True)
class Header:
    """What a member writes into the headers of its answers. Go: etcdserver/api/v3rpc/header.go#header"""

    cluster_id: int
    member_id: int
    term: Callable[[], int]
    rev: Callable[[], int]

    def fill(self, rh: ResponseHeader) -> None:
        """Complete ``rh``; a revision that the request itself made is kept.

        Go: etcdserver/api/v3rpc/header.go#header.fill
        """
        rh.cluster_id = self.cluster_id
        rh.member_id = self.member_id
        rh.raft_term = self.term()
        if not rh.revision:
            rh.revision = self.rev()


def new_header(s: EtcdServer) -> Header:
    """What fills the headers of that member's answers. Go: etcdserver/api/v3rpc/header.go#newHeader"""
    return Header(s.cluster().id(), s.id(), s.term, lambda: s.kv().rev())

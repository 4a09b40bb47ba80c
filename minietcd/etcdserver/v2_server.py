"""A v2 request: through raft if it changes anything, else answered from the tree.

Go: etcdserver/v2_server.go
"""

from __future__ import annotations

import contextlib

from minietcd.etcdserver.apply_v2 import Response
from minietcd.etcdserver.errors import UnknownMethodError
from minietcd.etcdserver.state import ServerState
from minietcd.pkg.context import Context
from minietcd.proto.etcdserverpb.etcdserver_pb2 import Request
from minietcd.raft.errors import ProposalDroppedError


class V2Server(ServerState):
    """The part of a member that v2 requests meet first. Go: etcdserver/v2_server.go#reqV2HandlerEtcdServer"""

    async def process_raft_request(self, ctx: Context, r: Request) -> Response:
        """Propose ``r`` and wait until it is applied here. Raises what kept it from that.

        Go: etcdserver/v2_server.go#reqV2HandlerEtcdServer.processRaftRequest
        """
        resp = await self._applied(r.ID, self._propose(ctx, r.SerializeToString()))
        assert isinstance(resp, Response), resp
        if resp.err:
            raise resp.err
        return resp

    async def _propose(self, ctx: Context, data: bytes) -> None:
        with contextlib.suppress(ProposalDroppedError):  # whoever leads next may have it
            await self.r.node.propose(ctx, data)

    async def do(self, ctx: Context, r: Request) -> Response:
        """Give ``r`` an id, and do it. Go: etcdserver/v2_server.go#EtcdServer.Do"""
        r.ID = self.req_id_gen.next()
        return await self.handle(ctx, r)

    async def handle(self, ctx: Context, r: Request) -> Response:
        """Through raft, or from the tree. Raises UnknownMethodError.

        Go: etcdserver/v2_server.go#RequestV2.Handle
        """
        if r.Method == "GET" and r.Quorum:
            r.Method = "QGET"
        if r.Method in ("POST", "PUT", "DELETE", "QGET"):
            return await self.process_raft_request(ctx, r)
        if r.Method in ("GET", "HEAD"):
            return Response(event=self.v2store.get(r.Path, r.Recursive, r.Sorted))
        raise UnknownMethodError


def new_request(method: str, **fields: object) -> Request:
    """A request with every field set that etcd writes, also when it is empty."""
    empty = {"ID": 0, "Path": "", "Val": "", "Dir": False, "PrevValue": "", "PrevIndex": 0, "Expiration": 0}
    empty |= {"Wait": False, "Since": 0, "Recursive": False, "Sorted": False, "Quorum": False, "Time": 0}
    return Request(Method=method, Stream=False, **{**empty, **fields})  # type: ignore[arg-type]

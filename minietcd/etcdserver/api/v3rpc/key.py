"""The KV service: refuse what makes no sense, ask the server, complete the header.

Go: etcdserver/api/v3rpc/key.go
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence, Set
from typing import Protocol

from minietcd.etcdserver.api.v3rpc.header import new_header
from minietcd.etcdserver.api.v3rpc.rpctypes import error as rpctypes
from minietcd.etcdserver.api.v3rpc.util import to_grpc_error
from minietcd.etcdserver.server import EtcdServer
from minietcd.pkg.context import Context
from minietcd.proto.etcdserverpb import rpc_pb2 as pb


class _Response(Protocol):
    @property
    def header(self) -> pb.ResponseHeader: ...


class KvServer:
    """Reads and writes of keys. Go: etcdserver/api/v3rpc/key.go#kvServer"""

    def __init__(self, s: EtcdServer) -> None:
        """Go: etcdserver/api/v3rpc/key.go#NewKVServer"""
        self.hdr = new_header(s)
        self.kv = s
        self.max_txn_ops = s.cfg.max_txn_ops

    async def range(self, ctx: Context, r: pb.RangeRequest) -> pb.RangeResponse:
        """Check it, read. Raises GRPCError. Go: etcdserver/api/v3rpc/key.go#kvServer.Range"""
        check_range_request(r)
        return await self._answer(self.kv.range(ctx, r))

    async def put(self, ctx: Context, r: pb.PutRequest) -> pb.PutResponse:
        """Check it, write. Raises GRPCError. Go: etcdserver/api/v3rpc/key.go#kvServer.Put"""
        check_put_request(r)
        return await self._answer(self.kv.put(ctx, r))

    async def delete_range(self, ctx: Context, r: pb.DeleteRangeRequest) -> pb.DeleteRangeResponse:
        """Check it, delete. Raises GRPCError. Go: etcdserver/api/v3rpc/key.go#kvServer.DeleteRange"""
        check_delete_request(r)
        return await self._answer(self.kv.delete_range(ctx, r))

    async def txn(self, ctx: Context, r: pb.TxnRequest) -> pb.TxnResponse:
        """Check it, also that no branch writes a key twice. Raises GRPCError.

        Go: etcdserver/api/v3rpc/key.go#kvServer.Txn
        """
        check_txn_request(r, self.max_txn_ops)
        check_intervals(r.success)
        check_intervals(r.failure)
        return await self._answer(self.kv.txn(ctx, r))

    async def compact(self, ctx: Context, r: pb.CompactionRequest) -> pb.CompactionResponse:
        """Forget revisions. Raises GRPCError. Go: etcdserver/api/v3rpc/key.go#kvServer.Compact"""
        return await self._answer(self.kv.compact(ctx, r))

    async def _answer[Response: _Response](self, call: Awaitable[Response]) -> Response:
        try:
            resp = await call
        except Exception as err:
            raise to_grpc_error(err) from err
        self.hdr.fill(resp.header)
        return resp


def check_range_request(r: pb.RangeRequest) -> None:
    """A key there must be. Raises GRPCError. Go: etcdserver/api/v3rpc/key.go#checkRangeRequest"""
    if not r.key:
        raise rpctypes.ErrGRPCEmptyKey.err()


def check_put_request(r: pb.PutRequest) -> None:
    """A key there must be; what is to be kept from before must not be given too.

    Go: etcdserver/api/v3rpc/key.go#checkPutRequest
    """
    if not r.key:
        raise rpctypes.ErrGRPCEmptyKey.err()
    if r.ignore_value and r.value:
        raise rpctypes.ErrGRPCValueProvided.err()
    if r.ignore_lease and r.lease:
        raise rpctypes.ErrGRPCLeaseProvided.err()


def check_delete_request(r: pb.DeleteRangeRequest) -> None:
    """A key there must be. Raises GRPCError. Go: etcdserver/api/v3rpc/key.go#checkDeleteRequest"""
    if not r.key:
        raise rpctypes.ErrGRPCEmptyKey.err()


def check_txn_request(r: pb.TxnRequest, max_txn_ops: int) -> None:
    """Each part must make sense alone; what is nested counts against the room its parents left.

    Go: etcdserver/api/v3rpc/key.go#checkTxnRequest
    """
    opc = max(len(r.compare), len(r.success), len(r.failure))
    if opc > max_txn_ops:
        raise rpctypes.ErrGRPCTooManyOps.err()
    if not all(c.key for c in r.compare):
        raise rpctypes.ErrGRPCEmptyKey.err()
    for u in (*r.success, *r.failure):
        check_request_op(u, max_txn_ops - opc)


def check_intervals(reqs: Sequence[pb.RequestOp]) -> tuple[set[bytes], list[tuple[bytes, bytes]]]:
    """Refuse a key that is put twice, or put and deleted: one revision has room for one of them.

    Returns the keys put and the ranges deleted, for the level above. As in etcd, a range without an end
    (``\\0``) overlaps with nothing.

    Go: etcdserver/api/v3rpc/key.go#checkIntervals
    """
    deletes = [req.request_delete_range for req in reqs if req.HasField("request_delete_range")]
    dels = [(d.key, d.range_end or d.key + b"\0") for d in deletes]
    puts: set[bytes] = set()

    def put(keys: set[bytes], but: Set[bytes] = frozenset()) -> None:
        if (keys & puts) - but or any(begin <= key < end for key in keys for begin, end in dels):
            raise rpctypes.ErrGRPCDuplicateKey.err()
        puts.update(keys)

    for req in reqs:
        if req.HasField("request_txn"):
            puts_then, dels_then = check_intervals(req.request_txn.success)
            puts_else, dels_else = check_intervals(req.request_txn.failure)
            put(puts_then)
            put(puts_else, but=puts_then)  # only one of the two branches will be
            dels += dels_then + dels_else
    for req in reqs:
        if req.HasField("request_put"):
            put({req.request_put.key})
    return puts, dels


def check_request_op(u: pb.RequestOp, max_txn_ops: int) -> None:
    """Refuse an operation of a transaction that would be refused by itself, and one that is none.

    Go: etcdserver/api/v3rpc/key.go#checkRequestOp
    """
    match u.WhichOneof("request"):
        case "request_range":
            check_range_request(u.request_range)
        case "request_put":
            check_put_request(u.request_put)
        case "request_delete_range":
            check_delete_request(u.request_delete_range)
        case "request_txn":
            check_txn_request(u.request_txn, max_txn_ops)
        case None:
            raise rpctypes.ErrGRPCKeyNotFound.err()

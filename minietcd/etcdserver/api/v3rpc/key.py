"""The KV service: refuse what makes no sense, ask the server, complete the header.

Go: etcdserver/api/v3rpc/key.go
"""

from __future__ import annotations

from grpclib.const import Status
from grpclib.exceptions import GRPCError

from minietcd.etcdserver.api.v3rpc.header import new_header
from minietcd.etcdserver.api.v3rpc.rpctypes.error import (
    ErrGRPCEmptyKey,
    ErrGRPCLeaseProvided,
    ErrGRPCValueProvided,
)
from minietcd.etcdserver.api.v3rpc.util import to_grpc_error
from minietcd.etcdserver.server import EtcdServer
from minietcd.pkg.context import Context
from minietcd.proto.etcdserverpb.rpc_pb2 import (
    CompactionRequest,
    CompactionResponse,
    DeleteRangeRequest,
    DeleteRangeResponse,
    PutRequest,
    PutResponse,
    RangeRequest,
    RangeResponse,
    TxnRequest,
    TxnResponse,
)


class KvServer:
    """Reads and writes of keys. Go: etcdserver/api/v3rpc/key.go#kvServer"""

    def __init__(self, s: EtcdServer) -> None:
        """Go: etcdserver/api/v3rpc/key.go#NewKVServer"""
        self.hdr = new_header(s)
        self.kv = s

    async def range(self, ctx: Context, r: RangeRequest) -> RangeResponse:
        """Go: etcdserver/api/v3rpc/key.go#kvServer.Range"""
        check_range_request(r)
        try:
            resp = await self.kv.range(ctx, r)
        except Exception as err:
            raise to_grpc_error(err) from err
        self.hdr.fill(resp.header)
        return resp

    async def put(self, ctx: Context, r: PutRequest) -> PutResponse:
        """Go: etcdserver/api/v3rpc/key.go#kvServer.Put"""
        check_put_request(r)
        try:
            resp = await self.kv.put(ctx, r)
        except Exception as err:
            raise to_grpc_error(err) from err
        self.hdr.fill(resp.header)
        return resp

    async def delete_range(self, ctx: Context, r: DeleteRangeRequest) -> DeleteRangeResponse:
        """Go: etcdserver/api/v3rpc/key.go#kvServer.DeleteRange"""
        check_delete_request(r)
        try:
            resp = await self.kv.delete_range(ctx, r)
        except Exception as err:
            raise to_grpc_error(err) from err
        self.hdr.fill(resp.header)
        return resp

    async def txn(self, ctx: Context, r: TxnRequest) -> TxnResponse:
        """Not yet served. Go: etcdserver/api/v3rpc/key.go#kvServer.Txn"""
        raise GRPCError(Status.UNIMPLEMENTED, "unknown method Txn for service etcdserverpb.KV")

    async def compact(self, ctx: Context, r: CompactionRequest) -> CompactionResponse:
        """Not yet served. Go: etcdserver/api/v3rpc/key.go#kvServer.Compact"""
        raise GRPCError(Status.UNIMPLEMENTED, "unknown method Compact for service etcdserverpb.KV")


def check_range_request(r: RangeRequest) -> None:
    """Go: etcdserver/api/v3rpc/key.go#checkRangeRequest"""
    if not r.key:
        raise ErrGRPCEmptyKey.err()


def check_put_request(r: PutRequest) -> None:
    """A key there must be; what is to be kept from before must not be given too.

    Go: etcdserver/api/v3rpc/key.go#checkPutRequest
    """
    if not r.key:
        raise ErrGRPCEmptyKey.err()
    if r.ignore_value and r.value:
        raise ErrGRPCValueProvided.err()
    if r.ignore_lease and r.lease:
        raise ErrGRPCLeaseProvided.err()


def check_delete_request(r: DeleteRangeRequest) -> None:
    """Go: etcdserver/api/v3rpc/key.go#checkDeleteRequest"""
    if not r.key:
        raise ErrGRPCEmptyKey.err()

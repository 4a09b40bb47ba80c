"""Reads and writes of keys. Go: clientv3/kv.go"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from grpclib.exceptions import GRPCError

from minietcd.clientv3.errors import to_err
from minietcd.clientv3.op import Op, OpOption, OpType, Text, op_delete, op_get, op_put
from minietcd.clientv3.retry import RetryKVClient
from minietcd.pkg.context import Context
from minietcd.proto.etcdserverpb.rpc_pb2 import DeleteRangeResponse, PutResponse, RangeResponse

if TYPE_CHECKING:
    from minietcd.clientv3.client import Client


class OpResponse(NamedTuple):
    """The response of the one operation that was done. Go: clientv3/kv.go#OpResponse"""

    put: PutResponse = PutResponse()
    get: RangeResponse = RangeResponse()
    del_: DeleteRangeResponse = DeleteRangeResponse()


class KV:
    """Every failure is raised as one of errors.py. Go: clientv3/kv.go#kv"""

    def __init__(self, c: Client) -> None:
        """Go: clientv3/kv.go#NewKV"""
        self.remote = RetryKVClient(c)

    async def put(self, ctx: Context, key: Text, val: Text, *opts: OpOption) -> PutResponse:
        """Write ``val`` under ``key``. Go: clientv3/kv.go#kv.Put"""
        return (await self.do(ctx, op_put(key, val, *opts))).put

    async def get(self, ctx: Context, key: Text, *opts: OpOption) -> RangeResponse:
        """Read a key, or a range with an option that says so. Go: clientv3/kv.go#kv.Get"""
        return (await self.do(ctx, op_get(key, *opts))).get

    async def delete(self, ctx: Context, key: Text, *opts: OpOption) -> DeleteRangeResponse:
        """Delete a key, or a range with an option that says so. Go: clientv3/kv.go#kv.Delete"""
        return (await self.do(ctx, op_delete(key, *opts))).del_

    async def do(self, ctx: Context, op: Op) -> OpResponse:
        """Send the operation. Go: clientv3/kv.go#kv.Do"""
        try:
            match op.t:
                case OpType.RANGE:
                    return OpResponse(get=await self.remote.range(ctx, op.to_range_request()))
                case OpType.PUT:
                    return OpResponse(put=await self.remote.put(ctx, op.to_put_request()))
                case OpType.DELETE_RANGE:
                    return OpResponse(del_=await self.remote.delete_range(ctx, op.to_delete_request()))
        except GRPCError as err:
            raise to_err(err) from err

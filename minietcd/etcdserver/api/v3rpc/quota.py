"""Refusing writes that the space left cannot take, before they cost anything.

Go: etcdserver/api/v3rpc/quota.go
"""

from __future__ import annotations

from typing import Any

from minietcd.etcdserver.api.v3rpc.key import KvServer
from minietcd.etcdserver.api.v3rpc.rpctypes import error as rpctypes
from minietcd.etcdserver.quota import new_backend_quota
from minietcd.etcdserver.server import EtcdServer
from minietcd.pkg.context import Context
from minietcd.proto.etcdserverpb import rpc_pb2 as pb


class QuotaAlarmer:
    """Asks whether there is room, and tells the whole cluster when there is none.

    Go: etcdserver/api/v3rpc/quota.go#quotaAlarmer
    """

    def __init__(self, s: EtcdServer, name: str) -> None:
        self.q = new_backend_quota(s, name)
        self.a = s

    async def check(self, ctx: Context, r: Any) -> None:
        """Raise the NOSPACE alarm and an error if ``r`` would not fit.

        Go: etcdserver/api/v3rpc/quota.go#quotaAlarmer.check
        """
        if self.q.available(r):
            return
        req = pb.AlarmRequest(
            memberID=self.a.id(), action=pb.AlarmRequest.ACTIVATE, alarm=pb.AlarmType.NOSPACE
        )
        await self.a.alarm(ctx, req)
        raise rpctypes.ErrGRPCNoSpace.err()


class QuotaKVServer(KvServer):
    """The KV service with a look at the space left before what may grow the database.

    Go: etcdserver/api/v3rpc/quota.go#quotaKVServer
    """

    def __init__(self, s: EtcdServer) -> None:
        """Go: etcdserver/api/v3rpc/quota.go#NewQuotaKVServer"""
        super().__init__(s)
        self.qa = QuotaAlarmer(s, "kv")

    async def put(self, ctx: Context, r: pb.PutRequest) -> pb.PutResponse:
        """Put, if there is space left. Go: etcdserver/api/v3rpc/quota.go#quotaKVServer.Put"""
        await self.qa.check(ctx, r)
        return await super().put(ctx, r)

    async def txn(self, ctx: Context, r: pb.TxnRequest) -> pb.TxnResponse:
        """Do a transaction, if there is space left. Go: etcdserver/api/v3rpc/quota.go#quotaKVServer.Txn"""
        await self.qa.check(ctx, r)
        return await super().txn(ctx, r)

"""How large the backend may grow, and what a request will cost.

Go: etcdserver/quota.go
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from minietcd.proto.etcdserverpb.rpc_pb2 import LeaseGrantRequest, PutRequest, RequestOp, TxnRequest

if TYPE_CHECKING:
    from minietcd.etcdserver.server import EtcdServer

type Costly = PutRequest | TxnRequest | LeaseGrantRequest

DEFAULT_QUOTA_BYTES = 2 * 1024**3
_LEASE_OVERHEAD = 64
_KV_OVERHEAD = 256


def new_backend_quota(s: EtcdServer, _name: str) -> BackendQuota:
    """The quota of that member. Go: etcdserver/quota.go#NewBackendQuota"""
    return BackendQuota(s, s.cfg.quota_backend_bytes or DEFAULT_QUOTA_BYTES)


class BackendQuota:
    """The room left in the backend. A negative limit is none. Go: etcdserver/quota.go#backendQuota"""

    def __init__(self, s: EtcdServer, max_backend_bytes: int) -> None:
        self._s = s
        self._max_backend_bytes = max_backend_bytes

    def available(self, request: Costly) -> bool:
        """Whether ``request`` still fits. Go: etcdserver/quota.go#backendQuota.Available"""
        if self._max_backend_bytes < 0:
            return True
        charge = cost(request)
        return charge == 0 or self._s.backend().size() + charge < self._max_backend_bytes


def cost(request: Costly) -> int:
    """Bytes by which ``request`` may make the backend grow. Go: etcdserver/quota.go#backendQuota.Cost"""
    if isinstance(request, PutRequest):
        return cost_put(request)
    return cost_txn(request) if isinstance(request, TxnRequest) else _LEASE_OVERHEAD


def cost_put(r: PutRequest) -> int:
    """Bytes. Go: etcdserver/quota.go#costPut"""
    return _KV_OVERHEAD + len(r.key) + len(r.value)


def cost_txn_req(op: RequestOp) -> int:
    """Bytes; only puts cost. Go: etcdserver/quota.go#costTxnReq"""
    return cost_put(op.request_put) if op.HasField("request_put") else 0


def cost_txn(r: TxnRequest) -> int:
    """What the dearer of the two branches costs. Go: etcdserver/quota.go#costTxn"""
    return max(sum(map(cost_txn_req, r.success)), sum(map(cost_txn_req, r.failure)))

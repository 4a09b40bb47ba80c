"""The outermost applier: whether who asked may do it, decided when it is applied, not when it is asked.

Go: etcdserver/apply_auth.go
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from minietcd.auth.errors import AuthError
from minietcd.auth.store import AuthInfo, AuthStore
from minietcd.etcdserver.apply import ApplierV3, ApplyResult
from minietcd.lease.lessor import LeaseID, Lessor
from minietcd.mvcc.kvstore_txn import StoreTxnRead as TxnRead
from minietcd.mvcc.kvstore_txn import StoreTxnWrite as TxnWrite
from minietcd.proto.etcdserverpb import rpc_pb2 as pb
from minietcd.proto.etcdserverpb.raft_internal_pb2 import InternalRaftRequest

_NOBODY = AuthInfo()


class AuthApplierV3(ApplierV3):
    """Knows who asked for the request being applied. Go: etcdserver/apply_auth.go#authApplierV3"""

    def __init__(self, auth_store: AuthStore, base: ApplierV3, lessor: Lessor) -> None:
        """Go: etcdserver/apply_auth.go#newAuthApplierV3"""
        super().__init__(base)
        self._as = auth_store
        self._lessor = lessor
        self._auth_info = _NOBODY

    def apply(self, r: InternalRaftRequest) -> ApplyResult:
        """Note who asks; what only an admin may ask for is refused here.

        Go: etcdserver/apply_auth.go#authApplierV3.Apply
        """
        header = r.header
        self._auth_info = AuthInfo(header.username, header.auth_revision) if header.username else _NOBODY
        try:
            if need_admin_permission(r):
                self._as.is_admin_permitted(self._auth_info)
        except AuthError as err:
            return ApplyResult(err=err)
        return self.base.apply(r)

    def put(self, txn: TxnWrite | None, p: pb.PutRequest) -> pb.PutResponse:
        """A lease may be given to a key only by who could write all keys that already have it.

        Else whoever may not revoke the lease could make another's keys go with it.

        Go: etcdserver/apply_auth.go#authApplierV3.Put
        """
        self._as.is_put_permitted(self._auth_info, p.key)
        self.check_lease_puts(LeaseID(p.lease))
        if p.prev_kv:
            self._as.is_range_permitted(self._auth_info, p.key, b"")
        return self.base.put(txn, p)

    def range(self, txn: TxnRead | None, r: pb.RangeRequest) -> pb.RangeResponse:
        """Who reads must be allowed to. Go: etcdserver/apply_auth.go#authApplierV3.Range"""
        self._as.is_range_permitted(self._auth_info, r.key, r.range_end)
        return self.base.range(txn, r)

    def delete_range(self, txn: TxnWrite | None, dr: pb.DeleteRangeRequest) -> pb.DeleteRangeResponse:
        """Who deletes must be allowed to; to see what was deleted, also to read it.

        Go: etcdserver/apply_auth.go#authApplierV3.DeleteRange
        """
        self._as.is_delete_range_permitted(self._auth_info, dr.key, dr.range_end)
        if dr.prev_kv:
            self._as.is_range_permitted(self._auth_info, dr.key, dr.range_end)
        return self.base.delete_range(txn, dr)

    def txn(self, rt: pb.TxnRequest) -> pb.TxnResponse:
        """Everything in it must be allowed, before any of it is done.

        Go: etcdserver/apply_auth.go#authApplierV3.Txn
        """
        check_txn_auth(self._as, self._auth_info, rt)
        return self.base.txn(rt)

    def lease_revoke(self, lc: pb.LeaseRevokeRequest) -> pb.LeaseRevokeResponse:
        """Who ends a lease must be allowed to write the keys that go with it.

        Go: etcdserver/apply_auth.go#authApplierV3.LeaseRevoke
        """
        self.check_lease_puts(LeaseID(lc.ID))
        return self.base.lease_revoke(lc)

    def check_lease_puts(self, lease_id: LeaseID) -> None:
        """Raise AuthError unless who asks may write every key of that lease.

        Go: etcdserver/apply_auth.go#authApplierV3.checkLeasePuts
        """
        lease = self._lessor.lookup(lease_id)
        for key in lease.keys() if lease else ():
            self._as.is_put_permitted(self._auth_info, key)

    def auth(self, operation: str, r: Any) -> Any:
        """Besides an admin, everybody may look at himself and at his own roles.

        Go: etcdserver/apply_auth.go#authApplierV3.UserGet
        Go: etcdserver/apply_auth.go#authApplierV3.RoleGet
        """
        username = self._auth_info.username
        own = (operation == "user_get" and r.name == username) or (
            operation == "role_get" and self._as.has_role(username, r.role)
        )
        if operation in ("user_get", "role_get") and not own:
            self._as.is_admin_permitted(self._auth_info)
        return self.base.auth(operation, r)


def check_txn_reqs_permission(auth_store: AuthStore, ai: AuthInfo, reqs: Iterable[pb.RequestOp]) -> None:
    """Raise AuthError unless ``ai`` may do each of ``reqs``.

    Go: etcdserver/apply_auth.go#checkTxnReqsPermission
    """
    for op in reqs:
        match op.WhichOneof("request"):
            case "request_range":
                auth_store.is_range_permitted(ai, op.request_range.key, op.request_range.range_end)
            case "request_put":
                auth_store.is_put_permitted(ai, op.request_put.key)
            case "request_delete_range":
                dr = op.request_delete_range
                if dr.prev_kv:
                    auth_store.is_range_permitted(ai, dr.key, dr.range_end)
                auth_store.is_delete_range_permitted(ai, dr.key, dr.range_end)
            case "request_txn":
                check_txn_auth(auth_store, ai, op.request_txn)


def check_txn_auth(auth_store: AuthStore, ai: AuthInfo, rt: pb.TxnRequest) -> None:
    """Both branches count, whichever is taken; and, unlike in 3.4, what is nested in them.

    Go: etcdserver/apply_auth.go#checkTxnAuth
    """
    for c in rt.compare:
        auth_store.is_range_permitted(ai, c.key, c.range_end)
    check_txn_reqs_permission(auth_store, ai, rt.success)
    check_txn_reqs_permission(auth_store, ai, rt.failure)


_ADMIN_FIELD_NUMBERS = {
    field.number
    for field in InternalRaftRequest.DESCRIPTOR.fields
    if field.name.startswith("auth_") and field.name not in ("auth_user_get", "auth_role_get")
}


def need_admin_permission(r: InternalRaftRequest) -> bool:
    """Whether only root may ask for it. Go: etcdserver/apply_auth.go#needAdminPermission"""
    return any(field.number in _ADMIN_FIELD_NUMBERS for field, _ in r.ListFields())

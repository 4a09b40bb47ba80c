"""A committed request meets the store: what every member does, in the same order, with the same result.

Appliers wrap each other, each guarding what it knows about: permissions (``apply_auth``), the backend's
quota, a raised alarm; innermost is the one that writes. A request walks the chain twice: first ``apply`` goes
all the way in, where it is found out what the request is, then that call (``put``, say) starts again outside.

Go: etcdserver/apply.go
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from minietcd.auth.errors import AuthError
from minietcd.etcdserver import quota
from minietcd.etcdserver.errors import CorruptError, EtcdServerError, KeyNotFoundError, NoSpaceError
from minietcd.etcdserver.util import warn_of_expensive_request, warn_of_failed_request
from minietcd.lease.errors import LeaseError, LeaseNotFoundError
from minietcd.lease.lessor import NO_LEASE, LeaseID
from minietcd.mvcc.errors import CompactedError, FutureRevError, MVCCError
from minietcd.mvcc.kv import RangeOptions
from minietcd.mvcc.kvstore_txn import StoreTxnRead as TxnRead
from minietcd.mvcc.kvstore_txn import StoreTxnWrite as TxnWrite
from minietcd.pkg import logutil
from minietcd.pkg.chan import Chan
from minietcd.pkg.types import id_string
from minietcd.proto.etcdserverpb import rpc_pb2 as pb
from minietcd.proto.etcdserverpb.raft_internal_pb2 import InternalRaftRequest
from minietcd.proto.mvccpb.kv_pb2 import KeyValue

if TYPE_CHECKING:
    from minietcd.etcdserver.server import EtcdServer

log = logutil.get_logger("etcdserver")

_EXPECTED_ERRORS = (EtcdServerError, MVCCError, LeaseError, AuthError)
"""What a request may meet; anything else is a fault of ours, and ends the member."""


@dataclass(slots=True)
class ApplyResult:
    """The answer or the error; ``physc`` is closed when a compaction has also freed the space.

    Go: etcdserver/apply.go#applyResult
    """

    resp: Any = None
    err: Exception | None = None
    physc: Chan[None] | None = None


class ApplierV3:
    """One link of the chain. What it does not guard it passes on. Go: etcdserver/apply.go#applierV3"""

    def __init__(self, base: ApplierV3) -> None:
        self.base = base

    def apply(self, r: InternalRaftRequest) -> ApplyResult:
        """Find out what ``r`` asks for, and do it."""
        return self.base.apply(r)

    def put(self, txn: TxnWrite | None, p: pb.PutRequest) -> pb.PutResponse:
        """Write a key, in ``txn`` or in one of its own."""
        return self.base.put(txn, p)

    def range(self, txn: TxnRead | None, r: pb.RangeRequest) -> pb.RangeResponse:
        """Read keys, in ``txn`` or in one of its own."""
        return self.base.range(txn, r)

    def delete_range(self, txn: TxnWrite | None, dr: pb.DeleteRangeRequest) -> pb.DeleteRangeResponse:
        """Delete keys, in ``txn`` or in one of its own."""
        return self.base.delete_range(txn, dr)

    def txn(self, rt: pb.TxnRequest) -> pb.TxnResponse:
        """Compare, then do one branch or the other, at one revision."""
        return self.base.txn(rt)

    def compaction(self, r: pb.CompactionRequest) -> tuple[pb.CompactionResponse, Chan[None]]:
        """Forget revisions; the channel is closed when their space is free."""
        return self.base.compaction(r)

    def lease_grant(self, lc: pb.LeaseGrantRequest) -> pb.LeaseGrantResponse:
        """Make a lease."""
        return self.base.lease_grant(lc)

    def lease_revoke(self, lc: pb.LeaseRevokeRequest) -> pb.LeaseRevokeResponse:
        """End a lease, and delete its keys."""
        return self.base.lease_revoke(lc)

    def lease_checkpoint(self, lc: pb.LeaseCheckpointRequest) -> pb.LeaseCheckpointResponse:
        """Note how long leases have left."""
        return self.base.lease_checkpoint(lc)

    def alarm(self, ar: pb.AlarmRequest) -> pb.AlarmResponse:
        """Raise, disarm or list alarms."""
        return self.base.alarm(ar)

    def auth(self, operation: str, r: Any) -> Any:
        """Read or change users, roles and permissions."""
        return self.base.auth(operation, r)


class ApplierV3backend(ApplierV3):
    """The innermost: it writes and reads. Go: etcdserver/apply.go#applierV3backend"""

    def __init__(self, s: EtcdServer) -> None:
        """Go: etcdserver/apply.go#EtcdServer.newApplierV3Backend"""
        self.s = s

    def apply(self, r: InternalRaftRequest) -> ApplyResult:
        """Call the outermost applier with whatever ``r`` holds, so that all of them see the very call.

        Go: etcdserver/apply.go#applierV3backend.Apply
        """
        start = self.s.cfg.clock()
        field = next((field for field in _REQUESTS if r.HasField(field)), None)
        assert field, f"not implemented: {r}"
        try:
            ar = _call(self.s.apply_v3, field, getattr(r, field))
        except _EXPECTED_ERRORS as err:
            ar = ApplyResult(err=err)
        took, limit = self.s.cfg.clock() - start, self.s.cfg.warning_apply_duration
        warn_of_expensive_request(limit, took, r, ar.resp, ar.err)
        if ar.err:
            warn_of_failed_request(took, r, ar.err)
        return ar

    def put(self, txn: TxnWrite | None, p: pb.PutRequest) -> pb.PutResponse:
        """Raises LeaseNotFoundError, and KeyNotFoundError if what is to be kept is not there.

        Go: etcdserver/apply.go#applierV3backend.Put
        """
        if txn is not None:
            return self._put(txn, p)
        if p.lease != NO_LEASE and self.s.lessor.lookup(LeaseID(p.lease)) is None:
            raise LeaseNotFoundError
        with self.s.kv().write() as txn:
            return self._put(txn, p)

    def _put(self, txn: TxnWrite, p: pb.PutRequest) -> pb.PutResponse:
        resp = pb.PutResponse()
        value, lease_id = p.value, p.lease
        if p.ignore_value or p.ignore_lease or p.prev_kv:
            kvs = txn.range(p.key, b"").kvs
            if not kvs and (p.ignore_value or p.ignore_lease):
                raise KeyNotFoundError
            value = kvs[0].value if p.ignore_value else value
            lease_id = kvs[0].lease if p.ignore_lease else lease_id
            if p.prev_kv and kvs:
                resp.prev_kv.CopyFrom(kvs[0])
        resp.header.revision = txn.put(p.key, value, LeaseID(lease_id))
        return resp

    def delete_range(self, txn: TxnWrite | None, dr: pb.DeleteRangeRequest) -> pb.DeleteRangeResponse:
        """Delete keys, and count them. Go: etcdserver/apply.go#applierV3backend.DeleteRange"""
        if txn is not None:
            return self._delete_range(txn, dr)
        with self.s.kv().write() as txn:
            return self._delete_range(txn, dr)

    def _delete_range(self, txn: TxnWrite, dr: pb.DeleteRangeRequest) -> pb.DeleteRangeResponse:
        resp = pb.DeleteRangeResponse()
        if dr.prev_kv:
            resp.prev_kvs.extend(txn.range(dr.key, dr.range_end).kvs)
        resp.deleted, resp.header.revision = txn.delete_range(dr.key, dr.range_end)
        return resp

    def range(self, txn: TxnRead | None, r: pb.RangeRequest) -> pb.RangeResponse:
        """Raises CompactedError or FutureRevError if the revision asked for is not there.

        Go: etcdserver/apply.go#applierV3backend.Range
        """
        if txn is not None:
            return self._range(txn, r)
        with self.s.kv().read() as txn:
            return self._range(txn, r)

    def _range(self, txn: TxnRead, r: pb.RangeRequest) -> pb.RangeResponse:
        rr = txn.range(r.key, r.range_end, _range_options(r))
        kvs = _sort_kvs(prune_kvs(rr.kvs, r), r)
        resp = pb.RangeResponse(count=rr.count)
        resp.header.revision = rr.rev
        resp.more = 0 < r.limit < len(kvs)
        resp.kvs.extend(kvs[: r.limit] if resp.more else kvs)
        if r.keys_only:
            for kv in resp.kvs:
                kv.ClearField("value")
        return resp

    def txn(self, rt: pb.TxnRequest) -> pb.TxnResponse:
        """Compare and check in a read transaction, act in another.

        Nothing comes between the two, as all writes are made by the loop that calls this; and only the second
        one, if it writes, makes a revision.

        Go: etcdserver/apply.go#applierV3backend.Txn
        """
        is_write = not is_txn_readonly(rt)
        txn: Any = self.s.kv().read()
        try:
            txn_path = compare_to_path(txn, rt)
            if is_write:
                check_requests(txn, rt, iter(txn_path), self.check_request_put)
            check_requests(txn, rt, iter(txn_path), self.check_request_range)
        except _EXPECTED_ERRORS:
            txn.end()
            raise
        if is_write:
            txn.end()
            txn = self.s.kv().write()
        resp = pb.TxnResponse()
        try:
            self.apply_txn(txn, rt, iter(txn_path), resp)
        except _EXPECTED_ERRORS as err:
            # Half of it is done and must never be seen: it stays open, so that nothing more is committed.
            raise AssertionError(f"unexpected error during txn: {err}") from err
        resp.header.revision = txn.rev() + bool(is_write and txn.changes())
        txn.end()
        return resp

    def apply_txn(self, txn: Any, rt: pb.TxnRequest, txn_path: Iterator[bool], tresp: pb.TxnResponse) -> None:
        """Do the branch that ``txn_path`` says, and those of nested transactions.

        Go: etcdserver/apply.go#applierV3backend.applyTxn
        Go: etcdserver/apply.go#newTxnResp
        """
        tresp.header.SetInParent()
        tresp.succeeded = next(txn_path)
        for op in rt.success if tresp.succeeded else rt.failure:
            respi = tresp.responses.add()
            match op.WhichOneof("request"):
                case "request_range":
                    respi.response_range.CopyFrom(self.range(txn, op.request_range))
                case "request_put":
                    respi.response_put.CopyFrom(self.put(txn, op.request_put))
                case "request_delete_range":
                    respi.response_delete_range.CopyFrom(self.delete_range(txn, op.request_delete_range))
                case "request_txn":
                    self.apply_txn(txn, op.request_txn, txn_path, respi.response_txn)

    def compaction(self, r: pb.CompactionRequest) -> tuple[pb.CompactionResponse, Chan[None]]:
        """Raises CompactedError or FutureRevError. Go: etcdserver/apply.go#applierV3backend.Compaction"""
        physc = self.s.kv().compact(r.revision)
        resp = pb.CompactionResponse()
        resp.header.revision = self.s.kv().rev()
        return resp, physc

    def lease_grant(self, lc: pb.LeaseGrantRequest) -> pb.LeaseGrantResponse:
        """Make a lease. Raises LeaseError. Go: etcdserver/apply.go#applierV3backend.LeaseGrant"""
        lease = self.s.lessor.grant(LeaseID(lc.ID), lc.TTL)
        return pb.LeaseGrantResponse(header=new_header(self.s), ID=lease.id, TTL=lease.ttl)

    def lease_revoke(self, lc: pb.LeaseRevokeRequest) -> pb.LeaseRevokeResponse:
        """Raises LeaseNotFoundError. Go: etcdserver/apply.go#applierV3backend.LeaseRevoke"""
        self.s.lessor.revoke(LeaseID(lc.ID))
        return pb.LeaseRevokeResponse(header=new_header(self.s))

    def lease_checkpoint(self, lc: pb.LeaseCheckpointRequest) -> pb.LeaseCheckpointResponse:
        """Raises LeaseNotFoundError. Go: etcdserver/apply.go#applierV3backend.LeaseCheckpoint"""
        for checkpoint in lc.checkpoints:
            self.s.lessor.checkpoint(LeaseID(checkpoint.ID), checkpoint.remaining_TTL)
        return pb.LeaseCheckpointResponse(header=new_header(self.s))

    def alarm(self, ar: pb.AlarmRequest) -> pb.AlarmResponse:
        """An alarm raised or disarmed also changes what the outermost applier lets through.

        Go: etcdserver/apply.go#applierV3backend.Alarm
        """
        store = self.s.alarm_store
        if ar.action == pb.AlarmRequest.GET:
            return pb.AlarmResponse(alarms=store.get(ar.alarm))
        was_raised = bool(store.get(ar.alarm))
        if ar.action == pb.AlarmRequest.ACTIVATE:
            member: pb.AlarmMember | None = store.activate(ar.memberID, ar.alarm)
        else:
            member = store.deactivate(ar.memberID, ar.alarm)
        if member is None:
            return pb.AlarmResponse()
        is_raised = bool(store.get(ar.alarm))
        if was_raised != is_raised:
            alarm, who = pb.AlarmType.Name(ar.alarm), id_string(member.memberID)
            log.warning("alarm raised" if is_raised else "alarm disarmed", alarm=alarm, from_=who)
            self.s.reset_applier()
        return pb.AlarmResponse(alarms=[member])

    def auth(self, operation: str, r: Any) -> Any:
        """Hand ``r`` to the method of the auth store called ``operation``, and fill in the header.

        Go: etcdserver/apply.go#applierV3backend.AuthEnable
        Go: etcdserver/apply.go#applierV3backend.AuthDisable
        Go: etcdserver/apply.go#applierV3backend.Authenticate
        Go: etcdserver/apply.go#applierV3backend.UserAdd
        Go: etcdserver/apply.go#applierV3backend.UserDelete
        Go: etcdserver/apply.go#applierV3backend.UserChangePassword
        Go: etcdserver/apply.go#applierV3backend.UserGrantRole
        Go: etcdserver/apply.go#applierV3backend.UserGet
        Go: etcdserver/apply.go#applierV3backend.UserRevokeRole
        Go: etcdserver/apply.go#applierV3backend.RoleAdd
        Go: etcdserver/apply.go#applierV3backend.RoleGrantPermission
        Go: etcdserver/apply.go#applierV3backend.RoleGet
        Go: etcdserver/apply.go#applierV3backend.RoleRevokePermission
        Go: etcdserver/apply.go#applierV3backend.RoleDelete
        Go: etcdserver/apply.go#applierV3backend.UserList
        Go: etcdserver/apply.go#applierV3backend.RoleList
        """
        resp = getattr(self.s.auth_store(), operation)(r)
        resp.header.CopyFrom(new_header(self.s))
        return resp

    def check_request_put(self, rv: TxnRead, op: pb.RequestOp) -> None:
        """Raise what this put would, before anything of the transaction is done.

        Go: etcdserver/apply.go#applierV3backend.checkRequestPut
        """
        p = op.request_put
        if (p.ignore_value or p.ignore_lease) and not rv.range(p.key, b"").kvs:
            raise KeyNotFoundError
        if p.lease != NO_LEASE and self.s.lessor.lookup(LeaseID(p.lease)) is None:
            raise LeaseNotFoundError

    def check_request_range(self, rv: TxnRead, op: pb.RequestOp) -> None:
        """Raise what this range would, before anything of the transaction is done.

        Go: etcdserver/apply.go#applierV3backend.checkRequestRange
        """
        revision = op.request_range.revision
        if revision > rv.rev():
            raise FutureRevError
        if 0 != revision < rv.first_rev():
            raise CompactedError


class ApplierV3Capped(ApplierV3):
    """In force while NOSPACE is raised: nothing that grows. Go: etcdserver/apply.go#applierV3Capped"""

    def put(self, txn: TxnWrite | None, p: pb.PutRequest) -> pb.PutResponse:
        """Raises NoSpaceError. Go: etcdserver/apply.go#applierV3Capped.Put"""
        raise NoSpaceError

    def txn(self, rt: pb.TxnRequest) -> pb.TxnResponse:
        """Raises NoSpaceError if it may put anything. Go: etcdserver/apply.go#applierV3Capped.Txn"""
        if quota.cost_txn(rt) > 0:
            raise NoSpaceError
        return self.base.txn(rt)

    def lease_grant(self, lc: pb.LeaseGrantRequest) -> pb.LeaseGrantResponse:
        """Raises NoSpaceError. Go: etcdserver/apply.go#applierV3Capped.LeaseGrant"""
        raise NoSpaceError


class ApplierV3Corrupt(ApplierV3):
    """In force while CORRUPT is raised: no data in or out. Go: etcdserver/corrupt.go#applierV3Corrupt"""

    def _refuse(self, *_: Any, **__: Any) -> Any:
        """What is one function for each kind of request in Go.

        Go: etcdserver/corrupt.go#applierV3Corrupt.Put
        Go: etcdserver/corrupt.go#applierV3Corrupt.Range
        Go: etcdserver/corrupt.go#applierV3Corrupt.DeleteRange
        Go: etcdserver/corrupt.go#applierV3Corrupt.Txn
        Go: etcdserver/corrupt.go#applierV3Corrupt.Compaction
        Go: etcdserver/corrupt.go#applierV3Corrupt.LeaseGrant
        Go: etcdserver/corrupt.go#applierV3Corrupt.LeaseRevoke
        """
        raise CorruptError

    put = range = delete_range = txn = compaction = lease_grant = lease_revoke = _refuse


class QuotaApplierV3(ApplierV3):
    """Does what no longer fits, as all members must do the same, but says that there is no space.

    The entry is committed: the one answer that may differ between members is not what they store.

    Go: etcdserver/apply.go#quotaApplierV3
    """

    def __init__(self, s: EtcdServer, base: ApplierV3) -> None:
        """Go: etcdserver/apply.go#newQuotaApplierV3"""
        super().__init__(base)
        self.q = quota.new_backend_quota(s, "v3-applier")

    def put(self, txn: TxnWrite | None, p: pb.PutRequest) -> pb.PutResponse:
        """Raises NoSpaceError, after it was done. Go: etcdserver/apply.go#quotaApplierV3.Put"""
        ok = self.q.available(p)
        resp = self.base.put(txn, p)
        if not ok:
            raise NoSpaceError
        return resp

    def txn(self, rt: pb.TxnRequest) -> pb.TxnResponse:
        """Raises NoSpaceError, after it was done. Go: etcdserver/apply.go#quotaApplierV3.Txn"""
        ok = self.q.available(rt)
        resp = self.base.txn(rt)
        if not ok:
            raise NoSpaceError
        return resp

    def lease_grant(self, lc: pb.LeaseGrantRequest) -> pb.LeaseGrantResponse:
        """Raises NoSpaceError, after it was done. Go: etcdserver/apply.go#quotaApplierV3.LeaseGrant"""
        ok = self.q.available(lc)
        resp = self.base.lease_grant(lc)
        if not ok:
            raise NoSpaceError
        return resp


def compare_to_path(rv: TxnRead, rt: pb.TxnRequest) -> list[bool]:
    """Which branch ``rt`` takes, then which each transaction nested in that branch takes, depth first.

    Go: etcdserver/apply.go#compareToPath
    """
    txn_path = [apply_compares(rv, rt)]
    for op in rt.success if txn_path[0] else rt.failure:
        if op.HasField("request_txn"):
            txn_path += compare_to_path(rv, op.request_txn)
    return txn_path


def apply_compares(rv: TxnRead, rt: pb.TxnRequest) -> bool:
    """Whether all comparisons of ``rt`` hold. Go: etcdserver/apply.go#applyCompares"""
    return all(apply_compare(rv, c) for c in rt.compare)


def apply_compare(rv: TxnRead, c: pb.Compare) -> bool:
    """Whether all keys of the range compare; no key at all has no value, and 0 for the rest.

    Go: etcdserver/apply.go#applyCompare
    """
    kvs = rv.range(c.key, c.range_end).kvs
    if not kvs:
        return c.target != pb.Compare.VALUE and compare_kv(c, KeyValue())
    return all(compare_kv(c, kv) for kv in kvs)


def compare_kv(c: pb.Compare, kv: KeyValue) -> bool:
    """A target that nobody knows is equal; a result that nobody knows holds: all members must do the same.

    Go: etcdserver/apply.go#compareKV
    """
    field = _COMPARE_FIELD.get(c.target)
    have, want = (getattr(kv, field), getattr(c, field)) if field else (0, 0)
    return bool(_HOLDS[c.result](have, want)) if c.result in _HOLDS else True


def check_requests(
    rv: TxnRead, rt: pb.TxnRequest, txn_path: Iterator[bool], check: Callable[[TxnRead, pb.RequestOp], None]
) -> None:
    """Run ``check`` on every request of the branches in ``txn_path``.

    Go: etcdserver/apply.go#checkRequests
    """
    for op in rt.success if next(txn_path) else rt.failure:
        if op.HasField("request_txn"):
            check_requests(rv, op.request_txn, txn_path, check)
        else:
            check(rv, op)


def no_side_effect(r: InternalRaftRequest) -> bool:
    """Whether only the member that was asked needs to do it. Go: etcdserver/apply.go#noSideEffect"""
    return r.HasField("range") or r.HasField("auth_user_get") or r.HasField("auth_role_get")


def remove_needless_range_reqs(txn: pb.TxnRequest) -> None:
    """Drop what only the member that was asked would answer.

    Go: etcdserver/apply.go#removeNeedlessRangeReqs
    """
    for ops in (txn.success, txn.failure):
        needed = [op for op in ops if not op.HasField("request_range")]
        del ops[:]
        ops.extend(needed)


def prune_kvs(kvs: list[KeyValue], r: pb.RangeRequest) -> list[KeyValue]:
    """Keep what was modified and created within the bounds given. Go: etcdserver/apply.go#pruneKVs"""
    if not (r.min_mod_revision or r.max_mod_revision or r.min_create_revision or r.max_create_revision):
        return kvs
    return [
        kv
        for kv in kvs
        if r.min_mod_revision <= kv.mod_revision <= (r.max_mod_revision or kv.mod_revision)
        and r.min_create_revision <= kv.create_revision <= (r.max_create_revision or kv.create_revision)
    ]


def new_header(s: EtcdServer) -> pb.ResponseHeader:
    """Who answers, and the revision that the store is at. Go: etcdserver/apply.go#newHeader"""
    return pb.ResponseHeader(
        cluster_id=s.cluster().id(), member_id=s.id(), revision=s.kv().rev(), raft_term=s.term()
    )


def is_txn_readonly(r: pb.TxnRequest) -> bool:
    """Whether no branch writes. Go: etcdserver/v3_server.go#isTxnReadonly"""
    return all(op.WhichOneof("request") == "request_range" for ops in (r.success, r.failure) for op in ops)


def _range_options(r: pb.RangeRequest) -> RangeOptions:
    """One more than asked for tells whether there are more; what is sorted or pruned has to be read whole."""
    whole = (
        r.sort_order != pb.RangeRequest.NONE
        or r.min_mod_revision
        or r.max_mod_revision
        or r.min_create_revision
        or r.max_create_revision
    )
    limit = 0 if whole or r.limit <= 0 else r.limit + 1
    return RangeOptions(limit=limit, rev=r.revision, count=r.count_only)


def _sort_kvs(kvs: list[KeyValue], r: pb.RangeRequest) -> list[KeyValue]:
    """The store sorts by key already; by anything else ascending is meant if nothing is said.

    Go: etcdserver/apply.go#kvSortByKey
    Go: etcdserver/apply.go#kvSortByVersion
    Go: etcdserver/apply.go#kvSortByCreate
    Go: etcdserver/apply.go#kvSortByMod
    Go: etcdserver/apply.go#kvSortByValue
    """
    if r.sort_order == pb.RangeRequest.NONE and r.sort_target == pb.RangeRequest.KEY:
        return kvs
    field = _SORT_FIELD.get(r.sort_target, "key")
    descend = r.sort_order == pb.RangeRequest.DESCEND
    return sorted(kvs, key=lambda kv: getattr(kv, field), reverse=descend)


# By the numbers of RangeRequest.SortTarget, Compare.CompareTarget and Compare.CompareResult.
_SORT_FIELD = dict(enumerate(("key", "version", "create_revision", "mod_revision", "value")))
_COMPARE_FIELD = dict(enumerate(("version", "create_revision", "mod_revision", "value", "lease")))
_HOLDS = dict(enumerate((operator.eq, operator.gt, operator.lt, operator.ne)))

_FIELDS = [field.name for field in InternalRaftRequest.DESCRIPTOR.fields]
_AUTH_OPERATIONS = {
    field: field if field in ("authenticate", "auth_enable", "auth_disable") else field.removeprefix("auth_")
    for field in _FIELDS
    if field.startswith("auth")
}
_IN_TXN = ("range", "put", "delete_range")
_CALLS = (*_IN_TXN, "txn", "compaction", "lease_grant", "lease_revoke", "lease_checkpoint", "alarm")
_REQUESTS = (*_CALLS, *_AUTH_OPERATIONS)
"""What a request can hold, what most of them do first."""


def _call(applier: ApplierV3, field: str, r: Any) -> ApplyResult:
    """The call that ``r`` is; ``field`` is where it was."""
    if field in _IN_TXN:
        return ApplyResult(getattr(applier, field)(None, r))
    if field == "compaction":
        resp, physc = applier.compaction(r)
        return ApplyResult(resp, physc=physc)
    if field in _AUTH_OPERATIONS:
        return ApplyResult(applier.auth(_AUTH_OPERATIONS[field], r))
    return ApplyResult(getattr(applier, field)(r))

"""A v3 request: a write is proposed and waits until it is applied; a read waits until it may be answered.

Go: etcdserver/v3_server.go
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from google.protobuf.message import Message

from minietcd.auth.errors import AuthOldRevisionError
from minietcd.auth.store import AuthInfo
from minietcd.etcdserver import errors
from minietcd.etcdserver.apply import ApplyResult, is_txn_readonly
from minietcd.etcdserver.apply_auth import check_txn_auth
from minietcd.etcdserver.state import ServerState
from minietcd.etcdserver.util import Notifier, warn_of_expensive_read_only_request
from minietcd.mvcc.watchable_store import WatchableStore
from minietcd.pkg import logutil
from minietcd.pkg.chan import Chan, select
from minietcd.pkg.context import BACKGROUND, Context
from minietcd.proto.etcdserverpb import rpc_pb2 as pb
from minietcd.proto.etcdserverpb.raft_internal_pb2 import InternalRaftRequest
from minietcd.raft.errors import RaftError, StoppedError

log = logutil.get_logger("etcdserver")

MAX_GAP_BETWEEN_APPLY_AND_COMMIT_INDEX = 5000
READ_INDEX_RETRY_TIME = 0.5

type AuthCheck = Callable[[AuthInfo], None]
"""Raises AuthError unless whoever asks may."""


class V3Server(ServerState):
    """The part of a member that v3 requests meet first. Go: etcdserver/server.go#EtcdServer"""

    async def range(self, ctx: Context, r: pb.RangeRequest) -> pb.RangeResponse:
        """Read keys; unless ``serializable``, as of now in the whole cluster.

        Go: etcdserver/v3_server.go#EtcdServer.Range
        """
        return await self._read(
            ctx,
            r,
            r.serializable,
            lambda ai: self._auth_store.is_range_permitted(ai, r.key, r.range_end),
            lambda: self.apply_v3_base.range(None, r),
        )

    async def put(self, ctx: Context, r: pb.PutRequest) -> pb.PutResponse:
        """Write a key. Go: etcdserver/v3_server.go#EtcdServer.Put"""
        resp: pb.PutResponse = await self.raft_request(ctx, InternalRaftRequest(put=r))
        return resp

    async def delete_range(self, ctx: Context, r: pb.DeleteRangeRequest) -> pb.DeleteRangeResponse:
        """Delete keys. Go: etcdserver/v3_server.go#EtcdServer.DeleteRange"""
        resp: pb.DeleteRangeResponse = await self.raft_request(ctx, InternalRaftRequest(delete_range=r))
        return resp

    async def txn(self, ctx: Context, r: pb.TxnRequest) -> pb.TxnResponse:
        """Compare and act; what only reads does not go through the log.

        Go: etcdserver/v3_server.go#EtcdServer.Txn
        """
        if not is_txn_readonly(r):
            resp: pb.TxnResponse = await self.raft_request(ctx, InternalRaftRequest(txn=r))
            return resp
        return await self._read(
            ctx,
            r,
            is_txn_serializable(r),
            lambda ai: check_txn_auth(self._auth_store, ai, r),
            lambda: self.apply_v3_base.txn(r),
        )

    async def compact(self, ctx: Context, r: pb.CompactionRequest) -> pb.CompactionResponse:
        """Forget revisions; if ``physical``, wait until their space is free, and make that last.

        Go: etcdserver/v3_server.go#EtcdServer.Compact
        """
        result = await self.process_internal_raft_request_once(ctx, InternalRaftRequest(compaction=r))
        if r.physical and result.physc:
            await select(result.physc)
            # What was deleted is on disk only after a commit; else a hash taken now might still find it.
            self.be.force_commit()
        if result.err:
            raise result.err
        resp: pb.CompactionResponse = result.resp
        resp.header.revision = resp.header.revision or self._kv.rev()
        return resp

    async def alarm(self, ctx: Context, r: pb.AlarmRequest) -> pb.AlarmResponse:
        """Raise, disarm or list alarms. Go: etcdserver/v3_server.go#EtcdServer.Alarm"""
        resp: pb.AlarmResponse = await self.raft_request_once(ctx, InternalRaftRequest(alarm=r))
        return resp

    async def raft_request_once(self, ctx: Context, r: InternalRaftRequest) -> Any:
        """The answer to ``r``, or its error raised. Go: etcdserver/v3_server.go#EtcdServer.raftRequestOnce"""
        result = await self.process_internal_raft_request_once(ctx, r)
        if result.err is not None:
            raise result.err
        return result.resp

    async def raft_request(self, ctx: Context, r: InternalRaftRequest) -> Any:
        """The same: 3.4 has two names for it. Go: etcdserver/v3_server.go#EtcdServer.raftRequest"""
        return await self.raft_request_once(ctx, r)

    def do_serialize[T](self, ctx: Context, chk: AuthCheck, get: Callable[[], T]) -> T:
        """``get`` if ``chk`` does not object, and if permissions have not changed meanwhile.

        Raises AuthError.

        Go: etcdserver/v3_server.go#EtcdServer.doSerialize
        """
        ai = self.auth_info_from_ctx(ctx) or AuthInfo()
        chk(ai)
        resp = get()
        if ai.revision not in (0, self._auth_store.revision()):
            raise AuthOldRevisionError
        return resp

    async def process_internal_raft_request_once(self, ctx: Context, r: InternalRaftRequest) -> ApplyResult:
        """Propose ``r`` and wait until it is applied here.

        It may be applied although this raises: after a timeout nobody knows.

        Go: etcdserver/v3_server.go#EtcdServer.processInternalRaftRequestOnce
        """
        if self._committed_index > self._applied_index + MAX_GAP_BETWEEN_APPLY_AND_COMMIT_INDEX:
            raise errors.TooManyRequestsError
        id = r.header.ID = self.req_id_gen.next()
        if auth_info := self.auth_info_from_ctx(ctx):
            r.header.username, r.header.auth_revision = auth_info.username, auth_info.revision
        data = r.SerializeToString()
        if len(data) > self.cfg.max_request_bytes:
            raise errors.RequestTooLargeError
        ch = self.w.register(id)
        start = asyncio.get_running_loop().time()
        proposed = False
        try:
            async with asyncio.timeout(self.cfg.req_timeout()):
                await self.r.node.propose(ctx, data)
                proposed = True
                chan, result = await select(ch, self.done)
        except BaseException as err:
            self.w.trigger(id, None)
            if proposed and isinstance(err, TimeoutError):
                raise self.parse_propose_ctx_err(start) from None
            raise
        if chan is self.done:
            raise errors.StoppedError
        assert isinstance(result, ApplyResult), result
        return result

    def watchable(self) -> WatchableStore:
        """What can be watched. Go: etcdserver/v3_server.go#EtcdServer.Watchable"""
        return self._kv

    async def linearizable_read_loop(self) -> None:
        """Find out how far the cluster had committed, once for all reads that wait; then let them go.

        Whoever comes while that goes on waits for the next round: what was committed between the question
        and its arrival might be missing from the answer.

        Go: etcdserver/v3_server.go#EtcdServer.linearizableReadLoop
        """
        while True:
            request_id = self.req_id_gen.next()
            leader_changed_notifier = self.leader_changed_notify()
            chan, _ = await select(leader_changed_notifier, self.readwaitc)
            if chan is leader_changed_notifier:
                continue
            nr, self.read_notifier = self.read_notifier, Notifier()
            try:
                confirmed_index = await self.request_current_index(leader_changed_notifier, request_id)
            except StoppedError:
                return
            except (errors.EtcdServerError, RaftError, TimeoutError) as err:
                nr.notify(err)
                continue
            if self._applied_index < confirmed_index:
                await select(self.apply_wait.wait(confirmed_index))
            nr.notify(None)

    async def request_current_index(self, leader_changed_notifier: Chan[None], request_id: int) -> int:
        """The index that was committed, somewhere, when this was called.

        The question may be lost, or come before the leader can answer it: it is asked again every 500 ms, and
        as soon as the leader has committed something of its own term.

        Raises ``errors.TimeoutError`` when no answer comes within the time of a request, LeaderChangedError
        when another leads meanwhile.

        Go: etcdserver/v3_server.go#EtcdServer.requestCurrentIndex
        """
        await self.send_read_index(request_id)
        loop = asyncio.get_running_loop()
        error_time = loop.time() + self.cfg.req_timeout()
        retry_time = loop.time() + READ_INDEX_RETRY_TIME
        first_commit_in_term_notifier = self.first_commit_in_term_notify()
        while True:
            try:
                async with asyncio.timeout_at(min(error_time, retry_time)):
                    chan, rs = await select(
                        self.r.read_state_c, leader_changed_notifier, first_commit_in_term_notifier
                    )
            except TimeoutError:
                chan = None
                if loop.time() >= error_time:
                    message = "timed out waiting for read index response (local node might have slow network)"
                    log.warning(message, timeout=self.cfg.req_timeout())
                    raise errors.TimeoutError from None
            if chan is leader_changed_notifier:
                raise errors.LeaderChangedError
            if chan is self.r.read_state_c:
                if rs.request_ctx == uint64_to_big_endian_bytes(request_id):
                    return int(rs.index)
                _warn_of_stale_read_state(request_id, rs.request_ctx)
                continue
            first_commit_in_term_notifier = self.first_commit_in_term_notify()
            _tell_of_retry(request_id, timed_out=chan is None)
            await self.send_read_index(request_id)
            retry_time = loop.time() + READ_INDEX_RETRY_TIME

    async def send_read_index(self, request_id: int) -> None:
        """Ask the leader, through raft. Go: etcdserver/v3_server.go#EtcdServer.sendReadIndex"""
        async with asyncio.timeout(self.cfg.req_timeout()):
            await self.r.node.read_index(BACKGROUND, uint64_to_big_endian_bytes(request_id))

    async def linearizable_read_notify(self, ctx: Context) -> None:
        """Wait until a read here sees all that was committed anywhere when this was called.

        Raises StoppedError, or what the question met on its way.

        Go: etcdserver/v3_server.go#EtcdServer.linearizableReadNotify
        """
        nc = self.read_notifier
        self.readwaitc.try_send(None)
        chan, _ = await select(nc.c, self.done)
        if chan is self.done:
            raise errors.StoppedError
        if nc.err is not None:
            raise nc.err

    def auth_info_from_ctx(self, ctx: Context) -> AuthInfo | None:
        """Who asks, by token or by certificate. Go: etcdserver/v3_server.go#EtcdServer.AuthInfoFromCtx"""
        auth_info = self._auth_store.auth_info_from_ctx(ctx)
        if auth_info is not None or not self.cfg.client_cert_auth_enabled:
            return auth_info
        return self._auth_store.auth_info_from_tls(ctx)

    async def _read[R](
        self,
        ctx: Context,
        r: Message,
        serializable: bool,
        chk: Callable[[AuthInfo], None],
        get: Callable[[], R],
    ) -> R:
        """What ``get`` returns, not before it can be trusted; and tell of what took long."""
        start, resp, failure = self.cfg.clock(), None, None
        try:
            if not serializable:
                await self.linearizable_read_notify(ctx)
            resp = self.do_serialize(ctx, chk, get)
            return resp
        except Exception as err:
            failure = err
            raise
        finally:
            took, limit = self.cfg.clock() - start, self.cfg.warning_apply_duration
            warn_of_expensive_read_only_request(limit, took, r, resp, failure)


def is_txn_serializable(r: pb.TxnRequest) -> bool:
    """Whether every read of both branches may be stale. Go: etcdserver/v3_server.go#isTxnSerializable"""
    return all(op.request_range.serializable for ops in (r.success, r.failure) for op in ops)


def uint64_to_big_endian_bytes(number: int) -> bytes:
    """Eight bytes. Go: etcdserver/v3_server.go#uint64ToBigEndianBytes"""
    return number.to_bytes(8)


def _warn_of_stale_read_state(request_id: int, request_ctx: bytes) -> None:
    log.warning(
        "ignored out-of-date read index response; local node read indexes queueing up and waiting to be "
        "in sync with leader",
        sent_request_id=request_id,
        received_request_id=int.from_bytes(request_ctx),
    )


def _tell_of_retry(request_id: int, timed_out: bool) -> None:
    if timed_out:
        message = "waiting for ReadIndex response took too long, retrying"
        log.warning(message, sent_request_id=request_id, retry_timeout=READ_INDEX_RETRY_TIME)
    else:
        log.info("first commit in current term: resending ReadIndex request")

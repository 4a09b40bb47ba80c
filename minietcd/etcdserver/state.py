"""What a member is made of, and what the parts of it in other files share.

``EtcdServer`` is too large for one file, in Go as here. There its methods are spread over files; here each
file has a class with its methods, all on top of this one, and ``server.EtcdServer`` joins them.

Go: etcdserver/server.go
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import aiohttp

from minietcd.auth.store import AuthStore
from minietcd.etcdserver.api.membership.cluster import RaftCluster
from minietcd.etcdserver.api.membership.member import Attributes
from minietcd.etcdserver.api.snap.snapshotter import Snapshotter
from minietcd.etcdserver.api.v2store.store import Store as V2Store
from minietcd.etcdserver.api.v3alarm.alarms import AlarmStore
from minietcd.etcdserver.apply import ApplierV3
from minietcd.etcdserver.apply_v2 import ApplierV2store
from minietcd.etcdserver.config import ServerConfig
from minietcd.etcdserver.consistent_index import ConsistentIndex
from minietcd.etcdserver.errors import (
    StoppedError,
    TimeoutDueToConnectionLostError,
    TimeoutDueToLeaderFailError,
)
from minietcd.etcdserver.errors import TimeoutError as RequestTimeoutError
from minietcd.etcdserver.raft import RaftNode
from minietcd.etcdserver.util import Notifier, is_connected_since, is_connected_to_quorum_since
from minietcd.lease.lessor import Lessor
from minietcd.mvcc.backend.backend import Backend
from minietcd.mvcc.watchable_store import WatchableStore
from minietcd.pkg import logutil
from minietcd.pkg.chan import Chan, select
from minietcd.pkg.idutil import Generator
from minietcd.pkg.task import go
from minietcd.pkg.wait import Wait, WaitTime
from minietcd.raft.raft import NONE
from minietcd.raft.raftpb import NodeID

log = logutil.get_logger("etcdserver")


class ServerState:
    """The fields of a member. Go: etcdserver/server.go#EtcdServer"""

    cfg: ServerConfig
    lg: logutil.Logger
    r: RaftNode
    attributes: Attributes
    v2store: V2Store
    snapshotter: Snapshotter
    apply_v2: ApplierV2store
    apply_v3: ApplierV3
    """The outermost applier; an alarm changes it."""
    apply_v3_base: ApplierV3
    """The innermost applier, which reads."""
    be: Backend
    """The backend; a snapshot from the leader replaces it."""
    lessor: Lessor
    alarm_store: AlarmStore
    consist_index: ConsistentIndex
    req_id_gen: Generator
    peer_rt: aiohttp.ClientSession
    """Asks peers for their version and members."""
    _id: NodeID
    _cluster: RaftCluster
    _kv: WatchableStore
    _auth_store: AuthStore

    def __init__(self) -> None:
        """A member that has not started: nobody waits, nothing is applied."""
        self.w = Wait()
        self.apply_wait = WaitTime()
        self.readych: Chan[None] = Chan("readych")
        self.readwaitc: Chan[None] = Chan("readwaitc", 1)
        self.read_notifier = Notifier()
        self.stop_c: Chan[None] = Chan("EtcdServer.stop")
        self.stopping: Chan[None] = Chan("stopping")
        self.done: Chan[None] = Chan("EtcdServer.done")
        self.errorc: Chan[Exception] = Chan("errorc", 1)
        self.leader_changed: Chan[None] = Chan("leaderChanged")
        self.first_commit_in_term_c: Chan[None] = Chan("firstCommitInTermC")
        self.lead_elected_time = 0.0  # on the loop's clock
        self.inflight_snapshots = 0
        self._applied_index = self._committed_index = self._term = 0
        self._lead = NONE
        self._wg: set[asyncio.Task[Any]] = set()

    def id(self) -> NodeID:
        """This member's id. Go: etcdserver/server.go#EtcdServer.ID"""
        return self._id

    def cluster(self) -> RaftCluster:
        """Who the members are. Go: etcdserver/server.go#EtcdServer.Cluster"""
        return self._cluster

    def kv(self) -> WatchableStore:
        """The v3 store. Go: etcdserver/server.go#EtcdServer.KV"""
        return self._kv

    def backend(self) -> Backend:
        """The database, until a snapshot replaces it. Go: etcdserver/server.go#EtcdServer.Backend"""
        return self.be

    def auth_store(self) -> AuthStore:
        """Users, roles and what they may. Go: etcdserver/server.go#EtcdServer.AuthStore"""
        return self._auth_store

    def leader(self) -> NodeID:
        """Who leads, as far as known here; 0: nobody. Go: etcdserver/server.go#EtcdServer.Leader"""
        return self._lead

    def lead(self) -> NodeID:
        """The same as ``leader``: Go's is an integer of another type.

        Go: etcdserver/server.go#EtcdServer.Lead
        """
        return self._lead

    def is_leader(self) -> bool:
        """Whether this member leads, as far as it knows. Go: etcdserver/server.go#EtcdServer.isLeader"""
        return self._id == self._lead

    def term(self) -> int:
        """The term of the last applied entry. Go: etcdserver/server.go#EtcdServer.Term"""
        return self._term

    def applied_index(self) -> int:
        """Of the last applied entry. Go: etcdserver/server.go#EtcdServer.AppliedIndex"""
        return self._applied_index

    def committed_index(self) -> int:
        """Of the last entry known to be committed. Go: etcdserver/server.go#EtcdServer.CommittedIndex"""
        return self._committed_index

    def leader_changed_notify(self) -> Chan[None]:
        """Is closed when another leads. Go: etcdserver/server.go#EtcdServer.leaderChangedNotify"""
        return self.leader_changed

    def first_commit_in_term_notify(self) -> Chan[None]:
        """Is closed when the leader's first entry is applied: from then on it can answer reads.

        Go: etcdserver/server.go#EtcdServer.FirstCommitInTermNotify
        """
        return self.first_commit_in_term_c

    async def _applied(self, id: int, proposing: Coroutine[Any, Any, None]) -> Any:
        """Propose, and wait until what has this ``id`` is applied here. Raises what kept it from that."""
        ch, start = self.w.register(id), asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(self.cfg.req_timeout()):
                await proposing
                chan, result = await select(ch, self.stopping)
        except BaseException as err:
            self.w.trigger(id, None)
            if isinstance(err, TimeoutError):
                raise self.parse_propose_ctx_err(start) from None
            raise
        if chan is self.stopping:
            raise StoppedError
        return result

    def parse_propose_ctx_err(self, start: float) -> Exception:
        """Why a request made at ``start`` (of the loop's clock) had no answer in time.

        Go: etcdserver/server.go#EtcdServer.parseProposeCtxErr
        """
        prev_lead_lost = self.lead_elected_time - 2 * self.cfg.election_timeout()
        if prev_lead_lost < start < self.lead_elected_time:
            return TimeoutDueToLeaderFailError()
        lead, transport = self.leader(), self.r.transport
        if lead == self._id:
            members = self._cluster.members()
            connected = is_connected_to_quorum_since(transport, start, self._id, members)
        else:
            connected = lead == NONE or is_connected_since(transport, start, lead)
        return RequestTimeoutError() if connected else TimeoutDueToConnectionLostError()

    def go_attach(self, coro: Coroutine[Any, Any, None], name: str) -> None:
        """Start a task that ends, at the latest, when this member stops: it is cancelled then.

        Go: etcdserver/server.go#EtcdServer.goAttach
        """
        if self.stopping.closed:
            log.warning("server has stopped; skipping goAttach")
            coro.close()
            return
        task = go(coro, name)
        self._wg.add(task)
        task.add_done_callback(self._wg.discard)

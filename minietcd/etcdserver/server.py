"""A member: how it comes to life, and how it applies what the cluster has committed.

Go: etcdserver/server.go
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus

import aiohttp
from aiohttp import web
from google.protobuf.message import DecodeError

from minietcd.auth.store import AuthStore
from minietcd.etcdserver import errors
from minietcd.etcdserver.api.capability import update_capability
from minietcd.etcdserver.api.membership.cluster import ConfigChangeContext
from minietcd.etcdserver.api.membership.errors import MembershipError
from minietcd.etcdserver.api.membership.member import Attributes, Member
from minietcd.etcdserver.api.membership.store import member_attributes_store_path, store_cluster_version_key
from minietcd.etcdserver.api.rafthttp.errors import HTTPError
from minietcd.etcdserver.api.rafthttp.transport import Transport
from minietcd.etcdserver.api.snap.message import Message as SnapMessage
from minietcd.etcdserver.api.snap.snapshotter import Snapshotter
from minietcd.etcdserver.api.v2store.store import Store as V2Store
from minietcd.etcdserver.api.v3alarm.alarms import AlarmStore
from minietcd.etcdserver.apply import (
    ApplierV3,
    ApplierV3backend,
    ApplierV3Capped,
    ApplierV3Corrupt,
    ApplyResult,
    QuotaApplierV3,
    no_side_effect,
    remove_needless_range_reqs,
)
from minietcd.etcdserver.apply_auth import AuthApplierV3
from minietcd.etcdserver.apply_v2 import ApplierV2store
from minietcd.etcdserver.backend import open_backend, open_snapshot_backend, recover_snapshot_backend
from minietcd.etcdserver.bootstrap import bootstrap, join, load_snapshot, must_have_backend, restart
from minietcd.etcdserver.cluster_util import decide_cluster_version, get_versions
from minietcd.etcdserver.config import ServerConfig
from minietcd.etcdserver.consistent_index import ConsistentIndex
from minietcd.etcdserver.raft import Apply, Beginning, RaftNode
from minietcd.etcdserver.reconfigure import ConfChangeResponse, Reconfigure
from minietcd.etcdserver.snapshot_merge import SnapshotMerge
from minietcd.etcdserver.storage import Storage
from minietcd.etcdserver.util import longest_connected
from minietcd.etcdserver.v2_server import V2Server, new_request
from minietcd.lease.lessor import Lessor
from minietcd.mvcc.backend.backend import Backend
from minietcd.mvcc.kvstore import saved_index
from minietcd.mvcc.watchable_store import WatchableStore
from minietcd.pkg import logutil
from minietcd.pkg.chan import CLOSED, Chan, select
from minietcd.pkg.clock import Ticker
from minietcd.pkg.context import BACKGROUND, Context
from minietcd.pkg.fileutil import purge_file, read_dir, touch_dir_all
from minietcd.pkg.idutil import Generator
from minietcd.pkg.schedule import FIFOScheduler
from minietcd.pkg.task import go
from minietcd.pkg.types import id_string
from minietcd.proto.etcdserverpb import rpc_pb2 as pb
from minietcd.proto.etcdserverpb.etcdserver_pb2 import Request
from minietcd.proto.etcdserverpb.raft_internal_pb2 import InternalRaftRequest
from minietcd.raft import raftpb
from minietcd.raft.errors import CompactedError, RaftError, SnapOutOfDateError
from minietcd.raft.errors import StoppedError as RaftStoppedError
from minietcd.raft.raft import NONE
from minietcd.raft.raftpb import ConfChange, ConfState, Entry, Index, Message, NodeID, Snapshot, Term
from minietcd.raft.rawnode import SnapshotStatus
from minietcd.raft.ready import is_empty_snap
from minietcd.version.version import MIN_CLUSTER_VERSION, VERSION, SemVer
from minietcd.wal.util import exist

log = logutil.get_logger("etcdserver")

STORE_CLUSTER_PREFIX = "/0"
STORE_KEYS_PREFIX = "/1"
_PURGE_FILE_INTERVAL = 30.0
_MONITOR_VERSION_INTERVAL = 4.0
_RELEASE_DELAY_AFTER_SNAPSHOT = 30.0
_SYNC_INTERVAL = 0.5
_ADJUST_TICKS_INTERVAL = 0.05
_ADJUST_TICKS_TRIES = 100
"""How often to look for connected peers: for 5 s in all."""


@dataclass(slots=True)
class EtcdProgress:
    """How far applying has come. Go: etcdserver/server.go#etcdProgress"""

    conf_state: ConfState
    snapi: Index
    appliedt: Term
    appliedi: Index


class MemberRemovedError(errors.EtcdServerError):
    """This member is no longer one."""

    message = "the member has been permanently removed from the cluster"


async def new_server(cfg: ServerConfig) -> EtcdServer:
    """A member out of what is in its directory, or a new one. Raises ValueError, OSError.

    Go: etcdserver/server.go#NewServer
    """
    touch_dir_all(cfg.data_dir, cfg.disk)
    touch_dir_all(cfg.snap_dir(), cfg.disk)
    for name in read_dir(cfg.snap_dir(), disk=cfg.disk):
        if name.startswith("tmp"):
            cfg.disk.unlink(cfg.snap_dir() / name)
    have_wal = exist(cfg.wal_dir(), cfg.disk)
    be_exist = cfg.backend_path().exists()
    st = V2Store(STORE_CLUSTER_PREFIX, STORE_KEYS_PREFIX, clock=cfg.clock)
    ss = Snapshotter(cfg.snap_dir(), cfg.disk)
    be = open_backend(cfg)
    prt = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(cfg.peer_dial_timeout()))
    try:
        if have_wal:
            if snapshot := load_snapshot(cfg, ss):
                st.recovery(snapshot.data)
                at, size = snapshot.metadata.index, len(snapshot.data)
                log.info("recovered v2 store from snapshot", snapshot_index=at, snapshot_size=size)
                old, be = be, recover_snapshot_backend(cfg, ss, be, snapshot)
                be_exist = be_exist or be is not old
            must_have_backend(cfg, st, be_exist)
            beginning = restart(cfg, snapshot, st, be)
        elif index := saved_index(be):
            raise ValueError(lost_wal(cfg, index))
        elif cfg.new_cluster:
            beginning = await bootstrap(cfg, st, be, prt)
        else:
            beginning = await join(cfg, st, be, prt)
        return EtcdServer(cfg, st, ss, be, prt, beginning)
    except BaseException:
        be.abandon()
        await prt.close()
        raise


def lost_wal(cfg: ServerConfig, index: int) -> str:
    """Why not to begin anew beside a database: all up to its index would be taken for applied, and lost."""
    return (
        f"the log in {cfg.wal_dir()} is missing, but {cfg.backend_path()} holds what it said up to index "
        f"{index}; restore the log, or remove the data directory and join anew"
    )


class EtcdServer(Reconfigure, V2Server, SnapshotMerge):
    """One member of a cluster; ``new_server`` makes it. Go: etcdserver/server.go#EtcdServer"""

    def __init__(
        self,
        cfg: ServerConfig,
        st: V2Store,
        ss: Snapshotter,
        be: Backend,
        prt: aiohttp.ClientSession,
        beginning: Beginning,
    ) -> None:
        """Leases come before keys: while it opens, the store hangs its keys on the leases that are there.

        Go: etcdserver/server.go#NewServer
        """
        super().__init__()
        self.cfg, self.v2store, self.snapshotter, self.be, self.peer_rt = cfg, st, ss, be, prt
        self._id, self._cluster = beginning.id, beginning.cluster
        self.lg = log.with_(local_member_id=id_string(self._id))
        self.attributes = Attributes(cfg.name, cfg.client_urls.string_slice())
        self.req_id_gen = Generator(self._id, cfg.clock())
        self.consist_index = ConsistentIndex()
        self.lessor = Lessor(be, math.ceil(3 * cfg.election_ticks // 2 * cfg.tick_ms / 1000))
        self._auth_store = AuthStore(be)
        self._kv = WatchableStore(be, self.lessor, self.consist_index, cfg.compaction_batch_limit)
        self.consist_index.set_consistent_index(self._kv.consistent_index())
        self.apply_v2 = ApplierV2store(st, self._cluster)
        self.apply_v3_base = ApplierV3backend(self)
        self.restore_alarms()
        self.r = RaftNode(
            node=beginning.node,
            raft_storage=beginning.raft_storage,
            storage=Storage(beginning.wal, ss),
            heartbeat=cfg.tick_ms / 1000,
            is_id_removed=self._cluster.is_id_removed,
            transport=self._new_transport(beginning.remotes),
        )

    def _new_transport(self, remotes: list[Member]) -> Transport:
        """The connections to all members, and to ``remotes``, which may help one that joins."""
        tr = Transport(
            id=self._id,
            urls=self.cfg.peer_urls,
            cluster_id=self._cluster.id(),
            raft=self,
            snapshotter=self.snapshotter,
            error_c=self.errorc,
            dial_timeout=self.cfg.peer_dial_timeout(),
            clock=self.cfg.clock,
        )
        tr.start()
        for m in remotes:
            if m.id != self._id:
                tr.add_remote(m.id, m.peer_urls)
        for m in self._cluster.members():
            if m.id != self._id:
                tr.add_peer(m.id, m.peer_urls)
        return tr

    async def adjust_ticks(self) -> None:
        """Let the first election come soon: at once if alone, else as soon as two peers are connected.

        Go: etcdserver/server.go#EtcdServer.adjustTicks
        """
        if len(self._cluster.members()) == 1:
            self._forward_ticks("started as single-node; fast-forwarding election ticks", 1)
        elif self.cfg.initial_election_tick_advance:
            for _ in range(_ADJUST_TICKS_TRIES):
                await asyncio.sleep(_ADJUST_TICKS_INTERVAL)
                if self.r.transport.active_peers() > 1:
                    self._forward_ticks("initialized peer connections; fast-forwarding election ticks", 2)
                    return

    def _forward_ticks(self, message: str, spare: int) -> None:
        ticks = self.cfg.election_ticks - spare
        self.lg.info(
            message,
            forward_ticks=ticks,
            forward_duration=ticks * self.cfg.tick_ms / 1000,
            election_ticks=self.cfg.election_ticks,
            election_timeout=self.cfg.election_timeout(),
        )
        self.r.advance_ticks(ticks)

    def start(self) -> None:
        """Start the loops; none of them is waited for.

        Go: etcdserver/server.go#EtcdServer.Start
        Go: etcdserver/server.go#EtcdServer.start
        """
        agreed = self.cluster_version()
        version = agreed.cluster() if agreed else "to_be_decided"
        self.lg.info("starting etcd server", local_server_version=VERSION, cluster_version=version)
        self.be.start()
        self._kv.start()
        go(self.run(), "EtcdServer.run")
        self.go_attach(self.adjust_ticks(), "adjustTicks")
        self.go_attach(self.publish(), "publish")
        self.go_attach(self.purge_file(), "purgeFile")
        self.go_attach(self.monitor_versions(), "monitorVersions")
        self.go_attach(self.linearizable_read_loop(), "linearizableReadLoop")

    async def purge_file(self) -> None:
        """Keep only so many snapshots and WAL segments. Go: etcdserver/server.go#EtcdServer.purgeFile"""
        snap_dir, wal_dir = self.cfg.snap_dir(), self.cfg.wal_dir()
        while True:
            if self.cfg.max_snap_files > 0:
                purge_file(snap_dir, "snap.db", self.cfg.max_snap_files, self.cfg.disk)
                purge_file(snap_dir, "snap", self.cfg.max_snap_files, self.cfg.disk)
            if self.cfg.max_wal_files > 0:
                purge_file(wal_dir, "wal", self.cfg.max_wal_files, self.cfg.disk)
            await asyncio.sleep(_PURGE_FILE_INTERVAL)

    def raft_handler(self) -> list[web.RouteDef]:
        """What peers ask over HTTP. Go: etcdserver/server.go#EtcdServer.RaftHandler"""
        return self.r.transport.handler()

    async def process(self, ctx: Context, m: Message) -> None:
        """Take a message from a peer. Raises HTTPError, RaftError.

        Go: etcdserver/server.go#EtcdServer.Process
        """
        if self._cluster.is_id_removed(m.from_):
            removed = id_string(m.from_)
            self.lg.warning("rejected Raft message from removed member", removed_member_id=removed)
            raise HTTPError(HTTPStatus.FORBIDDEN, "cannot process message from removed member")
        await self.r.node.step(ctx, m)

    def is_id_removed(self, id: NodeID) -> bool:
        """Whether that member was removed. Go: etcdserver/server.go#EtcdServer.IsIDRemoved"""
        return self._cluster.is_id_removed(id)

    def report_unreachable(self, id: NodeID) -> None:
        """Tell raft that a message to ``id`` was lost.

        Go: etcdserver/server.go#EtcdServer.ReportUnreachable
        """
        self.r.node.report_unreachable(id)

    def report_snapshot(self, id: NodeID, status: SnapshotStatus) -> None:
        """Tell raft whether its snapshot reached ``id``.

        Go: etcdserver/server.go#EtcdServer.ReportSnapshot
        """
        self.r.node.report_snapshot(id, status)

    async def run(self) -> None:
        """Hand on what is to be applied, and tidy up at the end. Go: etcdserver/server.go#EtcdServer.run"""
        metadata = self.r.raft_storage.snapshot().metadata
        ep = EtcdProgress(metadata.conf_state, metadata.index, metadata.term, metadata.index)
        sched = FIFOScheduler("apply scheduler (fifo.run)")
        with Ticker(_SYNC_INTERVAL, "SyncTicker.C") as sync_ticker:
            self.r.start(self)
            try:
                await self._run(ep, sched, sync_ticker)
            finally:
                await self._end(sched)

    async def _run(self, ep: EtcdProgress, sched: FIFOScheduler, sync_ticker: Ticker) -> None:
        applyc = self.r.apply()
        while True:
            chan, item = await select(applyc, self.errorc, sync_ticker.c, self.stop_c)
            if chan is applyc:
                sched.schedule(functools.partial(self.run_func8, ep, item))
            elif chan is self.errorc:
                log.warning("server error", error=item)
                log.warning("data-dir used by this member must be removed")
                return
            elif chan is self.stop_c:
                return
            elif self.is_leader() and self.v2store.has_ttl_keys():
                self.sync()

    async def _end(self, sched: FIFOScheduler) -> None:
        """Stop what this member started, each before what it stands on."""
        self.stopping.close()
        for task in self._wg:
            task.cancel()
        try:
            await sched.stop()
            await asyncio.gather(*self._wg, return_exceptions=True)
            await self.r.stop()
            await self._kv.close()
            self.be.close()
            await self.peer_rt.close()
        finally:
            self.done.close()  # whatever went wrong: who stops this member waits for it

    async def run_func8(self, ep: EtcdProgress, apply: Apply) -> None:
        """What the scheduler runs for each batch. Go: etcdserver/server.go#EtcdServer.run.func8"""
        await self.apply_all(ep, apply)

    def set_lead(self, lead: NodeID) -> None:
        """The raft loop says who leads. Go: etcdserver/server.go#EtcdServer.setLead"""
        self._lead = lead

    def update_leadership(self, new_leader: bool) -> None:
        """The raft loop says that who leads, or what this member is, has changed."""
        if new_leader:
            if self.is_leader():
                self.lead_elected_time = asyncio.get_running_loop().time()
            changed, self.leader_changed = self.leader_changed, Chan("leaderChanged")
            changed.close()

    def update_committed_index(self, ci: int) -> None:
        """The raft loop says how far the log is committed."""
        self._committed_index = max(ci, self._committed_index)

    async def apply_all(self, ep: EtcdProgress, apply: Apply) -> None:
        """Apply one batch, and, once its entries are on disk, see whether a snapshot is due.

        Go: etcdserver/server.go#EtcdServer.applyAll
        """
        if not is_empty_snap(apply.snapshot) and not await self._on_disk(apply):
            return
        await self.apply_snapshot(ep, apply)
        await self.apply_entries(ep, apply)
        self.apply_wait.trigger(ep.appliedi)
        if not await self._on_disk(apply):
            return
        self.trigger_snapshot(ep)
        m = self.r.msg_snap_c.try_recv()
        if isinstance(m, Message):
            merged = self.create_merged_snapshot_message(m, ep.appliedt, ep.appliedi, ep.conf_state)
            self.send_merged_snap(merged)

    async def _on_disk(self, apply: Apply) -> bool:
        """Wait until the raft loop has saved this batch; False if it ended instead."""
        return (await select(apply.notifyc, self.r.done))[0] is apply.notifyc

    async def apply_snapshot(self, ep: EtcdProgress, apply: Apply) -> None:
        """Become what the leader's snapshot holds. Go: etcdserver/server.go#EtcdServer.applySnapshot"""
        if is_empty_snap(apply.snapshot):
            return
        metadata = apply.snapshot.metadata
        assert metadata.index > ep.appliedi, f"snapshot index {metadata.index} <= applied {ep.appliedi}"
        lg = log.with_(
            current_snapshot_index=ep.snapi,
            current_applied_index=ep.appliedi,
            incoming_leader_snapshot_index=metadata.index,
            incoming_leader_snapshot_term=metadata.term,
        )
        lg.info("applying snapshot")
        await self._replace_backend(apply.snapshot)
        self.v2store.recovery(apply.snapshot.data)
        self._cluster.set_backend(self.be)
        self._cluster.recover(update_capability)
        await self.r.transport.remove_all_peers()
        for m in self._cluster.members():
            if m.id != self._id:
                self.r.transport.add_peer(m.id, m.peer_urls)
        ep.appliedt, ep.appliedi, ep.snapi = metadata.term, metadata.index, metadata.index
        ep.conf_state = metadata.conf_state
        # Not in 3.4, which takes this member for one far behind until something else is applied.
        self._term, self._applied_index = metadata.term, metadata.index
        lg.info("applied snapshot")

    async def _replace_backend(self, snapshot: Snapshot) -> None:
        """Open the database that came with ``snapshot`` in everything that stands on one; leases first."""
        oldbe = self.be
        newbe = open_snapshot_backend(self.cfg, self.snapshotter, snapshot)
        newbe.start()
        self.lessor.recover(newbe, self._kv.write)
        self._kv.restore(newbe)
        self.consist_index.set_consistent_index(self._kv.consistent_index())
        self.be = newbe
        oldbe.close()
        self.restore_alarms()
        self._auth_store.recover(newbe)

    async def apply_entries(self, ep: EtcdProgress, apply: Apply) -> None:
        """Apply those entries that are not yet. Go: etcdserver/server.go#EtcdServer.applyEntries"""
        if not apply.entries:
            return
        first = apply.entries[0].index
        assert first <= ep.appliedi + 1, f"first committed entry {first} > applied {ep.appliedi} + 1"
        ents = apply.entries[ep.appliedi + 1 - first :]
        if ents and await self.apply(ents, ep):
            self.go_attach(self.stop_with_delay(1.0, MemberRemovedError()), "stopWithDelay")

    def trigger_snapshot(self, ep: EtcdProgress) -> None:
        """Save a snapshot when enough was applied since the last one.

        Go: etcdserver/server.go#EtcdServer.triggerSnapshot
        """
        if ep.appliedi - ep.snapi <= self.cfg.snapshot_count:
            return
        self.lg.info(
            "triggering snapshot",
            local_member_applied_index=ep.appliedi,
            local_member_snapshot_index=ep.snapi,
            local_member_snapshot_count=self.cfg.snapshot_count,
        )
        self.snapshot(ep.appliedi, ep.conf_state)
        ep.snapi = ep.appliedi

    def has_multiple_voting_members(self) -> bool:
        """Whether somebody else could lead. Go: etcdserver/server.go#EtcdServer.hasMultipleVotingMembers"""
        return len(self._cluster.voting_member_ids()) > 1

    async def move_leader(self, ctx: Context, lead: NodeID, transferee: NodeID) -> None:
        """Let ``transferee`` lead, and wait until it does.

        Raises BadLeaderTransfereeError, TimeoutLeaderTransferError.

        Go: etcdserver/server.go#EtcdServer.MoveLeader
        """
        member = self._cluster.member(transferee)
        if member is None or member.is_learner:
            raise errors.BadLeaderTransfereeError
        leader, next_leader = id_string(lead), id_string(transferee)
        lg = self.lg.with_(current_leader_member_id=leader, transferee_member_id=next_leader)
        lg.info("leadership transfer starting")
        try:
            async with asyncio.timeout(self.cfg.req_timeout()):
                await self.r.node.transfer_leadership(ctx, lead, transferee)
                while self._lead != transferee:
                    await select(self.leader_changed_notify())
        except TimeoutError:
            raise errors.TimeoutLeaderTransferError from None
        lg.info("leadership transfer finished")

    async def transfer_leadership(self) -> None:
        """If this member leads, let the one lead that has been connected longest.

        Go: etcdserver/server.go#EtcdServer.TransferLeadership
        """
        if not self.is_leader() or not self.has_multiple_voting_members():
            return
        transferee = longest_connected(self.r.transport, self._cluster.voting_member_ids())
        if transferee is None:
            raise errors.UnhealthyError
        await self.move_leader(BACKGROUND, self._id, transferee)

    async def hard_stop(self) -> None:
        """Stop without a word to the others. Go: etcdserver/server.go#EtcdServer.HardStop"""
        await select((self.stop_c, None), self.done)
        await select(self.done)

    async def stop(self) -> None:
        """Hand over leadership, then stop. Go: etcdserver/server.go#EtcdServer.Stop"""
        try:
            await self.transfer_leadership()
        except errors.EtcdServerError as err:
            self.lg.warning("leadership transfer failed", error=err)
        await self.hard_stop()

    def ready_notify(self) -> Chan[None]:
        """Is closed when clients may come. Go: etcdserver/server.go#EtcdServer.ReadyNotify"""
        return self.readych

    async def stop_with_delay(self, seconds: float, err: Exception) -> None:
        """Stop because of ``err``, but first let others hear of it.

        Go: etcdserver/server.go#EtcdServer.stopWithDelay
        """
        await asyncio.sleep(seconds)
        self.errorc.try_send(err)

    def stop_notify(self) -> Chan[None]:
        """Is closed when this member has stopped. Go: etcdserver/server.go#EtcdServer.StopNotify"""
        return self.done

    def sync(self) -> None:
        """Tell all members the time, so that they drop the same expired v2 keys.

        Go: etcdserver/server.go#EtcdServer.sync
        """
        now = int(self.cfg.clock() * 10**9)
        req = new_request("SYNC", ID=self.req_id_gen.next(), Time=now)
        self.go_attach(self._propose_sync(req.SerializeToString()), "sync")

    async def _propose_sync(self, data: bytes) -> None:
        with contextlib.suppress(TimeoutError, RaftError):
            async with asyncio.timeout(self.cfg.req_timeout()):
                await self.r.node.propose(BACKGROUND, data)

    async def publish(self) -> None:
        """Tell the cluster this member's name and client URLs, until it has heard.

        Go: etcdserver/server.go#EtcdServer.publish
        """
        path = member_attributes_store_path(self._id)
        lg = self.lg.with_(
            local_member_attributes=self.attributes,
            request_path=path,
            cluster_id=id_string(self._cluster.id()),
            publish_timeout=self.cfg.req_timeout(),
        )
        while True:
            try:
                await self.do(BACKGROUND, new_request("PUT", Path=path, Val=self.attributes.to_json()))
            except (errors.StoppedError, RaftStoppedError):
                return  # it would be said at once every time, and nobody else would get a turn
            except (errors.EtcdServerError, RaftError) as err:
                lg.warning("failed to publish local member to cluster through raft", error=err)
            else:
                self.readych.close()
                lg.info("published local member to cluster through raft")
                return

    def send_merged_snap(self, merged: SnapMessage) -> None:
        """Send a snapshot, and do not compact the log before the receiver had time to go on from it.

        Go: etcdserver/server.go#EtcdServer.sendMergedSnap
        """
        self.inflight_snapshots += 1
        to = id_string(merged.message.to)
        lg = log.with_(from_=id_string(self._id), to=to, bytes=merged.total_size)
        self.r.transport.send_snapshot(merged)
        lg.info("sending merged snapshot")
        self.go_attach(self._await_merged_snap(merged, lg), "sendMergedSnap")

    async def _await_merged_snap(self, merged: SnapMessage, lg: logutil.Logger) -> None:
        try:
            _, ok = await select(merged.close_notify())
            if ok is not CLOSED and ok:
                await asyncio.sleep(_RELEASE_DELAY_AFTER_SNAPSHOT)
        finally:
            self.inflight_snapshots -= 1
        lg.info("sent merged snapshot")

    async def apply(self, es: Sequence[Entry], ep: EtcdProgress) -> bool:
        """Apply ``es`` in order; True if one of them puts this member out.

        Go: etcdserver/server.go#EtcdServer.apply
        """
        should_stop = False
        for e in es:
            if e.type == raftpb.EntryNormal:
                self.apply_entry_normal(e)
            else:
                should_stop |= await self._apply_entry_conf_change(e, ep)
            self._applied_index, self._term = e.index, e.term
            ep.appliedi, ep.appliedt = e.index, e.term
        return should_stop

    async def _apply_entry_conf_change(self, e: Entry, ep: EtcdProgress) -> bool:
        if e.index > self.consist_index.consistent_index():
            self.consist_index.set_consistent_index(e.index)
        cc = ConfChange.unmarshal(e.data)
        err: MembershipError | None = None
        removed_self = False
        try:
            removed_self = await self.apply_conf_change(cc, ep)
        except MembershipError as refused:
            err = refused
        self.w.trigger(cc.id, ConfChangeResponse(self._cluster.members(), err))
        return removed_self

    def apply_entry_normal(self, e: Entry) -> None:
        """Apply one request, and wake who waits for it.

        What the backend has already is not applied again: it saves, with each change, which entry it is of.

        Go: etcdserver/server.go#EtcdServer.applyEntryNormal
        """
        should_apply_v3 = e.index > self.consist_index.consistent_index()
        if should_apply_v3:
            self.consist_index.set_consistent_index(e.index)
        if not e.data:
            self.notify_about_first_commit_in_term()
            return
        try:
            raft_req = InternalRaftRequest.FromString(e.data)
        except DecodeError:
            self._apply_v2_request(Request.FromString(e.data))
            return
        if raft_req.HasField("v2"):
            self._apply_v2_request(raft_req.v2)
        elif should_apply_v3:
            self._apply_v3_request(raft_req)

    def _apply_v2_request(self, r: Request) -> None:
        self.w.trigger(r.ID, self.apply_v2.apply_v2_request(r))

    def _apply_v3_request(self, raft_req: InternalRaftRequest) -> None:
        id = raft_req.ID or raft_req.header.ID
        need_result = self.w.is_registered(id)
        if not need_result:
            if no_side_effect(raft_req):
                return
            if raft_req.HasField("txn"):
                remove_needless_range_reqs(raft_req.txn)
        ar = self.apply_v3.apply(raft_req)
        if isinstance(ar.err, errors.NoSpaceError) and not self.alarm_store.get(pb.NOSPACE):
            quota = self.cfg.quota_backend_bytes
            log.warning("message exceeded backend quota; raising alarm", quota_size_bytes=quota, error=ar.err)
            self.go_attach(self._raise_no_space(id, ar), "raise NOSPACE")
        else:
            self.w.trigger(id, ar)

    async def _raise_no_space(self, id: int, ar: ApplyResult) -> None:
        """Answer only when the whole cluster knows."""
        alarm = pb.AlarmRequest(memberID=self._id, action=pb.AlarmRequest.ACTIVATE, alarm=pb.NOSPACE)
        with contextlib.suppress(errors.EtcdServerError, RaftError, TimeoutError):
            await self.raft_request(BACKGROUND, InternalRaftRequest(alarm=alarm))
        self.w.trigger(id, ar)

    def notify_about_first_commit_in_term(self) -> None:
        """Tell those who wait that the leader can answer reads now.

        Go: etcdserver/server.go#EtcdServer.notifyAboutFirstCommitInTerm
        """
        notified, self.first_commit_in_term_c = self.first_commit_in_term_c, Chan("firstCommitInTermC")
        notified.close()

    async def apply_conf_change(self, cc: ConfChange, ep: EtcdProgress) -> bool:
        """Change who is a member, in raft too; True if it is no longer this one.

        Raises MembershipError for a change that cannot be; raft is then told that nothing changes.

        Go: etcdserver/server.go#EtcdServer.applyConfChange
        """
        try:
            self._cluster.validate_configuration_change(cc)
        except MembershipError:
            await self.r.node.apply_conf_change(replace(cc, node_id=NodeID(NONE)))
            raise
        ep.conf_state = await self.r.node.apply_conf_change(cc)
        if cc.type in (raftpb.ConfChangeAddNode, raftpb.ConfChangeAddLearnerNode):
            self._member_added(cc)
        elif cc.type == raftpb.ConfChangeRemoveNode:
            self._cluster.remove_member(cc.node_id)
            if cc.node_id == self._id:
                return True
            await self.r.transport.remove_peer(cc.node_id)
        else:
            m = Member.from_json(cc.context)
            assert cc.node_id == m.id, f"change of {cc.node_id:x} is about {m.id:x}"
            self._cluster.update_raft_attributes(m.id, m.raft_attributes)
            if m.id != self._id:
                self.r.transport.update_peer(m.id, m.peer_urls)
        return False

    def _member_added(self, cc: ConfChange) -> None:
        change = ConfigChangeContext.from_json(cc.context)
        m = change.member
        assert cc.node_id == m.id, f"change of {cc.node_id:x} is about {m.id:x}"
        if change.is_promote:
            self._cluster.promote_member(m.id)
            return
        self._cluster.add_member(m)
        if m.id != self._id:
            self.r.transport.add_peer(m.id, m.peer_urls)

    def snapshot(self, snapi: Index, conf_state: ConfState) -> None:
        """Save a snapshot at ``snapi``, and let go of the log well before it.

        The v3 store is its own snapshot: committing it is all it needs.

        Go: etcdserver/server.go#EtcdServer.snapshot
        """
        data = self.v2store.save_no_copy()
        self._kv.commit()
        self.go_attach(self._save_snapshot(data, snapi, conf_state), "snapshot")

    async def _save_snapshot(self, data: bytes, snapi: Index, conf_state: ConfState) -> None:
        try:
            snap = self.r.raft_storage.create_snapshot(snapi, conf_state, data)
        except SnapOutOfDateError:
            return  # the leader has sent a newer one meanwhile
        try:
            self.r.storage.save_snap(snap)
            log.info("saved snapshot", snapshot_index=snapi)
            self.r.storage.release(snap)
        except OSError as err:
            raise errors.FatalError(f"failed to save snapshot: {err}") from err
        if self.inflight_snapshots:
            # Whoever is being sent one needs the entries after it; else he would need the next one too.
            log.info("skip compaction since there is an inflight snapshot")
            return
        compacti = Index(max(1, snapi - self.cfg.snapshot_catch_up_entries))
        with contextlib.suppress(CompactedError):
            self.r.raft_storage.compact(compacti)
            log.info("compacted Raft logs", compact_index=compacti)

    def cluster_version(self) -> SemVer | None:
        """What all members can speak; None until they agreed.

        Go: etcdserver/server.go#EtcdServer.ClusterVersion
        """
        return self._cluster.version()

    async def monitor_versions(self) -> None:
        """As leader, raise the cluster's version to the oldest of its members'.

        Go: etcdserver/server.go#EtcdServer.monitorVersions
        """
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_MONITOR_VERSION_INTERVAL):
                    await select(self.first_commit_in_term_notify())
            if not self.is_leader():
                continue
            decided = decide_cluster_version(await get_versions(self._cluster, self._id, self.peer_rt))
            version = decided._replace(patch=0) if decided else None
            current = self._cluster.version()
            if current is None:
                version = version or SemVer.parse(MIN_CLUSTER_VERSION)
                self.go_attach(self.update_cluster_version(version), "updateClusterVersion")
            elif version and current < version:
                self.go_attach(self.update_cluster_version(version), "updateClusterVersion")

    async def update_cluster_version(self, ver: SemVer) -> None:
        """Propose ``ver`` as what all members can speak.

        Go: etcdserver/server.go#EtcdServer.updateClusterVersion
        """
        lg = log.with_(cluster_version=ver.cluster())
        current = self._cluster.version()
        message = "updating cluster version" if current else "setting up initial cluster version"
        lg.info(message)
        try:
            await self.do(BACKGROUND, new_request("PUT", Path=store_cluster_version_key(), Val=str(ver)))
        except errors.StoppedError as err:
            log.warning("aborting cluster version update; server is stopped", error=err)
        except (errors.EtcdServerError, RaftError) as err:
            log.warning("failed to update cluster version", error=err)
        else:
            lg.info("cluster version is updated")

    def restore_alarms(self) -> None:
        """Read the alarms, and let through what they let.

        Go: etcdserver/server.go#EtcdServer.restoreAlarms
        """
        self.alarm_store = AlarmStore(self.backend)
        self.reset_applier()

    def reset_applier(self) -> None:
        """Make the chain of appliers that the alarms in force ask for.

        In 3.4 an alarm raised at run time also drops the links that check permissions and quota; not here.

        Go: etcdserver/apply.go#EtcdServer.newApplierV3
        """
        quota_applier = QuotaApplierV3(self, ApplierV3backend(self))
        self.apply_v3: ApplierV3 = AuthApplierV3(self._auth_store, quota_applier, self.lessor)
        if self.alarm_store.get(pb.NOSPACE):
            self.apply_v3 = ApplierV3Capped(self.apply_v3)
        if self.alarm_store.get(pb.CORRUPT):
            self.apply_v3 = ApplierV3Corrupt(self.apply_v3)

    def alarms(self) -> list[pb.AlarmMember]:
        """All that are raised. Go: etcdserver/server.go#EtcdServer.Alarms"""
        return self.alarm_store.get(pb.NONE)

    def is_learner(self) -> bool:
        """Whether this member does not vote yet. Go: etcdserver/server.go#EtcdServer.IsLearner"""
        return self._cluster.is_local_member_learner()

    def is_member_exist(self, id: NodeID) -> bool:
        """Whether there is such a member. Go: etcdserver/server.go#EtcdServer.IsMemberExist"""
        return self._cluster.is_member_exist(id)

"""The loop between raft and the world: what raft has ready is saved, sent, and handed on to be applied.

The order of these three is what keeps promises. A follower answers only after its disk has the entries. The
leader may send before its own disk has them, as it counts itself only once they are there. A single member
must have them on disk before they are applied, because the answer goes out right after.

Go: etcdserver/raft.go
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from minietcd.etcdserver.api.membership.cluster import RaftCluster
from minietcd.etcdserver.api.membership.member import Member
from minietcd.etcdserver.api.rafthttp.transport import Transport
from minietcd.etcdserver.config import ServerConfig
from minietcd.etcdserver.errors import FatalError
from minietcd.etcdserver.storage import SavedLog, Storage, read_wal
from minietcd.pkg import logutil
from minietcd.pkg.chan import Chan, poll, select
from minietcd.pkg.clock import Ticker
from minietcd.pkg.contention import TimeoutDetector
from minietcd.pkg.task import go
from minietcd.pkg.types import id_string
from minietcd.proto.etcdserverpb.etcdserver_pb2 import Metadata
from minietcd.proto.walpb import record_pb2 as walpb
from minietcd.raft import node as raft
from minietcd.raft import raftpb
from minietcd.raft.bootstrap import Peer
from minietcd.raft.node import Node
from minietcd.raft.raft import NONE, Config, StateLeader
from minietcd.raft.raftpb import (
    ConfChange,
    Entry,
    HardState,
    Index,
    Message,
    NodeID,
    Snapshot,
    SnapshotMetadata,
    Term,
)
from minietcd.raft.read_only import ReadState
from minietcd.raft.ready import Ready, is_empty_snap
from minietcd.raft.storage import MemoryStorage
from minietcd.wal import wal
from minietcd.wal.wal import WAL

if TYPE_CHECKING:
    from minietcd.etcdserver.server import EtcdServer

log = logutil.get_logger("etcdserver")

MAX_SIZE_PER_MSG = 1024 * 1024
MAX_INFLIGHT_MSGS = 4096 // 8
_MAX_IN_FLIGHT_MSG_SNAP = 16
_INTERNAL_TIMEOUT = 1.0


@dataclass(slots=True, eq=False)
class Apply:
    """Entries and a snapshot to apply; ``notifyc`` tells when the disk has them.

    Go: etcdserver/raft.go#apply
    """

    entries: Sequence[Entry]
    snapshot: Snapshot
    notifyc: Chan[None]


@dataclass(slots=True)
class Beginning:
    """What a member begins with; ``remotes`` may help one that joins, before it knows the members."""

    id: NodeID
    cluster: RaftCluster
    node: Node
    raft_storage: MemoryStorage
    wal: WAL
    remotes: list[Member] = field(default_factory=list)


class RaftNode:
    """A raft node with its clock, its disk and its network. Go: etcdserver/raft.go#raftNode"""

    def __init__(
        self,
        node: Node,
        raft_storage: MemoryStorage,
        storage: Storage,
        heartbeat: float,
        is_id_removed: Callable[[NodeID], bool],
        transport: Transport,
    ) -> None:
        """It ticks every ``heartbeat`` seconds. Go: etcdserver/raft.go#newRaftNode"""
        self.node, self.raft_storage, self.storage, self.transport = node, raft_storage, storage, transport
        self.heartbeat, self.is_id_removed = heartbeat, is_id_removed
        self.msg_snap_c: Chan[Message] = Chan("msgSnapC", _MAX_IN_FLIGHT_MSG_SNAP)
        self.applyc: Chan[Apply] = Chan("applyc")
        self.read_state_c: Chan[ReadState] = Chan("readStateC", 1)
        self.stopped: Chan[None] = Chan("raftNode.stopped")
        self.done: Chan[None] = Chan("raftNode.done")
        self.ticker = Ticker(heartbeat, "raftNode.ticker.C")
        self.td = TimeoutDetector(2 * heartbeat)
        self._islead = self._failed = False

    def tick(self) -> None:
        """Let raft's time go on. Go: etcdserver/raft.go#raftNode.tick"""
        self.node.tick()

    def start(self, rh: EtcdServer) -> None:
        """Start the loop, which tells ``rh`` who leads and what is committed.

        Go: etcdserver/raft.go#raftNode.start
        """
        go(self._loop(rh), "raftNode loop")

    async def _loop(self, rh: EtcdServer) -> None:
        try:
            while True:
                chan, item = await select(self.ticker.c, self.node.ready(), self.stopped)
                if chan is self.ticker.c:
                    self.tick()
                elif chan is self.stopped or not await self._handle(item, rh):
                    break
        except OSError as err:
            self._failed = True
            raise FatalError(f"failed to save Raft hard state and entries: {err}") from err
        finally:
            self.done.close()

    async def _handle(self, rd: Ready, rh: EtcdServer) -> bool:
        """Save, send and hand on what raft has ready; false if told to stop meanwhile."""
        if rd.soft_state:
            self._update_soft_state(rd, rh)
        if rd.read_states and not await self._send_read_state(rd):
            return False
        ap = Apply(rd.committed_entries, rd.snapshot, Chan("notifyc", 1))
        wait_wal_sync = should_wait_wal_sync(rd)
        if wait_wal_sync:
            self.storage.save(rd.hard_state, rd.entries)
        update_committed_index(ap, rh)
        if (await select((self.applyc, ap), self.stopped))[0] is self.stopped:
            return False
        if self._islead:
            self.transport.send(self.process_messages(rd.messages))
        if not is_empty_snap(rd.snapshot):
            # The snapshot comes first: entries after a snapshot that is not there could not be read back.
            self.storage.save_snap(rd.snapshot)
        if not wait_wal_sync:
            self.storage.save(rd.hard_state, rd.entries)
        if not is_empty_snap(rd.snapshot):
            await self._apply_snapshot(rd.snapshot, ap.notifyc)
        self.raft_storage.append(rd.entries)
        if self._islead:
            await ap.notifyc.send(None)
        elif not await self._finish_follower(rd, ap):
            return False
        await self.node.advance()
        return True

    def _update_soft_state(self, rd: Ready, rh: EtcdServer) -> None:
        assert rd.soft_state is not None
        new_leader = rd.soft_state.lead not in (NONE, rh.lead())
        rh.set_lead(rd.soft_state.lead)
        self._islead = rd.soft_state.raft_state == StateLeader
        rh.update_leadership(new_leader)
        self.td.reset()

    async def _send_read_state(self, rd: Ready) -> bool:
        """Pass the last one on, as it answers for all before it; false if told to stop meanwhile."""
        if self.read_state_c.try_send(rd.read_states[-1]):
            return True
        try:
            async with asyncio.timeout(_INTERNAL_TIMEOUT):
                chan, _ = await select((self.read_state_c, rd.read_states[-1]), self.stopped)
                return chan is not self.stopped
        except TimeoutError:
            log.warning("timed out sending read state", timeout=_INTERNAL_TIMEOUT)
            return True

    async def _apply_snapshot(self, snapshot: Snapshot, notifyc: Chan[None]) -> None:
        """Only a synced WAL may let go of what the snapshot replaces."""
        self.storage.sync()
        await notifyc.send(None)
        self.raft_storage.apply_snapshot(snapshot)
        index = snapshot.metadata.index
        log.info("applied incoming Raft snapshot", snapshot_index=index)
        self.storage.release(snapshot)

    async def _finish_follower(self, rd: Ready, ap: Apply) -> bool:
        """Send what waited for the disk; false if told to stop meanwhile.

        A change of members must have been applied first: else a vote might go to, or count for, who is none.
        """
        msgs = self.process_messages(rd.messages)
        await ap.notifyc.send(None)
        if any(ent.type == raftpb.EntryConfChange for ent in rd.committed_entries):
            # The buffer holds one: this goes on when apply_all has taken the first, after applying.
            chan, _ = await select((ap.notifyc, None), self.stopped)
            if chan is self.stopped:
                return False
        self.transport.send(msgs)
        return True

    def process_messages(self, ms: Sequence[Message]) -> Sequence[Message]:
        """Mark what need not be sent with receiver 0.

        Of several acknowledgements the last says it all; a snapshot still lacks the v3 store, which is
        added by ``apply_all``; a heartbeat that is late tells of a slow disk.

        Go: etcdserver/raft.go#raftNode.processMessages
        """
        sent_app_resp = False
        for m in reversed(ms):
            if self.is_id_removed(m.to):
                m.to = NONE
            if m.type == raftpb.MsgAppResp:
                if sent_app_resp:
                    m.to = NONE
                sent_app_resp = True
            elif m.type == raftpb.MsgSnap:
                poll((self.msg_snap_c, replace(m)))
                m.to = NONE
            elif m.type == raftpb.MsgHeartbeat:
                self._observe_heartbeat(m.to)
        return ms

    def _observe_heartbeat(self, to: int) -> None:
        exceed = self.td.observe(to, asyncio.get_running_loop().time())
        if exceed > 0:
            log.warning(
                "leader failed to send out heartbeat on time; took too long, leader is overloaded likely "
                "from slow disk",
                to=f"{to:x}",
                heartbeat_interval=self.heartbeat,
                exceeded_duration=exceed,
            )

    def apply(self) -> Chan[Apply]:
        """What is to be applied. Go: etcdserver/raft.go#raftNode.apply"""
        return self.applyc

    async def stop(self) -> None:
        """Stop the loop, unless it has ended, and tidy up. Go: etcdserver/raft.go#raftNode.stop"""
        await select((self.stopped, None), self.done)
        await select(self.done)
        await self.on_stop()

    async def on_stop(self) -> None:
        """After a failure the log is left alone: nobody knows what of it is on the disk.

        Go: etcdserver/raft.go#raftNode.onStop
        """
        await self.node.stop()
        self.ticker.stop()
        await self.transport.stop()
        if not self._failed:
            self.storage.close()

    def advance_ticks(self, ticks: int) -> None:
        """Let raft believe that time has passed, so that it elects sooner.

        Go: etcdserver/raft.go#raftNode.advanceTicks
        """
        for _ in range(ticks):
            self.tick()


def should_wait_wal_sync(rd: Ready) -> bool:
    """Whether something is both unsaved and committed, as in a cluster of one, or when a follower catches up.

    Otherwise an entry is committed only once most disks have it; alone it could be applied and answered
    before any disk has.

    Go: etcdserver/raft.go#shouldWaitWALSync
    """
    if not rd.committed_entries or not rd.entries:
        return False
    last, first = rd.committed_entries[-1], rd.entries[0]
    return (last.term, last.index) >= (first.term, first.index)


def update_committed_index(ap: Apply, rh: EtcdServer) -> None:
    """Tell the server how far the log is committed. Go: etcdserver/raft.go#updateCommittedIndex"""
    ci = ap.entries[-1].index if ap.entries else 0
    ci = max(ci, ap.snapshot.metadata.index)
    if ci:
        rh.update_committed_index(ci)


def start_node(cfg: ServerConfig, cl: RaftCluster, ids: list[NodeID]) -> Beginning:
    """A node with an empty log: of a new cluster of members ``ids``, or, without any, of one it will learn.

    Go: etcdserver/raft.go#startNode
    """
    member = cl.member_by_name(cfg.name)
    assert member is not None, cfg.name
    metadata = Metadata(NodeID=member.id, ClusterID=cl.id())
    w = wal.create(cfg.wal_dir(), metadata.SerializeToString(), cfg.disk)
    if cfg.unsafe_no_fsync:
        w.set_unsafe_no_fsync()
    peers = [Peer(m.id, m.to_json().encode()) for m in cl.members() if m.id in ids]
    log.info("starting local member", local_member_id=id_string(member.id), cluster_id=id_string(cl.id()))
    s = MemoryStorage()
    c = _raft_config(cfg, member.id, s)
    return Beginning(member.id, cl, raft.start_node(c, peers) if peers else raft.restart_node(c), s, w)


def restart_node(cfg: ServerConfig, snapshot: Snapshot | None) -> Beginning:
    """The node that the log tells of. Go: etcdserver/raft.go#restartNode"""
    return _restart(cfg, snapshot, "restarting local member", _read_wal(cfg, snapshot))


def restart_as_standalone_node(cfg: ServerConfig, snapshot: Snapshot | None) -> Beginning:
    """The node that the log tells of, as the only member left: what was not committed is dropped.

    Go: etcdserver/raft.go#restartAsStandaloneNode
    """
    saved = _read_wal(cfg, snapshot)
    w, id, _, st, ents = saved
    kept = [ent for ent in ents if ent.index <= st.commit]
    if len(kept) < len(ents):
        lg = log.with_(commit_index_from_wal=st.commit, number_of_discarded_entries=len(ents) - len(kept))
        lg.info("discarding uncommitted WAL entries")
    to_app_ents = create_config_change_ents(get_ids(snapshot, kept), id, st.term, st.commit)
    ents = kept + to_app_ents
    w.save(HardState(), to_app_ents)
    if ents:
        st = replace(st, commit=ents[-1].index)
    return _restart(cfg, snapshot, "forcing restart member", saved._replace(st=st, ents=ents))


def get_ids(snap: Snapshot | None, ents: Iterable[Entry]) -> list[NodeID]:
    """Who is a member after ``ents``, in order. Go: etcdserver/raft.go#getIDs"""
    ids = set(snap.metadata.conf_state.voters) if snap else set()
    for ent in ents:
        if ent.type == raftpb.EntryConfChange:
            cc = ConfChange.unmarshal(ent.data)
            if cc.type == raftpb.ConfChangeRemoveNode:
                ids.discard(cc.node_id)
            elif cc.type != raftpb.ConfChangeUpdateNode:
                ids.add(cc.node_id)
    return sorted(ids)


def create_config_change_ents(ids: list[NodeID], self_id: NodeID, term: Term, index: Index) -> list[Entry]:
    """Entries after ``index`` that leave ``self_id`` as the only member.

    It is added first if it is none, since a cluster without any could not go on.

    Go: etcdserver/raft.go#createConfigChangeEnts
    """
    changes = [ConfChange(type=raftpb.ConfChangeRemoveNode, node_id=id) for id in ids if id != self_id]
    if self_id not in ids:
        context = Member(self_id, ["http://localhost:2380"]).to_json().encode()
        changes.insert(0, ConfChange(type=raftpb.ConfChangeAddNode, node_id=self_id, context=context))
    return [
        Entry(raftpb.EntryConfChange, term, Index(next), cc.marshal())
        for next, cc in enumerate(changes, start=index + 1)
    ]


def _read_wal(cfg: ServerConfig, snapshot: Snapshot | None) -> SavedLog:
    at = snapshot.metadata if snapshot else SnapshotMetadata()
    walsnap = walpb.Snapshot(index=at.index, term=at.term)
    return read_wal(cfg.wal_dir(), walsnap, cfg.unsafe_no_fsync, cfg.disk)


def _restart(cfg: ServerConfig, snapshot: Snapshot | None, message: str, saved: SavedLog) -> Beginning:
    w, id, cid, st, ents = saved
    log.info(message, cluster_id=id_string(cid), local_member_id=id_string(id), commit_index=st.commit)
    cl = RaftCluster("")
    cl.set_id(id, cid)
    s = MemoryStorage()
    if snapshot:
        s.apply_snapshot(snapshot)
    s.set_hard_state(st)
    s.append(ents)
    return Beginning(id, cl, raft.restart_node(_raft_config(cfg, id, s)), s, w)


def _raft_config(cfg: ServerConfig, id: NodeID, storage: MemoryStorage) -> Config:
    return Config(
        id=id,
        election_tick=cfg.election_ticks,
        heartbeat_tick=1,
        storage=storage,
        max_size_per_msg=MAX_SIZE_PER_MSG,
        max_inflight_msgs=MAX_INFLIGHT_MSGS,
        check_quorum=True,
        pre_vote=cfg.pre_vote,
        rand=cfg.rng,
    )

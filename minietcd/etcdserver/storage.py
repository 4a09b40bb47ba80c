"""What a member keeps of raft: the log and the snapshots, in the order that makes them fit.

Go: etcdserver/storage.go
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from minietcd.etcdserver.api.snap.snapshotter import Snapshotter
from minietcd.pkg import logutil
from minietcd.pkg.disk import DISK, Disk
from minietcd.proto.etcdserverpb.etcdserver_pb2 import Metadata
from minietcd.proto.walpb import record_pb2 as walpb
from minietcd.raft.raftpb import Entry, HardState, NodeID, Snapshot
from minietcd.wal import wal
from minietcd.wal.errors import UnexpectedEOFError
from minietcd.wal.repair import repair

log = logutil.get_logger("etcdserver")


class Storage:
    """A WAL and a snapshotter; ``save``, ``sync`` and ``close`` are the WAL's own, which Go embeds.

    Go: etcdserver/storage.go#storage
    """

    def __init__(self, w: wal.WAL, s: Snapshotter) -> None:
        """Go: etcdserver/storage.go#NewStorage"""
        self.wal = w
        self.snapshotter = s
        self.save = w.save
        self.sync = w.sync
        self.close = w.close

    def save_snap(self, snap: Snapshot) -> None:
        """Write the file, then mention it in the log: a file never mentioned is harmless, the reverse is not.

        Go: etcdserver/storage.go#storage.SaveSnap
        """
        self.snapshotter.save_snap(snap)
        self.wal.save_snapshot(walpb.Snapshot(index=snap.metadata.index, term=snap.metadata.term))

    def release(self, snap: Snapshot) -> None:
        """Let go of what is older than ``snap``. Go: etcdserver/storage.go#storage.Release"""
        self.wal.release_lock_to(snap.metadata.index)
        self.snapshotter.release_snap_dbs(snap)


class SavedLog(NamedTuple):
    """What a log says from a snapshot on; ``w`` is ready to append to."""

    w: wal.WAL
    id: NodeID
    cid: NodeID
    st: HardState
    ents: list[Entry]


def read_wal(
    waldir: Path, snap: walpb.Snapshot, unsafe_no_fsync: bool = False, disk: Disk = DISK
) -> SavedLog:
    """The log from ``snap`` on, ready to append to; whose it is and of which cluster; its state and entries.

    A torn tail is repaired, once. Raises WALError if that does not help, or anything else is wrong.

    Go: etcdserver/storage.go#readWAL
    """
    try:
        w, wmetadata, st, ents = _open_and_read(waldir, snap, disk)
    except UnexpectedEOFError as torn:
        if not repair(waldir, disk):
            raise
        log.info("repaired WAL", error=torn)
        w, wmetadata, st, ents = _open_and_read(waldir, snap, disk)
    if unsafe_no_fsync:
        w.set_unsafe_no_fsync()
    metadata = Metadata.FromString(wmetadata)
    return SavedLog(w, NodeID(metadata.NodeID), NodeID(metadata.ClusterID), st, ents)


def _open_and_read(
    waldir: Path, snap: walpb.Snapshot, disk: Disk
) -> tuple[wal.WAL, bytes, HardState, list[Entry]]:
    w = wal.open(waldir, snap, disk)
    try:
        return w, *w.read_all()
    except BaseException:
        w.close()
        raise

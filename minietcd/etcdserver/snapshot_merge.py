"""A snapshot for a member that is too far behind: raft's own, and both stores as of the same entry.

Go: etcdserver/snapshot_merge.go
"""

from __future__ import annotations

from minietcd.etcdserver.api.snap.message import Message as SnapMessage
from minietcd.etcdserver.state import ServerState
from minietcd.raft.raftpb import ConfState, Index, Message, Snapshot, SnapshotMetadata, Term


class SnapshotMerge(ServerState):
    """The part of a member that makes snapshots for others. Go: etcdserver/server.go#EtcdServer"""

    def create_merged_snapshot_message(
        self, m: Message, snapt: Term, snapi: Index, conf_state: ConfState
    ) -> SnapMessage:
        """Raft's message has the v2 store of some time ago; both stores of now, after ``snapi``, replace it.

        Go: etcdserver/snapshot_merge.go#EtcdServer.createMergedSnapshotMessage
        """
        data = self.v2store.save_no_copy()
        self._kv.commit()
        dbsnap = self.be.snapshot()
        m.snapshot = Snapshot(data, SnapshotMetadata(conf_state, snapi, snapt))
        return SnapMessage(m, dbsnap, dbsnap.size())

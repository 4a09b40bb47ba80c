"""The log and the snapshots together, as the raft loop and a restart use them."""

from __future__ import annotations

from pathlib import Path

import pytest

from minietcd.etcdserver.api.snap.snapshotter import Snapshotter
from minietcd.etcdserver.storage import Storage, read_wal
from minietcd.pkg import fileutil
from minietcd.pkg.disk import Disk
from minietcd.proto.etcdserverpb.etcdserver_pb2 import Metadata
from minietcd.proto.walpb.record_pb2 import Snapshot as WALSnapshot
from minietcd.raft.raftpb import Entry, EntryType, HardState, Index, NodeID, Snapshot, SnapshotMetadata, Term
from minietcd.wal import wal
from minietcd.wal.errors import SnapshotNotFoundError


@pytest.fixture(autouse=True)
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wal, "SEGMENT_SIZE_BYTES", 4096)


METADATA = Metadata(NodeID=1, ClusterID=2).SerializeToString()


def entry(index: int) -> Entry:
    return Entry(EntryType.EntryNormal, Term(1), Index(index), b"entry")


def snapshot(index: int) -> Snapshot:
    return Snapshot(b"data", SnapshotMetadata(index=Index(index), term=Term(1)))


def storage(directory: Path, disk: Disk | None = None) -> Storage:
    (directory / "snap").mkdir()
    disk = disk or Disk()
    return Storage(wal.create(directory / "wal", METADATA, disk), Snapshotter(directory / "snap", disk))


def test_a_member_starts_again_from_its_newest_snapshot(tmp_path: Path) -> None:
    s = storage(tmp_path)
    s.save(HardState(Term(1), NodeID(1), Index(0)), [entry(1), entry(2)])
    s.save_snap(snapshot(1))
    s.save(HardState(Term(1), NodeID(1), Index(2)), [])
    s.sync()
    s.close()

    snaps = wal.valid_snapshot_entries(tmp_path / "wal")
    newest = Snapshotter(tmp_path / "snap").load_newest_available(snaps)
    assert newest == snapshot(1)
    w, member, cluster, state, entries = read_wal(tmp_path / "wal", WALSnapshot(index=1, term=1), True)
    assert (member, cluster, state.commit, entries) == (1, 2, 2, [entry(2)])
    assert w.unsafe_no_sync
    w.close()


class DyingDisk(Disk):
    """The WAL cannot be synced any more; snapshot files can."""

    dead = False

    def fdatasync(self, fd: int) -> None:
        if self.dead:
            raise OSError(5, "Input/output error")
        super().fdatasync(fd)


def test_a_snapshot_that_the_log_does_not_mention_is_not_used(tmp_path: Path) -> None:
    disk = DyingDisk()
    s = storage(tmp_path, disk)
    s.save(HardState(Term(1), NodeID(1), Index(1)), [entry(1)])
    s.wal.encoder.flush()
    disk.dead = True
    before = s.wal.tail().name.read_bytes()
    with pytest.raises(OSError, match="Input/output error"):
        s.save_snap(snapshot(1))
    with pytest.raises(OSError, match="Input/output error"):
        s.close()
    (tmp_path / "wal" / "0000000000000000-0000000000000000.wal").write_bytes(before)
    assert [snap.index for snap in wal.valid_snapshot_entries(tmp_path / "wal")] == [0]
    with pytest.raises(SnapshotNotFoundError):
        read_wal(tmp_path / "wal", WALSnapshot(index=1, term=1))


def test_releasing_a_snapshot_lets_old_files_be_purged(tmp_path: Path) -> None:
    s = storage(tmp_path)
    for index in range(1, 6):
        s.save(HardState(Term(1), NodeID(1), Index(index)), [entry(index)])
        s.wal.cut()
    assert fileutil.purge_file(tmp_path / "wal", ".wal", 2) == []
    s.release(snapshot(4))
    assert len(fileutil.purge_file(tmp_path / "wal", ".wal", 2)) == 2
    s.close()
    assert len(fileutil.purge_file(tmp_path / "wal", ".wal", 2)) == 2
    assert sorted(path.name[30:] for path in (tmp_path / "wal").iterdir()) == ["005.wal", "006.wal"]

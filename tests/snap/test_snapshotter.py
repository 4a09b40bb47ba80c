"""Snapshot files: written, found again, damaged, left over."""

from __future__ import annotations

import errno
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minietcd.etcdserver.api.snap.errors import (
    CRCMismatchError,
    EmptySnapshotError,
    NoDBSnapshotError,
    NoSnapshotError,
    SnapError,
)
from minietcd.etcdserver.api.snap.message import ExactReadCloser, ExpectEOFError, Message, ShortReadError
from minietcd.etcdserver.api.snap.snapshotter import Snapshotter, read
from minietcd.pkg.disk import Disk
from minietcd.proto.walpb import record_pb2 as walpb
from minietcd.raft import raftpb
from minietcd.raft.raftpb import ConfState, Index, MessageType, NodeID, Snapshot, SnapshotMetadata, Term


def snapshot(index: int, term: int = 1, data: bytes = b"the v2 tree") -> Snapshot:
    conf_state = ConfState(voters=(NodeID(1), NodeID(2)))
    return Snapshot(data, SnapshotMetadata(conf_state, Index(index), Term(term)))


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    Snapshotter(tmp_path).save_snap(snapshot(0xAB, 2))
    assert names(tmp_path) == ["0000000000000002-00000000000000ab.snap"]
    assert Snapshotter(tmp_path).load() == snapshot(0xAB, 2)


def test_an_empty_snapshot_is_not_saved(tmp_path: Path) -> None:
    Snapshotter(tmp_path).save_snap(Snapshot())
    assert names(tmp_path) == []
    with pytest.raises(NoSnapshotError, match=str(tmp_path)):
        Snapshotter(tmp_path).load()


def test_the_newest_is_loaded_that_the_log_mentions(tmp_path: Path) -> None:
    ss = Snapshotter(tmp_path)
    for index, term in [(5, 1), (9, 1), (7, 2), (12, 3)]:
        ss.save_snap(snapshot(index, term))
    mentioned = [walpb.Snapshot(index=index, term=term) for index, term in [(0, 0), (5, 1), (7, 2), (12, 2)]]
    assert ss.load() == snapshot(12, 3)
    assert ss.load_newest_available(mentioned) == snapshot(7, 2)
    with pytest.raises(NoSnapshotError):
        ss.load_newest_available(mentioned[:1])


@pytest.mark.parametrize(
    ("damage", "error"),
    [
        (lambda whole: b"", EmptySnapshotError),
        (lambda whole: b"\x08\x00\x12\x00", EmptySnapshotError),
        (lambda whole: whole[:-1] + b"?", CRCMismatchError),
        (lambda whole: whole[:-1], SnapError),
        (lambda whole: b"no message at all", SnapError),
    ],
)
def test_a_damaged_file_is_set_aside_and_the_one_before_it_is_loaded(
    tmp_path: Path, damage: type[bytes], error: type[SnapError]
) -> None:
    ss = Snapshotter(tmp_path)
    ss.save_snap(snapshot(5))
    ss.save_snap(snapshot(6))
    newest = tmp_path / "0000000000000001-0000000000000006.snap"
    newest.write_bytes(damage(newest.read_bytes()))
    with pytest.raises(error, match=newest.name):
        read(newest)
    assert ss.load() == snapshot(5)
    assert names(tmp_path) == ["0000000000000001-0000000000000005.snap", newest.name + ".broken"]
    assert ss.load() == snapshot(5)


@given(st.data())
@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_flipped_bit_is_believed(tmp_path: Path, data: st.DataObject) -> None:
    Snapshotter(tmp_path).save_snap(snapshot(5))
    path = tmp_path / "0000000000000001-0000000000000005.snap"
    whole = bytearray(path.read_bytes())
    bit = data.draw(st.integers(0, 8 * len(whole) - 1))
    whole[bit // 8] ^= 1 << bit % 8
    path.write_bytes(whole)
    with pytest.raises(SnapError):
        read(path)


class FailingSync(Disk):
    def fsync(self, fd: int) -> None:
        raise OSError(errno.EIO, "Input/output error")


async def test_a_snapshot_and_its_database_cannot_lose_their_names(tmp_path: Path) -> None:
    calls: list[str] = []

    class WatchedDisk(Disk):
        def open(self, path: Path, flags: int, mode: int) -> int:
            calls.append(f"open {path.name}")
            return super().open(path, flags, mode)

        def fsync(self, fd: int) -> None:
            calls.append("fsync")

    ss = Snapshotter(tmp_path, WatchedDisk())
    await ss.save_db_from(chunks(b"data"), 5)
    ss.save_snap(snapshot(5))
    assert calls[-2:] == [f"open {tmp_path.name}", "fsync"]


async def chunks(*data: bytes) -> AsyncIterator[bytes]:
    for chunk in data:
        yield chunk


async def test_what_could_not_be_synced_is_not_there(tmp_path: Path) -> None:
    ss = Snapshotter(tmp_path, FailingSync())
    with pytest.raises(OSError, match=r"Input/output error: '.*0005.snap'"):
        ss.save_snap(snapshot(5))
    with pytest.raises(OSError, match=r"Input/output error"):
        await ss.save_db_from(chunks(b"data"), 5)
    assert names(tmp_path) == []


async def test_a_database_comes_in_pieces_and_is_there_in_full(tmp_path: Path) -> None:
    ss = Snapshotter(tmp_path)
    with pytest.raises(NoDBSnapshotError, match=r"00000000000000ff\.snap\.db"):
        ss.db_file_path(0xFF)
    assert await ss.save_db_from(chunks(b"the ", b"", b"database"), 0xFF) == 12
    assert ss.db_file_path(0xFF) == tmp_path / "00000000000000ff.snap.db"
    assert ss.db_file_path(0xFF).read_bytes() == b"the database"
    assert names(tmp_path) == ["00000000000000ff.snap.db"]


async def test_a_database_that_stops_coming_leaves_nothing_behind(tmp_path: Path) -> None:
    async def lost() -> AsyncIterator[bytes]:
        yield b"the"
        raise ConnectionError("peer is gone")

    with pytest.raises(ConnectionError):
        await Snapshotter(tmp_path).save_db_from(lost(), 5)
    assert names(tmp_path) == []


async def test_databases_older_than_a_snapshot_are_removed(tmp_path: Path) -> None:
    ss = Snapshotter(tmp_path)
    for index in (5, 0x10, 0x20):
        await ss.save_db_from(chunks(b"data"), index)
    (tmp_path / "what.snap.db").touch()
    ss.release_snap_dbs(snapshot(0x10))
    assert names(tmp_path) == ["0000000000000010.snap.db", "0000000000000020.snap.db", "what.snap.db"]


def test_what_a_defragmentation_left_behind_is_removed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("db", "db.tmp.123", "stranger"):
        (tmp_path / name).touch()
    ss = Snapshotter(tmp_path)
    ss.save_snap(snapshot(5))
    ss.load()
    assert names(tmp_path) == ["0000000000000001-0000000000000005.snap", "db", "stranger"]
    assert caplog.messages == ["found unexpected non-snap file; skipping"]


class Database:
    """A database to be sent."""

    closed = False

    def __iter__(self) -> Iterator[bytes]:
        yield b"the "
        yield b"database"

    def close(self) -> None:
        self.closed = True


async def test_a_message_carries_the_database_and_tells_how_it_went() -> None:
    message = raftpb.Message(type=MessageType.MsgSnap, snapshot=snapshot(5))
    for error, sent in ((None, True), (ConnectionError(), False)):
        database = Database()
        merged = Message(message, database, 12)
        assert b"".join(merged.read_closer) == b"the database"
        assert merged.total_size == len(message.marshal()) + 12
        merged.close_with_error(error)
        assert database.closed
        assert await merged.close_notify().recv() is sent


def test_a_database_of_another_size_than_announced_is_an_error() -> None:
    with pytest.raises(ShortReadError):
        list(ExactReadCloser(Database(), 13))
    with pytest.raises(ExpectEOFError):
        list(ExactReadCloser(Database(), 11))

"""What a crash, a bad disk or a careless hand does to a log: repaired, or refused, never believed."""

from __future__ import annotations

import random
import shutil
from collections.abc import Buffer
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minietcd.etcdserver.storage import read_wal
from minietcd.pkg.disk import Disk
from minietcd.proto.etcdserverpb.etcdserver_pb2 import Metadata
from minietcd.proto.walpb.record_pb2 import Snapshot
from minietcd.raft.raftpb import Entry, EntryType, HardState, Index, NodeID, Term
from minietcd.wal import wal
from minietcd.wal.errors import CorruptRecordError, CRCMismatchError, UnexpectedEOFError, WALError
from minietcd.wal.repair import repair

METADATA = Metadata(NodeID=0x8E9E05C52164694D, ClusterID=0xCDF818194E3A8C32).SerializeToString()
VOTE = NodeID(0x8E9E05C52164694D)
START = Snapshot(index=0, term=0)
FIRST = "0000000000000000-0000000000000000.wal"

SETTINGS = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(autouse=True)
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wal, "SEGMENT_SIZE_BYTES", 4096)


def filled(size: int, seed: int) -> bytes:
    """Bytes of which none is zero, so that no sector looks as if it had never been written."""
    return bytes(random.Random(seed).choices(range(1, 256), k=size))


def entry(index: int, size: int = 40, term: int = 3) -> Entry:
    return Entry(EntryType.EntryNormal, Term(term), Index(index), filled(size, index))


def saved(directory: Path, sizes: list[int], disk: Disk | None = None) -> list[tuple[int, list[Entry]]]:
    """Save an entry of each size; the length of the first segment after each, and the entries then in it."""
    w = wal.create(directory, METADATA, disk or Disk())
    acknowledged: list[tuple[int, list[Entry]]] = [(w.encoder.offset, [])]
    for index, size in enumerate(sizes, start=1):
        w.save(HardState(Term(3), VOTE, Index(index - 1)), [entry(index, size)])
        acknowledged.append((w.encoder.offset, [*acknowledged[-1][1], entry(index, size)]))
    w.close()
    return acknowledged


def read(directory: Path) -> list[Entry]:
    w, *_, entries = read_wal(directory, START)
    w.close()
    return entries


def test_cut_off_anywhere_a_log_is_repaired_to_what_was_acknowledged_before(tmp_path: Path) -> None:
    acknowledged = saved(tmp_path / "wal", [40, 1, 600])
    whole = (tmp_path / "wal" / FIRST).read_bytes()
    head, end = acknowledged[0][0], acknowledged[-1][0]
    for length in range(end + 1):
        (tmp_path / "wal" / FIRST).write_bytes(whole[:length])
        safe = [entries for offset, entries in acknowledged if offset <= length]
        try:
            entries = read(tmp_path / "wal")
        except WALError as error:
            assert length < head, error
        else:
            assert entries[: len(safe[-1])] == safe[-1]
            assert entries == acknowledged[-1][1][: len(entries)]


def test_with_any_tail_of_sectors_missing_a_log_is_repaired(tmp_path: Path) -> None:
    acknowledged = saved(tmp_path / "wal", [40, 700, 1300, 3])
    whole = (tmp_path / "wal" / FIRST).read_bytes()
    for length in range(512, len(whole), 512):
        (tmp_path / "wal" / FIRST).write_bytes(whole[:length].ljust(len(whole), b"\0"))
        safe = [entries for offset, entries in acknowledged if offset <= length][-1]
        entries = read(tmp_path / "wal")
        assert entries[: len(safe)] == safe
        assert entries == acknowledged[-1][1][: len(entries)]


@given(st.data())
@SETTINGS
def test_a_write_that_lost_any_of_its_sectors_is_repaired_and_written_over(
    tmp_path: Path, data: st.DataObject
) -> None:
    shutil.rmtree(tmp_path / "wal", ignore_errors=True)
    *_, (begin, before), (end, after) = saved(
        tmp_path / "wal", data.draw(st.lists(st.integers(1, 900), min_size=2, max_size=3))
    )
    segment = tmp_path / "wal" / FIRST
    whole = bytearray(segment.read_bytes())
    for sector in range(begin // 512, (end + 511) // 512):
        if data.draw(st.booleans()):
            lost = slice(max(begin, sector * 512), min(end, sector * 512 + 512))
            whole[lost] = bytes(lost.stop - lost.start)
    segment.write_bytes(whole)

    entries = read(tmp_path / "wal")
    assert entries in (before, after)

    w, *_ = read_wal(tmp_path / "wal", START)
    w.save(HardState(), [entry(len(entries) + 1, 100)])
    w.close()
    assert read(tmp_path / "wal") == [*entries, entry(len(entries) + 1, 100)]


def test_the_segment_as_it_was_is_kept_when_its_tail_is_cut_off(tmp_path: Path) -> None:
    begin, before = saved(tmp_path / "wal", [40, 40])[1]
    segment = tmp_path / "wal" / FIRST
    segment.write_bytes(torn := segment.read_bytes()[: begin + 50])
    w = wal.open(tmp_path / "wal", START)
    with pytest.raises(UnexpectedEOFError, match=rf"{FIRST} at offset {begin}"):
        w.read_all()
    w.close()
    assert read(tmp_path / "wal") == before
    assert segment.with_name(FIRST + ".broken").read_bytes() == torn


def test_a_torn_log_opened_for_reading_only_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    begin, before = saved(tmp_path / "wal", [40, 40])[1]
    segment = tmp_path / "wal" / FIRST
    segment.write_bytes(torn := segment.read_bytes()[: begin + 50])
    w = wal.open_for_read(tmp_path / "wal", START)
    assert w.read_all()[2] == before
    w.close()
    assert [snap.index for snap in wal.valid_snapshot_entries(tmp_path / "wal")] == [0]
    assert segment.read_bytes() == torn


def test_any_flipped_bit_is_refused_or_does_not_matter(tmp_path: Path) -> None:
    acknowledged = saved(tmp_path / "wal", [20, 1, 150, 1])
    end, entries = acknowledged[-1]
    segment = tmp_path / "wal" / FIRST
    whole = segment.read_bytes()
    refused = 0
    for bit in range(8 * (end + 64)):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        segment.write_bytes(flipped)
        try:
            assert read(tmp_path / "wal") == entries
        except WALError as error:
            assert error.path in (segment, segment.parent)
            assert segment.read_bytes() == flipped
            refused += 1
    assert refused > 8 * end * 0.8


def test_a_flipped_bit_is_refused_once_with_file_and_offset_and_nothing_is_changed(tmp_path: Path) -> None:
    (begin, _), (end, _) = saved(tmp_path / "wal", [40, 40, 40])[1:3]
    segment = tmp_path / "wal" / FIRST
    whole = bytearray(segment.read_bytes())
    whole[begin + 50] ^= 0x10
    segment.write_bytes(whole)
    for _ in range(2):
        with pytest.raises(CRCMismatchError, match=rf"^wal: crc mismatch: .*{FIRST} at offset {begin}$"):
            read_wal(tmp_path / "wal", START)
        assert not repair(tmp_path / "wal")
    assert segment.read_bytes() == whole
    assert [path.name for path in (tmp_path / "wal").iterdir()] == [FIRST]
    assert begin < end


def test_damage_in_an_older_segment_is_never_taken_for_a_torn_tail(tmp_path: Path) -> None:
    saved(tmp_path / "wal", [900] * 9)
    segment = tmp_path / "wal" / FIRST
    whole = segment.read_bytes()
    for damaged in (whole[:-8], whole[:-1000], whole[:-512] + bytes(512), whole[:512]):
        segment.write_bytes(damaged)
        with pytest.raises(CorruptRecordError):
            read_wal(tmp_path / "wal", START)
        assert segment.read_bytes() == damaged


class CrashingDisk(Disk):
    """Of a file, knows what was synced, and what was only written, which a crash may take by the sector."""

    def __init__(self) -> None:
        self.synced = bytearray(4096)
        self.written: list[tuple[int, bytes]] = []
        self.offset = 0

    def write(self, fd: int, data: Buffer) -> int:
        self.written.append((self.offset, bytes(data)))
        self.offset += len(bytes(data))
        return super().write(fd, data)

    def fdatasync(self, fd: int) -> None:
        for offset, data in self.written:
            self.synced[offset : offset + len(data)] = data
        self.written.clear()

    def after_crash(self, kept_sectors: set[int]) -> bytes:
        image = bytearray(self.synced)
        for offset, data in self.written:
            for i in range(offset, offset + len(data)):
                if i // 512 in kept_sectors:
                    image[i] = data[i - offset]
        return bytes(image)


@given(kept=st.sets(st.integers(0, 7)), sizes=st.lists(st.integers(1, 400), min_size=1, max_size=5))
@SETTINGS
def test_after_a_crash_everything_synced_is_there(tmp_path: Path, kept: set[int], sizes: list[int]) -> None:
    shutil.rmtree(tmp_path / "wal", ignore_errors=True)
    disk = CrashingDisk()
    w = wal.create(tmp_path / "wal", METADATA, disk)
    promised = [entry(index, size) for index, size in enumerate(sizes, start=1)]
    for e in promised:
        w.save(HardState(Term(3), VOTE, Index(e.index - 1)), [e])
    w.save_entry(entry(len(sizes) + 1, 1200))
    w.encoder.flush()
    for file in w.locks:
        file.close()
    (tmp_path / "wal" / FIRST).write_bytes(disk.after_crash(kept))
    assert read(tmp_path / "wal")[: len(promised)] == promised


records = st.lists(
    st.builds(
        Entry,
        st.just(EntryType.EntryNormal),
        st.integers(1, 2**63).map(Term),
        st.just(Index(0)),
        st.binary(max_size=600),
    ),
    max_size=12,
)


@given(batches=st.lists(records, max_size=6), terms=st.integers(1, 2**64 - 1), data=st.data())
@SETTINGS
def test_whatever_is_saved_is_read(
    tmp_path: Path, batches: list[list[Entry]], terms: int, data: st.DataObject
) -> None:
    shutil.rmtree(tmp_path / "wal", ignore_errors=True)
    w = wal.create(tmp_path / "wal", METADATA)
    log: list[Entry] = []
    state = HardState()
    for batch in batches:
        begin = data.draw(st.integers(0, len(log)))
        placed = [Entry(e.type, e.term, Index(begin + i), e.data) for i, e in enumerate(batch, start=1)]
        if placed:
            log[begin:] = placed
        state = HardState(Term(terms), VOTE, Index(len(log)))
        w.save(state, placed)
        if data.draw(st.booleans()):
            w.close()
            w, *_ = read_wal(tmp_path / "wal", START)
    w.close()
    w, member, cluster, found, entries = read_wal(tmp_path / "wal", START)
    w.close()
    assert (member, cluster) == (VOTE, 0xCDF818194E3A8C32)
    assert (found, entries) == (state, log)

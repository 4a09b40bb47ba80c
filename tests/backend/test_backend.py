"""The backend: batches, buffered reads, and what it refuses."""

from __future__ import annotations

import asyncio
import io
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lmdb
import pytest

from minietcd.mvcc.backend.backend import Backend
from minietcd.mvcc.backend.batch_tx import BatchTxBuffered
from minietcd.mvcc.backend.errors import BackendError, BackendLockedError

KEY, META = b"key", b"meta"


def create(path: Path, **options: Any) -> Backend:
    backend = Backend(path, **options)
    with_buckets(backend)
    return backend


def with_buckets(backend: Backend) -> None:
    tx = backend.batch_tx()
    tx.lock()
    tx.unsafe_create_bucket(KEY)
    tx.unsafe_create_bucket(META)
    tx.unlock()
    backend.force_commit()


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[Backend]:
    backend = create(tmp_path / "db")
    yield backend
    backend.close()


def put(backend: Backend, key: bytes, value: bytes, bucket: bytes = KEY) -> None:
    tx = backend.batch_tx()
    tx.lock()
    tx.unsafe_put(bucket, key, value)
    tx.unlock()


def test_a_write_is_read_as_soon_as_it_is_unlocked(backend: Backend) -> None:
    tx = backend.batch_tx()
    tx.lock()
    tx.unsafe_put(META, b"a", b"1")
    assert tx.unsafe_range(META, b"a") == ([b"a"], [b"1"])
    assert backend.read_tx().unsafe_range(META, b"a") == ([], [])
    tx.unlock()
    assert backend.read_tx().unsafe_range(META, b"a") == ([b"a"], [b"1"])
    assert tx.safe_pending() == 1


def test_a_concurrent_read_keeps_its_state_through_writes_and_commits(backend: Backend) -> None:
    put(backend, b"a", b"1", META)
    reader = backend.concurrent_read_tx()
    put(backend, b"a", b"2", META)
    backend.force_commit()
    put(backend, b"a", b"3", META)
    assert reader.unsafe_range(META, b"a") == ([b"a"], [b"1"])
    assert backend.read_tx().unsafe_range(META, b"a") == ([b"a"], [b"3"])
    reader.runlock()
    with pytest.raises(lmdb.Error):
        reader.committed.tx.get(b"a")


def test_reads_join_committed_and_buffered_pairs_in_order(backend: Backend) -> None:
    rng = random.Random(1)
    numbers = list(range(60))
    for number in numbers:
        put(backend, b"%03d" % number, b"v%d" % number)
        if rng.random() < 0.2:
            backend.force_commit()
    for start, end, limit in [(0, 60, 0), (5, 59, 7), (50, 60, 3), (59, 60, 1), (60, 70, 0)]:
        keys, values = backend.read_tx().unsafe_range(KEY, b"%03d" % start, b"%03d" % end, limit)
        wanted = numbers[start:end][: limit or None]
        assert keys == [b"%03d" % n for n in wanted]
        assert values == [b"v%d" % n for n in wanted]
        assert backend.batch_tx().unsafe_range(KEY, b"%03d" % start, b"%03d" % end, limit) == (keys, values)
    seen: list[bytes] = []
    backend.read_tx().unsafe_for_each(KEY, lambda key, value: seen.append(key))
    assert seen == [b"%03d" % n for n in numbers]


def test_a_key_written_twice_is_visited_once_with_its_last_value(backend: Backend) -> None:
    put(backend, b"a", b"old", META)
    backend.force_commit()
    put(backend, b"a", b"new", META)
    seen: list[tuple[bytes, bytes]] = []
    backend.read_tx().unsafe_for_each(META, lambda key, value: seen.append((key, value)))
    assert seen == [(b"a", b"new")]


def test_a_sequential_put_may_come_out_of_order(backend: Backend) -> None:
    tx = backend.batch_tx()
    tx.lock()
    for key in (b"b", b"a", b"c"):
        tx.unsafe_seq_put(KEY, key, key)
    tx.unlock()
    assert tx.unsafe_range(KEY, b"a", b"z")[0] == [b"a", b"b", b"c"]


def test_a_full_batch_commits_by_itself(tmp_path: Path) -> None:
    backend = create(tmp_path / "db", batch_limit=10)
    commits = backend.commits
    for number in range(10):
        put(backend, b"%d" % number, b"")
    assert backend.commits == commits + 1
    assert backend.batch_tx().safe_pending() == 0
    backend.close()


async def test_what_waits_is_committed_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    committed = asyncio.Event()
    commit = BatchTxBuffered.commit
    backend = create(tmp_path / "db", batch_interval=0.001)

    def commit_and_tell(tx: BatchTxBuffered) -> None:
        commit(tx)
        committed.set()

    monkeypatch.setattr(BatchTxBuffered, "commit", commit_and_tell)
    backend.start()
    put(backend, b"a", b"1")
    await committed.wait()
    assert backend.batch_tx().safe_pending() == 0
    assert backend.read_tx().buf.buckets == {}
    assert backend.read_tx().unsafe_range(KEY, b"a") == ([b"a"], [b"1"])
    backend.close()


def test_deleted_pairs_are_gone_after_the_commit(backend: Backend) -> None:
    put(backend, b"a", b"1")
    tx = backend.batch_tx()
    tx.lock()
    tx.unsafe_delete(KEY, b"a")
    tx.unsafe_delete(KEY, b"never there")
    tx.unlock()
    backend.force_commit()
    assert backend.read_tx().unsafe_range(KEY, b"a") == ([], [])


def test_a_closed_file_opens_again_with_all_of_it(tmp_path: Path) -> None:
    backend = create(tmp_path / "db")
    put(backend, b"a", b"1")
    backend.close()
    with pytest.raises(BackendError, match="closed"):
        put(backend, b"b", b"2")
    backend = Backend(tmp_path / "db")
    assert backend.read_tx().unsafe_range(KEY, b"a") == ([b"a"], [b"1"])
    backend.close()


def test_a_snapshot_is_a_file_that_opens_and_later_writes_are_not_in_it(
    backend: Backend, tmp_path: Path
) -> None:
    put(backend, b"a", b"1")
    snapshot = backend.snapshot()
    put(backend, b"b", b"2")
    copy = tmp_path / "copy"
    with copy.open("wb") as file:
        assert snapshot.write_to(file) == snapshot.size() == file.tell()
    assert b"".join(snapshot) == copy.read_bytes()
    snapshot.close()
    other = Backend(copy)
    assert other.read_tx().unsafe_range(KEY, b"a", b"z")[0] == [b"a"]
    other.close()
    sink = io.BytesIO()
    with pytest.raises(ValueError, match="closed"):
        snapshot.write_to(sink)


def test_a_received_file_can_be_opened_in_the_place_of_the_old_one(tmp_path: Path) -> None:
    old, sender = create(tmp_path / "db"), create(tmp_path / "sender")
    put(sender, b"a", b"sent")
    with (tmp_path / "0001.snap.db").open("wb") as file:
        snapshot = sender.snapshot()
        snapshot.write_to(file)
        snapshot.close()
    (tmp_path / "0001.snap.db").rename(tmp_path / "db")
    new = Backend(tmp_path / "db")
    put(new, b"b", b"after")
    put(old, b"c", b"lost")
    assert new.read_tx().unsafe_range(KEY, b"a", b"z")[0] == [b"a", b"b"]
    for backend in (old, new, sender):
        backend.close()


def test_the_hash_depends_on_the_pairs_and_not_on_their_history(tmp_path: Path) -> None:
    one, two = create(tmp_path / "one"), create(tmp_path / "two")
    for key in (b"a", b"b"):
        put(one, key, b"1")
    for key, value in ((b"b", b"0"), (b"a", b"1"), (b"b", b"1")):
        put(two, key, value)
        two.force_commit()
    put(two, b"consistent_index", b"9", META)
    one.force_commit()
    two.force_commit()
    assert one.hash() != two.hash()
    assert one.hash([(META, b"consistent_index")]) == two.hash([(META, b"consistent_index")])
    one.close()
    two.close()


def test_defragmenting_gives_the_free_pages_back_and_goes_on(backend: Backend) -> None:
    tx = backend.batch_tx()
    for number in range(2_000):
        put(backend, b"%05d" % number, b"x" * 1_000)
    backend.force_commit()
    for number in range(1_990):
        tx.lock()
        tx.unsafe_delete(KEY, b"%05d" % number)
        tx.unlock()
    backend.force_commit()
    size, in_use = backend.size(), backend.size_in_use()
    assert in_use < size / 10
    backend.defrag()
    assert backend.size() < size / 10
    put(backend, b"z", b"after")
    assert backend.read_tx().unsafe_range(KEY, b"01989", b"~")[0] == [
        b"%05d" % n for n in range(1_990, 2_000)
    ] + [b"z"]
    with pytest.raises(BackendLockedError):
        Backend(backend.path)


def test_what_takes_the_place_of_the_file_is_on_the_disk_before(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[tuple[str, int]] = []
    fsync, replace = os.fsync, Path.replace

    def watch_fsync(fd: int) -> None:
        fsync(fd)
        events.append(("fsync", os.fstat(fd).st_ino))

    def watch_replace(source: Path, target: Path) -> Path:
        events.append(("replace", source.stat().st_ino))
        return replace(source, target)

    monkeypatch.setattr(os, "fsync", watch_fsync)
    monkeypatch.setattr(Path, "replace", watch_replace)
    put(backend, b"key", b"value")
    backend.defrag()
    file, directory = backend.path.stat().st_ino, backend.path.parent.stat().st_ino
    assert events == [("fsync", file), ("replace", file), ("fsync", directory)]


def test_a_second_user_of_the_file_is_refused(backend: Backend) -> None:
    with pytest.raises(BackendLockedError, match="another etcd process is using it"):
        Backend(backend.path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\0" * 16 + bytes.fromhex("edda0ced") + b"\0" * 8_000, "bbolt"),
        (b"no database at all" * 1_000, "not a database of minietcd"),
        (b"short", "not a database of minietcd"),
    ],
)
def test_a_foreign_file_is_refused_and_left_alone(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "db"
    path.write_bytes(content)
    for _ in range(2):
        with pytest.raises(BackendError, match=reason) as error:
            Backend(path)
        assert str(path) in str(error.value)
    assert path.read_bytes() == content


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    backend = create(tmp_path / "db")
    for number in range(1_000):
        put(backend, b"%05d" % number, b"x" * 1_000)
    backend.close()
    path = tmp_path / "db"
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)
    with pytest.raises(BackendError, match="truncated"):
        Backend(path)


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="No such file or directory"):
        Backend(tmp_path / "missing" / "db")


def test_a_full_file_says_so(tmp_path: Path) -> None:
    backend = create(tmp_path / "db", mmap_size=200_000)
    tx = backend.batch_tx()
    tx.lock()
    with pytest.raises(BackendError, match=r"full at .* bytes; restart with a larger --quota-backend-bytes"):
        for number in range(100):
            tx.unsafe_put(KEY, b"%d" % number, b"x" * 5_000)
    with pytest.raises(BackendError, match="full at"):
        tx.unsafe_put(META, b"consistent_index", b"")
    tx.unlock()
    backend.close()
    with pytest.raises(BackendError, match="full at"):
        tx.unsafe_range(KEY, b"a")
    backend = Backend(tmp_path / "db", mmap_size=1 << 20)
    assert backend.read_tx().unsafe_range(KEY, b"0") == ([], [])
    put(backend, b"a", b"x" * 200_000)
    backend.close()


FILLER = """
import resource, signal, sys
from pathlib import Path
from minietcd.mvcc.backend.backend import Backend
from minietcd.mvcc.backend.errors import BackendError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))
backend = Backend(Path(sys.argv[1]), batch_limit=10)
tx = backend.batch_tx()
try:
    for n in range(1_000):
        tx.lock()
        tx.unsafe_create_bucket(b"key")
        tx.unsafe_seq_put(b"key", n.to_bytes(8), b"x" * 1_000)
        tx.unlock()
except BackendError as error:
    print(n, error)
backend.close()
"""


def test_a_disk_that_takes_no_more_is_told_in_one_line_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "db"
    filler = subprocess.run(
        [sys.executable, "-c", FILLER, str(path)], capture_output=True, text=True, check=True
    )
    number, _, line = filler.stdout.strip().partition(" ")
    assert line.startswith(f"database {path}: cannot write: ")
    assert filler.stderr == ""
    backend = Backend(path)
    keys, _ = backend.read_tx().unsafe_range(KEY, b"\0", b"\xff")
    assert 0 < len(keys) <= int(number)
    assert keys == [n.to_bytes(8) for n in range(len(keys))]
    backend.close()


WRITER = """
import sys
from pathlib import Path
from typing import Any
from minietcd.mvcc.backend.backend import Backend
backend = Backend(Path(sys.argv[1]), batch_limit=100)
tx = backend.batch_tx()
tx.lock()
tx.unsafe_create_bucket(b"key")
tx.unlock()
n = 0
while True:
    tx.lock()
    commits = backend.commits
    for _ in range(10):
        tx.unsafe_seq_put(b"key", n.to_bytes(8), b"x" * 100)
        n += 1
    tx.unlock()
    if backend.commits > commits:
        print(n, flush=True)
"""


def test_a_kill_loses_nothing_that_was_committed_and_half_of_nothing(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path / "db")], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    with process.stdout as lines:
        for _ in range(20):
            lines.readline()
        process.send_signal(signal.SIGKILL)
        committed = int((lines.read().split() or ["0"])[-1])
        process.wait()
    backend = Backend(tmp_path / "db")
    keys, _ = backend.read_tx().unsafe_range(KEY, b"\0", b"\xff")
    assert len(keys) >= committed
    assert len(keys) % 10 == 0
    assert keys == [n.to_bytes(8) for n in range(len(keys))]
    backend.close()

"""The store: what a read finds at which revision, before and after compaction and restart."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minietcd.lease.lessor import LeaseID, LeaseItem, Lessor
from minietcd.mvcc import kvstore
from minietcd.mvcc.backend.backend import Backend
from minietcd.mvcc.errors import CompactedError, FutureRevError
from minietcd.mvcc.kv import RangeOptions
from minietcd.mvcc.kvstore import Store, saved_index
from minietcd.mvcc.revision import Revision, rev_to_bytes
from minietcd.mvcc.watchable_store import WatchableStore
from minietcd.pkg.chan import ChanClosedError
from minietcd.proto.mvccpb.kv_pb2 import KeyValue


class HasIndex(Protocol):
    index: int


async def compact(store: Store, rev: int) -> None:
    with pytest.raises(ChanClosedError):
        await store.compact(rev).recv()


def test_a_put_makes_the_next_revision(store: WatchableStore) -> None:
    assert store.rev() == 1
    assert store.put(b"foo", b"bar") == 2
    assert store.put(b"foo", b"baz") == 3
    found = store.range(b"foo", b"")
    assert (found.rev, found.count) == (3, 1)
    assert found.kvs == [
        KeyValue(key=b"foo", value=b"baz", create_revision=2, mod_revision=3, version=2),
    ]
    assert store.range(b"foo", b"", RangeOptions(rev=2)).kvs[0].value == b"bar"
    assert store.range(b"foo", b"", RangeOptions(rev=1)).kvs == []


def test_what_a_transaction_wrote_it_reads_itself_and_nobody_else(store: WatchableStore) -> None:
    txn = store.write()
    txn.put(b"a", b"1")
    txn.put(b"a", b"2")
    assert txn.delete_range(b"b", b"") == (0, 2)
    assert txn.range(b"a", b"").kvs[0].version == 2
    reader = store.read()
    assert reader.range(b"a", b"").kvs == []
    txn.end()
    assert reader.range(b"a", b"").kvs == []
    reader.end()
    assert store.range(b"a", b"").kvs[0].value == b"2"
    assert store.rev() == 2


def test_a_transaction_that_changes_nothing_makes_no_revision(store: WatchableStore, entry: HasIndex) -> None:
    entry.index = 7
    assert store.delete_range(b"nothing", b"") == (0, 1)
    assert store.rev() == 1
    assert store.consistent_index() == 0


def test_a_range_ends_where_it_should(store: WatchableStore) -> None:
    for key in (b"a", b"b", b"b0", b"c"):
        store.put(key, b"")

    def keys(key: bytes, end: bytes, **options: Any) -> list[bytes]:
        return [kv.key for kv in store.range(key, end, RangeOptions(**options)).kvs]

    assert keys(b"b", b"") == [b"b"]
    assert keys(b"b", b"c") == [b"b", b"b0"]
    assert keys(b"b", b"\0") == [b"b", b"b0", b"c"]
    assert keys(b"\0", b"\0") == [b"a", b"b", b"b0", b"c"]
    assert keys(b"c", b"b") == []
    assert keys(b"a", b"z", limit=2) == [b"a", b"b"]
    assert store.range(b"a", b"z", RangeOptions(limit=2)).count == 4
    assert store.range(b"a", b"z", RangeOptions(count=True)).count == 4
    assert keys(b"a", b"z", count=True) == []


def test_the_future_cannot_be_read(store: WatchableStore) -> None:
    with pytest.raises(FutureRevError, match="mvcc: required revision is a future revision"):
        store.range(b"a", b"", RangeOptions(rev=2))
    with pytest.raises(FutureRevError):
        store.compact(2)
    with pytest.raises(FutureRevError):
        store.hash_by_rev(2)


async def test_the_compacted_cannot_be_read(store: WatchableStore) -> None:
    for value in range(20):
        store.put(b"a", b"%d" % value)
        store.put(b"b%d" % value, b"")
    store.delete_range(b"b", b"c")
    await compact(store, 30)
    with pytest.raises(CompactedError, match="mvcc: required revision has been compacted"):
        store.range(b"a", b"", RangeOptions(rev=29))
    with pytest.raises(CompactedError):
        store.compact(30)
    assert store.range(b"a", b"", RangeOptions(rev=30)).kvs[0].value == b"14"
    await compact(store, store.rev())
    left, _ = store.b.batch_tx().unsafe_range(b"key", b"\0", b"\xff")
    assert left == [rev_to_bytes(Revision(40))]
    assert store.b.batch_tx().unsafe_range(b"meta", b"finishedCompactRev")[1] == [rev_to_bytes(Revision(42))]


async def test_a_compaction_that_was_cut_short_goes_on_after_the_restart(tmp_path: Path) -> None:
    with opened(tmp_path / "db") as store:
        for _ in range(10):
            store.put(b"a", b"")
        store.update_compact_rev(9)
    with opened(tmp_path / "db") as store:
        assert store.first_rev() == 9
        assert store.fifo_sched is not None
        await store.fifo_sched.stop()
        store.fifo_sched = None
        left, _ = store.b.batch_tx().unsafe_range(b"key", b"\0", b"\xff")
        assert left == [rev_to_bytes(Revision(rev)) for rev in (9, 10, 11)]


async def test_a_compaction_ends_when_another_store_takes_over(store: WatchableStore, tmp_path: Path) -> None:
    for _ in range(50):
        store.put(b"a", b"")
    done = store.compact(40)
    await asyncio.sleep(0)
    old = store.b
    with opened(tmp_path / "model") as model:
        model.put(b"b", b"")
        snapshot = model.b.snapshot()
    with (tmp_path / "new").open("wb") as file:
        snapshot.write_to(file)
    snapshot.close()
    store.restore(Backend(tmp_path / "new"))
    assert store.fifo_sched is not None
    await store.fifo_sched.stop()
    store.fifo_sched = None
    assert done.closed, "who waits for it would wait for ever"
    assert len(old.batch_tx().unsafe_range(b"key", b"\0", b"\xff")[0]) > 11
    assert (store.rev(), store.first_rev(), store.range(b"b", b"").count) == (2, -1, 1)
    old.close()


async def test_the_revision_stays_when_all_that_made_it_is_compacted(tmp_path: Path) -> None:
    with opened(tmp_path / "db") as store:
        store.put(b"a", b"")
        store.delete_range(b"a", b"")
        await compact(store, 3)
        assert store.kvindex.tree == {}
        await store.close()
    with opened(tmp_path / "db") as store:
        assert (store.rev(), store.first_rev()) == (3, 3)


async def test_hashes_agree_whether_compaction_has_finished_or_not(tmp_path: Path) -> None:
    with opened(tmp_path / "one") as one, opened(tmp_path / "two") as two:
        for store in (one, two):
            for number in range(30):
                store.put(b"%d" % (number % 5), b"%d" % number)
            store.delete_range(b"0", b"3")
        before = one.hash_by_rev(0)
        assert before == two.hash_by_rev(0)
        assert before[1:] == (32, -1)
        await compact(one, 20)
        two.update_compact_rev(20)
        assert one.hash_by_rev(25) == two.hash_by_rev(25)
        assert one.hash_by_rev(0)[0] != before[0]
        with pytest.raises(CompactedError):
            one.hash_by_rev(20)
        assert one.hash()[1] == 32


def test_keys_exchange_their_leases(store: WatchableStore) -> None:
    store.le.grant(LeaseID(7), 60)
    store.le.grant(LeaseID(8), 60)
    store.put(b"a", b"", LeaseID(7))
    store.put(b"a", b"", LeaseID(8))
    store.put(b"b", b"", LeaseID(8))
    assert store.le.get_lease(LeaseItem(b"a")) == 8
    assert [len(lease.keys()) for lease in store.le.leases()] == [0, 2]
    store.put(b"a", b"")
    store.delete_range(b"b", b"")
    assert [len(lease.keys()) for lease in store.le.leases()] == [0, 0]


def test_revoking_a_lease_deletes_its_keys_at_one_revision(store: WatchableStore) -> None:
    store.le.grant(LeaseID(7), 60)
    for key in (b"b", b"a"):
        store.put(key, b"", LeaseID(7))
    store.le.revoke(LeaseID(7))
    assert store.rev() == 4
    assert store.range(b"a", b"c").count == 0
    assert store.le.lookup(LeaseID(7)) is None


def test_the_consistent_index_is_saved_with_the_changes(tmp_path: Path, entry: HasIndex) -> None:
    backend = Backend(tmp_path / "db")
    store = Store(backend, Lessor(backend), entry)  # type: ignore[arg-type]
    entry.index = 5
    store.put(b"a", b"")
    entry.index = 9
    assert store.consistent_index() == 5
    store.commit()
    assert store.consistent_index() == 9
    backend.close()
    backend = Backend(tmp_path / "db")
    assert saved_index(backend) == 9
    assert Store(backend, Lessor(backend), None).consistent_index() == 9
    backend.close()


async def test_a_store_can_take_the_place_of_another(store: WatchableStore, tmp_path: Path) -> None:
    store.put(b"mine", b"")
    with opened(tmp_path / "other") as other:
        for _ in range(3):
            other.put(b"sent", b"x")
        snapshot = other.b.snapshot()
        with (tmp_path / "received").open("wb") as file:
            snapshot.write_to(file)
        snapshot.close()
    old, new = store.b, Backend(tmp_path / "received")
    store.le.recover(new, store.write)
    store.restore(new)
    old.close()
    assert store.rev() == 4
    assert [kv.key for kv in store.range(b"a", b"\0").kvs] == [b"sent"]
    assert store.put(b"sent", b"y") == 5


@contextmanager
def opened(path: Path) -> Iterator[Store]:
    backend = Backend(path)
    yield Store(backend, Lessor(backend), None, compaction_batch_limit=3)
    backend.close()


@dataclass
class Model:
    """All states that there ever were, each a dict."""

    states: list[dict[bytes, KeyValue]] = field(default_factory=lambda: [{}, {}])
    compacted: int = -1

    def put(self, rev: int, key: bytes, value: bytes) -> None:
        old = self.states[rev].get(key)
        self.states[rev][key] = KeyValue(
            key=key,
            value=value,
            create_revision=old.create_revision if old else rev,
            mod_revision=rev,
            version=old.version + 1 if old else 1,
        )


KEYS = st.sampled_from([b"a", b"b", b"bb", b"c"])
ENDS = st.sampled_from([b"", b"b", b"c", b"d", b"\0"])
CHANGES = st.one_of(
    st.tuples(st.just("put"), KEYS, st.binary(max_size=3)), st.tuples(st.just("delete"), KEYS, ENDS)
)
STEPS = st.one_of(
    st.tuples(st.just("txn"), st.lists(CHANGES, max_size=4)),
    st.tuples(st.just("compact"), st.floats(0, 1)),
    st.tuples(st.sampled_from(["commit", "reopen"]), st.none()),
)


def in_range(keys: dict[bytes, KeyValue], key: bytes, end: bytes) -> list[bytes]:
    if not end:
        return [key] if key in keys else []
    return sorted(k for k in keys if key <= k and (k < end or end == b"\0"))


def check(store: Store, model: Model, key: bytes, end: bytes) -> None:
    """Every revision that can be read is as it was, the rest is refused."""
    assert store.rev() == len(model.states) - 1
    for rev, state in enumerate(model.states[1:], 1):
        if rev < model.compacted:
            with pytest.raises(CompactedError):
                store.range(key, end, RangeOptions(rev=rev))
        else:
            found = store.range(key, end, RangeOptions(rev=rev))
            assert found.kvs == [state[k] for k in in_range(state, key, end)]
            assert found.count == len(found.kvs)


def apply_txn(store: Store, model: Model, changes: list[tuple[str, bytes, bytes]]) -> None:
    rev = store.rev() + 1
    model.states.append(dict(model.states[-1]))
    txn = store.write()
    for kind, key, argument in changes:
        if kind == "put":
            assert txn.put(key, argument) == rev
            model.put(rev, key, argument)
        else:
            doomed = in_range(model.states[rev], key, argument)
            deleted, _ = txn.delete_range(key, argument)
            assert deleted == len(doomed)
            for gone in doomed:
                del model.states[rev][gone]
    if not txn.changes():
        model.states.pop()
    txn.end()


@settings(max_examples=60, deadline=None)
@given(st.lists(STEPS, max_size=25), KEYS, ENDS)
def test_the_store_is_its_whole_history(steps: list[tuple[str, Any]], key: bytes, end: bytes) -> None:
    async def run(path: Path) -> None:
        model = Model()
        backend = Backend(path)
        store = Store(backend, Lessor(backend), None, compaction_batch_limit=3)
        for kind, argument in steps:
            if kind == "txn":
                apply_txn(store, model, argument)
            elif kind == "compact":
                model.compacted = max(model.compacted, int(argument * store.rev()))
                if model.compacted > store.first_rev():
                    await compact(store, model.compacted)
            elif kind == "commit":
                store.commit()
            else:
                await store.close()
                backend.close()
                backend = Backend(path)
                store = Store(backend, Lessor(backend), None, compaction_batch_limit=3)
        check(store, model, key, end)
        await store.close()
        backend.close()

    with tempfile.TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(kvstore, "RESTORE_CHUNK_KEYS", 2)
        asyncio.run(run(Path(directory) / "db"))


WRITER = """
import sys
from pathlib import Path
from minietcd.lease.lessor import Lessor
from minietcd.mvcc import kvstore
from minietcd.mvcc.backend.backend import Backend
from minietcd.mvcc.watchable_store import WatchableStore

class Entry:
    index = 0
    def consistent_index(self):
        return self.index

entry, backend = Entry(), Backend(Path(sys.argv[1]), batch_limit=100)
store = WatchableStore(backend, Lessor(backend), entry)
while True:
    entry.index += 1
    commits = backend.commits
    txn = store.write()
    for key in (b"a", b"b", b"c"):
        txn.put(key, b"%d" % entry.index)
    txn.end()
    if backend.commits > commits:
        print(entry.index, flush=True)
"""


def test_a_killed_store_comes_back_whole_with_the_index_of_its_last_change(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path / "db")], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    with process.stdout as lines:
        for _ in range(10):
            lines.readline()
        process.send_signal(signal.SIGKILL)
        committed = int((lines.read().split() or ["0"])[-1])
        process.wait()
    backend = Backend(tmp_path / "db")
    store = Store(backend, Lessor(backend), None)
    assert store.consistent_index() == store.rev() - 1 >= committed
    for kv in store.range(b"a", b"\0").kvs:
        assert (int(kv.value), kv.version, kv.mod_revision) == (store.rev() - 1, store.rev() - 1, store.rev())
    backend.close()

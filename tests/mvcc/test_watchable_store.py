"""Watchers: each change once and in order, whether they are in step, behind, slow or too late."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from minietcd.lease.lessor import Lessor
from minietcd.mvcc import watchable_store, watcher_group
from minietcd.mvcc.backend.backend import Backend
from minietcd.mvcc.errors import EmptyWatcherRangeError, WatcherDuplicateIDError, WatcherNotExistError
from minietcd.mvcc.watchable_store import WatchableStore
from minietcd.mvcc.watcher import AUTO_WATCH_ID, CHAN_BUF_LEN, WatchID, WatchResponse, WatchStream
from minietcd.pkg.chan import ChanClosedError
from minietcd.proto.mvccpb.kv_pb2 import Event


def received(stream: WatchStream) -> list[WatchResponse]:
    responses = []
    while response := stream.chan().try_recv():
        assert isinstance(response, WatchResponse)
        responses.append(response)
    return responses


def revisions(responses: list[WatchResponse]) -> list[int]:
    return [event.kv.mod_revision for response in responses for event in response.events]


async def test_a_watcher_in_step_gets_a_change_before_it_can_be_read(store: WatchableStore) -> None:
    stream = store.new_watch_stream()
    id = stream.watch(AUTO_WATCH_ID, b"foo", b"", 0)
    store.put(b"bar", b"")
    txn = store.write()
    txn.put(b"foo", b"1")
    txn.end()
    store.delete_range(b"foo", b"")
    put, deleted = received(stream)
    assert put == WatchResponse(id, put.events, revision=3)
    assert (put.events[0].type, put.events[0].kv.value) == (Event.PUT, b"1")
    assert (deleted.events[0].type, deleted.events[0].kv.mod_revision) == (Event.DELETE, 4)


async def test_changes_of_one_transaction_come_together(store: WatchableStore) -> None:
    stream = store.new_watch_stream()
    stream.watch(AUTO_WATCH_ID, b"a", b"c", 0)
    txn = store.write()
    for key in (b"a", b"b", b"c"):
        txn.put(key, b"")
    txn.delete_range(b"a", b"")
    txn.end()
    (response,) = received(stream)
    assert [(e.type, e.kv.key) for e in response.events] == [
        (Event.PUT, b"a"),
        (Event.PUT, b"b"),
        (Event.DELETE, b"a"),
    ]
    assert revisions([response]) == [2, 2, 2]


async def test_a_watcher_of_the_past_is_brought_up(store: WatchableStore) -> None:
    for _ in range(5):
        store.put(b"a", b"")
        store.put(b"b", b"")
    store.delete_range(b"a", b"")
    stream = store.new_watch_stream()
    stream.watch(AUTO_WATCH_ID, b"a", b"", 4)
    assert store.sync_watchers() == 0
    store.put(b"a", b"")
    assert revisions(received(stream)) == [4, 6, 8, 10, 12, 13]


async def test_the_loop_brings_watchers_up_by_itself(store: WatchableStore) -> None:
    store.put(b"a", b"")
    store.start()
    stream = store.new_watch_stream()
    stream.watch(AUTO_WATCH_ID, b"a", b"", 1)
    assert revisions([await stream.chan().recv()]) == [2]


async def test_a_long_history_comes_in_parts(store: WatchableStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watcher_group, "WATCH_BATCH_MAX_REVS", 3)
    for _ in range(8):
        store.put(b"a", b"")
    stream = store.new_watch_stream()
    stream.watch(AUTO_WATCH_ID, b"a", b"", 1)
    assert [store.sync_watchers() for _ in range(3)] == [1, 1, 0]
    responses = received(stream)
    assert [len(response.events) for response in responses] == [3, 3, 2]
    assert revisions(responses) == list(range(2, 10))


async def test_a_slow_watcher_misses_nothing(store: WatchableStore) -> None:
    store.start()
    stream = store.new_watch_stream()
    stream.watch(AUTO_WATCH_ID, b"a", b"", 0)
    total = 3 * CHAN_BUF_LEN
    for _ in range(total):
        store.put(b"a", b"")
    assert store.synced.size() == 0
    seen: list[int] = []
    while len(seen) < total:
        seen += revisions([await stream.chan().recv()])
    assert seen == list(range(2, total + 2))
    assert store.victims == []


async def test_one_who_comes_too_late_is_told_and_dropped(store: WatchableStore) -> None:
    for _ in range(5):
        store.put(b"a", b"")
    store.update_compact_rev(5)
    stream = store.new_watch_stream()
    id = stream.watch(AUTO_WATCH_ID, b"a", b"", 2)
    assert store.sync_watchers() == 0
    assert received(stream) == [WatchResponse(id, compact_revision=5)]
    assert store.synced.size() == 0


async def test_one_who_comes_too_late_is_told_once_there_is_room(store: WatchableStore) -> None:
    store.put(b"a", b"")
    stream = store.new_watch_stream()
    in_step = stream.watch(AUTO_WATCH_ID, b"a", b"", 0)
    for _ in range(CHAN_BUF_LEN):
        stream.request_progress(in_step)
    store.put(b"b", b"")
    store.update_compact_rev(3)
    late = stream.watch(AUTO_WATCH_ID, b"a", b"", 2)
    assert store.sync_watchers() == 1
    received(stream)
    assert store.sync_watchers() == 0
    assert received(stream) == [WatchResponse(late, compact_revision=3)]


async def test_more_watchers_than_one_round_takes(
    store: WatchableStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchable_store, "MAX_WATCHERS_PER_SYNC", 3)
    for _ in range(4):
        store.put(b"a", b"")
    store.update_compact_rev(3)
    stream = store.new_watch_stream()
    for number in range(8):
        stream.watch(WatchID(number + 1), b"a", b"\0" if number % 2 else b"", 1 + number % 4)
    while store.sync_watchers():
        pass
    by_id: dict[int, list[int]] = {}
    for response in received(stream):
        by_id.setdefault(response.watch_id, []).extend(revisions([response]))
        assert response.compact_revision == (3 if (response.watch_id - 1) % 4 < 2 else 0)
    assert by_id == {n + 1: list(range(1 + n % 4, 6)) if n % 4 > 1 else [] for n in range(8)}


async def test_a_filter_keeps_events_away(store: WatchableStore) -> None:
    stream = store.new_watch_stream()
    stream.watch(AUTO_WATCH_ID, b"a", b"", 0, lambda event: event.type == Event.PUT)
    store.put(b"a", b"")
    store.delete_range(b"a", b"")
    assert [event.type for response in received(stream) for event in response.events] == [Event.DELETE]


async def test_progress_is_told_to_those_in_step_only(store: WatchableStore) -> None:
    store.put(b"a", b"")
    stream = store.new_watch_stream()
    synced = stream.watch(AUTO_WATCH_ID, b"a", b"", 0)
    behind = stream.watch(AUTO_WATCH_ID, b"a", b"", 1)
    stream.request_progress(behind)
    stream.request_progress(synced)
    stream.request_progress(WatchID(99))
    assert received(stream) == [WatchResponse(synced, revision=2)]


async def test_a_stream_refuses_what_cannot_be_watched(store: WatchableStore) -> None:
    stream = store.new_watch_stream()
    with pytest.raises(EmptyWatcherRangeError, match="mvcc: watcher range is empty"):
        stream.watch(AUTO_WATCH_ID, b"b", b"a", 0)
    stream.watch(WatchID(5), b"a", b"", 0)
    with pytest.raises(WatcherDuplicateIDError):
        stream.watch(WatchID(5), b"a", b"", 0)
    assert [stream.watch(AUTO_WATCH_ID, b"a", b"\0", 0) for _ in range(2)] == [0, 1]
    stream.cancel(WatchID(5))
    with pytest.raises(WatcherNotExistError):
        stream.cancel(WatchID(5))
    assert store.synced.size() == 2
    stream.close()
    assert store.synced.size() == 0
    with pytest.raises(ChanClosedError):
        await stream.chan().recv()
    with pytest.raises(EmptyWatcherRangeError):
        stream.watch(AUTO_WATCH_ID, b"a", b"", 0)


async def test_a_cancelled_victim_is_forgotten(store: WatchableStore) -> None:
    stream = store.new_watch_stream()
    id = stream.watch(AUTO_WATCH_ID, b"a", b"", 0)
    for _ in range(CHAN_BUF_LEN + 1):
        store.put(b"a", b"")
    assert len(store.victims) == 1
    stream.cancel(id)
    assert store.move_victims() == 0
    assert store.victims == []


async def test_watchers_live_through_a_snapshot_from_the_leader(
    store: WatchableStore, tmp_path: Path
) -> None:
    stream = store.new_watch_stream()
    stream.watch(AUTO_WATCH_ID, b"a", b"", 0)
    stream.watch(AUTO_WATCH_ID, b"a", b"", 1_000)
    store.put(b"a", b"")
    leader = Backend(tmp_path / "leader")
    ahead = WatchableStore(leader, Lessor(leader), None)
    for _ in range(4):
        ahead.put(b"a", b"")
    old = store.b
    store.start()
    store.restore(leader)
    old.close()
    seen: list[int] = []
    while len(seen) < 4:
        seen += revisions([await stream.chan().recv()])
    assert seen == [2, 3, 4, 5]
    assert store.synced.size() == 2


async def test_any_mixture_of_watchers_sees_each_change_once(store: WatchableStore) -> None:
    rng = random.Random(3)
    keys = [b"a", b"ab", b"b", b"c"]
    store.start()
    stream = store.new_watch_stream()
    watched: dict[int, tuple[bytes, bytes, int]] = {}
    seen: dict[int, list[int]] = {}
    changes: list[tuple[int, bytes]] = []
    for _ in range(400):
        key = rng.choice(keys)
        if rng.random() < 0.1:
            end, start = rng.choice([b"", b"\0", b"d"]), rng.randint(1, store.rev() + 3)
            watched[stream.watch(AUTO_WATCH_ID, key, end, start)] = key, end, start
        changes.append((store.put(key, b""), key))
        if rng.random() < 0.5:
            for response in received(stream):
                seen.setdefault(response.watch_id, []).extend(revisions([response]))
            await asyncio.sleep(0)
    wanted = {
        id: [rev for rev, k in changes if rev >= start and (k == key or (end and key <= k))]
        for id, (key, end, start) in watched.items()
    }
    while sum(map(len, seen.values())) < sum(map(len, wanted.values())):
        response = await stream.chan().recv()
        seen.setdefault(response.watch_id, []).extend(revisions([response]))
    assert seen == {id: revs for id, revs in wanted.items() if revs}

"""Which watchers want an event.

Go: mvcc/watcher_group.go
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from minietcd.mvcc.index import FROM_KEY
from minietcd.mvcc.watcher import WatchResponse
from minietcd.proto.mvccpb.kv_pb2 import Event

if TYPE_CHECKING:
    from minietcd.mvcc.watchable_store import Watcher

WATCH_BATCH_MAX_REVS = 1000


@dataclass(slots=True)
class EventBatch:
    """Events for a watcher, of at most WATCH_BATCH_MAX_REVS revisions; ``more_rev`` is the first left out.

    Go: mvcc/watcher_group.go#eventBatch
    """

    evs: list[Event] = field(default_factory=list)
    revs: int = 0
    more_rev: int = 0

    def add(self, ev: Event) -> None:
        """Append an event, if its revision still fits. Go: mvcc/watcher_group.go#eventBatch.add"""
        if self.more_rev:
            return
        if not self.evs or ev.kv.mod_revision > self.evs[-1].kv.mod_revision:
            if self.revs == WATCH_BATCH_MAX_REVS:
                self.more_rev = ev.kv.mod_revision
                return
            self.revs += 1
        self.evs.append(ev)


type WatcherBatch = dict[Watcher, EventBatch]


def new_watcher_batch(wg: WatcherGroup, evs: Iterable[Event]) -> WatcherBatch:
    """The events by watcher; none that a watcher has had already.

    Go: mvcc/watcher_group.go#newWatcherBatch
    Go: mvcc/watcher_group.go#watcherBatch.add
    """
    batch: WatcherBatch = {}
    if not wg.watchers:
        return batch
    for ev in evs:
        for watcher in wg.watcher_set_by_key(ev.kv.key):
            if ev.kv.mod_revision >= watcher.min_rev:
                batch.setdefault(watcher, EventBatch()).add(ev)
    return batch


class WatcherGroup:
    """Watchers, found by key.

    Left out: etcd's interval tree, because there are few distinct ranges; each is compared with the key.

    Go: mvcc/watcher_group.go#watcherGroup
    """

    def __init__(self, watchers: Iterable[Watcher] = ()) -> None:
        """Go: mvcc/watcher_group.go#newWatcherGroup"""
        self.key_watchers: defaultdict[bytes, dict[Watcher, None]] = defaultdict(dict)
        self.ranges: defaultdict[tuple[bytes, bytes], dict[Watcher, None]] = defaultdict(dict)
        self.watchers: dict[Watcher, None] = {}
        for watcher in watchers:
            self.add(watcher)

    def add(self, wa: Watcher) -> None:
        """Take a watcher in, which is not here yet. Go: mvcc/watcher_group.go#watcherGroup.add"""
        assert wa not in self.watchers, "add watcher twice"
        self.watchers[wa] = None
        if wa.end:
            self.ranges[wa.key, wa.end][wa] = None
        else:
            self.key_watchers[wa.key][wa] = None

    def contains(self, key: bytes) -> bool:
        """Whether anybody watches ``key``. Go: mvcc/watcher_group.go#watcherGroup.contains"""
        return any(self.watcher_set_by_key(key))

    def size(self) -> int:
        """How many watchers there are. Go: mvcc/watcher_group.go#watcherGroup.size"""
        return len(self.watchers)

    def delete(self, wa: Watcher) -> bool:
        """Remove a watcher; False if it is not here. Go: mvcc/watcher_group.go#watcherGroup.delete"""
        if wa not in self.watchers:
            return False
        del self.watchers[wa]
        if wa.end:
            _discard(self.ranges, (wa.key, wa.end), wa)
        else:
            _discard(self.key_watchers, wa.key, wa)
        return True

    def choose(self, max_watchers: int, cur_rev: int, compact_rev: int) -> tuple[WatcherGroup, int]:
        """Some of the watchers, and the first revision that any of them wants.

        Go: mvcc/watcher_group.go#watcherGroup.choose
        """
        if self.size() < max_watchers:
            return self, self.choose_all(cur_rev, compact_rev)
        chosen = WatcherGroup(islice(self.watchers, max_watchers))
        return chosen, chosen.choose_all(cur_rev, compact_rev)

    def choose_all(self, cur_rev: int, compact_rev: int) -> int:
        """The first revision wanted; who wants what is compacted is told so and leaves.

        Go: mvcc/watcher_group.go#watcherGroup.chooseAll
        """
        min_rev = sys.maxsize
        for watcher in list(self.watchers):
            # Only a snapshot from the leader can throw the store behind a watcher that was in step.
            assert watcher.min_rev <= cur_rev or watcher.restore, (watcher.min_rev, cur_rev)
            watcher.restore = False
            if watcher.min_rev >= compact_rev:
                min_rev = min(min_rev, watcher.min_rev)
            elif watcher.ch and watcher.ch.try_send(WatchResponse(watcher.id, compact_revision=compact_rev)):
                watcher.compacted = True
                self.delete(watcher)
        return min_rev

    def watcher_set_by_key(self, key: bytes) -> Iterator[Watcher]:
        """Who watches ``key``. Go: mvcc/watcher_group.go#watcherGroup.watcherSetByKey"""
        yield from self.key_watchers.get(key, ())
        for (start, end), watchers in self.ranges.items():
            if start <= key and (key < end or end == FROM_KEY):
                yield from watchers


def _discard[K](sets: dict[K, dict[Watcher, None]], key: K, watcher: Watcher) -> None:
    del sets[key][watcher]
    if not sets[key]:
        del sets[key]

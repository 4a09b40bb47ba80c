"""The store with watchers: those in step get each change as it happens, those behind are brought up.

A watcher is in one of three places. *Synced*: it has seen all, and ``notify`` sends it what a transaction
changes. *Unsynced*: it began in the past, and a loop reads history for it. *Victim*: its channel was full,
and a loop sends what it missed before it goes back to one of the others.

Go: mvcc/watchable_store.go
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from minietcd.lease.lessor import Lessor
from minietcd.mvcc.backend.backend import Backend
from minietcd.mvcc.kv import ConsistentIndexGetter
from minietcd.mvcc.kvstore import DEFAULT_COMPACT_BATCH_LIMIT, Store
from minietcd.mvcc.kvstore_txn import KEY_BUCKET_NAME
from minietcd.mvcc.revision import Revision, bytes_to_rev, is_tombstone, rev_to_bytes
from minietcd.mvcc.watchable_store_txn import WatchableStoreTxnWrite
from minietcd.mvcc.watcher import FilterFunc, WatchID, WatchResponse, WatchStream
from minietcd.mvcc.watcher_group import WatcherBatch, WatcherGroup, new_watcher_batch
from minietcd.pkg.chan import Chan
from minietcd.pkg.task import go
from minietcd.proto.mvccpb.kv_pb2 import Event, KeyValue

MAX_WATCHERS_PER_SYNC = 512
_SYNC_INTERVAL = 0.1
_VICTIM_INTERVAL = 0.01


@dataclass(slots=True, eq=False)
class Watcher:
    """One watch of a range; it has seen all revisions before ``min_rev``.

    ``ch`` is None once it is cancelled.

    Go: mvcc/watchable_store.go#watcher
    """

    key: bytes
    end: bytes
    min_rev: int
    id: WatchID
    ch: Chan[WatchResponse] | None
    fcs: tuple[FilterFunc, ...] = ()
    victim: bool = False
    compacted: bool = False
    restore: bool = False

    def send(self, wr: WatchResponse) -> bool:
        """Send what the filters leave of it; False if the channel is full.

        Go: mvcc/watchable_store.go#watcher.send
        """
        assert self.ch is not None, "send to a cancelled watcher"
        if wr.events and self.fcs:
            wanted = [ev for ev in wr.events if not any(unwanted(ev) for unwanted in self.fcs)]
            if not wanted:
                return True
            wr = replace(wr, events=wanted)
        return self.ch.try_send(wr)


class WatchableStore(Store):
    """A store that tells its watchers what changes. Go: mvcc/watchable_store.go#watchableStore"""

    txn_write = WatchableStoreTxnWrite

    def __init__(
        self,
        b: Backend,
        le: Lessor,
        ig: ConsistentIndexGetter | None,
        compaction_batch_limit: int = DEFAULT_COMPACT_BATCH_LIMIT,
    ) -> None:
        """Go: mvcc/watchable_store.go#newWatchableStore"""
        super().__init__(b, le, ig, compaction_batch_limit)
        self.victims: list[WatcherBatch] = []
        self.victimc: Chan[None] = Chan("victimc", 1)
        self.unsynced = WatcherGroup()
        self.synced = WatcherGroup()
        self._loops: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Serve watchers that lag behind, from now on."""
        self._loops = [
            go(self.sync_watchers_loop(), "syncWatchersLoop"),
            go(self.sync_victims_loop(), "syncVictimsLoop"),
        ]

    async def close(self) -> None:
        """Stop serving watchers, and compacting. Go: mvcc/watchable_store.go#watchableStore.Close"""
        for loop in self._loops:
            loop.cancel()
        await super().close()

    def write(self) -> WatchableStoreTxnWrite:
        """Begin to write; no await before its ``end``.

        Go: mvcc/watchable_store_txn.go#watchableStore.Write
        """
        txn = super().write()
        assert isinstance(txn, WatchableStoreTxnWrite)
        return txn

    def new_watch_stream(self) -> WatchStream:
        """Watchers for one client. Go: mvcc/watchable_store.go#watchableStore.NewWatchStream"""
        return WatchStream(self)

    def watch(
        self, key: bytes, end: bytes, start_rev: int, id: WatchID, ch: Chan[WatchResponse], *fcs: FilterFunc
    ) -> Watcher:
        """Watch a range from ``start_rev`` on (0: from now on).

        Go: mvcc/watchable_store.go#watchableStore.watch
        """
        watcher = Watcher(key, end, start_rev, id, ch, fcs)
        if start_rev > self.current_rev or start_rev == 0:
            watcher.min_rev = max(self.current_rev + 1, start_rev)
            self.synced.add(watcher)
        else:
            self.unsynced.add(watcher)
        return watcher

    def cancel_watcher(self, wa: Watcher) -> None:
        """Forget a watcher, wherever it is. Go: mvcc/watchable_store.go#watchableStore.cancelWatcher"""
        if not (self.unsynced.delete(wa) or self.synced.delete(wa)):
            for batch in self.victims:
                batch.pop(wa, None)
        wa.ch = None

    def restore(self, b: Backend) -> None:
        """Become the store that ``b`` holds; every watcher looks for what it missed.

        Go: mvcc/watchable_store.go#watchableStore.Restore
        """
        super().restore(b)
        for watcher in self.synced.watchers:
            watcher.restore = True
            self.unsynced.add(watcher)
        self.synced = WatcherGroup()

    async def sync_watchers_loop(self) -> None:
        """Bring watchers up, every 100 ms; at once while that helps.

        Go: mvcc/watchable_store.go#watchableStore.syncWatchersLoop
        """
        while True:
            before = self.unsynced.size()
            left = self.sync_watchers() if before else 0
            await asyncio.sleep(0 if 0 < left < before else _SYNC_INTERVAL)

    async def sync_victims_loop(self) -> None:
        """Send again what channels had no room for.

        Go: mvcc/watchable_store.go#watchableStore.syncVictimsLoop
        """
        while True:
            while self.move_victims():
                pass
            try:
                async with asyncio.timeout(_VICTIM_INTERVAL if self.victims else None):
                    await self.victimc.recv()
            except TimeoutError:
                pass

    def move_victims(self) -> int:
        """Try each victim once: how many could go on.

        Go: mvcc/watchable_store.go#watchableStore.moveVictims
        """
        victims, self.victims = self.victims, []
        moved, stuck = 0, {}
        for watcher, batch in (pair for batches in victims for pair in batches.items()):
            if not watcher.send(WatchResponse(watcher.id, batch.evs, watcher.min_rev - 1)):
                stuck[watcher] = batch
                continue
            moved += 1
            watcher.victim = False
            watcher.min_rev = batch.more_rev or watcher.min_rev
            (self.unsynced if watcher.min_rev <= self.current_rev else self.synced).add(watcher)
        if stuck:
            self.victims.append(stuck)
        return moved

    def sync_watchers(self) -> int:
        """Read history for some unsynced watchers: how many are left.

        Go: mvcc/watchable_store.go#watchableStore.syncWatchers
        """
        chosen, min_rev = self.unsynced.choose(MAX_WATCHERS_PER_SYNC, self.current_rev, self.compact_main_rev)
        for watcher in [wa for wa in self.unsynced.watchers if wa.compacted]:
            self.unsynced.delete(watcher)
        first, end = rev_to_bytes(Revision(min_rev)), rev_to_bytes(Revision(self.current_rev + 1))
        revs, values = self.b.read_tx().unsafe_range(KEY_BUCKET_NAME, first, end)
        batches = new_watcher_batch(chosen, kvs_to_events(chosen, revs, values))
        victims: WatcherBatch = {}
        for watcher in list(chosen.watchers):
            if watcher.min_rev < self.compact_main_rev:
                continue  # There was no room to tell it that it comes too late: next time.
            batch = batches.get(watcher)
            watcher.min_rev = (batch and batch.more_rev) or max(self.current_rev + 1, watcher.min_rev)
            if batch and not watcher.send(WatchResponse(watcher.id, batch.evs, self.current_rev)):
                watcher.victim = True
                victims[watcher] = batch
            elif batch and batch.more_rev:
                continue
            else:
                self.synced.add(watcher)
            self.unsynced.delete(watcher)
        self.add_victim(victims)
        return self.unsynced.size()

    def notify(self, rev: int, evs: Sequence[Event]) -> None:
        """Send the events of the transaction that made ``rev`` to the watchers in step.

        Go: mvcc/watchable_store.go#watchableStore.notify
        """
        victims: WatcherBatch = {}
        for watcher, batch in new_watcher_batch(self.synced, evs).items():
            assert batch.revs == 1, f"{batch.revs} revisions in one notification"
            watcher.min_rev = rev + 1
            if not watcher.send(WatchResponse(watcher.id, batch.evs, rev)):
                watcher.victim = True
                victims[watcher] = batch
                self.synced.delete(watcher)
        self.add_victim(victims)

    def add_victim(self, victim: WatcherBatch) -> None:
        """Hand slow watchers to their loop. Go: mvcc/watchable_store.go#watchableStore.addVictim"""
        if victim:
            self.victims.append(victim)
            self.victimc.try_send(None)

    def progress(self, w: Watcher) -> None:
        """Tell a watcher in step how far it is. Go: mvcc/watchable_store.go#watchableStore.progress"""
        if w in self.synced.watchers:
            w.send(WatchResponse(w.id, revision=self.rev()))


def kvs_to_events(wg: WatcherGroup, revs: list[bytes], vals: list[bytes]) -> list[Event]:
    """What the backend holds, as events; only of keys that somebody watches.

    Go: mvcc/watchable_store.go#kvsToEvents
    """
    evs = []
    for rev, value in zip(revs, vals, strict=True):
        kv = KeyValue.FromString(value)
        if not wg.contains(kv.key):
            continue
        if is_tombstone(rev):
            kv.mod_revision = bytes_to_rev(rev).main
            evs.append(Event(type=Event.DELETE, kv=kv))
        else:
            evs.append(Event(type=Event.PUT, kv=kv))
    return evs

"""The watchers of one client: they share a channel.

Go: mvcc/watcher.go
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NewType

from minietcd.mvcc.errors import EmptyWatcherRangeError, WatcherDuplicateIDError, WatcherNotExistError
from minietcd.mvcc.index import FROM_KEY
from minietcd.pkg.chan import Chan
from minietcd.proto.mvccpb.kv_pb2 import Event

if TYPE_CHECKING:
    from minietcd.mvcc.watchable_store import WatchableStore, Watcher

WatchID = NewType("WatchID", int)
AUTO_WATCH_ID = WatchID(0)
"""Asks the stream to choose an id."""

CHAN_BUF_LEN = 128

type FilterFunc = Callable[[Event], bool]
"""Tells which events a watcher does not want."""


@dataclass(slots=True, frozen=True)
class WatchResponse:
    """Events for a watcher, in the order of their revisions; none of them: only how far the store is.

    ``compact_revision``: the watcher asked for what is compacted, and is cancelled.

    Go: mvcc/watcher.go#WatchResponse
    """

    watch_id: WatchID
    events: Sequence[Event] = ()
    revision: int = 0
    compact_revision: int = 0


class WatchStream:
    """The watchers of one client, by their ids, and the channel they share.

    Go: mvcc/watcher.go#watchStream
    """

    def __init__(self, watchable: WatchableStore) -> None:
        self.watchable = watchable
        self.ch: Chan[WatchResponse] = Chan("watchStream.ch", CHAN_BUF_LEN)
        self.next_id = 0
        self.watchers: dict[WatchID, Watcher] = {}

    def watch(self, id: WatchID, key: bytes, end: bytes, start_rev: int, *fcs: FilterFunc) -> WatchID:
        """Watch a range from ``start_rev`` on (0: from now on). Raises MVCCError.

        Go: mvcc/watcher.go#watchStream.Watch
        """
        if (end and end != FROM_KEY and key >= end) or self.ch.closed:
            raise EmptyWatcherRangeError
        if id == AUTO_WATCH_ID:
            while WatchID(self.next_id) in self.watchers:
                self.next_id += 1
            id = WatchID(self.next_id)
            self.next_id += 1
        elif id in self.watchers:
            raise WatcherDuplicateIDError
        self.watchers[id] = self.watchable.watch(key, end, start_rev, id, self.ch, *fcs)
        return id

    def chan(self) -> Chan[WatchResponse]:
        """Where the events come out. Go: mvcc/watcher.go#watchStream.Chan"""
        return self.ch

    def cancel(self, id: WatchID) -> None:
        """No more events of this watcher. Raises WatcherNotExistError.

        Go: mvcc/watcher.go#watchStream.Cancel
        """
        if self.ch.closed or id not in self.watchers:
            raise WatcherNotExistError
        self.watchable.cancel_watcher(self.watchers.pop(id))

    def close(self) -> None:
        """Cancel them all. Go: mvcc/watcher.go#watchStream.Close"""
        for watcher in self.watchers.values():
            self.watchable.cancel_watcher(watcher)
        self.ch.close()

    def rev(self) -> int:
        """The store's revision. Go: mvcc/watcher.go#watchStream.Rev"""
        return self.watchable.rev()

    def request_progress(self, id: WatchID) -> None:
        """Tell the watcher how far the store is, if it has seen all of it.

        Go: mvcc/watcher.go#watchStream.RequestProgress
        """
        if watcher := self.watchers.get(id):
            self.watchable.progress(watcher)

"""A write transaction that tells the watchers what it did.

Go: mvcc/watchable_store_txn.go
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from minietcd.mvcc.kvstore_txn import StoreTxnWrite
from minietcd.proto.mvccpb.kv_pb2 import Event

if TYPE_CHECKING:
    from minietcd.mvcc.watchable_store import WatchableStore


class WatchableStoreTxnWrite(StoreTxnWrite):
    """Writes the next revision, for all to hear. Go: mvcc/watchable_store_txn.go#watchableStoreTxnWrite"""

    __slots__ = ()

    s: WatchableStore

    def end(self) -> None:
        """Put each change into its watchers' channels, and only then let it be read.

        Go: mvcc/watchable_store_txn.go#watchableStoreTxnWrite.End
        """
        if changes := self.changes():
            rev = self.rev() + 1
            evs = []
            for kv in changes:
                if kv.create_revision:
                    evs.append(Event(type=Event.PUT, kv=kv))
                else:
                    kv.mod_revision = rev
                    evs.append(Event(type=Event.DELETE, kv=kv))
            self.s.notify(rev, evs)
        super().end()

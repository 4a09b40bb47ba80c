"""Deleting from the backend what a compaction has made unreachable, a little at a time.

Go: mvcc/kvstore_compaction.go
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from minietcd.mvcc.kvstore_txn import KEY_BUCKET_NAME
from minietcd.mvcc.revision import Revision, bytes_to_rev, rev_to_bytes
from minietcd.pkg import logutil

if TYPE_CHECKING:
    from minietcd.mvcc.kvstore import Store

META_BUCKET_NAME = b"meta"
FINISHED_COMPACT_KEY_NAME = b"finishedCompactRev"

_PAUSE = 0.01

log = logutil.get_logger("mvcc")


async def schedule_compaction(s: Store, compact_main_rev: int, keep: set[Revision]) -> None:
    """Delete all up to ``compact_main_rev`` but ``keep``, unless the store lets go of the backend before.

    Go: mvcc/kvstore_compaction.go#store.scheduleCompaction
    """
    b = s.b
    last, end = Revision(0), rev_to_bytes(Revision(compact_main_rev + 1))
    while s.holds(b):
        with b.batch_tx() as tx:
            keys, _ = tx.unsafe_range(KEY_BUCKET_NAME, rev_to_bytes(last), end, s.compaction_batch_limit)
            for key in keys:
                if bytes_to_rev(key) not in keep:
                    tx.unsafe_delete(KEY_BUCKET_NAME, key)
            if len(keys) < s.compaction_batch_limit:
                done = rev_to_bytes(Revision(compact_main_rev))
                tx.unsafe_put(META_BUCKET_NAME, FINISHED_COMPACT_KEY_NAME, done)
                log.info("finished scheduled compaction", compact_revision=compact_main_rev)
                return
        main, sub = bytes_to_rev(keys[-1])
        last = Revision(main, sub + 1)
        b.force_commit()
        await asyncio.sleep(_PAUSE)

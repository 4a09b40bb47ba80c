"""One file with named buckets of sorted keys, written in batches.

Committing costs an fsync, so writes gather in one long transaction that is committed every 100 ms or 10,000
operations. Readers must see them earlier: what a write transaction has put is kept in a buffer as well, and
a read looks into the last committed state and the buffer over it. What a crash takes away since the last
commit is applied again from the write-ahead log.

The file is an LMDB environment: copy-on-write B+trees, one writer, readers that pin a state of the past. Its
order of work is etcd's with bbolt. Driven by the loop in ``Backend.run``. Read first: ``batch_tx.py``.

Left out: waiting on locks, because one event loop runs all of this; ``lock`` and ``unlock`` remain as the
places where a transaction begins and where its writes become visible.

Go: mvcc/backend/backend.go
"""

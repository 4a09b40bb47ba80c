"""The store: every key's whole history, addressed by revision.

A revision counts the write transactions of the whole store. Nothing is overwritten: a put appends
``revision -> key, value, versions`` to the backend's bucket ``key`` (``revision.py`` makes the bytes), a
delete appends a tombstone, and an index in memory (``index.py``, one ``KeyIndex`` a key) tells which
revisions a key has. A read at a revision asks the index for the revision that counted then, and the backend
for its value; so reads never wait for writes. ``compact`` drops what nobody can ask for any more.

Promised here: a write transaction is seen wholly or not at all; the index of the raft entry that it comes
from is saved with it, in the same batch, so that a restart repeats nothing; watchers see each change once,
in order.

A write is driven by the apply loop and never awaits; the loops here only serve watchers that lag behind
(``watchable_store.py``) and compaction (``kvstore_compaction.py``).

Read first: ``key_index.py``, then ``kvstore_txn.py``, then ``watchable_store.py``.

Go: mvcc/kv.go
"""

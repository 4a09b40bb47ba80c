"""Snapshots on their way to the disk and to other members.

A snapshot takes the place of the log up to an index. It has two halves: a ``.snap`` file, with the v2 tree,
raft's metadata and a checksum, and the database, which is the running backend itself, or a ``.snap.db`` file
while one has come from the leader and is not in use yet. The file is written before the WAL mentions it, so
one that the WAL does not mention never counts; and one that cannot be read is set aside as ``.broken``,
because an older one, and the log after it, will do.

Nothing drives this package; the raft loop saves, the peer handler receives, the server loads at its start.
Read first: ``snapshotter.py``.

Go: etcdserver/api/snap/doc.go
"""

"""The write-ahead log: what raft must not forget, in the order it learnt it, in etcd's bytes.

A WAL is a directory of segments, ``%016x-%016x.wal``: a sequence number, and the index of the first entry
that the segment may hold. A segment is 64 MB of preallocated zeros, filled from the front with frames: eight
bytes of length, a ``walpb.Record``, and zeros up to a multiple of eight, so that no length ever lies across
two sectors of the disk. There are five types of record:

- *crc*, first in every segment: the checksum so far. Each record's own checksum covers the data of all
  records before it, so the segments form one chain: none can be missing, exchanged or damaged unnoticed;
- *metadata*, second in every segment: whose log this is;
- *entry* and *state*: a raft entry; the hard state, repeated when it changes and at the head of a segment;
- *snapshot*: up to this index there is a snapshot file.

``save`` returns only when what raft must not forget is on the disk: new entries, a new term, a new vote. A
commit index alone is not worth an fsync, because the leader will tell it again.

Nothing drives this package; it is called from the raft loop, and it blocks. After a crash the end of the last
segment may be torn: some sectors of the last write arrived, others are still zeros. Nobody was promised
anything about that write, so ``repair`` cuts it off, after a copy to ``.broken``. Any other damage is a
``WALError`` that names file and offset, and nothing is changed.

Read first: ``wal.py``, from ``create`` to ``WAL.save``; then ``decoder.py``, for what can be wrong.

Go: wal/doc.go
"""

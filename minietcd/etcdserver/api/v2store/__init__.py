"""The v2 key space: a tree of directories and files, kept in memory and saved whole into raft snapshots.

Clients of v3 never see it, yet every member has one: who is a member lives under ``/0/members``, the cluster
version under ``/0/version``, and a client's v2 keys under ``/1``. It is changed only by entries of the log,
so it is the same on each member at the same index; ``save_no_copy`` and ``recovery`` carry it as JSON, as
etcd writes it.

A change that cannot be is a ``V2Error``, and leaves the tree as it was. Nothing here waits. When a key
expires is said by the entry, and it goes when an entry says what time it is, so on every member alike.

Read ``store`` first, then ``node``.

Go: etcdserver/api/v2store/doc.go
"""

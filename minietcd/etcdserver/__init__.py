"""The member: what happens between a request and its answer.

Three loops carry every write, and hand it on in this order:

- ``RaftNode.start`` takes what raft has ready: saves it, sends it, and passes on what is committed;
- ``EtcdServer.run`` makes a job of each such batch, and a scheduler does one job after another;
- ``EtcdServer.apply_all`` applies the entries of a batch, and wakes the request that waits for one of them.

So ``V3Server.put`` registers an id, proposes, and waits for the result under that id. A linearizable read
writes nothing: it asks up to where the cluster had committed, waits until as much is applied here, and reads.

What is promised
    An answer to a write means that a majority has its entry on disk and that this member has applied it.
    Every member applies the same entries in the same order, each to the v3 store once, also across a crash:
    the index of the entry is saved with its effect (``ConsistentIndex``). A write that ends in a timeout may
    or may not have been applied: whoever asked has to find out.

What is refused
    Before it is proposed: a request that is too large, or any request while more than
    ``MAX_GAP_BETWEEN_APPLY_AND_COMMIT_INDEX`` committed entries wait to be applied. When it is applied: what
    permissions, quota or an alarm forbid. ``errors.py`` has them all.

Read ``v3_server.py`` first, then ``raft.py``, then ``server.py`` and ``apply.py``.

Go: etcdserver/doc.go
"""

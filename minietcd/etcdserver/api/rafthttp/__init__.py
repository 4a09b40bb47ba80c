"""How members talk: one ``peer`` for each other member, two long streams each way, and POSTs for the rest.

What goes out and what comes in take the same road at both ends::

    Transport.send → peer.send → streamWriter.msgc → streamWriter.run → encoder → TCP
    TCP → streamReader.decodeLoop → decoder → peer.recvc or peer.propc → Raft.process

*The reader dials.* A member asks each other one with GET ``/raft/stream/msgapp/<own id>`` and
``/raft/stream/message/<own id>`` to write to it; the answer's body never ends. MsgApp from the leader goes
over the first, whose codec leaves out what the receiver can tell by counting; all else over the second.
Before the streams are up, messages are POSTed to ``/raft`` one by one (``pipeline``), and a snapshot with its
database always is, to ``/raft/snapshot``.

*Sending never waits, and promises nothing.* A full queue drops the message, counts it and tells raft that the
peer was unreachable; raft sends again what matters. The bytes are etcd's, so members of both kinds can share
a cluster.

Read ``transport`` first, then ``peer`` and ``stream``.

Left out: TLS between peers and unix sockets, probes of the round-trip time (others' probes are answered),
pausing peers (a test can cut the wire itself) and the v2 statistics, because no request depends on them.
"""

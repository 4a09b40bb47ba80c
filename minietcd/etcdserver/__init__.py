"""The member: what happens between a request and its answer.

Three loops carry every write. ``raftNode`` (``raft``) takes what raft has ready, saves it and sends it;
``EtcdServer.run`` (``server``) hands committed entries to the scheduler; the scheduler applies them
(``apply``, through ``apply_auth``) and wakes the request that waits in ``v3_server``.

Read ``v3_server.EtcdServer.put`` first, then ``raft.RaftNode.start``, then ``server.EtcdServer.apply_all``.
"""

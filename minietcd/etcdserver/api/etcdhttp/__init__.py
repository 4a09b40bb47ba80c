"""What a member answers over plain HTTP: version, health, metrics; to its peers, who is a member.

On the client port, beside gRPC: ``/version``, ``/health`` and ``/metrics``. A member is well if no member has
an alarm, it knows a leader, and a linearizable read is confirmed within a second; so ``/health`` asks the
whole cluster. It answers 200 or 503. Metrics are read off when they are asked for.

On the peer port (``new_peer_handler``): raft's own streams, ``/members`` as JSON, ``/version``, and
``/members/promote/<id>``, by which a member asks the leader to let a learner vote. Its refusals are a status
and a text, from which the member that asked makes the error again: 404 no such member, 412 not a learner, or
one that lags too far behind.

Paths, statuses and bodies are etcd's, so etcd's members can ask ours, and the other way round.

Go: etcdserver/api/etcdhttp/doc.go
"""

"""Which etcd this is: what it says of itself to clients and to its peers.

``VERSION`` is the etcd whose behaviour is copied here. It is told in ``/version``, in ``--version`` and to
every peer. ``MIN_CLUSTER_VERSION`` is the oldest that a peer, or the whole cluster, may be.

Members of different versions may share a cluster. They agree on the lowest of theirs, without its patch
number (``SemVer.cluster``), and use only what that one has.

Go: version/version.go
"""

"""What a member speaks: to clients, to peers, and to its own disk.

- To clients: ``v3rpc`` serves gRPC, ``etcdhttp`` version, health and metrics. Both only check, translate and
  call ``EtcdServer``; nothing is decided here.
- To peers: ``rafthttp`` carries raft's messages, and promises neither that they arrive nor that they do once;
  ``etcdhttp`` tells them who is a member.
- What every member keeps beside the keys: ``membership`` who belongs to the cluster, ``v3alarm`` what is
  wrong with whom, ``v2store`` the tree of the v2 API with its ``v2error``, ``snap`` the snapshot files.

``capability.py`` says which API is open at the version that the cluster has agreed on.

Go: etcdserver/api/doc.go
"""

"""What goes over the wire and onto the disk: our own .proto files with etcd's names and numbers.

Same packages, messages, fields, numbers and syntax as etcd 3.4's, so the bytes are the same: a member of ours
can sit beside etcd's, and read its files. etcd's Go structs write zero scalars of the proto2 messages too
(raftpb, walpb, snappb, etcdserver.proto); here such a field is written when it was assigned, zero or not, so
assign them all.

``make proto`` generates the ``*_pb2`` modules. Read ``etcdserverpb/rpc.proto`` first, then
``raftpb/raft.proto``; ``etcdserverpb/rpc.py`` is the half of a service that gRPC needs: stubs, handlers, and
the table of methods.
"""

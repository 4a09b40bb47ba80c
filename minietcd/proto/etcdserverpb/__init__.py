"""The v3 API and the entries of the raft log; rpc.py joins the services to gRPC.

``rpc.proto`` is what clients and members say to each other, ``raft_internal.proto`` the union of requests
that an entry of the log holds, ``etcdserver.proto`` the v2 request and the metadata of a WAL. The first two
are proto3: a zero is not written. The third is proto2, and writes every field that was assigned.

``rpc.py`` has a client stub and a server's handler for each method, and the table of what is served.
``raft_internal_stringer.py`` shows a request in a log line, with sizes in place of values.

Go: etcdserver/etcdserverpb/rpc.pb.go
"""

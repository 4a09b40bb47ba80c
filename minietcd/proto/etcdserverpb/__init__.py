"""The v3 API and the entries of the raft log; rpc.py joins the services to gRPC."""

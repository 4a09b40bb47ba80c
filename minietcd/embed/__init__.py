"""One member, put together: the only place that constructs everything.

``start_etcd`` binds the ports, starts the ``EtcdServer`` and serves peers; clients are let in once the member
has joined its cluster. ``Etcd.close`` undoes it in the opposite order, so that no answer promised is lost.
Read ``etcd`` first, then ``serve`` (how gRPC and HTTP/1 share a port) and ``config`` (what can be set).
"""

"""The gRPC face of a member: from the wire to a call of ``EtcdServer``, and from an exception to a status.

A handler task that grpclib starts for each call drives it: interceptors outermost, then the quota check, then
the service. Read ``key`` first (what a put is checked for), then ``interceptor`` (what every call passes),
``util`` (the only place that knows which exception is which status) and ``grpc`` (how it is put together).
"""

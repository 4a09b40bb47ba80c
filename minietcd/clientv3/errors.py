"""What a call can fail with.

    EtcdError                   the server's refusal, in etcd's words (from rpctypes)
    StatusError                 any other gRPC status
    NoAvailableEndpointsError   a client was to be made without an endpoint
    NotSupportedError           TLS was asked for, which is not built yet

A deadline is the caller's own: ``asyncio.timeout`` raises TimeoutError.
"""

from __future__ import annotations

from grpclib.const import Status
from grpclib.exceptions import GRPCError

from minietcd.etcdserver.api.v3rpc.rpctypes.error import error


class NoAvailableEndpointsError(Exception):
    """There is nobody to call. Go: clientv3/client.go#ErrNoAvailableEndpoints"""

    def __init__(self) -> None:
        super().__init__("etcdclient: no available endpoints")


class NotSupportedError(Exception):
    """The endpoint or option asks for what this client cannot do yet."""


class StatusError(GRPCError):
    """A status that is not one of etcd's own, worded as Go's gRPC words it."""

    def __str__(self) -> str:
        name = "Canceled" if self.status is Status.CANCELLED else self.status.name.title().replace("_", "")
        return f"rpc error: code = {name} desc = {self.message or ''}"


def to_err(err: GRPCError) -> Exception:
    """The error to show for ``err``. Go: clientv3/client.go#toErr"""
    known = error(err)
    return StatusError(err.status, err.message) if known is err else known

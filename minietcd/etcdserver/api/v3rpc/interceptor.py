"""What every call passes on its way to a service, from the outside in: log, checks, metrics.

An interceptor is ``await interceptor(ctx, request, info, handler)``: it may refuse, look, or go on with
``await handler(ctx, request)``.

Left out: the stream interceptor, because nothing is streamed yet.

Go: etcdserver/api/v3rpc/interceptor.go
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Sequence
from typing import Any

from grpclib.const import Status
from grpclib.exceptions import GRPCError

from minietcd.etcdserver.api.capability import V3RPC_CAPABILITY, is_capability_enabled
from minietcd.etcdserver.api.v3rpc import metrics
from minietcd.etcdserver.api.v3rpc.rpctypes import error as rpctypes
from minietcd.etcdserver.api.v3rpc.rpctypes import md
from minietcd.etcdserver.api.v3rpc.util import is_rpc_supported_for_learner
from minietcd.etcdserver.server import EtcdServer
from minietcd.pkg import logutil
from minietcd.pkg.context import Context
from minietcd.proto.etcdserverpb.raft_internal_stringer import loggable_string
from minietcd.proto.etcdserverpb.rpc import UnaryHandler, UnaryServerInfo, UnaryServerInterceptor

log = logutil.get_logger("etcdserver/api/v3rpc")


def new_unary_interceptor(s: EtcdServer) -> UnaryServerInterceptor:
    """Refuse what cannot be served now. Go: etcdserver/api/v3rpc/interceptor.go#newUnaryInterceptor"""

    async def unary_interceptor(ctx: Context, req: Any, info: UnaryServerInfo, handler: UnaryHandler) -> Any:
        """Go: etcdserver/api/v3rpc/interceptor.go#newUnaryInterceptor.func1"""
        if not is_capability_enabled(V3RPC_CAPABILITY):
            raise rpctypes.ErrGRPCNotCapable.err()
        if s.is_learner() and not is_rpc_supported_for_learner(req):
            raise rpctypes.ErrGRPCNotSupportedForLearner.err()
        version = ctx.metadata.get(md.MetadataClientAPIVersionKey, "unknown")
        metrics.client_request("unary", version).inc()
        if ctx.metadata.get(md.MetadataRequireLeaderKey) == md.MetadataHasLeader and not s.leader():
            raise rpctypes.ErrGRPCNoLeader.err()
        return await handler(ctx, req)

    return unary_interceptor


def new_log_unary_interceptor(s: EtcdServer) -> UnaryServerInterceptor:
    """Tell of each call at debug level. Go: etcdserver/api/v3rpc/interceptor.go#newLogUnaryInterceptor"""

    async def log_interceptor(ctx: Context, req: Any, info: UnaryServerInfo, handler: UnaryHandler) -> Any:
        """Go: etcdserver/api/v3rpc/interceptor.go#newLogUnaryInterceptor.func1"""
        start_time, resp = time.time(), None
        try:
            resp = await handler(ctx, req)
        finally:
            if log.isEnabledFor(logging.DEBUG):
                log_unary_request_stats(ctx, info, start_time, req, resp)
        return resp

    return log_interceptor


def log_unary_request_stats(
    ctx: Context, info: UnaryServerInfo, start_time: float, req: Any, resp: Any
) -> None:
    """One line with the sizes of both messages; values are nobody's to read.

    Left out: the counts of keys, because the answer's size tells as much.

    Go: etcdserver/api/v3rpc/interceptor.go#logUnaryRequestStats
    """
    fields = {
        "time spent": time.time() - start_time,
        "remote": ctx.peer,
        "response type": info.full_method,
        "request size": req.ByteSize(),
        "response size": resp.ByteSize() if resp is not None else 0,
        "request content": loggable_string(req),
    }
    log.with_(**fields).debug("request stats")


async def prometheus_unary_interceptor(
    ctx: Context, req: Any, info: UnaryServerInfo, handler: UnaryHandler
) -> Any:
    """Count the call, and how it ended."""
    metrics.started("unary", info.full_method).inc()
    status = Status.UNKNOWN
    try:
        resp = await handler(ctx, req)
        status = Status.OK
    except GRPCError as err:
        status = err.status
        raise
    finally:
        metrics.handled("unary", info.full_method, status).inc()
    return resp


def chain_unary_server(interceptors: Sequence[UnaryServerInterceptor]) -> UnaryServerInterceptor:
    """One interceptor that is all of them, the first outermost."""

    def chain(ctx: Context, req: Any, info: UnaryServerInfo, handler: UnaryHandler) -> Awaitable[Any]:
        for interceptor in reversed(interceptors):
            handler = _bind(interceptor, info, handler)
        return handler(ctx, req)

    return chain


def _bind(interceptor: UnaryServerInterceptor, info: UnaryServerInfo, handler: UnaryHandler) -> UnaryHandler:
    return lambda ctx, req: interceptor(ctx, req, info, handler)

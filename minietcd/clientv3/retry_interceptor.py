"""The retry loop that every unary call runs in.

A quorum of endpoints is tried without waiting, since the balancer sends each attempt to the next one; then
comes a pause.

Go: clientv3/retry_interceptor.go
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from grpclib.const import Status
from grpclib.exceptions import GRPCError

from minietcd.clientv3.errors import StatusError
from minietcd.clientv3.retry import RetryPolicy, is_safe_retry_immutable_rpc, is_safe_retry_mutable_rpc
from minietcd.etcdserver.api.v3rpc.rpctypes.md import MetadataClientAPIVersionKey
from minietcd.pkg import logutil
from minietcd.pkg.context import Context
from minietcd.version.version import API_VERSION

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from minietcd.clientv3.client import Client
    from minietcd.proto.etcdserverpb.rpc import Invoke

log = logutil.get_logger("clientv3")

type BackoffFunc = Callable[[int], float]
"""Seconds to wait before the nth attempt. Go: clientv3/retry_interceptor.go#backoffFunc"""

type UnaryInvoker = Callable[[Context, str, Message, type[Any]], Awaitable[Any]]


class UnaryClientInterceptor(Protocol):
    """Stands around each attempt: may add metadata to ``ctx`` before it passes the call on."""

    def __call__(
        self, ctx: Context, method: str, request: Message, reply_type: type[Any], invoker: UnaryInvoker
    ) -> Awaitable[Any]: ...


def unary_client_interceptor(
    c: Client, invoker: UnaryInvoker, max_retries: int, backoff_func: BackoffFunc
) -> Invoke:
    """Put ``invoker`` into the retry loop.

    Left out: a fresh token after the server has forgotten ours, because the client does not log in yet.

    Go: clientv3/retry_interceptor.go#Client.unaryClientInterceptor
    """

    async def func1[Reply: Message](
        ctx: Context, method: str, request: Message, reply_type: type[Reply], **opts: Any
    ) -> Reply:
        """Go: clientv3/retry_interceptor.go#Client.unaryClientInterceptor.func1"""
        ctx, policy = with_version(ctx), opts.get("retry_policy", RetryPolicy.NON_REPEATABLE)
        for attempt in range(max_retries):
            await wait_retry_backoff(attempt, backoff_func)
            try:
                reply: Reply = await invoker(ctx, method, request, reply_type)
                return reply
            except asyncio.CancelledError:
                _warn(c, attempt, GRPCError(Status.DEADLINE_EXCEEDED, c.conn.why_waiting()))
                raise
            except GRPCError as err:
                _warn(c, attempt, err)
                last_err = err
                if not is_context_error(err) and not is_safe_retry(err, policy):
                    raise
        raise last_err

    return func1


def _warn(c: Client, attempt: int, err: GRPCError) -> None:
    error = str(StatusError(err.status, err.message))
    log.warning("retrying of unary invoker failed", target=c.conn.target, attempt=attempt, error=error)


async def wait_retry_backoff(attempt: int, backoff_func: BackoffFunc) -> None:
    """Wait as many seconds as ``backoff_func`` says; before the first attempt not at all.

    Go: clientv3/retry_interceptor.go#waitRetryBackoff
    """
    if attempt and (wait := backoff_func(attempt)):
        await asyncio.sleep(wait)


def is_safe_retry(err: GRPCError, policy: RetryPolicy) -> bool:
    """Whether the same request may go out again. Go: clientv3/retry_interceptor.go#isSafeRetry"""
    if policy is RetryPolicy.REPEATABLE:
        return is_safe_retry_immutable_rpc(err)
    return is_safe_retry_mutable_rpc(err)


def is_context_error(err: GRPCError) -> bool:
    """Whether time is up, or nobody wants the answer any more.

    Go: clientv3/retry_interceptor.go#isContextError
    """
    return err.status in (Status.DEADLINE_EXCEEDED, Status.CANCELLED)


def with_version(ctx: Context) -> Context:
    """Tell the server which API this client speaks. Go: clientv3/ctx.go#withVersion"""
    return replace(ctx, metadata={**ctx.metadata, MetadataClientAPIVersionKey: API_VERSION})

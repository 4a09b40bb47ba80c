"""Joins the two ends of a gRPC call by a W3C ``traceparent`` in its metadata, as OpenTelemetry does.

Interceptors of the client and of the server: each is a coroutine function that passes the call on. They are
given to both sides when these are set up, and say nothing while nothing is recorded.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import count
from typing import Any

from tracer.recorder import Recorder

_HEADER = "traceparent"
_TRACE = 0x6D696E69_65746364_74726163_65720001


class Calls:
    """The interceptors that tell a recorder, if there is one, of every call."""

    def __init__(self) -> None:
        self.recorder: Recorder | None = None
        self._numbers = count(1)

    async def client(
        self, ctx: Any, method: str, request: Any, reply_type: Any, invoker: Callable[..., Awaitable[Any]]
    ) -> Any:
        """Number the call and put the number into what is sent."""
        if self.recorder is None:
            return await invoker(ctx, method, request, reply_type)
        call = f"00-{_TRACE:032x}-{next(self._numbers):016x}-01"
        self.recorder.call(call, 0, method)
        try:
            sent = replace(ctx, metadata={**ctx.metadata, _HEADER: call})
            return await invoker(sent, method, request, reply_type)
        finally:
            self.recorder.call(call, 3, method)

    async def server(self, ctx: Any, request: Any, info: Any, handler: Callable[..., Awaitable[Any]]) -> Any:
        """Find the number in what came, and tell when it is answered."""
        call = ctx.metadata.get(_HEADER)
        if self.recorder is None or call is None:
            return await handler(ctx, request)
        self.recorder.call(call, 1, info.full_method)
        try:
            return await handler(ctx, request)
        finally:
            self.recorder.call(call, 2, info.full_method)

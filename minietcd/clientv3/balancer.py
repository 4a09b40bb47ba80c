"""Connections to every endpoint, and which of them takes the next call.

All are dialed at once, each by its own task, and dialed anew when lost. Calls take those that stand in turn;
while none stands they wait, for as long as their callers allow.

Go: clientv3/balancer/balancer.go
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from grpclib.client import Channel
from grpclib.const import Cardinality, Status
from grpclib.exceptions import GRPCError, ProtocolError, StreamTerminatedError

from minietcd.clientv3.errors import NotSupportedError
from minietcd.pkg.chan import Chan, select
from minietcd.pkg.context import Context
from minietcd.pkg.task import go

if TYPE_CHECKING:
    from google.protobuf.message import Message


class Endpoint(NamedTuple):
    """Where to connect to: ``host:port``, or the path of a Unix socket."""

    proto: str
    host: str
    scheme: str


def parse_endpoint(endpoint: str) -> Endpoint:
    """Read ``host:port`` or a URL. Go: clientv3/balancer/resolver/endpoint/endpoint.go#ParseEndpoint"""
    try:
        url = urlsplit(endpoint if "://" in endpoint else "")
    except ValueError:
        url = urlsplit("")
    match url.scheme:
        case "":
            return Endpoint("tcp", endpoint, "")
        case "http" | "https":
            return Endpoint("tcp", url.netloc, url.scheme)
        case "unix" | "unixs":
            return Endpoint("unix", url.netloc + url.path, url.scheme)
    return Endpoint("", "", url.scheme)


class SubConn:
    """One endpoint, and the connection to it when there is one."""

    def __init__(self, endpoint: Endpoint, connect_timeout: float) -> None:
        self.endpoint = endpoint
        self.connect_timeout = connect_timeout
        self.error: Exception | None = None
        self.channel: Channel | None = None
        self.task: asyncio.Task[None] | None = None

    @property
    def ready(self) -> bool:
        """Whether it can take a call now."""
        return self.channel is not None and self.channel._connected

    def connect(self, balancer: Balancer) -> None:
        """Dial, unless there is a connection or a task is at it."""
        if not self.ready and (self.task is None or self.task.done()):
            self.task = go(self.reset_transport(balancer), "grpc addrConn")

    async def reset_transport(self, balancer: Balancer) -> None:
        """Dial until it succeeds, waiting longer each time."""
        wait = 1.0
        while not self.ready:
            try:
                self.channel = self.channel or self._open()
                async with asyncio.timeout(self.connect_timeout):
                    await self.channel.__connect__()
            except (OSError, ValueError, OverflowError) as err:
                self.error = err
                await asyncio.sleep(wait)
                wait = min(wait * 1.6, 120)
        balancer.update_picker()

    def _open(self) -> Channel:
        """A channel that is not yet connected. ValueError says what is wrong with the address."""
        if self.endpoint.proto == "unix":
            return Channel(path=self.endpoint.host)
        host, _, port = self.endpoint.host.rpartition(":")
        if not host or (":" in host.strip("[]") and not host.startswith("[")):
            raise ValueError(f"address {self.endpoint.host}: expected host:port")
        return Channel(host.strip("[]"), int(port))

    async def close(self) -> None:
        """Stop dialing, and hang up."""
        if self.task is not None:
            self.task.cancel()
            await asyncio.wait([self.task])
        if self.channel is not None:
            self.channel.close()


class Balancer:
    """Every connection of one client. Go: clientv3/balancer/balancer.go#baseBalancer"""

    def __init__(self, endpoints: Sequence[str], connect_timeout: float, max_send: int) -> None:
        """Go: clientv3/balancer/balancer.go#builder.Build"""
        parsed = [parse_endpoint(endpoint) for endpoint in endpoints]
        if secure := [endpoint for endpoint in parsed if endpoint.scheme in ("https", "unixs")]:
            raise NotSupportedError(f"{secure[0].scheme}://{secure[0].host}: TLS is not supported yet")
        self.target = ",".join(endpoints)
        self.max_send = max_send
        self.scs = [SubConn(endpoint, connect_timeout) for endpoint in parsed]
        self.next = 0
        self.blocking_ch: Chan[None] = Chan("pickerWrapper.blockingCh")
        self._dial_lost()

    async def pick(self) -> SubConn:
        """The connection whose turn it is, as soon as there is one.

        Go: clientv3/balancer/picker/roundrobin_balanced.go#rrBalanced.Pick
        """
        while not (ready := [sc for sc in self.scs if sc.ready]):
            self._dial_lost()
            await select(self.blocking_ch)
        self._dial_lost()
        picked = ready[self.next % len(ready)]
        self.next = (self.next + 1) % len(ready)
        return picked

    def _dial_lost(self) -> None:
        for sc in self.scs:
            sc.connect(self)

    def update_picker(self) -> None:
        """There is a connection more: wake the calls that wait for one.

        Go: clientv3/balancer/balancer.go#baseBalancer.updatePicker
        """
        self.blocking_ch.close()
        self.blocking_ch = Chan("pickerWrapper.blockingCh")

    def why_waiting(self) -> str:
        """Why a call that has run out of time was not answered."""
        if any(sc.ready for sc in self.scs):
            return "context deadline exceeded"
        errors = [f"{sc.endpoint.host}: {sc.error or 'no answer yet'}" for sc in self.scs]
        return "latest balancer error: all SubConns are in TransientFailure: " + "; ".join(errors)

    async def invoke(self, ctx: Context, method: str, request: Message, reply_type: type[Any]) -> Any:
        """Make one call on the next connection. Every failure is a GRPCError."""
        if (size := request.ByteSize()) > self.max_send:
            text = f"trying to send message larger than max ({size} vs. {self.max_send})"
            raise GRPCError(Status.RESOURCE_EXHAUSTED, text)
        channel = (await self.pick()).channel
        assert channel is not None, "a connection that is ready has a channel"
        metadata = dict(ctx.metadata)
        call = channel.request(method, Cardinality.UNARY_UNARY, type(request), reply_type, metadata=metadata)
        try:
            async with call as stream:
                await stream.send_message(request, end=True)
                reply = await stream.recv_message()
        except (StreamTerminatedError, ProtocolError, OSError) as err:
            raise GRPCError(Status.UNAVAILABLE, "transport is closing") from err
        assert reply is not None, f"{method} ended well without a reply"
        return reply

    async def close(self) -> None:
        """Close the connection to each address. Go: clientv3/balancer/balancer.go#baseBalancer.Close"""
        for sc in self.scs:
            await sc.close()

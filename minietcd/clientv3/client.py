"""A client: its endpoints, the connections to them, and the calls over these.

Left out: logging in, TLS, and keeping the endpoints in step with the members, because the server does not
offer these yet.

Go: clientv3/client.go
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Self

from minietcd.clientv3.balancer import Balancer
from minietcd.clientv3.cluster import Cluster
from minietcd.clientv3.errors import NoAvailableEndpointsError
from minietcd.clientv3.kv import KV
from minietcd.clientv3.retry_interceptor import (
    BackoffFunc,
    UnaryClientInterceptor,
    UnaryInvoker,
    unary_client_interceptor,
)

if TYPE_CHECKING:
    from minietcd.proto.etcdserverpb.rpc import Invoke

DEFAULT_MAX_CALL_SEND_MSG_SIZE = 2 * 1024 * 1024
DEFAULT_UNARY_MAX_RETRIES = 100
DEFAULT_BACKOFF_WAIT_BETWEEN = 0.025
DEFAULT_BACKOFF_JITTER_FRACTION = 0.10


@dataclass(slots=True, frozen=True)
class Config:
    """How to make a client.

    Go: clientv3/config.go#Config
    """

    endpoints: Sequence[str]
    """``host:port``, ``http://host:port`` or ``unix://path``."""
    dial_timeout: float = 0
    """Seconds in which the client has to be made, before it connects; 0 or less: any number."""
    min_connect_timeout: float = 20.0
    """Seconds for one attempt to connect. gRPC's."""
    max_call_send_msg_size: int = DEFAULT_MAX_CALL_SEND_MSG_SIZE
    """Bytes of the largest request."""
    unary_interceptors: Sequence[UnaryClientInterceptor] = ()
    """Stand around every attempt of every unary call, the first outermost."""
    random: Random = field(default_factory=Random)
    """Where the jitter between attempts comes from."""


async def new(cfg: Config) -> Client:
    """A client, whether or not an endpoint can be reached: connecting goes on behind the first calls.

    Raises NoAvailableEndpointsError, NotSupportedError, TimeoutError.

    Go: clientv3/client.go#New
    """
    if not cfg.endpoints:
        raise NoAvailableEndpointsError
    return await new_client(cfg)


class Client:
    """Closes its connections at the end of its ``async with``.

    Go: clientv3/client.go#Client
    """

    def __init__(self, cfg: Config) -> None:
        self.cfg = cfg
        self.conn, self.invoke = self.dial()
        self.cluster = Cluster(self)
        self.kv = KV(self)

    async def close(self) -> None:
        """Close every connection. Go: clientv3/client.go#Client.Close"""
        await self.conn.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def endpoints(self) -> list[str]:
        """Those it was made with. Go: clientv3/client.go#Client.Endpoints"""
        return list(self.cfg.endpoints)

    def dial_setup_opts(self, conn: Balancer) -> Invoke:
        """What stands around a call: the retries outermost. Go: clientv3/client.go#Client.dialSetupOpts"""
        invoker: UnaryInvoker = conn.invoke
        for interceptor in reversed(self.cfg.unary_interceptors):
            invoker = partial(interceptor, invoker=invoker)
        backoff = self.round_robin_quorum_backoff(
            DEFAULT_BACKOFF_WAIT_BETWEEN, DEFAULT_BACKOFF_JITTER_FRACTION
        )
        return unary_client_interceptor(self, invoker, DEFAULT_UNARY_MAX_RETRIES, backoff)

    def dial(self) -> tuple[Balancer, Invoke]:
        """Start to connect to every endpoint. Go: clientv3/client.go#Client.dial"""
        conn = Balancer(self.cfg.endpoints, self.cfg.min_connect_timeout, self.cfg.max_call_send_msg_size)
        return conn, self.dial_setup_opts(conn)

    def round_robin_quorum_backoff(self, wait_between: float, jitter_fraction: float) -> BackoffFunc:
        """Wait whenever a quorum of endpoints has been tried.

        Go: clientv3/client.go#Client.roundRobinQuorumBackoff
        """
        quorum = len(self.endpoints()) // 2 + 1

        def backoff(attempt: int) -> float:
            if attempt % quorum:
                return 0
            return jitter_up(wait_between, jitter_fraction, self.cfg.random)

        return backoff


async def new_client(cfg: Config) -> Client:
    """A client, once it may be used. Raises TimeoutError if that took longer than ``dial_timeout`` seconds.

    Go: clientv3/client.go#newClient
    """
    clock = asyncio.get_running_loop().time
    start = clock()
    client = Client(cfg)
    if 0 < cfg.dial_timeout < clock() - start:
        await client.close()
        raise TimeoutError("context deadline exceeded")
    return client


def jitter_up(duration: float, jitter: float, random: Random) -> float:
    """``duration``, give or take a fraction of it. Go: clientv3/utils.go#jitterUp"""
    return duration * (1 + jitter * (random.random() * 2 - 1))

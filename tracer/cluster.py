"""The harness: a cluster of real members in this process, on loopback, and a recorder to switch on.

A script for ``tracer run`` is a module with ``async def story(cluster)``, which is recorded. It may set
``MEMBERS``, and talks to the cluster by ``ctl`` (the real command) or by a ``client``, each request
in a task of its own::

    async def story(cluster: Cluster) -> None:
        await cluster.together(cluster.ctl("put", "a", "1"), cluster.ctl("put", "b", "2"))
"""

from __future__ import annotations

import asyncio
import contextvars
import io
import os
import socket
import tempfile
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from minietcd.clientv3 import client as clientv3
from minietcd.embed.config import Config
from minietcd.embed.etcd import Etcd, start_etcd
from minietcd.etcdctl import main as etcdctl
from minietcd.etcdctl.cobra import Surroundings
from minietcd.etcdserver.server import EtcdServer
from minietcd.pkg.types import new_urls
from tracer import domain
from tracer.build import build
from tracer.model import Span, Trace
from tracer.recorder import MEMBER, Recorder
from tracer.rpc import Calls

_PATIENCE = 10.0
_POLL = 0.002
_BATCH_INTERVAL = 0.03
"""How soon the backend commits what was written: sooner than etcd's 100 ms, so that a trace need not wait."""


class ClusterError(Exception):
    """The cluster cannot do what was asked; the text says why."""


@dataclass(slots=True, frozen=True)
class Outcome:
    """What a command printed, and its exit code."""

    code: int
    output: str
    errors: str


class Cluster:
    """Members n1, n2 …, of which n1 leads; all are stopped at the end of its ``async with``."""

    def __init__(self, members: int = 3, *, lines: bool = False) -> None:
        self.names = [f"n{number}" for number in range(1, members + 1)]
        self.outcomes: list[Outcome] = []
        self._lines = lines
        self._calls = Calls()
        self._members: dict[str, Etcd] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._start()
        except TimeoutError:
            await self._stack.aclose()
            raise ClusterError(f"the cluster had no leader within {_PATIENCE:.0f} s") from None
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    @property
    def leader(self) -> str:
        """The name of the member that leads."""
        lead = max(self._server(name).lead() for name in self.names)
        return next(name for name in self.names if self._server(name).id() == lead)

    def endpoint(self, to: str = "leader") -> str:
        """Where to reach the leader, a follower, or the member of that name. Raises ClusterError."""
        if to == "leader":
            to = self.leader
        elif to == "follower":
            to = next((name for name in self.names if name != self.leader), "")
        if to not in self._members:
            raise ClusterError(f"there is no {to or 'follower'} among {', '.join(self.names)}")
        return self._members[to].clients[0].addr

    async def ctl(self, *words: str, to: str = "leader") -> Outcome:
        """Run the real command, as in a shell, against the member ``to``."""
        args = ["--endpoints", self.endpoint(to), *words]
        outcome = await asyncio.create_task(command(args, self._calls), name="main")
        self.outcomes.append(outcome)
        return outcome

    @asynccontextmanager
    async def client(self, to: str = "leader") -> AsyncIterator[clientv3.Client]:
        """A client connected to the member ``to``."""
        cfg = clientv3.Config(endpoints=[self.endpoint(to)], unary_interceptors=[self._calls.client])
        async with await clientv3.new(cfg) as client:
            yield client

    async def together(self, *requests: Coroutine[Any, Any, Any]) -> list[Any]:
        """All of ``requests`` at once, each in a task of its own."""
        tasks = [asyncio.create_task(each, name=f"request {n}") for n, each in enumerate(requests, 1)]
        return await asyncio.gather(*tasks)

    async def record(self, story: Coroutine[Any, Any, Any]) -> Trace:
        """What happens while ``story`` runs, and until all have applied and stored what came of it."""
        recorder = Recorder(domain.subject(), lines=self._lines)
        with recorder:
            self._calls.recorder = recorder
            try:
                await story
                await self.settle()
            finally:
                self._calls.recorder = None
        return self._name_members(build(recorder.journal))

    async def _start(self) -> None:
        directory = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="tracer-"))
        sockets = {name: (_free(), _free()) for name in self.names}
        for pair in sockets.values():
            for each in pair:
                self._stack.callback(each.close)
        self._stack.push_async_callback(self._stop)
        cluster = ",".join(f"{name}={_url(peer)}" for name, (peer, _) in sockets.items())
        starts = [self._start_member(name, cluster, Path(directory), *sockets[name]) for name in self.names]
        await asyncio.gather(*starts)
        await self._elect(self.names[0])
        await self._until(lambda: all(self._server(name).ready_notify().closed for name in self.names))
        await self._until(lambda: all(m.clients[0]._server is not None for m in self._members.values()))
        await self.settle()

    async def _stop(self) -> None:
        """All at once, and without handing over leadership: whoever took it would be gone."""
        servers = [member.server for member in self._members.values() if member.server is not None]
        await asyncio.gather(*(server.hard_stop() for server in servers))
        await asyncio.gather(*(member.close() for member in self._members.values()))

    async def _start_member(
        self, name: str, cluster: str, directory: Path, peer: socket.socket, client: socket.socket
    ) -> None:
        peers, clients = new_urls([_url(peer)]), new_urls([_url(client)])
        cfg = Config(
            name=name,
            dir=str(directory / name),
            lp_urls=peers,
            ap_urls=peers,
            lc_urls=clients,
            ac_urls=clients,
            initial_cluster=cluster,
            backend_batch_interval=_BATCH_INTERVAL,
            listeners={_url(peer): peer, _url(client): client},
            unary_interceptors=[self._calls.server],
        )
        context = contextvars.copy_context()
        context.run(MEMBER.set, name)
        self._members[name] = await asyncio.create_task(start_etcd(cfg), context=context)

    async def _elect(self, name: str) -> None:
        """Let ``name`` lead, without waiting for anybody's patience to end."""
        server = self._server(name)
        await self._until(lambda: server.applied_index() >= len(self.names))
        while not all(self._server(each).lead() == server.id() for each in self.names):
            if not server.lead():
                await server.r.node.campaign()
            await asyncio.sleep(_POLL)

    async def settle(self) -> None:
        """Wait until every member has applied all that is committed, and the backends have stored it."""
        leader = self._server(self.leader)
        await self._until(lambda: all(self._is_at(name, leader.committed_index()) for name in self.names))
        await asyncio.sleep(1.5 * _BATCH_INTERVAL)

    def _is_at(self, name: str, index: int) -> bool:
        return self._server(name).applied_index() >= index

    async def _until(self, done: Any) -> None:
        while not done():  # noqa: ASYNC110 — what is waited for knows nothing of us
            await asyncio.sleep(_POLL)

    def _server(self, name: str) -> EtcdServer:
        server = self._members[name].server
        assert server is not None, name
        return server

    def _name_members(self, trace: Trace) -> Trace:
        """Put names where ids were shown, and roles to the names."""
        leader = self.leader
        trace.members = {name: "leader" if name == leader else "follower" for name in self.names}
        names = {f"@{self._server(name).id():x}": name for name in self.names}
        requests = dict.fromkeys(number for span in trace.spans.values() for number in _request_ids(span))
        names |= {f"@{number:x}": f"request {n}" for n, number in enumerate(requests, 1)}
        for span in trace.spans.values():
            span.args = {key: _named(value, names) for key, value in span.args.items()}
            span.result = _named(span.result, names)
        for edge in trace.edges:
            edge.label = _named(edge.label, names)
        return trace


async def command(args: list[str], calls: Calls | None = None) -> Outcome:
    """Run ``minietcdctl`` with ``args`` in this process and catch what it prints."""
    output, errors = io.StringIO(), io.StringIO()
    interceptors = [calls.client] if calls else []
    around = Surroundings(stdout=output, stderr=errors, environ=os.environ, unary_interceptors=interceptors)
    code = await etcdctl.run(args, around)
    return Outcome(code, output.getvalue(), errors.getvalue())


def _request_ids(span: Span) -> list[int]:
    return [number for kind, number, _ in span.keys or () if kind == "req"]


def _named(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, str) and "@" in value:
        for id, name in names.items():
            value = value.replace(id, name)
    return value


def _free() -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.bind(("127.0.0.1", 0))
    return bound


def _url(bound: socket.socket) -> str:
    return f"http://127.0.0.1:{bound.getsockname()[1]}"

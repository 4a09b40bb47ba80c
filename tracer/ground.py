"""Where a cluster lives: on loopback and in real time, or on virtual machines, as a function of a seed."""

from __future__ import annotations

import asyncio
import contextvars
import socket
import tempfile
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Protocol

from minietcd.embed.config import Config
from minietcd.embed.etcd import Etcd, start_etcd
from minietcd.pkg.types import new_urls
from tracer.machine import Machine, simulated
from tracer.model import CLIENT
from tracer.subject import MEMBER
from tracer.virtual.loop import Clock, Process
from tracer.virtual.network import NetworkLoop


class Place(Protocol):
    """Where one member lives; ``peer`` and ``client`` are its URLs."""

    etcd: Etcd | None

    @property
    def alive(self) -> bool:
        """Whether it lives."""

    @property
    def peer(self) -> str:
        """The URL for other members."""

    @property
    def client(self) -> str:
        """The URL for clients."""

    async def start(self, **fields: Any) -> None:
        """Begin a life of it; ``fields`` are of ``embed.config.Config``."""


class Ground(Protocol):
    """What a cluster needs of where it lives; ``pause`` is how soon to look again if no time may be lost."""

    pause: float

    def now(self) -> int:
        """Nanoseconds since some moment."""

    def place(self, name: str) -> Place:
        """Where the member ``name`` is to live."""

    async def stop(self) -> None:
        """Stop every member, and let go of what they had."""


class Loopback:
    """This computer: free ports, a temporary directory, and the time it is."""

    pause = 0.0

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="tracer-")
        self._places: list[_Here] = []

    def now(self) -> int:
        """Of the computer's steady clock."""
        return time.perf_counter_ns()

    def place(self, name: str) -> Place:
        """One more, with ports of its own."""
        self._places.append(_Here(name, Path(self._directory.name) / name))
        return self._places[-1]

    async def stop(self) -> None:
        """All at once, and without handing over leadership: whoever took it would be gone."""
        members = [place.etcd for place in self._places if place.etcd is not None]
        servers = [member.server for member in members if member.server is not None]
        await asyncio.gather(*(server.hard_stop() for server in servers))
        await asyncio.gather(*(member.close() for member in members))
        for place in self._places:
            place.close()
        self._directory.cleanup()


class _Here:
    """A directory, and two sockets that are bound before anybody must know their ports."""

    def __init__(self, name: str, directory: Path) -> None:
        self.name, self.directory = name, directory
        self.etcd: Etcd | None = None
        self._sockets = [_free(), _free()]
        self.peer, self.client = map(_url, self._sockets)

    @property
    def alive(self) -> bool:
        return self.etcd is not None

    async def start(self, **fields: Any) -> None:
        config = Config(
            name=self.name,
            dir=str(self.directory),
            lp_urls=new_urls([self.peer]),
            ap_urls=new_urls([self.peer]),
            lc_urls=new_urls([self.client]),
            ac_urls=new_urls([self.client]),
            listeners=dict(zip((self.peer, self.client), self._sockets, strict=True)),
            **fields,
        )
        context = contextvars.copy_context()
        context.run(MEMBER.set, self.name)
        self.etcd = await asyncio.create_task(start_etcd(config), context=context)

    def close(self) -> None:
        for bound in self._sockets:
            bound.close()


class Machines:
    """Virtual machines: what happens on them, and when, is a function of the seed."""

    pause = 0.000_01

    def __init__(self, loop: NetworkLoop, root: Path, seed: int) -> None:
        self.loop, self.root, self.seed = loop, root, seed
        self.machines: dict[str, Machine] = {}

    def now(self) -> int:
        """Of the world's time, in whole microseconds; what a disk is busy with has taken its time."""
        return round(self.loop.moment() * 1e6) * 1000

    def place(self, name: str) -> Machine:
        """One more."""
        made = self.machines[name] = Machine(self.loop, self.root, name, self.seed)
        return made

    async def stop(self) -> None:
        """Nobody looks at them any more."""
        for machine in self.machines.values():
            if machine.alive:
                machine.kill()
            if machine.process is not None:
                await machine.process.buried


def simulate[T](seed: int, story: Callable[[Machines], Coroutine[Any, Any, T]]) -> T:
    """What ``story`` returns: it runs as a client's program in a world of its own. Raises what it raises."""
    with simulated(seed) as (loop, root):
        client = Process(loop, CLIENT, Clock(loop))

        async def play() -> T:
            try:
                return await client.go(story(Machines(loop, root, seed)), "main")
            finally:
                client.kill()
                await client.buried

        return loop.run_until_complete(play())


def _free() -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.bind(("127.0.0.1", 0))
    return bound


def _url(bound: socket.socket) -> str:
    return f"http://127.0.0.1:{bound.getsockname()[1]}"

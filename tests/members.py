"""Members of the real server in one event loop, joined by loopback."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from minietcd.etcdserver.api.etcdhttp.peer import new_peer_handler
from minietcd.etcdserver.config import ServerConfig
from minietcd.etcdserver.server import EtcdServer, new_server
from minietcd.pkg.chan import select
from minietcd.pkg.types import new_urls, new_urls_map

SECONDS = 10.0


class Members:
    """Members by name, their listeners, and what is needed to start one again."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.servers: dict[str, EtcdServer] = {}
        self.runners: dict[str, web.AppRunner] = {}
        self.sockets: dict[str, socket.socket] = {}

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.sockets[name].getsockname()[1]}"

    def config(self, name: str, **more: Any) -> ServerConfig:
        cluster = ",".join(f"{other}={self.url(other)}" for other in self.sockets)
        return ServerConfig(
            name=name,
            data_dir=self.data_dir / name,
            client_urls=new_urls(["http://127.0.0.1:1"]),
            peer_urls=new_urls([self.url(name)]),
            initial_peer_urls_map=new_urls_map(cluster),
            bootstrap_timeout=0.1,  # who was started before does not answer before it is told
            tick_ms=10,
            election_ticks=10,
            rng=random.Random(name),
            **more,
        )

    def listen(self, *names: str) -> None:
        """Take a free port for each, so that all can be told of all."""
        for name in names:
            self.sockets[name] = socket.create_server(("127.0.0.1", 0))

    async def start(self, name: str, **more: Any) -> EtcdServer:
        if name not in self.sockets:
            self.listen(name)
        server = self.servers[name] = await new_server(self.config(name, **more))
        runner = self.runners[name] = web.AppRunner(new_peer_handler(server), shutdown_timeout=0)
        await runner.setup()
        await web.SockSite(runner, self.sockets[name].dup()).start()
        server.start()
        return server

    async def stop(self, name: str, hard: bool = False) -> None:
        """End a member; its port stays its own.

        It takes no more connections first: one that came while the last are closed would be left open.
        """
        server, runner = self.servers.pop(name), self.runners.pop(name)
        for site in list(runner.sites):
            await site.stop()
        await (server.hard_stop() if hard else server.stop())
        await runner.cleanup()

    async def leader(self) -> EtcdServer:
        """The member that all members believe to lead, once they agree."""

        def leads() -> EtcdServer | None:
            leaders = {s.leader() for s in self.servers.values()}
            return next((s for s in self.servers.values() if leaders == {s.id()}), None)

        return await until(leads)


async def until[T](condition: Callable[[], T | None]) -> T:
    """The first true answer of ``condition``, asked after every step of the loop."""
    async with asyncio.timeout(SECONDS):
        while not (answer := condition()):  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    return answer


async def ready(server: EtcdServer) -> None:
    async with asyncio.timeout(SECONDS):
        await select(server.ready_notify())

"""Virtual machines on which the real server lives: what the harness and the simulator of faults share.

A machine has an address, a clock and a disk; a member lives on it, life after life. ``simulated`` makes the
world around them, of which everything is decided by a seed.
"""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import grpclib.client
import lmdb

from minietcd.embed.config import Config
from minietcd.embed.etcd import Etcd, start_etcd
from minietcd.etcdserver.server import EtcdServer
from minietcd.pkg.types import new_urls
from tracer.subject import MEMBER
from tracer.virtual.disk import VirtualDisk
from tracer.virtual.loop import Clock, Process
from tracer.virtual.network import NetworkLoop

PEER_PORT, CLIENT_PORT = 2380, 2379


class Machine:
    """The machine called ``name``; ``process`` and ``etcd`` are those of this life, or of the last one."""

    def __init__(self, loop: NetworkLoop, root: Path, name: str, seed: object) -> None:
        self.loop, self.root, self.name, self.seed = loop, root, name, seed
        self.clock = Clock(loop)
        self.disk = VirtualDisk(loop, root / name, Random(f"{seed} disk {name}"))
        self.lives = 0
        self.process: Process | None = None
        self.etcd: Etcd | None = None

    def __repr__(self) -> str:
        return self.name

    @property
    def alive(self) -> bool:
        """Whether it lives: it may still be starting."""
        return self.process is not None and not self.process.dead

    @property
    def peer(self) -> str:
        """The URL for other members."""
        return f"http://{self.loop.network.address(self.name)}:{PEER_PORT}"

    @property
    def client(self) -> str:
        """The URL for clients."""
        return f"http://{self.loop.network.address(self.name)}:{CLIENT_PORT}"

    def boot(self) -> Process:
        """Begin a new life; what is to run in it must await that nothing is left of the one before."""
        assert not self.alive, f"{self.name} lives"
        self.etcd = None
        self.process = Process(self.loop, self.name, self.clock)
        self.process.context.run(MEMBER.set, self.name)
        self.lives += 1
        return self.process

    async def start(self, **fields: Any) -> None:
        """Begin a life, and with it the server; ``fields`` are of ``embed.config.Config``."""
        before, life = self.process, self.boot()
        if before is not None:
            await before.buried
        self.etcd = await life.go(start_etcd(self.configure(**fields)), f"{self.name} main")

    def configure(self, **fields: Any) -> Config:
        """What a server is told that begins a life here."""
        assert self.process is not None, f"{self.name} has no life"
        network = self.loop.network
        network.back(self.name)
        ports: Any = {
            self.peer: network.listen(self.process, PEER_PORT),
            self.client: network.listen(self.process, CLIENT_PORT),
        }
        config = Config(
            name=self.name,
            dir=str(self.root / self.name / "data"),
            lp_urls=new_urls([self.peer]),
            ap_urls=new_urls([self.peer]),
            lc_urls=new_urls([self.client]),
            ac_urls=new_urls([self.client]),
            listeners=ports,
            clock=self.clock.wall,
            disk=self.disk,  # type: ignore[arg-type]
            rng=Random(f"{self.seed} {self.name} {self.lives}"),
            **fields,
        )
        config.validate()
        return config

    def crash(self, silently: bool = False) -> None:
        """End this life between two of its steps; what its disk has not synced is lost, or there in part.

        ``silently``: nobody is told that its connections are gone, before it is back.
        """
        assert self.process is not None, f"{self.name} has no life"
        self.kill()
        self.loop.network.lose(self.process, silently)
        self.disk.crash()

    def kill(self) -> None:
        """End this life, as nobody shall look at this world any more."""
        assert self.process is not None, f"{self.name} has no life"
        self.process.kill()
        if self.etcd is not None and self.etcd.server is not None:
            self.process.afterwards.append(partial(_abandon, self.etcd.server))


@contextmanager
def simulated(seed: object) -> Iterator[tuple[NetworkLoop, Path]]:
    """A loop of which everything is decided by ``seed``, and a directory for files that must be real."""
    shm = Path("/dev/shm")
    loop = NetworkLoop(Random(f"{seed} network"))
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with (
            _plain_user_agent(),
            tempfile.TemporaryDirectory(dir=shm if shm.is_dir() else None) as root,
            loop.pinned(seed),
        ):
            yield loop, Path(root)
    finally:
        loop.close()
        logging.disable(disabled)


@contextmanager
def _plain_user_agent() -> Iterator[None]:
    """What clients call themselves is told without this machine and its Python."""
    library: Any = grpclib.client
    full = library.USER_AGENT
    library.USER_AGENT = full.partition(" ")[0]
    try:
        yield
    finally:
        library.USER_AGENT = full


def _abandon(server: EtcdServer) -> None:
    """Let go of what a crash lets go of; the next life finds what the database has committed last."""
    transport = server.r.transport
    for session in (server.peer_rt, transport.stream_rt, transport.pipeline_rt):
        if session.connector is not None:
            session.connector._closed = True  # to close it would mean to wait for what cannot come any more
        session.detach()
    try:
        server.be.db.info()
    except lmdb.Error:
        return  # it was closed in time
    server.be.db.close()
    os.close(server.be._lock_fd)

"""Two members in one process, small enough to check by eye: the tracer is tried on it before the real thing.

A client hands a ``Put`` to its member's handler; the handler proposes it and waits; a loop gathers what is
proposed into a batch, writes it, sends it to the other member over TCP, and applies it once acknowledged.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from types import FunctionType
from typing import Any

from minietcd.pkg import chan as chan_module
from minietcd.pkg import task as task_module
from minietcd.pkg.chan import Chan, select
from minietcd.pkg.schedule import FIFOScheduler
from minietcd.pkg.task import go
from minietcd.pkg.wait import Wait
from tracer.model import Function, Keys
from tracer.subject import MEMBER, Door, Subject


@dataclass(frozen=True, slots=True)
class Put:
    id: int
    key: str


@dataclass(frozen=True, slots=True)
class Entry:
    index: int
    put: Put


@dataclass(frozen=True, slots=True)
class Message:
    """``entries`` to append, or (without any) the index acknowledged; a beat has neither."""

    to: str
    ack: int = 0
    entries: tuple[Entry, ...] = ()


class Disk:
    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def save(self, entries: tuple[Entry, ...]) -> None:
        """Go: wal/wal.go#WAL.Save"""
        self.entries += entries
        self.sync()

    def sync(self) -> None:
        """Go: wal/wal.go#WAL.sync"""


class Leader:
    def __init__(self) -> None:
        self.propc: Chan[Put] = Chan("propc")
        self.ackc: Chan[Message] = Chan("recvc")
        self.wait = Wait()
        self.disk = Disk()
        self.applied: list[str] = []
        self.waiting: tuple[Entry, ...] = ()
        self.busy = asyncio.Event()
        self.writer: asyncio.StreamWriter

    def start(self) -> None:
        self.fifo = FIFOScheduler("apply scheduler (fifo.run)")
        self.loop = go(self.run(), "raft node.run")

    async def put(self, r: Put) -> str:
        """Go: etcdserver/v3_server.go#EtcdServer.Put"""
        result = self.wait.register(r.id)
        await self.propose(r)
        return str(await result.recv())

    async def propose(self, r: Put) -> None:
        """Go: raft/node.go#node.Propose"""
        await self.propc.send(r)

    async def run(self) -> None:
        """One batch at a time: what is proposed meanwhile goes with the next."""
        batch: tuple[Entry, ...] = ()
        pending: tuple[Entry, ...] = ()
        while True:
            if not pending and batch:
                pending, batch = batch, ()
                self.disk.save(pending)
                await self.send(Message("n2", 0, pending))
            source, item = await select(self.ackc, self.propc)
            if source is self.propc:
                batch += (self.append(item, len(self.disk.entries) + len(batch) + 1),)
            elif pending and item.ack == pending[-1].index:
                self.commit(pending)
                pending = ()

    def append(self, r: Put, index: int) -> Entry:
        """Go: raft/raft.go#raft.appendEntry"""
        return Entry(index, r)

    async def send(self, m: Message) -> None:
        """Go: etcdserver/api/rafthttp/peer.go#peer.send"""
        await encode(self.writer, m)

    def commit(self, entries: tuple[Entry, ...]) -> None:
        """Go: raft/raft.go#raft.maybeCommit"""

        async def job() -> None:
            for entry in entries:
                self.apply(entry)

        self.fifo.schedule(job)

    def apply(self, entry: Entry) -> None:
        """Go: etcdserver/server.go#EtcdServer.applyEntryNormal"""
        self.applied.append(entry.put.key)
        self.wait.trigger(entry.put.id, f"OK {entry.put.key}")

    async def listen(self, reader: asyncio.StreamReader) -> None:
        while True:
            await self.ackc.send(await decode(reader))


class Follower:
    def __init__(self) -> None:
        self.disk = Disk()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            m = await decode(reader)
            await self.handle(m, writer)

    async def handle(self, m: Message, writer: asyncio.StreamWriter) -> None:
        """Go: raft/raft.go#raft.handleAppendEntries"""
        if m.entries:
            self.disk.save(m.entries)
            await encode(writer, Message("n1", m.entries[-1].index))


async def encode(writer: asyncio.StreamWriter, m: Message) -> None:
    """Go: etcdserver/api/rafthttp/message.go#messageEncoder.encode"""
    entries = [(e.index, e.put.id, e.put.key) for e in m.entries]
    writer.write(json.dumps([m.to, m.ack, entries]).encode() + b"\n")
    await writer.drain()


async def decode(reader: asyncio.StreamReader) -> Message:
    """Go: etcdserver/api/rafthttp/message.go#messageDecoder.decode"""
    line = await reader.readline()
    if not line:
        raise EOFError
    to, ack, entries = json.loads(line)
    return Message(to, ack, tuple(Entry(i, Put(id, key)) for i, id, key in entries))


class Cluster:
    """Both members, running."""

    async def __aenter__(self) -> Leader:
        follower, self.leader = Follower(), Leader()
        context = MEMBER.set("n2")
        self._serving: list[asyncio.Task[Any]] = []

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.writer = writer
            self._serving.append(go(follower.serve(reader, writer), "decodeLoop"))

        self.server = await asyncio.start_server(accept, "127.0.0.1", 0)
        MEMBER.reset(context)
        context = MEMBER.set("n1")
        host, port = self.server.sockets[0].getsockname()
        reader, self.leader.writer = await asyncio.open_connection(host, port)
        self.leader.start()
        self._serving += [self.leader.loop, go(self.leader.listen(reader), "decodeLoop")]
        MEMBER.reset(context)
        return self.leader

    async def __aexit__(self, *_: object) -> None:
        await self.leader.fifo.stop()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        self.leader.writer.close()
        self.writer.close()
        self.server.close()
        await self.server.wait_closed()


def keys_of(value: Any) -> Keys:
    match value:
        case Put(id=id):
            return (("req", id, 0),)
        case Entry(index=index, put=put):
            return (("entry", index, put.id),)
        case Message(ack=ack, entries=entries):
            return keys_of(entries) or ((("ack", ack, 0),) if ack else ())
        case tuple() if value and isinstance(value[0], Entry):
            return tuple(("entry", e.index, e.put.id) for e in value)
        case _:
            return None


def brief(value: Any) -> Any:
    match value:
        case Put(key=key):
            return f"put {key}"
        case Message(to=to, ack=ack, entries=entries):
            return f"{'ack' if ack else 'append'} to {to}: {ack or len(entries)}"
        case int() | str():
            return value
        case _:
            return None


def functions() -> dict[Any, Function]:
    """Every function here (and in ``wait``, ``schedule``) that names a twin."""
    twins = {}
    for owner in (Disk, Leader, Follower, Wait, FIFOScheduler):
        twins |= {f: f"{owner.__name__}.{n}" for n, f in vars(owner).items() if isinstance(f, FunctionType)}
    plain: tuple[Callable[..., Any], ...] = (encode, decode)
    twins |= {f: f.__name__ for f in plain if isinstance(f, FunctionType)}
    found = {}
    for function, name in twins.items():
        text = (function.__doc__ or "").strip().splitlines()
        if text and "Go: " in text[-1]:
            code = function.__code__
            wanted = tuple(n for n in code.co_varnames[: code.co_argcount] if n not in ("self", "writer"))
            go_twin = (text[-1].split("Go: ")[1],)
            found[code] = Function(name, go_twin, "toy.py", code.co_firstlineno, wanted)
    return found


def subject() -> Subject:
    """The toy as the recorder wants it."""
    doors = {
        Chan._put.__code__: Door.PUT,
        chan_module.Chan._take.__code__: Door.TAKE,
        task_module.go.__code__: Door.GO,
        encode.__code__: Door.ENCODE,
        decode.__code__: Door.DECODE,
    }
    return Subject(functions(), doors, keys_of, brief, message=lambda _, m: (f"to {m.to}", repr(m)))

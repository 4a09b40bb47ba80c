"""Connections in memory: what is written at one end arrives at the other, in its order, after a while.

As with TCP nothing is lost on the way. A link that loses packets is a slow one; over a link that is cut
nothing arrives before it is mended, however long that takes; and a connection may be reset at any time.
"""

from __future__ import annotations

import asyncio
import errno
import os
import random
import socket
from collections import deque
from collections.abc import Callable, Iterable
from contextvars import Context, copy_context
from dataclasses import dataclass
from itertools import count
from typing import Any, cast

from tracer.virtual.loop import Process, VirtualLoop, running

type Address = tuple[str, int]
"""A machine's address, and a port there."""

_SYSTEM_BUFFER = 128 * 1024
_HIGH_WATER = 64 * 1024
_RETRANSMISSION = 0.2


@dataclass(slots=True)
class Link:
    """How things go from one machine to another: between ``least`` and ``most`` seconds if all is well.

    A share of ``loss`` of what is sent is sent again, after a fifth of a second and more; a share of
    ``resets`` breaks its connection.
    """

    least: float = 0.000_1
    most: float = 0.001
    loss: float = 0.0
    resets: float = 0.0


class Network:
    """All machines, by name, and how they reach each other.

    ``cut`` has the ordered pairs of names between which nothing gets through now; ``links`` those that differ
    from ``link``. ``tap`` hears all that is written, and at which end.
    """

    def __init__(self, loop: VirtualLoop, chance: random.Random) -> None:
        self.loop, self.chance = loop, chance
        self.link = Link()
        self.links: dict[tuple[str, str], Link] = {}
        self.cut: set[tuple[str, str]] = set()
        self.down: set[str] = set()
        self.ports: dict[Address, Port] = {}
        self.connections: dict[Connection, None] = {}
        self.stalled: list[Wire] = []
        self.tap: Callable[[Connection, bytes], None] = lambda *_: None
        self._addresses: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._free_ports = count(32768)

    def address(self, name: str) -> str:
        """The address of the machine ``name``: numbers are given in the order in which they are asked for."""
        if name not in self._addresses:
            number = len(self._addresses) + 1
            self._addresses[name] = address = f"10.0.{number // 250}.{number % 250}"
            self._names[address] = name
        return self._addresses[name]

    def listen(self, process: Process, port: int) -> Port:
        """Take connections to that port of the machine of ``process``; they wait until somebody serves them.

        Goes where asyncio takes a bound socket. Raises OSError if the port is taken.
        """
        address = (self.address(process.name), port)
        if address in self.ports:
            raise _error(errno.EADDRINUSE)
        self.ports[address] = taken = Port(self, process, address)
        return taken

    def partition(self, *groups: Iterable[str]) -> None:
        """Cut every link between machines of different groups; who is in two groups is a bridge."""
        sides = [set(group) for group in groups]
        names = set().union(*sides)
        self.cut |= {
            (a, b) for a in names for b in names if not any(a in side and b in side for side in sides)
        }

    def heal(self, *pairs: tuple[str, str]) -> None:
        """Mend these links, or all; what waited for them goes on its way."""
        self.cut -= set(pairs) or set(self.cut)
        stalled, self.stalled = self.stalled, []
        for wire in stalled:
            wire.mended(self.delay(wire.source, wire.target))

    def lose(self, process: Process, silently: bool) -> None:
        """What is known of ``process`` here is gone. The others are told at once, or when it is back."""
        for port in [port for port in self.ports.values() if port.process is process]:
            port.gone()
        for connection in self.connections:
            if connection.here == process.name:
                connection.out.cut_off()
        if silently:
            self.down.add(process.name)
        else:
            self._reset(process.name)

    def back(self, name: str) -> None:
        """The machine is up again, and resets the connections that it knows nothing of."""
        if name in self.down:
            self.down.discard(name)
            self._reset(name)

    def reset(self, a: str, b: str) -> None:
        """Break every connection between the two machines."""
        for connection in [c for c in self.connections if {c.here, c.there} == {a, b}]:
            connection.abort()

    def delay(self, source: str, target: str) -> float:
        """How long what is sent now will take."""
        link = self._link(source, target)
        seconds = link.least + (link.most - link.least) * self.chance.random()
        again = _RETRANSMISSION
        while link.loss and self.chance.random() < link.loss:
            seconds, again = seconds + again, again * 2
        return seconds

    def breaks(self, source: str, target: str) -> bool:
        """Whether the connection breaks over which something is sent now."""
        resets = self._link(source, target).resets
        return resets > 0 and self.chance.random() < resets

    async def dial(self, address: Address) -> Dialled:
        """Our half of a new connection. Raises ConnectionRefusedError, OSError."""
        process, target = _caller(), self._names.get(address[0])
        if target is None:
            raise _error(errno.EHOSTUNREACH)
        local = (self.address(process.name), next(self._free_ports))
        dialled = Dialled(self, process.name, target, local, address)
        dialled.out.put(dialled.knock)
        try:
            await dialled.answer
        except asyncio.CancelledError:
            dialled.out.put(dialled.out.broken)
            raise
        return dialled

    def _link(self, source: str, target: str) -> Link:
        return self.links.get((source, target), self.link)

    def _reset(self, name: str) -> None:
        for connection in [c for c in self.connections if c.here == name]:
            del self.connections[connection]
            connection.out.put(connection.out.broken)


class Wire:
    """One direction of a connection: bytes, and calls to be made where they arrive, in their order.

    ``size`` bytes are on it. Nothing is taken off while it is ``paused``, or before it has an ``end``.
    """

    def __init__(self, network: Network, source: str, target: str) -> None:
        self.network, self.source, self.target = network, source, target
        self.end: Connection | None = None
        self.context = Context()
        self.paused = False
        self.size = 0
        self.drained: Callable[[], None] = lambda: None
        self._items: deque[tuple[float, float, bytearray | Callable[[], None]]] = deque()
        self._arrives = 0.0
        self._armed = False

    def put(self, item: bytes | Callable[[], None]) -> None:
        """Send it; bytes that are written at one moment arrive as one."""
        sent = self.network.loop.moment()
        if isinstance(item, bytes):
            self.size += len(item)
            last = self._items[-1] if self._items else None
            if last and last[0] == sent and isinstance(last[2], bytearray):
                last[2].extend(item)
                return
        self._arrives = max(self._arrives, sent + self.network.delay(self.source, self.target))
        self._items.append((sent, self._arrives, bytearray(item) if isinstance(item, bytes) else item))
        self.arm()

    def arm(self, delay: float = 0.0) -> None:
        """Deliver the next item when it arrives; if that has been, in ``delay`` seconds."""
        if self._items and not self._armed and not self.paused:
            self._armed = True
            loop = self.network.loop
            loop.at(max(self._items[0][1], loop.now + delay), self._deliver, context=self.context)

    def cut_off(self) -> None:
        """The sender is no more: what it would only have sent later is not sent."""
        while self._items and self._items[-1][0] > self.network.loop.now:
            self._items.pop()

    def mended(self, delay: float) -> None:
        """Go on after what it had to wait for."""
        self._armed = False
        self.arm(delay)

    def finished(self) -> None:
        """Nothing more will come."""
        if self.end is not None:
            self.end.finish()

    def broken(self) -> None:
        """The other end is gone."""
        if self.end is not None:
            self.end.lose(_error(errno.ECONNRESET))

    def _deliver(self) -> None:
        if (self.source, self.target) in self.network.cut:
            self.network.stalled.append(self)
            return
        self._armed = False
        if self.paused or not self._items:
            return
        item = self._items.popleft()[2]
        self.arm()
        if not isinstance(item, bytearray):
            item()
            return
        self.size -= len(item)
        self.drained()
        if self.end is not None:
            self.end.receive(bytes(item))


class Dialled:
    """A connection that its maker has no protocol for yet."""

    def __init__(self, network: Network, here: str, there: str, local: Address, remote: Address) -> None:
        self.network, self.local, self.remote = network, local, remote
        self.out, self.back = Wire(network, here, there), Wire(network, there, here)
        self.answer: asyncio.Future[None] = network.loop.create_future()

    def knock(self) -> None:
        """At an open port one waits to be served; a machine that is down does not answer."""
        port = self.network.ports.get(self.remote)
        if port is not None:
            self.out.paused = True
            self.back.put(self._accepted)
            port.accept(self)
        elif self.out.target not in self.network.down:
            self.back.put(self._refused)

    def connect(self, protocol: asyncio.BaseProtocol) -> Connection:
        """Our end of it."""
        return Connection(self.network, protocol, self.out, self.back, self.local, self.remote)

    def serve(self, protocol: asyncio.BaseProtocol) -> None:
        """The end of who was dialled."""
        Connection(self.network, protocol, self.back, self.out, self.remote, self.local)

    def _accepted(self) -> None:
        self.back.paused = True
        if not self.answer.done():
            self.answer.set_result(None)

    def _refused(self) -> None:
        if not self.answer.done():
            self.answer.set_exception(_error(errno.ECONNREFUSED))


class Connection(asyncio.Transport):
    """One end of a connection."""

    def __init__(
        self,
        network: Network,
        protocol: asyncio.BaseProtocol,
        out: Wire,
        back: Wire,
        local: Address,
        remote: Address,
    ) -> None:
        super().__init__({"sockname": local, "peername": remote})
        self.network, self.out, self.back = network, out, back
        self.here, self.there = out.source, out.target
        self._process = _caller()
        self._context = copy_context()
        self._closing = self._lost = self._writing_paused = False
        self.set_protocol(protocol)
        network.connections[self] = None
        back.end, back.context, out.drained = self, self._context, self._drained
        protocol.connection_made(self)
        back.paused = False
        back.arm()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = cast(asyncio.Protocol, protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._closing or self._process.dead or not data:
            return
        if self.network.breaks(self.here, self.there):
            self.out.put(self.out.broken)
            self.back.put(self.back.broken)
            return
        self.network.tap(self, bytes(data))
        self.out.put(bytes(data))
        if self.get_write_buffer_size() > _HIGH_WATER and not self._writing_paused:
            self._writing_paused = True
            self._protocol.pause_writing()

    def get_write_buffer_size(self) -> int:
        """What the system has taken, as it does with some bytes, waits here no more."""
        return max(0, self.out.size - _SYSTEM_BUFFER)

    def pause_reading(self) -> None:
        self.back.paused = True

    def resume_reading(self) -> None:
        self.back.paused = False
        self.back.arm()

    def is_reading(self) -> bool:
        return not self.back.paused

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        """Send what was written, and the end of it."""
        self._hang_up(self.out.finished)

    def abort(self) -> None:
        """As ``close``, but the other end hears of a failure."""
        self._hang_up(self.out.broken)

    def receive(self, data: bytes) -> None:
        """Bytes have arrived; who still sends to an end that is closed is told so."""
        if self._closing:
            self.out.put(self.out.broken)
        else:
            self._protocol.data_received(data)

    def finish(self) -> None:
        """The other end has closed."""
        if not self._closing and not self._protocol.eof_received():
            self.close()

    def lose(self, error: OSError | None) -> None:
        """It is over, by ``error`` or as was wanted."""
        self._closing = True
        if not self._lost:
            self._lost = True
            self.network.connections.pop(self, None)
            self._protocol.connection_lost(error)

    def _hang_up(self, word: Callable[[], None]) -> None:
        if not self._closing and not self._process.dead:
            self._closing = True
            self.back.paused = False
            self.back.arm()
            self.out.put(word)
            self.network.loop.call_soon(self.lose, None, context=self._context)

    def _drained(self) -> None:
        if self._writing_paused and self.get_write_buffer_size() <= _HIGH_WATER // 4:
            self._writing_paused = False
            self.network.loop.call_soon(self._protocol.resume_writing, context=self._context)


class Port:
    """A port that is listened on; asyncio takes it for a bound socket."""

    family = socket.AF_INET

    def __init__(self, network: Network, process: Process, address: Address) -> None:
        self.process = process
        self._network, self._address = network, address
        self._waiting: list[Dialled] = []
        self._factory: Callable[[], asyncio.BaseProtocol] | None = None
        self._context = Context()

    def getsockname(self) -> Address:
        """As of a socket."""
        return self._address

    def serve(self, factory: Callable[[], asyncio.BaseProtocol]) -> None:
        """Give a protocol to who comes and who has waited, on behalf of who calls this."""
        self._factory, self._context = factory, copy_context()
        for dialled in self._waiting:
            self.accept(dialled)
        self._waiting.clear()

    def accept(self, dialled: Dialled) -> None:
        """Somebody has come."""
        if self._factory is None:
            self._waiting.append(dialled)
        else:
            self._network.loop.call_soon(self._accept, dialled, context=self._context)

    def _accept(self, dialled: Dialled) -> None:
        assert self._factory is not None, "it was served"
        dialled.serve(self._factory())

    def close(self) -> None:
        """Listen no more; who still waits is turned away."""
        if self._network.ports.get(self._address) is self and not self.process.dead:
            self.gone()

    def gone(self) -> None:
        """Nobody listens any more."""
        del self._network.ports[self._address]
        for dialled in self._waiting:
            dialled.back.put(dialled.back.broken)


class Server:
    """What ``create_server`` returns."""

    def __init__(self, port: Port) -> None:
        self._port = port

    def close(self) -> None:
        """Take no more connections."""
        self._port.close()

    async def wait_closed(self) -> None:
        """At once: connections end with those who have them."""


class NetworkLoop(VirtualLoop):
    """A loop whose connections are those of ``network``."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self.network = Network(self, chance)
        self._dialled: dict[Any, Dialled] = {}

    async def getaddrinfo(self, host: Any, port: Any, **_: Any) -> list[Any]:
        """A name for a machine stands for its address."""
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port))]

    async def create_server(self, protocol_factory: Any, *_: Any, sock: Any = None, **__: Any) -> Any:
        sock.serve(protocol_factory)
        return Server(sock)

    async def sock_connect(self, sock: Any, address: Any) -> None:
        """Dial; ``create_connection`` with the same socket, which itself is not needed, takes it up."""
        sock.close()
        self._dialled[sock] = await self.network.dial(address)

    async def create_connection(
        self, protocol_factory: Any, host: Any = None, port: Any = None, *, sock: Any = None, **_: Any
    ) -> Any:
        dialled = await self.network.dial((host, port)) if sock is None else self._dialled.pop(sock)
        protocol = protocol_factory()
        return dialled.connect(protocol), protocol


def _caller() -> Process:
    process = running()
    assert process is not None, "only a process has connections"
    return process


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))

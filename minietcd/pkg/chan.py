"""Go's channels and ``select`` on asyncio: rendezvous or buffered, closable, and safe to cancel.

A channel hands one *parcel* from one task to another. The sender lets go of it in ``Chan._put``, the
receiver takes hold of it in ``Chan._take``, each in its own task; both are plain calls, so nothing can
come between. As in Go:

- an unbuffered channel transfers when both sides are there, and the side that came second goes on at once;
- a buffered one transfers through its buffer, first in, first out;
- receiving from a closed and drained channel is ready at once and yields ``CLOSED``; sending to it raises;
- ``None`` stands for Go's nil channel: in ``select`` it is never ready.

Two differences, both because one thread runs everything. ``select`` takes the first ready case *in the order
written* instead of a random one. That cannot starve a later case: while a case is ready ``select`` does not
yield, so nobody else runs and only what was already queued goes first. And a task may be cancelled: a parcel
that was handed to it but not yet taken goes back to the head of its channel, so that nothing is lost and
nothing is seen twice.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, Final, Self, final

type Case = Chan[Any] | tuple[Chan[Any] | None, Any] | None
"""A case of ``select``: a channel to receive from, a ``(channel, item)`` to send, or None (never ready)."""


class ChanClosedError(Exception):
    """The channel is closed: there is nothing left to receive, and nobody to send to."""


@final
class Closed:
    """The type of ``CLOSED``, what a closed and drained channel yields."""

    def __repr__(self) -> str:
        return "CLOSED"

    def __bool__(self) -> bool:
        return False


CLOSED: Final = Closed()


class Parcel[T]:
    """One item on its way through the channel named ``chan``; its identity tells it from every other."""

    __slots__ = ("chan", "item")

    def __init__(self, chan: str, item: T) -> None:
        self.chan, self.item = chan, item


class _Waiter:
    """A task parked in one or more channels; whoever completes one of its cases fires it, once."""

    __slots__ = ("chan", "future", "parcel")

    def __init__(self) -> None:
        self.future: asyncio.Future[None] = asyncio.Future()
        self.chan: Chan[Any] | None = None
        self.parcel: Parcel[Any] | None = None

    def fire(self, chan: Chan[Any], received: Parcel[Any] | None) -> None:
        self.chan, self.parcel = chan, received
        self.future.set_result(None)


class Chan[T]:
    """A channel called ``name``, with room for ``capacity`` items; none means rendezvous."""

    __slots__ = ("_buffer", "_end", "_receivers", "_senders", "capacity", "name")

    def __init__(self, name: str, capacity: int = 0) -> None:
        self.name = name
        self.capacity = capacity
        self._buffer: deque[Parcel[T]] = deque()
        self._senders: dict[_Waiter, Parcel[T]] = {}
        self._receivers: dict[_Waiter, None] = {}
        self._end: Parcel[Any] | None = None

    def __repr__(self) -> str:
        return f"Chan({self.name!r}, {len(self)}/{self.capacity}{', closed' if self.closed else ''})"

    def __len__(self) -> int:
        """How many items wait in the buffer, as Go's ``len``."""
        return len(self._buffer)

    def __bool__(self) -> bool:
        return True

    @property
    def closed(self) -> bool:
        """Whether ``close`` was called; what is in the buffer can still be received."""
        return self._end is not None

    async def send(self, item: T) -> None:
        """Hand over ``item``, waiting until it is received or fits into the buffer.

        Raises ChanClosedError when the channel is closed, also while waiting.
        """
        parcel = self._put(item)
        if not self._try_send(parcel):
            await _park(((self, parcel),))

    async def recv(self) -> T:
        """Wait for the next item. Raises ChanClosedError when the channel is closed and drained."""
        parcel = self._try_recv()
        item: T | Closed = self._take(parcel).item if parcel else (await _park(((self, None),)))[1]
        if isinstance(item, Closed):
            raise ChanClosedError(self.name)
        return item

    def try_send(self, item: T) -> bool:
        """Hand over ``item`` if that needs no waiting: ``select { case c <- item: default: }``."""
        return self._try_send(self._put(item))

    def try_recv(self) -> T | Closed | None:
        """Receive if that needs no waiting; None if it does, ``CLOSED`` at the end."""
        parcel = self._try_recv()
        return self._take(parcel).item if parcel else None

    def close(self) -> None:
        """Say that nothing more will be sent, and wake whoever waits. Raises if that was said before."""
        if self._end is not None:
            raise ChanClosedError(self.name)
        self._end = self._put(CLOSED)  # type: ignore[arg-type]
        while receiver := _first(self._receivers):
            receiver.fire(self, self._end)
        while sender := _first(self._senders):
            sender.future.set_exception(ChanClosedError(self.name))

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        """``for item := range c``: each item until the channel is closed and drained."""
        try:
            return await self.recv()
        except ChanClosedError:
            raise StopAsyncIteration from None

    def _put(self, item: T) -> Parcel[T]:
        """The sender lets go: called in the sending task, for each item it offers."""
        return Parcel(self.name, item)

    def _take(self, parcel: Parcel[T]) -> Parcel[T]:
        """The receiver takes hold of it: called in the receiving task, once for each parcel it got."""
        return parcel

    def _try_send(self, parcel: Parcel[T]) -> bool:
        if self._end is not None:
            raise ChanClosedError(self.name)
        if receiver := _first(self._receivers):
            receiver.fire(self, parcel)
            return True
        if len(self._buffer) < self.capacity:
            self._buffer.append(parcel)
            return True
        return False

    def _try_recv(self) -> Parcel[T] | None:
        if self._buffer:
            parcel = self._buffer.popleft()
            if len(self._buffer) < self.capacity and (sender := _first(self._senders)):
                self._buffer.append(self._accept(sender))
            return parcel
        if sender := _first(self._senders):
            return self._accept(sender)
        return self._end

    def _accept(self, sender: _Waiter) -> Parcel[T]:
        """Let the parked sender go on; its parcel is ours."""
        parcel = self._senders.pop(sender)
        sender.fire(self, None)
        return parcel

    def _give_back(self, parcel: Parcel[T]) -> None:
        """Return a parcel whose receiver was cancelled before it took hold."""
        if parcel is self._end:
            return
        if receiver := _first(self._receivers):
            receiver.fire(self, parcel)
        else:
            self._buffer.appendleft(parcel)


async def select(*cases: Case) -> tuple[Chan[Any], Any]:
    """Wait for the first of ``cases`` that can go on, and do it: ``(channel, item received)``.

    A channel is a receive, a ``(channel, item)`` is a send (item received: None), None is never ready.
    A closed and drained channel is ready with ``CLOSED``. Raises ChanClosedError on sending to a closed one.
    """
    offered: list[_Offer] = []
    return _try(cases, offered) or await _park(offered)


def poll(*cases: Case) -> tuple[Chan[Any], Any] | None:
    """``select`` with a default: do the first case that is ready, or return None."""
    return _try(cases, [])


type _Offer = tuple[Chan[Any], Parcel[Any] | None]


def _try(cases: tuple[Case, ...], offered: list[_Offer]) -> tuple[Chan[Any], Any] | None:
    """Do the first case that is ready; if none is, all are ``offered``."""
    for case in cases:
        if isinstance(case, Chan):
            if (case._buffer or case._senders or case._end) and (received := case._try_recv()):
                return case, case._take(received).item
            offered.append((case, None))
        elif case is not None and (chan := case[0]) is not None:
            parcel = chan._put(case[1])
            if chan._try_send(parcel):
                return chan, None
            offered.append((chan, parcel))
    return None


async def _park(offered: list[_Offer] | tuple[_Offer, ...]) -> tuple[Chan[Any], Any]:
    """Wait in every offered channel until one fires; leave no trace in the others."""
    waiter = _Waiter()
    for chan, parcel in offered:
        if parcel is None:
            chan._receivers[waiter] = None
        else:
            chan._senders[waiter] = parcel
    try:
        await waiter.future
    except asyncio.CancelledError:
        if waiter.chan is not None and waiter.parcel is not None:
            waiter.chan._give_back(waiter.parcel)
        raise
    finally:
        for chan, parcel in offered:
            (chan._receivers if parcel is None else chan._senders).pop(waiter, None)
    assert waiter.chan is not None, "woken without a case"
    return waiter.chan, None if waiter.parcel is None else waiter.chan._take(waiter.parcel).item


def _first(waiters: dict[_Waiter, Any]) -> _Waiter | None:
    """The waiter that came first and is still waiting; those fired elsewhere or cancelled are dropped."""
    while waiters:
        waiter = next(iter(waiters))
        if not waiter.future.done():
            return waiter
        del waiters[waiter]
    return None

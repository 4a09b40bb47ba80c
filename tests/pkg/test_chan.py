"""Chan and select keep Go's promises, whatever the schedule and whoever is cancelled."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from minietcd.pkg.chan import CLOSED, Chan, ChanClosedError, poll, select


async def settle() -> None:
    """Let every task run until each waits for another."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_rendezvous_waits_for_both_sides() -> None:
    chan: Chan[int] = Chan("c")
    sender = asyncio.create_task(chan.send(1))
    await settle()
    assert not sender.done()
    assert await chan.recv() == 1
    await sender


async def test_whoever_comes_second_goes_on_without_waiting() -> None:
    chan: Chan[int] = Chan("c")
    receiver = asyncio.create_task(chan.recv())
    await settle()
    assert chan.try_send(7)
    assert await receiver == 7


async def test_a_buffer_takes_its_capacity_and_no_more() -> None:
    chan: Chan[int] = Chan("c", 2)
    assert [chan.try_send(i) for i in range(3)] == [True, True, False]
    assert len(chan) == 2
    assert [chan.try_recv() for _ in range(3)] == [0, 1, None]


async def test_a_blocked_sender_moves_up_into_the_buffer_in_its_turn() -> None:
    chan: Chan[int] = Chan("c", 1)
    senders = [asyncio.create_task(chan.send(i)) for i in range(4)]
    await settle()
    assert [await chan.recv() for _ in range(4)] == [0, 1, 2, 3]
    await asyncio.gather(*senders)


async def test_a_closed_channel_drains_and_then_is_always_ready() -> None:
    chan: Chan[int] = Chan("c", 2)
    chan.try_send(1)
    chan.close()
    assert await chan.recv() == 1
    assert await select(chan) == (chan, CLOSED)
    with pytest.raises(ChanClosedError):
        await chan.recv()
    with pytest.raises(ChanClosedError):
        await chan.send(2)
    with pytest.raises(ChanClosedError):
        chan.close()


async def test_closing_wakes_every_receiver_and_refuses_every_sender() -> None:
    full: Chan[int] = Chan("full")
    sender = asyncio.create_task(full.send(1))
    empty: Chan[int] = Chan("empty")
    receivers = [asyncio.create_task(select(empty)) for _ in range(3)]
    await settle()
    full.close()
    empty.close()
    with pytest.raises(ChanClosedError):
        await sender
    assert await asyncio.gather(*receivers) == [(empty, CLOSED)] * 3


async def test_range_ends_with_the_channel() -> None:
    chan: Chan[int] = Chan("c", 3)
    for i in range(3):
        chan.try_send(i)
    chan.close()
    assert [item async for item in chan] == [0, 1, 2]


async def test_select_takes_the_first_ready_case_as_written() -> None:
    a: Chan[str] = Chan("a", 1)
    b: Chan[str] = Chan("b", 1)
    a.try_send("a")
    b.try_send("b")
    assert await select(b, a) == (b, "b")
    assert await select(b, a) == (a, "a")


async def test_none_is_never_ready() -> None:
    chan: Chan[int] = Chan("c", 1)
    waiting = asyncio.create_task(select(None, (None, 1), chan))
    await settle()
    assert not waiting.done()
    chan.try_send(3)
    assert await waiting == (chan, 3)


async def test_one_select_can_send_to_another() -> None:
    chan: Chan[int] = Chan("c")
    other: Chan[int] = Chan("other")
    sending = asyncio.create_task(select(other, (chan, 5)))
    await settle()
    assert await select(other, chan) == (chan, 5)
    assert await sending == (chan, None)


async def test_a_case_that_was_not_taken_leaves_nothing_behind() -> None:
    chosen: Chan[int] = Chan("chosen")
    left: Chan[int] = Chan("left")
    waiting = asyncio.create_task(select(left, (left, 1), chosen))
    await settle()
    chosen.try_send(1)
    await waiting
    assert not left._receivers
    assert not left._senders
    assert poll(left) is None


async def test_a_parcel_whose_receiver_was_cancelled_is_first_in_line_again() -> None:
    chan: Chan[int] = Chan("c", 2)
    receiver = asyncio.create_task(chan.recv())
    await settle()
    chan.try_send(1)
    receiver.cancel()
    chan.try_send(2)
    await asyncio.gather(receiver, return_exceptions=True)
    assert receiver.cancelled()
    assert [chan.try_recv(), chan.try_recv()] == [1, 2]


async def test_a_parcel_given_back_goes_to_the_next_who_waits() -> None:
    chan: Chan[int] = Chan("c")
    first = asyncio.create_task(chan.recv())
    second = asyncio.create_task(chan.recv())
    await settle()
    chan.try_send(1)
    first.cancel()
    assert await second == 1


async def test_a_cancelled_sender_takes_its_item_along() -> None:
    chan: Chan[int] = Chan("c")
    sender = asyncio.create_task(chan.send(1))
    await settle()
    sender.cancel()
    await asyncio.gather(sender, return_exceptions=True)
    assert chan.try_recv() is None


class Bench:
    """Tasks that send, receive and select at random over a few channels; some are cancelled on the way."""

    def __init__(self, seed: int, capacities: list[int]) -> None:
        self.rng = random.Random(seed)
        self.chans: list[Chan[int]] = [Chan(f"c{i}", n) for i, n in enumerate(capacities)]
        self.sent: list[int] = []
        self.unsure: list[int] = []
        self.received: list[int] = []
        self.order: dict[tuple[str, int], list[int]] = {}
        self._next = 0

    def draw(self) -> int:
        self._next += 1
        return self._next

    async def pause(self) -> None:
        for _ in range(self.rng.randrange(3)):
            await asyncio.sleep(0)

    async def sender(self, count: int) -> None:
        for _ in range(count):
            await self.pause()
            item, targets = self.draw(), self.rng.sample(self.chans, self.rng.randint(1, len(self.chans)))
            self.unsure.append(item)
            if len(targets) == 1 and self.rng.random() < 0.5:
                await targets[0].send(item)
            else:
                await select(None, *[(target, item) for target in targets])
            self.unsure.remove(item)
            self.sent.append(item)

    async def receiver(self, *, everywhere: bool = False) -> None:
        while True:
            await self.pause()
            least = len(self.chans) if everywhere else 1
            sources = self.rng.sample(self.chans, self.rng.randint(least, len(self.chans)))
            if len(sources) == 1 and self.rng.random() < 0.5:
                item: Any = await sources[0].recv()
            else:
                _, item = await select(*sources, None)
            self.received.append(item)

    async def run(self, senders: int, receivers: int, cancellations: int) -> None:
        """One receiver listens everywhere and is left alone, so that everything can get through."""
        sweeper = asyncio.create_task(self.receiver(everywhere=True))
        sending = [asyncio.create_task(self.sender(8)) for _ in range(senders)]
        receiving = [asyncio.create_task(self.receiver()) for _ in range(receivers)]
        for _ in range(cancellations):
            for _ in range(self.rng.randrange(6)):
                await asyncio.sleep(0)
            victims = self.rng.choice([sending, receiving])
            index = self.rng.randrange(len(victims))
            victims[index].cancel()
            if victims is receiving:
                receiving[index] = asyncio.create_task(self.receiver())
        await asyncio.gather(*sending, return_exceptions=True)
        while any(len(chan) for chan in self.chans):
            await settle()
        await settle()
        for task in (sweeper, *receiving):
            task.cancel()
        await asyncio.gather(sweeper, *receiving, return_exceptions=True)
        for chan in self.chans:
            while (item := chan.try_recv()) is not None:
                assert isinstance(item, int)
                self.received.append(item)


@settings(max_examples=300, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(
    seed=st.integers(0, 2**32),
    capacities=st.lists(st.sampled_from([0, 0, 1, 3]), min_size=1, max_size=4),
    senders=st.integers(1, 5),
    receivers=st.integers(1, 5),
    cancellations=st.integers(0, 25),
)
def test_under_any_schedule_nothing_is_lost_or_seen_twice_and_nobody_is_forgotten(
    seed: int, capacities: list[int], senders: int, receivers: int, cancellations: int
) -> None:
    bench = Bench(seed, capacities)
    asyncio.run(asyncio.wait_for(bench.run(senders, receivers, cancellations), 5))
    assert len(bench.received) == len(set(bench.received)), "seen twice"
    assert set(bench.sent) <= set(bench.received), "lost"
    assert set(bench.received) <= set(bench.sent) | set(bench.unsure), "out of thin air"
    for chan in bench.chans:
        assert not chan._senders and not chan._receivers, f"{chan} keeps a waiter"


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32), capacity=st.integers(0, 4), cancellations=st.integers(0, 10))
def test_one_sender_and_one_receiver_keep_the_order_also_when_the_receiver_is_cancelled(
    seed: int, capacity: int, cancellations: int
) -> None:
    async def run() -> list[int]:
        bench = Bench(seed, [capacity])
        sender = asyncio.create_task(bench.sender(30))
        receiver = asyncio.create_task(bench.receiver())
        for _ in range(cancellations):
            await bench.pause()
            receiver.cancel()
            await asyncio.gather(receiver, return_exceptions=True)
            receiver = asyncio.create_task(bench.receiver())
        await sender
        await settle()
        receiver.cancel()
        await asyncio.gather(receiver, return_exceptions=True)
        while isinstance(item := bench.chans[0].try_recv(), int):
            bench.received.append(item)
        return bench.received

    assert asyncio.run(run()) == list(range(1, 31))

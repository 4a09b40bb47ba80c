"""The world by itself: time, processes, connections, disks."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tracer.virtual.disk import VirtualDisk
from tracer.virtual.loop import EPOCH, Clock, Process, StuckError
from tracer.virtual.network import Link, NetworkLoop


def play(story: Callable[[NetworkLoop], Awaitable[Any]], seed: int = 0) -> Any:
    loop = NetworkLoop(Random(seed))
    try:
        with loop.pinned(seed):
            return loop.run_until_complete(story(loop))
    finally:
        loop.close()


def process(loop: NetworkLoop, name: str = "a", rate: float = 1.0) -> Process:
    return Process(loop, name, Clock(loop, rate))


def test_a_day_is_over_at_once() -> None:
    async def story(loop: NetworkLoop) -> float:
        await asyncio.sleep(86_400)
        return loop.time()

    before = time.monotonic()
    assert play(story) == 86_400
    assert time.monotonic() - before < 5


def test_timers_of_one_moment_go_off_in_the_order_in_which_they_were_set() -> None:
    async def story(loop: NetworkLoop) -> list[int]:
        order: list[int] = []
        for number in range(100):
            loop.call_at(1.0, order.append, number)
        await asyncio.sleep(2)
        return order

    assert play(story) == list(range(100))


def test_whoever_waits_for_what_cannot_come_is_told_so() -> None:
    async def nothing(loop: NetworkLoop) -> None:
        await loop.create_future()

    async def everything_at_once(loop: NetworkLoop) -> None:
        while True:  # noqa: ASYNC110
            await asyncio.sleep(0)

    with pytest.raises(StuckError, match="nothing will ever happen"):
        play(nothing)
    with pytest.raises(StuckError, match=r"still 0\.000000"):
        play(everything_at_once)


def test_the_clock_and_the_chance_that_libraries_ask_are_those_of_the_world_while_it_lasts() -> None:
    async def story(loop: NetworkLoop) -> tuple[float, float, float]:
        await asyncio.sleep(5)
        return time.time(), time.monotonic(), random.random()

    state = random.getstate()
    first, second, other = play(story), play(story), play(story, seed=1)
    assert first == second
    assert first[:2] == other[:2] == (EPOCH + 5, 5)
    assert first[2] != other[2]
    assert random.getstate() == state
    assert time.time() > EPOCH + 1_000


def test_a_fast_clock_runs_fast_for_its_process_alone() -> None:
    async def sleeper(loop: NetworkLoop) -> tuple[float, float]:
        await asyncio.sleep(30)
        return loop.time(), loop.now

    async def story(loop: NetworkLoop) -> list[tuple[float, float]]:
        fast, right = process(loop, "fast", 1.5), process(loop, "right")
        return await asyncio.gather(*(each.go(sleeper(loop), "sleeper") for each in (fast, right)))

    assert play(story) == [(30, 20), (30, 30)]


def test_a_clock_whose_rate_changes_goes_on_from_what_it_shows() -> None:
    async def story(loop: NetworkLoop) -> tuple[float, float]:
        clock = Clock(loop, skew=100)
        await asyncio.sleep(10)
        clock.rate = 0.5
        await asyncio.sleep(10)
        return clock.shows(loop.now), clock.wall()

    assert play(story) == (15, EPOCH + 115)


def test_what_is_busy_does_the_rest_later_and_in_order() -> None:
    async def story(loop: NetworkLoop) -> list[tuple[str, float]]:
        done: list[tuple[str, float]] = []
        busy = process(loop)

        async def work() -> None:
            busy.spend(2)
            done.append(("work", loop.time()))

        async def more() -> None:
            done.append(("more", loop.time()))

        await asyncio.gather(busy.go(work(), "work"), busy.go(more(), "more"), asyncio.sleep(1))
        return done

    assert play(story) == [("work", 2), ("more", 2)]


def test_each_step_of_a_slow_process_takes_its_time() -> None:
    async def steps() -> None:
        for _ in range(9):
            await asyncio.sleep(0)

    async def story(loop: NetworkLoop) -> float:
        slow = process(loop)
        slow.cost = 0.1
        await slow.go(steps(), "steps")
        return loop.now

    assert play(story) == pytest.approx(1.0, abs=0.11)


def test_the_dead_do_nothing_more_and_leave_nothing_behind() -> None:
    """Also one that awaits on its way out, one that has just been woken, and one that had not begun."""

    async def story(loop: NetworkLoop) -> tuple[list[str], int]:
        said: list[str] = []
        mortal = process(loop)
        woken = loop.create_future()

        async def stubborn() -> None:
            try:
                await woken
                said.append("woken")
            finally:
                await asyncio.sleep(1)
                said.append("on the way out")

        async def late() -> None:
            said.append("begun")

        tasks = [mortal.go(stubborn(), "stubborn"), mortal.go(asyncio.sleep(100), "sleeper")]
        mortal.context.copy().run(loop.call_later, 1, said.append, "timer")
        await asyncio.sleep(0.5)
        woken.set_result(None)
        mortal.kill()
        tasks.append(mortal.go(late(), "late"))
        await mortal.buried
        await asyncio.sleep(10)
        return said, sum(not task.done() for task in tasks)

    assert play(story) == ([], 0)


class Lines(asyncio.Protocol):
    """Writes down what happens to it, with the time."""

    def __init__(self, loop: NetworkLoop) -> None:
        self.loop, self.told = loop, list[tuple[float, str]]()

    def tell(self, what: str) -> None:
        self.told.append((round(self.loop.now, 6), what))

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.tell("made")

    def data_received(self, data: bytes) -> None:
        self.tell(data.decode())

    def connection_lost(self, exc: Exception | None) -> None:
        self.tell(f"lost {exc}")

    def pause_writing(self) -> None:
        self.tell("pause")

    def resume_writing(self) -> None:
        self.tell("resume")

    def words(self) -> list[str]:
        return [what for _, what in self.told]


class Pair:
    """A connection from the machine a to the machine b, a tenth of a second apart."""

    def __init__(self, loop: NetworkLoop) -> None:
        self.loop = loop
        loop.network.link = Link(0.1, 0.1)
        self.a, self.b = process(loop, "a"), process(loop, "b")
        self.near, self.far = Lines(loop), Lines(loop)

    async def serve(self) -> None:
        port: Any = self.loop.network.listen(self.b, 80)
        await self.b.go(self.loop.create_server(lambda: self.far, sock=port), "serve")

    async def connect(self) -> None:
        address = self.loop.network.address("b"), 80
        await self.a.go(self.loop.create_connection(lambda: self.near, *address), "connect")

    async def both(self) -> Pair:
        await self.serve()
        await self.connect()
        return self


def test_bytes_arrive_in_order_after_their_delay_whatever_that_is() -> None:
    async def story(loop: NetworkLoop) -> tuple[str, float]:
        pair = await Pair(loop).both()
        loop.network.link = Link(0.1, 5.0)
        for number in range(50):
            pair.near.transport.write(f"{number},".encode())
            await asyncio.sleep(0.01)
        await asyncio.sleep(10)
        return "".join(pair.far.words()[1:]), pair.far.told[1][0]

    text, first = play(story)
    assert text == "".join(f"{number}," for number in range(50))
    assert 0.3 <= first <= 5.2


def test_nobody_answers_where_nobody_listens() -> None:
    async def story(loop: NetworkLoop) -> None:
        await Pair(loop).connect()

    with pytest.raises(ConnectionRefusedError):
        play(story)


def test_who_comes_before_anybody_serves_waits() -> None:
    async def story(loop: NetworkLoop) -> list[tuple[float, str]]:
        pair = Pair(loop)
        port: Any = loop.network.listen(pair.b, 80)
        await pair.connect()
        pair.near.transport.write(b"hello")
        await asyncio.sleep(0.8)
        await pair.b.go(loop.create_server(lambda: pair.far, sock=port), "serve")
        await asyncio.sleep(1)
        return pair.far.told

    assert play(story) == [(1.0, "made"), (1.0, "hello")]


def test_a_taken_port_is_taken_until_it_is_closed() -> None:
    async def story(loop: NetworkLoop) -> None:
        owner = process(loop)
        port = loop.network.listen(owner, 80)
        with pytest.raises(OSError, match="in use"):
            loop.network.listen(owner, 80)
        port.close()
        loop.network.listen(owner, 80)

    play(story)


def test_a_cut_link_holds_up_one_direction_and_loses_nothing() -> None:
    async def story(loop: NetworkLoop) -> tuple[list[tuple[float, str]], list[tuple[float, str]]]:
        pair = await Pair(loop).both()
        loop.network.cut.add(("a", "b"))
        pair.near.transport.write(b"held up")
        pair.far.transport.write(b"gets through")
        await asyncio.sleep(5)
        loop.network.heal()
        await asyncio.sleep(1)
        return pair.near.told, pair.far.told

    near, far = play(story)
    assert near == [(0.2, "made"), (0.3, "gets through")]
    assert far == [(0.1, "made"), (5.3, "held up")]


def test_a_partition_cuts_what_is_between_its_groups_and_a_bridge_reaches_both() -> None:
    async def story(loop: NetworkLoop) -> set[tuple[str, str]]:
        loop.network.partition(["n1", "n2", "n3"], ["n3", "n4", "n5"])
        return loop.network.cut

    ways = {(a, b) for a in ("n1", "n2") for b in ("n4", "n5")}
    assert play(story) == ways | {(b, a) for a, b in ways}


def test_a_full_wire_holds_up_its_writer() -> None:
    async def story(loop: NetworkLoop) -> list[str]:
        pair = await Pair(loop).both()
        pair.far.transport.pause_reading()
        pair.near.transport.write(bytes(1_000_000))
        await asyncio.sleep(1)
        assert pair.near.words()[1:] == ["pause"]
        pair.far.transport.resume_reading()
        await asyncio.sleep(1)
        return pair.near.words()

    assert play(story) == ["made", "pause", "resume"]


@pytest.mark.parametrize(
    ("end", "heard"), [("close", "None"), ("abort", "[Errno 104] Connection reset by peer")]
)
def test_the_other_end_hears_how_it_ended_after_all_that_was_written(end: str, heard: str) -> None:
    async def story(loop: NetworkLoop) -> list[str]:
        pair = await Pair(loop).both()
        pair.near.transport.write(b"last words")
        getattr(pair.near.transport, end)()
        await asyncio.sleep(1)
        return pair.far.words()

    assert play(story) == ["made", "last words", f"lost {heard}"]


@pytest.mark.parametrize("silently", [False, True])
def test_the_other_end_of_a_dead_process_hears_of_it_at_once_or_when_the_machine_is_back(
    silently: bool,
) -> None:
    async def story(loop: NetworkLoop) -> tuple[list[tuple[float, str]], list[str]]:
        pair = await Pair(loop).both()
        pair.b.spend(0.05)
        loop.call_later(0.01, pair.b.kill)
        await asyncio.sleep(0.02)
        loop.network.lose(pair.b, silently)
        pair.near.transport.write(b"anybody?")
        await asyncio.sleep(5)
        if silently:
            loop.network.back("b")
        await asyncio.sleep(1)
        return pair.near.told[1:], pair.far.words()

    near, far = play(story)
    assert near == [(5.32 if silently else 0.32, "lost [Errno 104] Connection reset by peer")]
    assert far == ["made"]


def test_what_a_process_would_have_sent_after_its_work_is_not_sent_if_it_dies_at_it() -> None:
    async def story(loop: NetworkLoop) -> list[str]:
        pair = await Pair(loop).both()

        async def work() -> None:
            pair.far.transport.write(b"before")
            pair.b.spend(1)
            pair.far.transport.write(b"after")

        await asyncio.wait([pair.b.go(work(), "work")])
        await asyncio.sleep(0.5)
        pair.b.kill()
        loop.network.lose(pair.b, silently=True)
        await asyncio.sleep(5)
        return pair.near.words()

    assert play(story) == ["made", "before"]


def test_an_unreliable_link_is_late_or_breaks() -> None:
    async def story(loop: NetworkLoop) -> tuple[float, list[str]]:
        pair = await Pair(loop).both()
        loop.network.link = Link(0.1, 0.1, loss=0.9)
        pair.near.transport.write(b"late")
        await asyncio.sleep(10_000)
        late = pair.far.told[1][0]
        loop.network.link = Link(0.1, 0.1, resets=1.0)
        pair.near.transport.write(b"never")
        await asyncio.sleep(1)
        return late, [pair.far.words()[-1], pair.near.words()[-1]]

    late, last = play(story)
    assert late > 0.5
    assert last == ["lost [Errno 104] Connection reset by peer"] * 2


def disk(loop: NetworkLoop, root: Path, seed: int = 0) -> VirtualDisk:
    made = VirtualDisk(loop, root, Random(seed))
    made.makedirs(root / "dir", 0o700)
    return made


def write(made: VirtualDisk, path: Path, data: bytes) -> int:
    fd = made.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    made.lseek(fd, 0, os.SEEK_END)
    made.write(fd, data)
    return fd


def content(made: VirtualDisk, path: Path) -> bytes:
    fd = made.open(path, os.O_RDONLY, 0)
    data = made.read(fd, 1 << 20)
    made.close(fd)
    return data


def test_a_crash_loses_what_was_not_synced_and_tears_between_sectors(tmp_path: Path) -> None:
    async def story(loop: NetworkLoop) -> set[bytes]:
        left = set()
        for seed in range(300):
            made, path = disk(loop, tmp_path, seed), tmp_path / "dir" / "file"
            fd = write(made, path, b"kept.")
            made.fsync(fd)
            made.fsync(made.open(path.parent, os.O_RDONLY, 0))
            made.write(fd, b"one.")
            made.write(fd, bytes(range(1, 251)) * 6)
            made.crash()
            left.add(content(made, path))
        return left

    whole = b"kept.one." + bytes(range(1, 251)) * 6
    assert play(story) == {whole[:size] for size in (5, 9, 512, 1024, len(whole))}


def test_names_that_were_not_synced_may_be_lost_in_the_order_in_which_they_changed(tmp_path: Path) -> None:
    async def story(loop: NetworkLoop) -> set[tuple[str, ...]]:
        left = set()
        for seed in range(100):
            made, directory = disk(loop, tmp_path, seed), tmp_path / "dir"
            made.fsync(write(made, directory / "old", b"x"))
            made.fsync(made.open(directory, os.O_RDONLY, 0))
            made.fsync(write(made, directory / "new", b"y"))
            made.rename(directory / "new", directory / "newer")
            made.unlink(directory / "old")
            made.crash()
            left.add(tuple(sorted(made.listdir(directory))))
        return left

    assert play(story) == {("old",), ("new", "old"), ("old",), ("newer", "old"), ("newer",)}


def test_a_sync_that_is_cut_short_is_none(tmp_path: Path) -> None:
    async def story(loop: NetworkLoop) -> tuple[set[bytes], set[bytes]]:
        during, after = set(), set()
        for seed in range(50):
            for left, moment in ((during, 0.5), (after, 1.5)):
                made, path, owner = disk(loop, tmp_path, seed), tmp_path / "dir" / "file", process(loop)
                made.latency = 1.0, 1.0

                async def work(made: VirtualDisk = made, path: Path = path) -> None:
                    made.fsync(write(made, path, b"data"))

                made.fsync(made.open(path.parent, os.O_CREAT, 0))
                await asyncio.wait([owner.go(work(), "work")])
                made.fsync(made.open(path.parent, os.O_RDONLY, 0))
                await asyncio.sleep(moment)
                owner.kill()
                made.crash()
                left.add(content(made, path))
        return during, after

    during, after = play(story)
    assert len(during) > 1
    assert after == {b"data"}


def test_a_disk_fails_and_is_full_as_it_is_told(tmp_path: Path) -> None:
    async def story(loop: NetworkLoop) -> None:
        made, path = disk(loop, tmp_path), tmp_path / "dir" / "file"
        fd = write(made, path, b"data")
        made.fallocate(fd, 100)
        made.full = True
        made.write(fd, bytes(96))
        with pytest.raises(OSError, match="No space left"):
            made.write(fd, b"more")
        with pytest.raises(OSError, match="No space left"):
            made.open(path.with_name("other"), os.O_CREAT, 0o600)
        made.full = False
        made.write(fd, b"more")
        made.failing.add("fsync")
        with pytest.raises(OSError, match="Input/output error"):
            made.fsync(fd)

    play(story)


def test_a_lock_is_held_until_its_file_is_closed_or_its_process_is_gone(tmp_path: Path) -> None:
    async def story(loop: NetworkLoop) -> None:
        made, path = disk(loop, tmp_path), tmp_path / "dir" / "file"
        first, second = write(made, path, b""), made.open(path, os.O_RDWR, 0)
        made.fsync(made.open(path.parent, os.O_RDONLY, 0))
        made.lock(first)
        with pytest.raises(BlockingIOError):
            made.lock(second)
        made.close(first)
        made.lock(second)
        made.crash()
        made.lock(made.open(path, os.O_RDWR, 0))

    play(story)


def test_a_file_that_takes_the_name_of_a_real_one_becomes_real(tmp_path: Path) -> None:
    async def story(loop: NetworkLoop) -> tuple[bytes, list[str]]:
        made, directory = disk(loop, tmp_path), tmp_path / "dir"
        (directory / "db").write_bytes(b"old")
        made.close(write(made, directory / "received", b"new"))
        made.rename(directory / "received", directory / "db")
        return (directory / "db").read_bytes(), made.listdir(directory)

    assert play(story) == (b"new", [])

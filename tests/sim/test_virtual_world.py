"""The real server in the world: what happens to it there is what would happen to it anywhere."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from minietcd.clientv3.errors import StatusError
from minietcd.raft.raftpb import Entry, HardState, Message, MsgHeartbeat
from tests.sim.world import Member, Observer, World, run
from tracer.virtual.network import Link

ROOT = Path(__file__).parents[2]


async def troubles(world: World) -> None:
    """A bit of everything, so that a run depends on all there is."""
    await world.start(3, snapshot_count=10, snapshot_catch_up_entries=2)
    client = world.client("c1", timeout=2.0)
    world.network.link = Link(0.0001, 0.003, loss=0.01, resets=0.0005)
    for number in range(30):
        with suppress(StatusError, TimeoutError):
            await client.put(f"k{number % 3}", f"{number}")
        if number == 5:
            world.crash("n1", torn=True)
        elif number == 10:
            world.partition(["n2"], ["n1", "n3", "c1"])
        elif number == 15:
            world.heal()
            await world.stop("n3")
        for name, member in world.members.items():
            if not member.alive:
                world.restart(name)
    await world.ready("n1", "n2", "n3")
    await asyncio.sleep(3)


def test_equal_seeds_give_equal_journals_in_every_process_and_other_seeds_give_others() -> None:
    """Also where hashes are seeded differently; every interpreter that has the libraries may be given."""
    program = f"from tests.sim.{Path(__file__).stem} import *; print(run(troubles, 5).journal)"
    here = str(run(troubles, 5).journal)
    for hashes in ("0", "4242"):
        environ = {**os.environ, "PYTHONHASHSEED": hashes, "PYTHONPATH": str(ROOT)}
        python = os.environ.get("MINIETCD_OTHER_PYTHON", sys.executable)
        there = subprocess.run([python, "-c", program], env=environ, capture_output=True, text=True)
        assert there.stdout.rstrip("\n") == here, there.stderr
    assert str(run(troubles, 6).journal) != here


def test_a_put_goes_through_three_members_in_a_few_virtual_milliseconds() -> None:
    async def story(world: World) -> float:
        await world.start(3)
        client = world.client()
        await client.put("k", "first, to connect")
        before = world.now
        assert (await client.put("k", "v")).header.revision == 3
        took = world.now - before
        assert (await client.get("k")).kvs[0].value == b"v"
        await world.until(lambda: len({member.hash_kv() for member in world.alive()}) == 1)
        return took

    took = told(run_for(story))
    assert 0.0005 < took < 0.05


def test_what_was_acknowledged_survives_when_everybody_crashes_in_the_middle_of_a_sync() -> None:
    async def story(world: World) -> list[bytes]:
        await world.start(3)
        client = world.client()
        for number in range(10):
            await client.put("k", f"{number}")
        writing = client.go(client.put("k", "perhaps"))
        for name in world.members:
            world.crash(name, torn=True)
        await world.until(lambda: not world.alive())
        with suppress(StatusError, TimeoutError):
            await writing
        for name in world.members:
            world.restart(name)
        await world.ready(*world.members)
        return [(await client.get("k")).kvs[0].value]

    for seed in range(5):
        assert told(run_for(story, seed)) in ([b"9"], [b"perhaps"])


def test_a_torn_tail_is_repaired_at_the_restart() -> None:
    """Some seed tears a write of several sectors between two of them."""

    async def story(world: World) -> bool:
        await world.start(3)
        client = world.client()
        writing = client.go(client.put("k", "x" * 5000))
        world.crash("n2", torn=True)
        await world.until(lambda: not world.member("n2").alive)
        await writing
        world.restart("n2")
        await world.ready("n2")
        await world.until(lambda: len({member.hash_kv() for member in world.alive()}) == 1)
        names = world.disk("n2").listdir(world.root / "n2" / "data" / "member" / "wal")
        return any(name.endswith(".broken") for name in names)

    assert any(told(run_for(story, seed)) for seed in range(10))


def test_a_failing_sync_ends_a_member_and_it_comes_back_when_the_disk_does() -> None:
    async def story(world: World) -> str:
        await world.start(3)
        client = world.client()
        world.disk("n2").failing.add("fsync")
        await client.put("k", "v")
        await world.until(lambda: not world.member("n2").alive)
        [death] = [line for line in world.journal.lines if " n2 dies" in line]
        await client.put("k", "w")
        world.disk("n2").failing.clear()
        world.restart("n2")
        await world.until(lambda: world.member("n2").running and world.member("n2").revision() == 3)
        assert not world.failures
        return death

    assert "failed to save Raft hard state and entries" in told(run_for(story))


def test_a_full_disk_does_not_matter_before_the_log_needs_another_segment() -> None:
    async def story(world: World) -> None:
        await world.start(3)
        world.disk("n2").full = True
        await world.client().put("k", "v")
        await world.until(lambda: world.member("n2").revision() == 2)

    run(story)


def test_a_stalled_sync_stops_the_member_for_as_long() -> None:
    async def story(world: World) -> tuple[float, float]:
        await world.start(1)
        client = world.client()
        await client.put("k", "first, to connect")
        world.disk("n1").stall = 1.5
        before = world.now
        await client.put("k", "v")
        return before, world.now

    before, after = told(run_for(story))
    assert 1.5 <= after - before < 1.6 + 1.5  # the commit index may be synced, too


class Heard(Observer):
    """Who got what from whom."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.pairs: set[tuple[str, str]] = set()

    def on_deliver(self, member: Member, message: Message) -> None:
        self.pairs.add((self.world.name_of(message.from_), member.name))


def hear(cut: Callable[[World], object], seconds: float = 8.0) -> set[tuple[str, str]]:
    """The ways on which messages still arrive a second after that cut, in a cluster of five."""

    async def story(world: World) -> set[tuple[str, str]]:
        await world.start(5)
        cut(world)
        await asyncio.sleep(1)
        world.observers.append(heard := Heard(world))
        await asyncio.sleep(seconds)
        return heard.pairs

    heard: set[tuple[str, str]] = told(run_for(story))
    return heard


def test_over_a_partition_nothing_is_heard() -> None:
    heard = hear(lambda world: world.partition(["n1", "n2"], ["n3", "n4", "n5"]))
    assert heard
    assert all((a in ("n1", "n2")) == (b in ("n1", "n2")) for a, b in heard)


def test_a_one_way_cut_lets_the_other_way_through() -> None:
    heard = hear(lambda world: [world.cut("n1", other) for other in ("n2", "n3", "n4", "n5")])
    assert not {pair for pair in heard if pair[0] == "n1"}
    assert {pair for pair in heard if pair[1] == "n1"}


def test_a_bridge_hears_both_sides_that_do_not_hear_each_other() -> None:
    heard = hear(lambda world: world.partition(["n1", "n2", "n3"], ["n3", "n4", "n5"]))
    assert not {(a, b) for a, b in heard if (a in ("n1", "n2")) and b in ("n4", "n5")}
    assert {a for a, b in heard if b == "n3"} & {"n1", "n2"}
    assert {a for a, b in heard if b == "n3"} & {"n4", "n5"}


@pytest.mark.parametrize(("rule", "got"), [([], 0), ([0.0, 0.5], 10), ([0.7], 5)])
def test_a_rule_drops_doubles_and_delays_messages(rule: Sequence[float], got: int) -> None:
    """Five heartbeats are treated like that, and no other gets through."""

    async def story(world: World) -> int:
        await world.start(3)
        leader = world.leader()
        assert leader is not None
        other = next(name for name in world.members if name != leader.name)
        world.observers.append(beats := Heartbeats(other))
        fates = iter([rule] * 5)

        def treat(source: str, target: str, m: Message) -> Sequence[float]:
            return next(fates, []) if target == other and m.type == MsgHeartbeat else [0.0]

        world.rule = treat
        await asyncio.sleep(0.9)
        world.rule = lambda source, target, m: []
        await asyncio.sleep(1)
        return beats.got

    assert told(run_for(story)) == got


class Heartbeats(Observer):
    """Counts those that one member gets."""

    def __init__(self, name: str) -> None:
        self.name, self.got = name, 0

    def on_deliver(self, member: Member, message: Message) -> None:
        self.got += member.name == self.name and message.type == MsgHeartbeat


def test_a_member_whose_clock_runs_fast_campaigns_first() -> None:
    async def story(world: World) -> tuple[str, str]:
        await world.start(3)
        leader = world.leader()
        assert leader is not None
        fast = next(member for member in world.alive() if member is not leader)
        fast.clock.rate = 4.0
        world.crash(leader.name)
        before = len(world.journal.lines)
        await asyncio.sleep(1.2)
        who = [line.split()[1] for line in world.journal.lines[before:] if "is StateCandidate" in line]
        return who[0], fast.name

    for seed in range(4):
        first, fast = told(run_for(story, seed))
        assert first == fast


class Order(Observer):
    """What members tell of an entry: that it is ready, saved, applied."""

    def __init__(self) -> None:
        self.told: dict[tuple[str, int], list[str]] = {}

    def on_persist(self, member: Member, hard_state: HardState, entries: Sequence[Entry]) -> None:
        for entry in entries:
            self.told.setdefault((member.name, entry.index), []).append("saved")

    def on_apply(self, member: Member, entry: Entry, anew: bool) -> None:
        self.told.setdefault((member.name, entry.index), []).append("applied anew" if anew else "applied")


def test_observers_hear_of_each_entry_that_it_is_saved_and_applied_and_again_after_a_restart() -> None:
    async def story(world: World) -> dict[tuple[str, int], list[str]]:
        world.observers.append(order := Order())
        await world.start(3)
        await world.client().put("k", "v")
        await asyncio.sleep(1)
        world.crash("n2")
        world.restart("n2")
        await world.ready("n2")
        return order.told

    told_of = told(run_for(story))
    indices = sorted(index for name, index in told_of if name == "n1")
    assert indices == list(range(1, len(indices) + 1))
    assert all(told_of["n1", index] == ["saved", "applied anew"] for index in indices)
    assert told_of["n2", 4] == ["saved", "applied anew", "applied"]


def test_a_member_that_stops_hands_over_and_starts_again_where_it_was() -> None:
    async def story(world: World) -> None:
        await world.start(3)
        leader = world.leader()
        assert leader is not None
        await world.client().put("k", "v")
        await world.stop(leader.name)
        assert world.leader() not in (None, leader)
        world.restart(leader.name)
        await world.ready(leader.name)
        assert leader.revision() == 2

    run(story)


def test_what_ends_a_member_and_is_no_fault_of_its_disk_is_a_failure() -> None:
    async def story(world: World) -> list[tuple[str, BaseException]]:
        await world.start(3)

        def broken(*_: Any) -> None:
            raise AssertionError("a bug")

        world.member("n3").server.apply_wait.trigger = broken  # type: ignore[method-assign]
        await world.client("c1", ["n1"]).put("k", "v")
        await asyncio.sleep(1)
        assert not world.member("n3").alive
        return world.failures

    [(name, error)] = told(run_for(story))
    assert (name, str(error)) == ("n3", "a bug")


def run_for(story: Callable[[World], Any], seed: int = 0) -> list[Any]:
    answers: list[Any] = []

    async def telling(world: World) -> None:
        answers.append(await story(world))

    run(telling, seed)
    return answers


def told(answers: list[Any]) -> Any:
    [answer] = answers
    return answer

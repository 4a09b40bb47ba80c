"""The runs that pages and tests are made from: each the same at every build, as a seed decides it.

A scenario prepares its cluster (connections made, a first key written), then tells a story that is recorded.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from runpy import run_path
from typing import Any

from tracer.cluster import Cluster
from tracer.evidence import Tap, database, gather
from tracer.ground import Machines, simulate
from tracer.model import CLIENT, Trace
from tracer.slice import requests, slice, unasked
from tracer.source import EXAMPLES
from tracer.stations import RULES, mark
from tracer.wire import Said

type Story = Callable[[Cluster], Awaitable[object]]


def ctl(*words: str, to: str = "leader") -> Story:
    """The story of one command."""
    return lambda cluster: cluster.ctl(*words, to=to)


async def warm(cluster: Cluster) -> None:
    """Let connections be made and a key be there, as where somebody has worked before."""
    for name in cluster.names:
        await cluster.ctl("put", "foo", "before", to=name)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A story, and what surrounds it; ``words`` are what a reader would type or call it."""

    name: str
    title: str
    words: tuple[str, ...]
    story: Story
    members: int = 3
    before: Story = warm
    cold: bool = False
    """Whether the story boots the members itself; nothing is prepared then."""
    seed: int = 1
    fields: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """Of ``embed.config.Config``."""
    recording: str = ""
    """What the real etcd did, if that was recorded, too: the name of the file."""

    def record(self, *, lines: bool = False) -> Trace:
        """What served the requests of the story; with the ``lines`` that ran, if wanted."""
        return self.served(self.watch(lines=lines))

    def served(self, seen: Trace) -> Trace:
        """Of all that was ``seen``, what served the requests."""
        trace = mark(slice(seen, requests(seen), RULES, unasked(seen)))
        trace.command = self.words
        return trace

    def watch(self, *, lines: bool = False) -> Trace:
        """All that happens while the story is told."""

        async def run(ground: Machines) -> Trace:
            tap = Tap(ground.loop.network)
            async with Cluster(
                self.members, lines=lines, ground=ground, cold=self.cold, **self.fields
            ) as cluster:
                if not self.cold:
                    await self.before(cluster)
                    await cluster.settle()
                before = {name: database(machine) for name, machine in ground.machines.items()}
                trace = await cluster.record(_as_coroutine(self.story(cluster)))
                trace.left = dict(gather(ground.machines, before, tap))
                return trace

        return simulate(self.seed, run)

    def overhear(self) -> list[Said]:
        """What clients and members write to each other while the story is told, and nobody records."""
        said: list[Said] = []

        async def run(ground: Machines) -> None:
            network = ground.loop.network
            async with Cluster(self.members, ground=ground, **self.fields) as cluster:
                await self.before(cluster)
                await cluster.settle()
                network.tap = lambda end, data: said.append(Said(end.here, end.there, data))
                await self.story(cluster)
                network.tap = lambda *_: None

        simulate(self.seed, run)
        return [each for each in said if CLIENT in (each.source, each.target)]


def example(name: str, file: str, title: str, **more: Any) -> Scenario:
    """That of a script in ``examples``; ``more`` of the configuration than it says."""
    script = run_path(str(EXAMPLES / f"{file}.py"))
    before, seed = script.get("before", warm), script.get("SEED", 1)
    members, fields = script.get("MEMBERS", 3), script.get("CONFIG", {}) | more
    words, cold = tuple(file.split("_")), script.get("COLD", False)
    return Scenario(name, title, words, script["story"], members, before, cold, seed, fields)


async def _as_coroutine(story: Awaitable[object]) -> None:
    await story


_PUT = ("put", "foo", "bar")
SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario("put", "put to the leader of three", _PUT, ctl(*_PUT), recording="put_leader_3node"),
        Scenario("put-single", "put, one member", _PUT, ctl(*_PUT), members=1, recording="put_single"),
        Scenario(
            "put-to-follower",
            "put to a follower of three",
            _PUT,
            ctl(*_PUT, to="follower"),
            recording="put_follower_3node",
        ),
        example("three-puts", "three_puts_one_fsync", "three puts, of which two share a write to disk"),
        Scenario(
            "get",
            "linearizable get from three",
            ("get", "foo"),
            ctl("get", "foo"),
            recording="get_linearizable_3node",
        ),
        Scenario(
            "get-serializable",
            "serializable get from a follower",
            ("get", "foo", "--consistency=s"),
            ctl("get", "foo", "--consistency=s", to="follower"),
        ),
        example("leader-dies", "leader_dies", "the leader dies during a put"),
        example("cold-start", "cold_start", "three members start, and one is elected"),
        example("election-pre-vote", "election", "the leader dies, and pre-vote asks first", pre_vote=True),
        example("election", "election", "the leader dies, another is elected"),
        example("old-leader", "old_leader", "a leader that was cut off is heard again"),
        example("transfer", "transfer", "the leader hands over"),
        example("conflict", "conflict", "a member comes back with an entry that nobody else has"),
        example("crash", "crash_before_commit", "a member crashes before its database has the put"),
        example("catch-up-entries", "catch_up_by_entries", "a follower that was away gets entries"),
        example("member-add", "member_add", "a fourth member is let in, without a vote"),
        example("member-joins", "member_joins", "a new member is started, and learns"),
        example("member-promote", "member_promote", "a learner is let vote"),
        example("catch-up-snapshot", "catch_up_by_snapshot", "a follower that was away gets a snapshot"),
    )
}
"""By name."""

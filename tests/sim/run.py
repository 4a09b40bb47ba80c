"""One run: a world, a plan that goes wrong in it, clients, and checks that look on."""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from minietcd.etcdserver import raft as etcdserver_raft
from minietcd.wal import wal
from tests.sim import joint
from tests.sim import world as sim_world
from tests.sim.checks import Checks, Violation
from tests.sim.effects import Effects
from tests.sim.faults import Plan
from tests.sim.linearizability import Operation
from tests.sim.workload import KEYS, Workload
from tests.sim.world import World
from tracer.virtual.loop import StuckError

PROGRESS_BOUND = 30.0
"""Virtual seconds after the last fault within which every member must have served a write."""
_AFTERMATH = 1.0
_GLANCE = 0.1
_INSTANT = 1e-6


@dataclass(slots=True)
class Result:
    """What came of a plan."""

    plan: Plan
    violation: Violation | None
    counts: Counter[str]
    digest: str
    virtual: float
    cpu: float
    """Seconds of this processor."""


def simulate(plan: Plan) -> Result:
    """Run ``plan`` in a world of its own."""
    began = time.process_time()
    simulation = Simulation(plan)
    with settings(plan):
        try:
            sim_world.run(simulation.story, plan.seed)
        except (StuckError, TimeoutError) as error:
            simulation.checks.fail("time goes on", f"{type(error).__name__}: {error}")
    world, violation = simulation.world, simulation.checks.violation
    took = time.process_time() - began
    return Result(plan, violation, simulation.counts(), world.journal.digest, world.now, took)


class Simulation:
    """The story that a plan tells."""

    world: World
    checks: Checks
    effects: Effects
    workload: Workload

    def __init__(self, plan: Plan, **config: Any) -> None:
        """``config`` is what else members are to be told."""
        self.plan, self.config, self.began = plan, config, math.inf

    async def story(self, world: World) -> None:
        """From the first start to the last check."""
        config = {
            "snapshot_count": self.plan.settings.get("snapshot-count", 100_000),
            "snapshot_catch_up_entries": 5,
            "election_ms": 100 * self.plan.settings.get("election-ticks", 10),
            "pre_vote": bool(self.plan.settings.get("pre-vote", 0)),
            "strict_reconfig_check": bool(self.plan.settings.get("strict-reconfig", 1)),
            **self.config,
        }
        names = [f"n{n + 1}" for n in range(self.plan.members)]
        self.world, self.workload = world, Workload(world, names, self.now)
        self.effects = Effects(world, self.plan.seed, config)
        self.checks = Checks(self.now, self.effects.happened, world.name_of)
        world.observers.append(self.checks)
        self.workload.acknowledged = self._acknowledged
        await world.start(self.plan.members, **config)
        self.began = world.now
        self.workload.start()
        await self._faults()
        self.effects.end()
        await self._recover()

    def now(self) -> float:
        """Virtual seconds since the members began to serve."""
        return max(0.0, self.world.now - self.began)

    def counts(self) -> Counter[str]:
        """What happened, how often."""
        answers = self.workload.answers
        told = Counter(
            {
                "requests answered": len(answers),
                "writes acknowledged": sum(answer.request.do != "get" for answer in answers),
                "writes of unknown outcome": len(self.workload.unanswered),
            }
        )
        return self.checks.counts + self.effects.counts + told

    async def _faults(self) -> None:
        for event in self.plan.events:
            await self.wait_until(event.at)
            if self._is_over():
                return
            self.effects.take(event)
        await self.wait_until(self.plan.seconds)

    async def wait_until(self, moment: float) -> None:
        """Let time pass until that many seconds after the members began to serve, or something is wrong."""
        while not self._is_over() and (left := moment - self.world.now + self.began) > _INSTANT:  # noqa: ASYNC110
            await asyncio.sleep(min(left, _GLANCE))

    def _is_over(self) -> bool:
        """Whether something does not hold."""
        for name, error in self.world.failures:
            if name in self._joined_late() and isinstance(error, ValueError):
                continue  # who comes too early, or knows too little, is refused: it tries again
            self.checks.fail("no member fails by itself", f"{name}: {type(error).__name__}: {error}")
        self.world.failures.clear()
        return self.checks.violation is not None

    def _joined_late(self) -> set[str]:
        return {name for name in self.world.members if name.startswith("m")}

    async def _recover(self) -> None:
        """When nothing goes wrong any more, all must go on within the bound, and have come to the same."""
        healed = self.now()
        await self.wait_until(healed + _AFTERMATH)
        await self.workload.stop()
        waiting = asyncio.create_task(self._all_serve())
        while not waiting.done() and not self._is_over():
            await asyncio.wait([waiting], timeout=_GLANCE)
            if self.now() > healed + PROGRESS_BOUND:
                self.checks.fail("progress after the last fault", self._states())
        waiting.cancel()
        await asyncio.wait([waiting])
        if not self._is_over():
            self.checks.finish(self.workload.answers, self.workload.unanswered, self._members())

    def _members(self) -> list[sim_world.Member]:
        return [m for m in self.world.members.values() if m.name not in self.effects.gone]

    async def _all_serve(self) -> None:
        for member in self._members():
            client = self.world.client(f"last-{member.name}", [member.name], timeout=2.0)
            while not await self._serves(member, client):  # noqa: ASYNC110
                await asyncio.sleep(_GLANCE)
        while len({member.applied() for member in self._members()}) > 1:  # noqa: ASYNC110
            await asyncio.sleep(_GLANCE)

    async def _serves(self, member: sim_world.Member, client: sim_world.Client) -> bool:
        """Whether it takes a write; a learner need not, as it answers no clients."""
        if not member.running or member.server.is_learner():
            return member.running
        value = f"last {member.name}".encode()
        op = Operation(KEYS[0], "put", self.now(), value=value, client=client.name)
        return await self.workload.request(client, op)

    def _states(self) -> str:
        return "; ".join(
            f"{m} {m.role} of term {m.raft.term}, applied {m.applied()}" if m.running else f"{m} down"
            for m in self._members()
        )

    def _acknowledged(self) -> None:
        leader = self.world.leader()
        if leader is not None:
            self.effects.happened("write", leader.name)


@contextmanager
def settings(plan: Plan) -> Iterator[None]:
    """What is a constant of the server, and a setting of the plan."""
    with ExitStack() as stack:
        for name, owner, constant in (
            ("message-bytes", etcdserver_raft, "MAX_SIZE_PER_MSG"),
            ("segment-bytes", wal, "SEGMENT_SIZE_BYTES"),
        ):
            if name in plan.settings:
                stack.enter_context(patch.object(owner, constant, plan.settings[name]))
        stack.enter_context(joint.taught())
        yield

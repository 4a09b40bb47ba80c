"""The trace of a request that went wrong: its plan once more, with the tracer's recorder on around it."""

from __future__ import annotations

import asyncio
import math
from functools import partial
from unittest.mock import patch

from tests.sim import run as sim_run
from tests.sim import world as sim_world
from tests.sim.checks import Violation
from tests.sim.faults import Plan
from tests.sim.world import World
from tracer import domain
from tracer.build import build
from tracer.model import CLIENT, Trace
from tracer.recorder import Recorder
from tracer.render import json
from tracer.rpc import Calls
from tracer.slice import slice
from tracer.stations import RULES

_BEFORE = 0.3
"""Virtual seconds: of what is about no request, so much before it is shown."""
_MARGIN = 0.001
_LONGEST = 5.0


def record(plan: Plan, violation: Violation) -> str:
    """What served the request of ``violation`` (or all that went on just before it), as the tracer's JSON."""
    calls, recorder = Calls(), Recorder(domain.subject())
    simulation = sim_run.Simulation(plan, unary_interceptors=[calls.server])
    first, last = _interval(violation)

    async def switch(world: World) -> None:
        await simulation.wait_until(first)
        with recorder:
            calls.recorder = recorder
            await simulation.wait_until(last)
            calls.recorder = None

    async def story(world: World) -> None:
        switching = asyncio.create_task(switch(world))
        await simulation.story(world)
        await switching

    client = partial(sim_world.clientv3.Config, unary_interceptors=[calls.client])
    with sim_run.settings(plan), patch.object(sim_world.clientv3, "Config", client):
        sim_world.run(story, plan.seed)
    return json.dump(_of(build(recorder.journal), plan, violation))


def _interval(violation: Violation) -> tuple[float, float]:
    """From when to when to record, in seconds since the members serve."""
    if violation.request is None:
        return violation.at - _BEFORE, violation.at + _MARGIN
    start, end = violation.request.start, violation.request.end
    return start - _MARGIN, (start + _LONGEST if end == math.inf else end) + _MARGIN


def _of(trace: Trace, plan: Plan, violation: Violation) -> Trace:
    """The part that served the request, with what it is of."""
    if violation.request is not None:
        client = violation.request.client
        wanted = [
            n for n, task in trace.tasks.items() if task.member == CLIENT and task.name.startswith(client)
        ]
        trace = slice(trace, wanted, RULES)
    trace.command = ("sim", "seed", str(plan.seed), violation.rule)
    members = {task.member for task in trace.tasks.values()} - {CLIENT}
    trace.members = dict.fromkeys(sorted(members), "member")
    return trace

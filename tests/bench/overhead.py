"""What watching costs: the time of a put through three members, watched in several ways, round by round."""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable

from viztracer import VizTracer

from minietcd.clientv3.client import Client
from minietcd.pkg.context import BACKGROUND
from tracer import domain
from tracer.cluster import Cluster
from tracer.recorder import Recorder
from tracer.stations import is_station

PUTS = 60


async def latency(client: Client) -> float:
    """The median time of a put, in seconds."""
    times = []
    for _ in range(PUTS):
        start = time.perf_counter()
        await client.kv.put(BACKGROUND, "bench", "v" * 256)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


async def traced(_: Cluster, client: Client) -> float:
    """The stations and every hand-off are recorded, on all members, as ``tracer put`` does."""
    with Recorder(domain.subject(is_station)):
        return await latency(client)


async def traced_in_full(_: Cluster, client: Client) -> float:
    """Every call with a Go twin is recorded, as for ``-d 2`` and ``--json``."""
    with Recorder(domain.subject()):
        return await latency(client)


async def with_profile(_: Cluster, client: Client) -> float:
    """``sys.setprofile`` with a function that does nothing."""
    sys.setprofile(lambda frame, event, arg: None)
    try:
        return await latency(client)
    finally:
        sys.setprofile(None)


async def with_viztracer(_: Cluster, client: Client) -> float:
    """VizTracer, which records every call of everything."""
    viztracer = VizTracer(verbose=0, log_async=True, tracer_entries=5_000_000)
    viztracer.start()
    try:
        return await latency(client)
    finally:
        viztracer.stop()
        viztracer.clear()


async def untraced(_: Cluster, client: Client) -> float:
    return await latency(client)


type Ways = dict[str, Callable[[Cluster, Client], Awaitable[float]]]

OURS: Ways = {"untraced": untraced, "traced": traced, "traced in full": traced_in_full}
OTHERS: Ways = {"untraced": untraced, "sys.setprofile": with_profile, "VizTracer": with_viztracer}
"""Measured after ours: they leave the interpreter's code less well adapted behind them."""


async def measure(ways: Ways, rounds: int) -> dict[str, list[float]]:
    """For each way the median milliseconds of a put, a figure a round; and those before the first way."""
    found: dict[str, list[float]] = {name: [] for name in [*ways, "before"]}
    async with Cluster(3) as cluster, cluster.client() as client:
        await latency(client)
        for _ in range(rounds):
            found["before"].append(1000 * await latency(client))
        for _ in range(rounds):
            for name, way in ways.items():
                found[name].append(1000 * await way(cluster, client))
    return found


def main(ways: Ways, rounds: int) -> dict[str, list[float]]:
    """``measure`` on the event loop that the tracer uses."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(measure(ways, rounds))
    return uvloop.run(measure(ways, rounds))

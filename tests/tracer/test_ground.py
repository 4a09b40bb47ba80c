"""A cluster in a world that a seed decides: one trace everywhere, and members that can be made to fail."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tracer.cluster import Cluster, ClusterError
from tracer.ground import Ground, simulate

ROOT = Path(__file__).parents[2]


def recorded(seed: int, python: str = sys.executable, **environ: str) -> str:
    """A put, with every line that ran and its values, as JSON."""
    command = [python, "-m", "tracer", "put", "foo", "bar", "--seed", str(seed), "-d", "3", "--json"]
    env = {**os.environ, "PYTHONPATH": str(ROOT), **environ}
    done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=60, check=True)
    return done.stdout


def test_the_same_seed_gives_the_same_trace_in_every_process_and_another_seed_another(tmp_path: Path) -> None:
    """Every interpreter that has the libraries may be given."""
    here = recorded(7, PYTHONHASHSEED="0")
    other = os.environ.get("MINIETCD_OTHER_PYTHON", sys.executable)
    assert recorded(7, other, PYTHONHASHSEED="4242", TMPDIR=str(tmp_path)) == here
    assert recorded(8) != here


def test_time_passes_on_disks_and_wires_only() -> None:
    async def story(ground: Ground) -> dict[str, int]:
        async with Cluster(1, ground=ground) as cluster:
            await cluster.ctl("put", "k", "first, to connect")
            trace = await cluster.record(cluster.start(_nothing(cluster)))
        return {span.function.name: (span.end or 0) - span.start for span in trace.spans.values()}

    took = simulate(1, story)
    assert took["WAL.sync"] >= 200_000
    assert took["Raft.step"] == 0


async def _nothing(cluster: Cluster) -> None:
    await cluster.ctl("put", "k", "v")


def test_a_member_that_crashed_comes_back_with_what_was_acknowledged() -> None:
    async def story(ground: Ground) -> str:
        async with Cluster(ground=ground) as cluster:
            await cluster.ctl("put", "k", "v")
            cluster.crash("n1")
            await cluster.led()
            assert cluster.leader != "n1"
            await cluster.restart("n1")
            await cluster.settle()
            assert cluster.running == ["n1", "n2", "n3"]
            return (await cluster.ctl("get", "k", to="n1")).output

    assert simulate(1, story) == "k\nv\n"


async def test_on_loopback_nobody_is_made_to_fail() -> None:
    async with Cluster(1) as cluster:
        with pytest.raises(ClusterError, match="--seed"):
            cluster.crash("n1")

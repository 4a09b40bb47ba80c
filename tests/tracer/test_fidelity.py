"""Our path beside the one that the real etcd 3.4.23 was recorded on."""

from __future__ import annotations

from pathlib import Path

import pytest

from minietcd.pkg.context import BACKGROUND
from tracer import fidelity
from tracer.cluster import Cluster
from tracer.model import Trace
from tracer.render import json
from tracer.slice import requests, slice
from tracer.stations import RULES

UPSTREAM = Path(__file__).parents[1] / "testdata" / "upstream"
PUT, GET = ("put", "foo", "bar"), ("get", "foo")


async def trace(members: int, to: str, words: tuple[str, ...]) -> Trace:
    """One command on a cluster that has seen one before, as when the real one was recorded."""
    async with Cluster(members) as cluster:
        await cluster.ctl(*PUT)
        await cluster.settle()
        seen = await cluster.record(cluster.ctl(*words, to=to))
    return slice(seen, requests(seen), RULES)


@pytest.mark.parametrize(
    ("scenario", "members", "to", "words"),
    [
        ("put_single", 1, "leader", PUT),
        ("put_leader_3node", 3, "leader", PUT),
        ("put_follower_3node", 3, "follower", PUT),
        ("get_linearizable_3node", 3, "leader", GET),
    ],
)
async def test_our_path_is_the_one_that_etcd_takes(
    scenario: str, members: int, to: str, words: tuple[str, ...]
) -> None:
    ours = await trace(members, to, words)
    with (UPSTREAM / f"{scenario}.jsonl").open() as lines:
        score = fidelity.compare(ours, fidelity.read(lines))
    assert score.functions >= 0.9, score.missing
    assert score.order >= 0.95, score.disordered
    assert score.channels >= 0.95, score.missing_channels
    assert not score.unexplained()


async def test_a_put_that_is_not_forwarded_has_nothing_on_the_propc_of_a_peer() -> None:
    """What the measure itself must be able to say: a channel that was not taken is missed."""
    ours = await trace(3, "leader", PUT)
    with (UPSTREAM / "put_follower_3node.jsonl").open() as lines:
        score = fidelity.compare(ours, fidelity.read(lines))
    assert score.functions < 1 or score.order < 1 or score.channels < 1


async def test_one_request_of_a_saved_batch_reads_as_when_it_was_asked_for_at_once() -> None:
    async with Cluster(3) as cluster, cluster.client() as client:
        puts = (client.kv.put(BACKGROUND, key, "1") for key in "abc")
        seen = await cluster.record(cluster.together(*puts))
    second = list(requests(seen))[1]
    at_once = slice(seen, [second], RULES)
    saved = json.load(json.dump(slice(seen, requests(seen), RULES)))
    again = slice(saved, [list(requests(saved))[1]], RULES)
    assert [(s.function.name, s.turn, s.args) for s in again.spans.values()] == [
        (s.function.name, s.turn, s.args) for s in at_once.spans.values()
    ]


def test_a_longest_common_subsequence_keeps_the_order_of_both() -> None:
    assert fidelity.longest_common("abcde", "badce") in (
        ["a", "c", "e"],
        ["b", "c", "e"],
        ["a", "d", "e"],
        ["b", "d", "e"],
    )
    assert fidelity.longest_common("", "abc") == []

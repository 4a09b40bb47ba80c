"""What is so of each member, told by the calls that made it so, beside what the members say themselves."""

from __future__ import annotations

from tracer import domain, state
from tracer.cluster import Cluster
from tracer.model import Trace
from tracer.render import json
from tracer.scenarios import SCENARIOS


def at_the_end(trace: Trace) -> dict[str, state.State]:
    told = {name: dict(first) for name, first in trace.states.items()}
    for change in trace.changes:
        told[change.member][change.name] = change.value
    return told


async def test_the_calls_of_a_put_tell_what_the_members_say_in_the_end() -> None:
    async with Cluster(3) as cluster:
        trace = await cluster.record(cluster.ctl("put", "foo", "bar"))
        said = {name: cluster.state(name) for name in cluster.names}
    assert at_the_end(trace) == said
    assert list(said["n1"]) == list(state.FIELDS)
    turns = ("readyc", "advancec")
    leader = [(c.name, c.value) for c in trace.changes if c.member == "n1" and c.name not in turns]
    first = trace.states["n1"]
    assert leader == [
        *((name, first["log"] + 1) for name in ("log", "disk", "commit")),
        ("revision", first["revision"] + 1),
        ("applied", first["log"] + 1),
    ]
    assert json.load(json.dump(trace)).changes[0].name == trace.changes[0].name


def test_whoever_hears_from_a_new_leader_knows_it_also_one_that_led() -> None:
    told = at_the_end(SCENARIOS["old-leader"].watch())
    assert {name: (each["role"], each["lead"], each["term"]) for name, each in told.items()} == {
        "n1": ("follower", "n2", 3),
        "n2": ("leader", "n2", 3),
        "n3": ("follower", "n2", 3),
    }


def test_readyc_and_advancec_take_turns_on_each_member_whatever_happens() -> None:
    for name in ("put", "three-puts", "old-leader", "crash"):
        trace = SCENARIOS[name].watch()
        told = {name: dict(first) for name, first in trace.states.items()}
        for change in trace.changes:
            now = told[change.member]
            assert now.get(change.name) != change.value
            now[change.name] = change.value
            offered = change.name == "readyc" and change.value == state.SET
            assert not offered or now.get("advancec", state.NIL) == state.NIL
        assert {each[way] for each in told.values() for way in ("readyc", "advancec")} == {state.NIL}


def test_every_rule_names_a_function_that_is_traced() -> None:
    traced = {go for function in domain.functions().values() for go in function.go}
    assert set(state.RULES) - traced == set()

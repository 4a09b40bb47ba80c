"""How close our path is to the one the real etcd was recorded on: the same functions, order and channels."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from tracer.model import CLIENT, Function, Trace

type Lane = tuple[str, str]
"""Member and task."""

REASONS: dict[str, str] = {
    "gRPC": (
        "The request and its answer pass between goroutines of etcd's gRPC library, which were not recorded; "
        "ours shows that way as one hand-off."
    ),
    "quorum": (
        "Nothing is handed over here: the leader had counted what other members acknowledged, and kept the "
        "count in memory. It is drawn because what comes next waited for it."
    ),
    "batch interval": (
        "Nothing is handed over here: when its timer runs out, the backend commits what was written, as "
        "etcd's does. It is drawn to show which writes that commit makes lasting."
    ),
}
"""Why a function of etcd's has no call of ours, or a hop of ours none of etcd's, in whole sentences.

The pages have them in each of their languages."""


@dataclass(slots=True)
class Recording:
    """What was recorded: the functions of each lane in the order of first visits, and the channels."""

    lanes: dict[Lane, list[str]] = field(default_factory=dict)
    channels: set[str] = field(default_factory=set)
    endpoint: str = ""
    leader: str = ""

    def members(self) -> list[str]:
        """The members, without the client."""
        return sorted({member for member, _ in self.lanes} - {CLIENT})


@dataclass(slots=True)
class Score:
    """Shares between 0 and 1, and what is behind them."""

    functions: float
    order: float
    channels: float
    missing: list[str]
    extra: list[str]
    disordered: dict[Lane, list[str]]
    missing_channels: list[str]

    def unexplained(self) -> list[str]:
        """What is missing or too much without a reason being known."""
        found = [*self.missing, *self.missing_channels, *self.extra]
        return [name for name in found if name not in REASONS]


def read(lines: Iterable[str]) -> Recording:
    """The recording that these lines are."""
    recording = Recording()
    for event in map(json.loads, lines):
        lane = (event["member"], event["task"])
        if event["kind"] == "enter" and event["spine"] and "go" in event:
            visits = recording.lanes.setdefault(lane, [])
            if event["go"] not in visits:
                visits.append(event["go"])
        elif event["kind"] == "handoff":
            recording.channels.add(event["chan"])
        _read_roles(recording, event)
    return recording


def compare(trace: Trace, recording: Recording) -> Score:
    """How much of ``recording`` the trace of one request has."""
    ours = _visits(trace, _mapping(trace, recording))
    theirs = {go for visits in recording.lanes.values() for go in visits}
    have = {go for span in trace.spans.values() for go in span.function.go}
    kept = total = 0
    disordered = {}
    for lane, visits in recording.lanes.items():
        mine = ours.get(lane, {})
        both = [go for go in visits if go in mine]
        common = longest_common([go for go in mine if go in visits], both)
        kept, total = kept + len(common), total + len(both)
        if wrong := [go for go in both if go not in common]:
            disordered[lane] = wrong
    names = {edge.name for edge in trace.edges if edge.kind != "call"}
    missing_channels = sorted(c for c in recording.channels if not names & set(c.split("|")))
    known = {name for channel in recording.channels for name in channel.split("|")}
    return Score(
        functions=len(theirs & have) / len(theirs),
        order=kept / max(total, 1),
        channels=1 - len(missing_channels) / len(recording.channels),
        missing=sorted(theirs - have),
        extra=sorted(names - known),
        disordered=disordered,
        missing_channels=missing_channels,
    )


type Pair = tuple[str, Function | None]
"""A Go name, and which of ours stands for it there."""


def beside(trace: Trace, recording: Recording) -> Iterator[tuple[Lane, list[Pair]]]:
    """For each lane of ``recording``, named as in ``trace``, its functions and ours."""
    mapping = _mapping(trace, recording)
    ours, called = _visits(trace, mapping), {theirs: mine for mine, theirs in mapping.items()}
    for (member, task), visits in recording.lanes.items():
        there = ours.get((member, task), {})
        yield (called[member], task), [(go, there.get(go)) for go in visits]


def longest_common(a: Sequence[str], b: Sequence[str]) -> list[str]:
    """A longest common subsequence."""
    best: list[list[list[str]]] = [[[] for _ in range(len(b) + 1)] for _ in range(len(a) + 1)]
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            longer = max(best[i][j + 1], best[i + 1][j], key=len)
            best[i + 1][j + 1] = [*best[i][j], x] if x == y else longer
    return best[-1][-1]


def _read_roles(recording: Recording, event: dict[str, Any]) -> None:
    if event["task"] == "gRPC handler":
        recording.endpoint = event["member"]
    if event.get("go") == "raft/raft.go#stepLeader":
        recording.leader = event["member"]


def _mapping(trace: Trace, recording: Recording) -> dict[str, str]:
    """Our members by the part they play in the recording: leader, endpoint, the others."""
    leader = next(name for name, role in trace.members.items() if role == "leader")
    tasks = {task.member for task in trace.tasks.values() if task.name == "gRPC handler"}
    endpoint = next(iter(tasks), leader)
    mapping = {leader: recording.leader, endpoint: recording.endpoint}
    ours = [name for name in sorted(trace.members) if name not in mapping]
    theirs = [name for name in recording.members() if name not in mapping.values()]
    return {**mapping, **dict(zip(ours, theirs, strict=False)), CLIENT: CLIENT}


def _visits(trace: Trace, mapping: dict[str, str]) -> dict[Lane, dict[str, Function]]:
    """In each lane by Go name the first of ours that was visited there, in the order of first visits."""
    lanes: dict[Lane, dict[str, Function]] = defaultdict(dict)
    for span in trace.spans.values():
        task = trace.tasks[span.task]
        for go in span.function.go:
            lanes[mapping[task.member], task.name].setdefault(go, span.function)
    return lanes

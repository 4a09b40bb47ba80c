"""How like etcd's path ours is, for the page on it: scores, differences, one path beside the other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from tracer import fidelity
from tracer.model import Function, Trace
from tracer.pages.code import UPSTREAM, UnknownError
from tracer.pages.words import Words
from tracer.scenarios import SCENARIOS, Scenario

PARTS: Mapping[str, Callable[[fidelity.Score], list[str]]] = {
    "functions": lambda score: score.missing,
    "channels": lambda score: score.missing_channels,
    "hand-offs": lambda score: score.extra,
}
"""Functions and channels of etcd's that ours has not, and hand-offs that only ours has."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A scenario that etcd was recorded on, too."""

    scenario: Scenario
    trace: Trace
    recording: fidelity.Recording
    score: fidelity.Score


def compared(scenario: Scenario, trace: Trace) -> Compared:
    """How like what etcd did the ``trace`` is. Raises UnknownError if it was not recorded."""
    if not scenario.recording:
        raise UnknownError("recording of etcd's for", scenario.name, [])
    with (UPSTREAM / f"{scenario.recording}.jsonl").open() as lines:
        recording = fidelity.read(lines)
    return Compared(scenario, trace, recording, fidelity.compare(trace, recording))


def everything(sliced: Callable[[str], Trace]) -> list[Compared]:
    """All that can be compared."""
    return [compared(each, sliced(each.name)) for each in SCENARIOS.values() if each.recording]


def scores(found: list[Compared], say: Words) -> Iterator[tuple[str, ...]]:
    """For each: what was asked; how many functions, how much of their order, how many channels ours has."""
    for each in found:
        functions = {go for visits in each.recording.lanes.values() for go in visits}
        yield (
            say(each.scenario.title),
            _of(len(functions), each.score.missing),
            f"{100 * each.score.order:.1f} %",
            _of(len(each.recording.channels), each.score.missing_channels),
        )


def _of(number: int, missing: list[str]) -> str:
    return f"{number - len(missing)} / {number}"


def differences(found: list[Compared], part: str, say: Words) -> str:
    """The differences of one of PARTS: where each was met, and why it is there. Raises UnknownError."""
    where: dict[str, list[str]] = defaultdict(list)
    for each in found:
        for name in PARTS[part](each.score):
            where[name].append(say(each.scenario.title))
    told = (_difference(name, where[name], len(found), say) for name in sorted(where))
    return "".join(told) or say("There is none.")


def _difference(name: str, where: list[str], of: int, say: Words) -> str:
    scope = say("in each") if len(where) == of else say("; ").join(where)
    if name not in fidelity.REASONS:
        raise UnknownError("reason for the difference", name, list(fidelity.REASONS))
    return f"`{name}` · {scope}\n:   {say(fidelity.REASONS[name])}\n\n"


def beside(each: Compared, say: Words, ours: Callable[[Function], str], twins: Callable[[str], str]) -> str:
    """Etcd's path and ours as a table, folded; ``ours`` and ``twins`` link a function and a Go name."""
    lanes: dict[tuple[str, tuple[fidelity.Pair, ...]], list[str]] = defaultdict(list)
    for (member, task), pairs in fidelity.beside(each.trace, each.recording):
        lanes[task, tuple(pairs)].append(member)
    head = f"| {say('who')} | {say("etcd's")} | {say('ours')} |\n    |---|---|---|\n"
    rows = ""
    for (task, both), members in lanes.items():
        who = f"{', '.join(sorted(members))} · {task}"
        for go, function in both:
            rows += f"    | {who} | {twins(go)} | {ours(function) if function else '—'} |\n"
            who = ""
    return f'??? note "{say(each.scenario.title)}"\n\n    {head}{rows}'

"""Plans are data: the same for the same seed, and the same after they were written down and read."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.sim.faults import OCCASIONS, SCENES, VERBS, Event, Plan, ScriptError, generate
from tests.sim.shrink import shrink

PLANS = [generate(seed) for seed in range(300)]


def test_a_seed_always_makes_the_same_plan_and_another_makes_another() -> None:
    assert [generate(seed) for seed in range(20)] == PLANS[:20]
    assert len({str(plan.events) for plan in PLANS}) > 290


def test_a_script_read_back_is_the_plan_that_was_written() -> None:
    for plan in PLANS:
        assert Plan.parse(str(plan)) == plan


def test_the_seeds_make_use_of_every_verb_every_occasion_and_both_sizes() -> None:
    events = [event for plan in PLANS for event in plan.events]
    used = Counter(event.do for event in events)
    assert set(used) == set(VERBS)
    assert {event.on for event in events} == {"", *OCCASIONS}
    assert {plan.members for plan in PLANS} == {3, 5}
    assert min(used.values()) > 10, used
    assert len(SCENES) > 4


def test_comments_and_empty_lines_say_nothing() -> None:
    script = "seed 3  # whose birthday it is\n\nmembers 5\n1.5 crash n1 for 0.25\n"
    assert Plan.parse(script) == Plan(3, 5, 10.0, {}, (Event(1.5, "crash", ("n1",), 0.25),))


@pytest.mark.parametrize(
    "line",
    ["boil 3", "1.0", "1.0 boil n1", "1.0 on holiday crash n1", "1.0 crash n1 for ever", "1.x crash n1"],
)
def test_a_line_that_says_nothing_known_is_refused_with_its_words(line: str) -> None:
    with pytest.raises(ScriptError) as refused:
        Plan.parse(line)
    assert line in str(refused.value)


def ten(*needed: int) -> tuple[Plan, list[int]]:
    """A plan of ten events that fails by those, shrunk; and how long each plan was that was tried."""
    events = tuple(Event(float(n), "crash", (f"n{n}",)) for n in range(10))
    tried = []

    def fails(plan: Plan) -> bool:
        tried.append(len(plan.events))
        return {events[n] for n in needed} <= set(plan.events)

    return shrink(Plan(1, events=events), fails), tried


@pytest.mark.parametrize("needed", [(), (0,), (9,), (2, 7), (0, 4, 5, 9)])
def test_what_is_left_of_a_plan_is_what_it_fails_by(needed: tuple[int, ...]) -> None:
    plan, _ = ten(*needed)
    assert [int(event.at) for event in plan.events] == list(needed)


def test_when_no_attempt_is_left_the_shortest_plan_found_stands() -> None:
    events = tuple(Event(float(n), "crash", (f"n{n}",)) for n in range(64))
    plan = shrink(Plan(1, events=events), lambda plan: events[40] in plan.events, attempts=3)
    assert events[40] in plan.events
    assert len(plan.events) < 64

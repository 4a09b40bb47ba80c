"""A plan that fails, made short: its shortest prefix that still fails, and of that only what is needed.

Each attempt is a whole run, so their number is bounded; what is left is the shortest that was found. Without
an event all that chance decides afterwards may come out differently, so that less sometimes fails more.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.sim.faults import Event, Plan

type Fails = Callable[[Plan], bool]

ATTEMPTS = 80


def shrink(plan: Plan, fails: Fails, attempts: int = ATTEMPTS) -> Plan:
    """The shortest plan found that ``fails``, as ``plan`` does."""
    budget = _Budget(plan, fails, attempts)
    events = _shortest_prefix(plan.events, budget)
    return plan.with_events(_drop(events, budget))


class _Budget:
    """Whether events fail, each tried once; when there are no attempts left, nothing does."""

    def __init__(self, plan: Plan, fails: Fails, attempts: int) -> None:
        self._plan, self._fails, self._left = plan, fails, attempts
        self._known: dict[tuple[Event, ...], bool] = {plan.events: True}

    def fails(self, events: tuple[Event, ...]) -> bool:
        if events not in self._known:
            self._left -= 1
            self._known[events] = self._left >= 0 and self._fails(self._plan.with_events(events))
        return self._known[events]


def _shortest_prefix(events: tuple[Event, ...], budget: _Budget) -> tuple[Event, ...]:
    """By halving: a prefix fails if a shorter one does, or nearly so."""
    works, fails = -1, len(events)
    while fails - works > 1:
        middle = (works + fails) // 2
        if budget.fails(events[:middle]):
            fails = middle
        else:
            works = middle
    return events[:fails]


def _drop(events: tuple[Event, ...], budget: _Budget) -> tuple[Event, ...]:
    """Delta debugging: leave out ever smaller pieces, until no single event can be left out."""
    size = len(events) // 2
    while size:
        start = 0
        while start < len(events):
            without = events[:start] + events[start + size :]
            if budget.fails(without):
                events = without
            else:
                start += size
        size //= 2
    return events

"""The recorded scenarios beside what they were: ``pytest tests/tracer/test_scenarios.py --rewrite`` accepts.

A file of ``tests/testdata/traces`` tells every call and every hand-off of one, in words: what a change of the
code changes in a trace is to be read here.
"""

from __future__ import annotations

import difflib
import re
from itertools import count
from pathlib import Path

import pytest

from tracer.fold import View, story
from tracer.model import Trace
from tracer.render.terminal import Terminal
from tracer.scenarios import SCENARIOS
from tracer.stations import station

TRACES = Path(__file__).parents[1] / "testdata" / "traces"
_ID = re.compile(r"@[0-9a-f]+")


def told(trace: Trace) -> str:
    """Every call and hand-off, without times; ids that have no name are numbered in their order."""
    view = View(2)
    lines = Terminal(trace, story(trace, view, station), view, width=120, times=False, twins=False).lines()
    text = "".join(f"{line.plain.rstrip()}\n" for line in lines)
    numbers = count(1)
    names = {each: f"@{next(numbers)}" for each in dict.fromkeys(_ID.findall(text))}
    return _ID.sub(lambda match: names[match[0]], text)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_goes_the_way_it_went(name: str, request: pytest.FixtureRequest) -> None:
    path, now = TRACES / f"{name}.txt", told(SCENARIOS[name].record())
    if request.config.getoption("--rewrite"):
        path.write_text(now, encoding="utf-8")
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    lines = difflib.unified_diff(before.splitlines(), now.splitlines(), "before", "now", n=4, lineterm="")
    difference = "\n".join(lines)
    assert not difference, f"{name} goes another way; make golden accepts it\n{difference}"


def test_every_trace_that_is_kept_is_of_a_scenario() -> None:
    assert {path.stem for path in TRACES.glob("*.txt")} == set(SCENARIOS)


def test_lines_are_noted_to_the_member_that_ran_them_also_when_it_starts_anew() -> None:
    ran = SCENARIOS["catch-up-entries"].watch(lines=True).ran
    assert "n3" in {member for member, function in ran if function.name == "EtcdServer.start"}
    assert {member for member, function in ran if function.name == "Etcd._start"} == {"n3"}

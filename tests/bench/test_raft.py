"""The benchmark of raft alone runs, and what it runs does what it says."""

import pytest

from tests.bench import __main__ as bench
from tests.bench import raft


@pytest.mark.parametrize("name", raft.GROUPS)
def test_a_group_applies_everywhere_what_is_proposed_in_whatever_number(name):
    group = raft.GROUPS[name]()
    try:
        for in_flight in raft.IN_FLIGHT:
            rates = raft.Rates.of(group, 20, in_flight)
            assert min(rates.proposals, rates.messages) > 0
        assert group.applied() == [[raft.VALUE] * 20 * len(raft.IN_FLIGHT)] * 3
    finally:
        group.close()


def test_the_rows_are_ratios_of_what_was_measured(monkeypatch):
    monkeypatch.setattr(bench, "ROUNDS", 1)
    monkeypatch.setattr(bench, "PUTS", 10)
    rows = {ratio.what: ratio for ratio in bench.raft_alone()}
    assert len(rows) == 8
    assert "raft, messages stepped, 8 in flight: ours / PySyncObj" in rows
    assert all(len(ratio.a) == len(ratio.b) == 1 for ratio in rows.values())
    assert all(len(ratio.cells()) == len(bench.HEADER) for ratio in rows.values())

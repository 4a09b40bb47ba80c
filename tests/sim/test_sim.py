"""The simulator finds nothing in the server as it is, and the mistakes in servers that have them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from minietcd.raft import raft
from minietcd.raft.log import RaftLog
from tests.sim.__main__ import search
from tests.sim.faults import Event, Plan, generate
from tests.sim.mutants import MUTANTS, Edit
from tests.sim.pool import seeds_needed
from tests.sim.run import simulate
from tests.sim.trace import record
from tracer.render import json

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted((Path(__file__).parent / "scripts").glob("*.txt"))
SEEDS = int(os.environ.get("SEEDS", "200"))
JOBS = os.cpu_count() or 1


def sim(*args: str, hash_seed: str = "0") -> subprocess.CompletedProcess[str]:
    """The command, as its own process."""
    command = [sys.executable, "-m", "tests.sim", *args]
    environ = os.environ | {"PYTHONHASHSEED": hash_seed, "COLUMNS": "100"}
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_nothing_is_found_in_the_server_as_it_is() -> None:
    found = search([generate(seed) for seed in range(SEEDS)], None, JOBS)
    assert found is None, f"{found.violation}\n{found.plan}"


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_what_was_found_once_is_not_found_again(script: Path) -> None:
    assert simulate(Plan.parse(script.read_text())).violation is None


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_noticed_within_its_seeds(name: str) -> None:
    found = seeds_needed(name, MUTANTS[name].seeds, JOBS)
    assert found is not None, f"{MUTANTS[name].seeds} seeds did not notice that {MUTANTS[name].what}"


def test_an_edit_that_fits_the_source_no_longer_is_refused() -> None:
    with pytest.raises(AssertionError, match="what was there"):
        Edit(RaftLog, "maybe_commit", {"what was there": ""}).edited()


def test_an_edit_reaches_what_is_called_by_way_of_a_table_and_is_taken_back() -> None:
    votes_twice = Edit(raft, "step_vote", {"r.vote == NONE and r.lead == NONE": "True"})
    with votes_twice.made():
        broken = simulate(generate(1)).violation
    assert broken is not None
    assert broken.rule == "one vote a term"
    assert simulate(generate(1)).violation is None


def test_a_seed_is_one_run_also_in_another_process() -> None:
    first, second = (sim("--seed", "1", "--seconds", "3", hash_seed=n).stdout for n in ("1", "2"))
    assert "journal " in first
    assert first.splitlines()[-1] == second.splitlines()[-1]
    other = sim("--seed", "2", "--seconds", "3").stdout
    assert other.splitlines()[-1] != first.splitlines()[-1]


def test_in_a_few_seeds_much_goes_wrong_and_much_is_done() -> None:
    totals: Counter[str] = Counter()
    for seed in range(8):
        totals += simulate(generate(seed)).counts
    for what in ("writes acknowledged", "writes of unknown outcome", "crashes", "elections won"):
        assert totals[what] >= 8, f"{what}: {totals[what]} in {totals}"


def test_without_faults_every_request_is_answered() -> None:
    result = simulate(Plan(5, seconds=5.0))
    assert result.violation is None
    assert result.counts["writes of unknown outcome"] == 0
    assert result.counts["requests answered"] > 60
    assert result.counts["elections won"] == 1


@pytest.mark.timeout(600)
def test_what_goes_wrong_is_told_with_seed_script_and_trace(tmp_path: Path) -> None:
    script = tmp_path / "power.txt"
    powers = [Event(at, "power", (), 0.3) for at in (2.0, 4.0)]
    script.write_text(str(Plan(0, events=(Event(1.0, "lead", ("n1",)), *powers))))
    told = sim("--script", str(script), "--mutant", "apply-twice")
    assert told.returncode == 1, told.stderr
    assert "seed 0: revisions grow by one a write" in told.stdout
    assert "lead n1" not in told.stdout, "the script was not made shorter"
    trace = json.load((ROOT / ".cache" / "sim" / "seed-0.json").read_text())
    member = re.search(r"(n\d) is at revision", told.stdout)
    assert member and member[1] in trace.members, "who did it is not in the trace"
    assert any(span.function.name == "StoreTxnWrite.put" for span in trace.spans.values())


def test_a_request_that_went_wrong_is_traced_alone() -> None:
    plan = Plan(0, events=(Event(1.0, "isolate", ("leader",), 6.0),))
    with MUTANTS["lease-outlives-quorum"].installed():
        violation = simulate(plan).violation
        assert violation is not None
        assert violation.rule in ("linearizability", "reads see a state that was")
        assert violation.request is not None
        trace = json.load(record(plan, violation))
    assert trace.command == ("sim", "seed", "0", violation.rule)
    names = [span.function.name for span in trace.spans.values()]
    assert "step_leader_read_index" in names, "the leader that was none did not answer"
    members = {trace.member(span.task) for span in trace.spans.values()}
    assert "client" in members
    assert len(members) >= 2


def test_a_script_that_says_nothing_known_is_refused_in_one_line(tmp_path: Path) -> None:
    script = tmp_path / "wrong.txt"
    script.write_text("1.0 boil n1\n")
    told = sim("--script", str(script))
    assert told.returncode == 1
    assert "boil" in told.stderr
    assert "Traceback" not in told.stderr

"""``make sim``: run many seeds, each a cluster that things go wrong with, until one shows a bug.

\b
python -m tests.sim --seeds 200            what the tests run
python -m tests.sim --seed 17              one again, exactly
python -m tests.sim --script FILE          what is written there
python -m tests.sim --mutants              how many seeds it takes to find each of eight bugs
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from contextlib import nullcontext
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from tests.sim.faults import Plan, ScriptError, generate
from tests.sim.mutants import MUTANTS
from tests.sim.pool import results, seeds_needed, simulate_mutant
from tests.sim.run import Result
from tests.sim.shrink import shrink
from tests.sim.trace import record

FOUND = Path(__file__).parents[2] / ".cache" / "sim"
"""Where scripts and traces of what was found are put."""

console = Console(stderr=True, highlight=False)


@click.command(help=__doc__)
@click.option("--seeds", default=200, help="How many, from --first on.")
@click.option("--first", default=0, help="The first of them.")
@click.option("--seed", type=int, help="This one alone.")
@click.option("--script", type=click.Path(exists=True, path_type=Path), help="A plan that was written down.")
@click.option("--members", type=click.Choice(["3", "5"]), help="Instead of what the seed says.")
@click.option("--seconds", default=10.0, help="How long things go wrong, in virtual time.")
@click.option("--mutant", type=click.Choice(list(MUTANTS)), help="Break the server like this.")
@click.option("--mutants", is_flag=True, help="Break it in each way, and tell when that is noticed.")
@click.option("--jobs", default=os.cpu_count() or 1, help="How many at once.")
@click.option(
    "--shrink/--no-shrink", "shrinks", default=True, help="Whether to look for the shortest script."
)
def main(
    seeds: int,
    first: int,
    seed: int | None,
    script: Path | None,
    members: str | None,
    seconds: float,
    mutant: str | None,
    mutants: bool,
    jobs: int,
    shrinks: bool,
) -> None:
    if mutants:
        sys.exit(print_mutants(jobs))
    if script is not None:
        try:
            plans = [Plan.parse(script.read_text())]
        except ScriptError as error:
            raise click.ClickException(f"{script}: {error}") from None
    else:
        chosen = [seed] if seed is not None else range(first, first + seeds)
        plans = [generate(number, int(members) if members else None, seconds) for number in chosen]
    found = search(plans, mutant, jobs)
    if found is None:
        return
    report(found, mutant, shrinks)
    sys.exit(1)


def search(plans: list[Plan], mutant: str | None, jobs: int) -> Result | None:
    """Run all, tell how it goes and what happened, and return the first that shows a bug."""
    totals: Counter[str] = Counter()
    began, virtual, cpu, found, done = time.monotonic(), 0.0, 0.0, None, 0
    for done, result in enumerate(results(plans, mutant, jobs), 1):
        totals += result.counts
        virtual, cpu = virtual + result.virtual, cpu + result.cpu
        found = result if result.violation else None
        if found or len(plans) == 1:
            break
        if console.is_terminal or done % 50 == 0:
            took = time.monotonic() - began
            writes = totals["writes acknowledged"]
            line = f"{done} of {len(plans)} seeds, {took:.0f} s, {writes:,} writes acknowledged"
            console.print(line, end="\r" if console.is_terminal else "\n")
    click.echo(summary(totals))
    took, rate = time.monotonic() - began, virtual / max(cpu, 0.001)
    speed = f"{virtual:,.0f} virtual seconds in {took:.0f} s ({rate:.0f} a second of one processor)"
    click.echo(f"{done} seeds, {speed}: {'a bug' if found else 'nothing found'}")
    if len(plans) == 1:
        click.echo(f"journal {result.digest}")
    return found


def summary(totals: Counter[str]) -> str:
    """What happened, how often, in three columns: a run in which nothing went wrong shows nothing."""
    cells = [f"{count:>9,} {what:<28}" for what, count in sorted(totals.items())]
    rows = -(-len(cells) // 3)
    return "\n".join("".join(cells[n::rows]).rstrip() for n in range(rows))


def report(found: Result, mutant: str | None, shrinks: bool) -> None:
    """Make the plan short, record the request that went wrong, and tell where both are."""
    violation = found.violation
    assert violation is not None
    plan, seed = found.plan, found.plan.seed
    click.echo(f"seed {seed}: {violation}")
    if shrinks:
        plan = shrink(plan, lambda plan: _breaks(plan, mutant, violation.rule))
        violation = simulate_mutant(mutant, plan).violation or violation
    FOUND.mkdir(parents=True, exist_ok=True)
    script, trace = FOUND / f"seed-{seed}.txt", FOUND / f"seed-{seed}.json"
    script.write_text(str(plan))
    with MUTANTS[mutant].installed() if mutant else nullcontext():
        trace.write_text(record(plan, violation))
    click.echo(f"\n{plan}\n{violation}\nscript  {script}\ntrace   {trace} (tracer show {trace})")


def _breaks(plan: Plan, mutant: str | None, rule: str) -> bool:
    violation = simulate_mutant(mutant, plan).violation
    return violation is not None and violation.rule == rule


def print_mutants(jobs: int) -> int:
    """The table of mutants; 1 if one is not noticed within its seeds."""
    table = Table("mutant", "what it does", "noticed by", "seeds", "allowed", box=None)
    missed = 0
    for name, mutant in MUTANTS.items():
        found = seeds_needed(name, mutant.seeds, jobs)
        violation = found.violation if found else None
        seeds = str(found.plan.seed + 1) if found else "none"
        table.add_row(name, mutant.what, violation.rule if violation else "nothing", seeds, str(mutant.seeds))
        missed += found is None
        console.print(f"{name}: {violation or 'not noticed'}")
    Console(highlight=False, width=140 if not console.is_terminal else None).print(table)
    return min(missed, 1)


if __name__ == "__main__":
    main()

"""Many runs at once, each in a process of its own, and what came of them in their order."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from functools import partial
from itertools import islice
from multiprocessing import get_context

from tests.sim.faults import Plan, generate
from tests.sim.mutants import MUTANTS
from tests.sim.run import Result, simulate


def results(plans: list[Plan], mutant: str | None, jobs: int) -> Iterator[Result]:
    """What comes of each, in their order."""
    run = partial(simulate_mutant, mutant)
    if jobs == 1 or len(plans) == 1:
        yield from map(run, plans)
        return
    with ProcessPoolExecutor(jobs, get_context("spawn"), max_tasks_per_child=100) as pool:
        waiting = iter(plans)
        running = [pool.submit(run, plan) for plan in islice(waiting, 2 * jobs)]
        try:
            while running:
                yield running.pop(0).result()
                running += [pool.submit(run, plan) for plan in islice(waiting, 1)]
        finally:
            for future in running:
                future.cancel()


def simulate_mutant(mutant: str | None, plan: Plan) -> Result:
    """A run with the server as it is, or broken like that."""
    with MUTANTS[mutant].installed() if mutant else nullcontext():
        return simulate(plan)


def seeds_needed(mutant: str, most: int, jobs: int) -> Result | None:
    """The first of at most so many seeds with which the mutant is noticed."""
    plans = [generate(seed) for seed in range(most)]
    return next((result for result in results(plans, mutant, jobs) if result.violation), None)

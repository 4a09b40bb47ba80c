"""``make bench``: puts and proposals per second, what watching costs, how long the prompt takes: as ratios.

What is compared is measured in the same run, in turn, so that whatever else the machine does hits both.
``make bench ARGS=--write`` also keeps the figures, which the page on benchmarks shows in each language.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench import overhead, raft
from tests.bench.load import empty_server, generators
from tests.processes import MINIETCD, cluster, ctl
from tests.sim.faults import Plan
from tests.sim.pool import results as simulated
from tracer.pages import measured

ROOT = Path(__file__).parents[2]
MEASURED = ROOT / measured.DIRECTORY / "benchmarks.json"
REAL = ROOT / ".cache/etcd/usr/bin"
ROUNDS = int(os.environ.get("ROUNDS", "5"))
PUTS = int(os.environ.get("PUTS", "3000"))
VIRTUAL_SECONDS = 100.0


@dataclass(frozen=True)
class Ratio:
    """A measured against B, round by round; ``wanted`` is what the ratio should be, and what we aim at."""

    what: str
    a: list[float]
    b: list[float]
    unit: str
    wanted: str = ""

    def cells(self) -> tuple[str, ...]:
        ratios = [a / b for a, b in zip(self.a, self.b, strict=True)]
        figures = (f"{_rounded(statistics.median(side)):,g} {self.unit}" for side in (self.a, self.b))
        spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"
        return (self.what, *figures, spread, self.wanted)


def _rounded(value: float) -> float:
    """To four digits."""
    return float(f"{value:.4g}")


def throughput(size: int, directory: Path) -> Iterator[Ratio]:
    """Puts per second to the leader of ``size`` members: ours, etcd's, and the empty server's, in turn."""
    with contextlib.ExitStack() as stack:
        for name in ("ours", "etcd"):
            (directory / name).mkdir()
        ours = stack.enter_context(cluster(MINIETCD, directory / "ours", size))
        real = stack.enter_context(cluster([str(REAL / "etcd")], directory / "etcd", size))
        endpoints = {
            "ours": ours.leader().endpoint,
            "etcd": real.leader().endpoint,
            "empty": stack.enter_context(empty_server()),
        }
        sent = 0
        for generator, puts_per_second in generators(directory).items():
            rates: dict[str, list[float]] = {name: [] for name in endpoints}
            for number in range(ROUNDS + 1):
                for name, endpoint in endpoints.items():
                    rate = puts_per_second(endpoint, PUTS)
                    rates[name] += [rate] if number else []  # the first warms up
                sent += PUTS
            check_all_arrived(endpoints["ours"], sent)
            yield from _compared(size, generator, rates)


def _compared(size: int, generator: str, rates: dict[str, list[float]]) -> Iterator[Ratio]:
    members = "1 member" if size == 1 else f"{size} members"
    what = f"puts, {members}, {generator}"
    to_ceiling, to_etcd = ("≥ 0.6 (0.8)", "") if size == 1 else ("", "≥ 0.35 (0.5)")
    yield Ratio(f"{what}: ours / empty server", rates["ours"], rates["empty"], "/s", to_ceiling)
    yield Ratio(f"{what}: ours / etcd", rates["ours"], rates["etcd"], "/s", to_etcd)
    if size > 1:
        yield Ratio(f"{what}: empty server / etcd", rates["empty"], rates["etcd"], "/s")


def check_all_arrived(endpoint: str, count: int) -> None:
    """An answered put must be there: the key's version counts them."""
    got = ctl([REAL / "etcdctl"], endpoint, "get", "bench", "-w", "fields").stdout
    assert f'"Version" : {count}\n' in got, f"{count} puts were answered, but: {got}"


def watching() -> Iterator[Ratio]:
    """The time of a put, watched against unwatched."""
    ours, others = (overhead.main(ways, ROUNDS) for ways in (overhead.OURS, overhead.OTHERS))
    what = "time of a put: {} / untraced"
    for name in ("traced", "traced in full"):
        yield Ratio(what.format(name), ours[name], ours["untraced"], "ms", "≤ 1.3 (1.15)")
    yield Ratio(
        "time of a put: untraced / before the first trace", ours["untraced"], ours["before"], "ms", "1"
    )
    for name in ("sys.setprofile", "VizTracer"):
        yield Ratio(what.format(name), others[name], others["untraced"], "ms")


def prompt_to_prompt() -> Iterator[Ratio]:
    """``tracer put foo bar``, three members started and stopped, against a put to etcd's one, started."""
    ours = [_seconds(str(Path(sys.executable).parent / "tracer"), "put", "foo", "bar") for _ in range(ROUNDS)]
    python = [
        _seconds(sys.executable, "-c", "import asyncio, aiohttp, grpclib.server") for _ in range(ROUNDS)
    ]
    yield Ratio("tracer put foo bar / importing its libraries", ours, python, "s", "A ≤ 2.5 s (1.5 s)")


def _seconds(*command: str) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return time.perf_counter() - start


def raft_alone() -> Iterator[Ratio]:
    """Three members in memory: ours and PySyncObj's, and how each grows with what is in flight."""
    ours, theirs = {}, {}
    for in_flight in raft.IN_FLIGHT:
        found = raft.measure(ROUNDS, PUTS, in_flight)
        ours[in_flight] = found["ours"]
        theirs[in_flight] = raft.better(found["PySyncObj"], found["PySyncObj in batches"])
        yield _raft_ratio(
            f"raft, proposals, {in_flight} in flight: ours / PySyncObj", found["ours"], theirs[in_flight]
        )
        if in_flight == 8:
            what = "raft, messages stepped, 8 in flight: ours / PySyncObj"
            yield Ratio(
                what, *([rates.messages for rates in side] for side in (found["ours"], theirs[8])), "/s"
            )
    for name, side in (("ours", ours), ("PySyncObj", theirs)):
        for in_flight in raft.IN_FLIGHT[1:]:
            yield _raft_ratio(f"raft, proposals, {name}: {in_flight} in flight / 1", side[in_flight], side[1])


def _raft_ratio(what: str, one: list[raft.Rates], other: list[raft.Rates]) -> Ratio:
    return Ratio(what, [rates.proposals for rates in one], [rates.proposals for rates in other], "/s")


def simulating() -> Iterator[Ratio]:
    """How much faster time passes in simulated worlds, one on each core, than here."""
    cores, virtual, real = os.cpu_count() or 1, [], []
    for number in range(ROUNDS):
        plans = [Plan(number * cores + n, members=3, seconds=VIRTUAL_SECONDS) for n in range(cores)]
        start = time.perf_counter()
        results = list(simulated(plans, None, cores))
        real.append(time.perf_counter() - start)
        virtual.append(sum(result.virtual for result in results))
        assert all(result.violation is None for result in results), results
    yield Ratio("simulator, a world a core: virtual / real time", virtual, real, "s", "≥ 20 (50)")


def machine() -> dict[str, str]:
    """On what it was measured."""
    names = re.findall(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return {
        "cores": str(os.cpu_count()),
        "processor": names[0] if names else platform.processor(),
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
    }


HEADER = ("A / B", "A", "B", "ratio, median (range)", "wanted (aim)")


def write(ratios: Iterable[Ratio], path: Path = MEASURED) -> None:
    """Keep the figures where the pages find them, by what they are called here."""
    rows = {ratio.what: list(ratio.cells()[1:]) for ratio in ratios}
    path.write_text(measured.text({**machine(), "rounds": str(ROUNDS), **rows}), encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(
        "make bench ARGS=…", description="Speed, as ratios measured side by side."
    )
    parser.add_argument(
        "--write", action="store_true", help=f"keep the figures in {MEASURED.relative_to(ROOT)}"
    )
    options = parser.parse_args()
    console = Console()
    if not (REAL / "etcd").is_file():
        console.print("make bench needs the real etcd to compare with; scripts/setup etcd says how to get it")
        return 1
    logging.getLogger().addHandler(logging.NullHandler())
    ratios: list[Ratio] = [*watching(), *prompt_to_prompt(), *raft_alone(), *simulating()]
    for size in (1, 3):
        with tempfile.TemporaryDirectory() as directory:
            ratios += throughput(size, Path(directory))
    table = Table(*HEADER, title=", ".join(machine().values()))
    for ratio in ratios:
        table.add_row(*ratio.cells())
    console.print(table)
    if options.write:
        write(ratios)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""``make bench``: puts per second and traced latency, as ratios within one run."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import shutil
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench.load import empty_server, puts_per_second, write_request
from tests.processes import MINIETCD, cluster, ctl

ROOT = Path(__file__).parents[2]
REAL = ROOT / ".cache/etcd/usr/bin"
ROUNDS = int(os.environ.get("ROUNDS", "5"))
PUTS = int(os.environ.get("PUTS", "3000"))


@dataclass(frozen=True)
class Ratio:
    """A measured against B, round by round."""

    what: str
    a: list[float]
    b: list[float]
    unit: str
    wanted: str

    @property
    def ratios(self) -> list[float]:
        return [a / b for a, b in zip(self.a, self.b, strict=True)]

    def row(self) -> tuple[str, ...]:
        low, middle, high = min(self.ratios), statistics.median(self.ratios), max(self.ratios)
        figures = (f"{statistics.median(side):,.4g} {self.unit}" for side in (self.a, self.b))
        return (self.what, *figures, f"{middle:.2f} ({low:.2f}–{high:.2f})", self.wanted)


def throughput(size: int, directory: Path) -> list[Ratio]:
    """Puts per second to the leader of ``size`` members: ours, etcd's, and the empty server's, in turn."""
    request = directory / "put.bin"
    write_request(request)
    rates: dict[str, list[float]] = {"ours": [], "etcd": [], "empty": []}
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
        for endpoint in endpoints.values():
            puts_per_second(endpoint, request, PUTS // 10)
        for _ in range(ROUNDS):
            for name, endpoint in endpoints.items():
                rates[name].append(puts_per_second(endpoint, request, PUTS))
        check_all_arrived(endpoints["ours"], PUTS // 10 + ROUNDS * PUTS)
    members = "1 member" if size == 1 else f"{size} members"
    wanted = ("0.6, aim 0.8", "–") if size == 1 else ("–", "0.35, aim 0.5")
    return [
        Ratio(f"puts, {members} : empty gRPC server", rates["ours"], rates["empty"], "/s", wanted[0]),
        Ratio(f"puts, {members} : etcd, {members}", rates["ours"], rates["etcd"], "/s", wanted[1]),
    ]


def check_all_arrived(endpoint: str, count: int) -> None:
    """An answered put must be there: the key's version counts them."""
    got = ctl([REAL / "etcdctl"], endpoint, "get", "bench", "-w", "fields").stdout
    assert f'"Version" : {count}\n' in got, f"{count} puts were answered, but: {got}"


def machine() -> str:
    names = re.findall(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    system = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    return f"{os.cpu_count()} cores of {names[0] if names else platform.processor()}, {system}"


def main() -> int:
    console = Console()
    for program, package in (("h2load", "nghttp2-client"),):
        if shutil.which(program) is None:
            console.print(f"make bench needs {program}: apt install {package}")
            return 1
    if not (REAL / "etcd").is_file():
        console.print("make bench needs the real etcd to compare with; scripts/setup etcd says how to get it")
        return 1
    ratios: list[Ratio] = []
    for size in (1, 3):
        with tempfile.TemporaryDirectory() as directory:
            ratios += throughput(size, Path(directory))
    table = Table("A : B", "A", "B", "A/B, median (range)", "at least", title=machine())
    for ratio in ratios:
        table.add_row(*ratio.row())
    console.print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())

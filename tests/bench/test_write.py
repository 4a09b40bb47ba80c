"""What ``make bench ARGS=--write`` keeps, the page on benchmarks shows."""

from pathlib import Path

from tests.bench import __main__ as bench
from tracer.pages import measured
from tracer.source import ROOT


def test_what_is_kept_is_what_a_page_shows(tmp_path: Path) -> None:
    kept = tmp_path / measured.DIRECTORY / "benchmarks.json"
    kept.parent.mkdir(parents=True)
    puts = bench.Ratio("puts: ours / etcd", [12346.0, 10.0], [6173.0, 10.0], "/s", "≥ 0.6 (0.8)")
    bench.write([puts], kept)
    shown = measured.figure(tmp_path, "benchmarks", "puts: ours / etcd")
    assert shown == "6,178&nbsp;/s | 3,092&nbsp;/s | 1.50 (1.00–2.00) | ≥ 0.6 (0.8)"
    assert measured.figure(tmp_path, "benchmarks", "rounds") == str(bench.ROUNDS)


def test_what_was_measured_is_called_by_the_names_that_are_kept() -> None:
    kept = measured.figures(ROOT, "benchmarks").keys()
    rates = {name: [1.0] for name in ("ours", "empty", "etcd")}
    puts = {
        row.what
        for size in (1, 3)
        for way in ("grpcio", "h2load")
        for row in bench._compared(size, way, rates)
    }
    assert puts == {what for what in kept if what.startswith("puts")}
    assert bench.machine().keys() <= kept

"""The names that hold it together: ours in etcd's, the tracer's in ours, and none the other way round."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UPSTREAM = ROOT / "tests" / "testdata" / "upstream"
GO = re.compile(r"(?:^|\s)Go: (\S+\.go)(?:#([\w.]+))?\s*$", re.MULTILINE)
MODULES = sorted(path for path in (ROOT / "minietcd").rglob("*.py") if not path.name.endswith("_pb2.py"))


@pytest.fixture(scope="module")
def symbols() -> set[str]:
    """Every ``path#symbol`` of etcd v3.4.23."""
    lines = (UPSTREAM / "symbols-v3.4.23.txt").read_text().splitlines()
    return {line.partition(" ")[0] for line in lines}


@pytest.fixture(scope="module")
def packages(symbols: set[str]) -> set[str]:
    return {name.partition("#")[0].rpartition("/")[0] for name in symbols}


def docstrings(path: Path) -> list[str]:
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, kinds)]
    return [ast.get_docstring(node) or "" for node in nodes]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_go_line_names_something_in_etcd(path: Path, symbols: set[str], packages: set[str]) -> None:
    named = [match for text in docstrings(path) for match in GO.findall(text)]
    for file, symbol in named:
        known = f"{file}#{symbol}" in symbols if symbol else str(Path(file).parent) in packages
        assert known, f"{file}#{symbol}"


def test_no_module_of_minietcd_mentions_the_tracer() -> None:
    word = re.compile(r"\btracer\b(?!\.(?:[pP]rogress|inflights|tracker))|\btracing\b")
    assert not [name_of(path) for path in MODULES if word.search(path.read_text())]


def test_only_the_domain_the_harness_and_what_takes_bytes_or_commands_apart_import_minietcd() -> None:
    importing = {
        path.name
        for path in (ROOT / "tracer").rglob("*.py")
        if re.search(r"^\s*(?:from|import) minietcd", path.read_text(), re.MULTILINE)
    }
    harness = {"domain.py", "cluster.py", "ground.py", "machine.py", "scenarios.py", "__main__.py"}
    decoders = {"anatomy.py", "database.py", "wire.py"}
    assert importing <= harness | decoders | {"commands.py"}


def test_every_station_exists_in_etcd(symbols: set[str]) -> None:
    from fnmatch import filter as matching

    from tracer.stations import RULES, STATIONS, TELLING

    patterns = [*TELLING, *(pattern for *_, patterns in STATIONS for pattern in patterns)]
    names = {pattern.partition(" ")[0] for pattern in (*patterns, *RULES.names())}
    assert not [name for name in names if not matching(symbols, name)]

"""The house rules that a program can check: style, types, layers, and how long things are."""

from __future__ import annotations

import ast
import importlib
import inspect
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType

import pytest

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
SOURCES = [
    path
    for package in ("minietcd", "tracer")
    for path in sorted((ROOT / package).rglob("*.py"))
    if "_pb2" not in path.name
]


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "command",
    [["ruff", "check"], ["ruff", "format", "--check"], ["mypy"], ["lint-imports"]],
    ids=" ".join,
)
def test_the_linters_are_content(command: list[str]) -> None:
    result = run(BIN / command[0], *command[1:])
    assert result.returncode == 0, result.stdout + result.stderr


def functions() -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node


def test_half_the_functions_fit_ten_lines_nine_in_ten_forty_and_all_sixty() -> None:
    lengths = sorted((node.end_lineno or 0) - node.lineno + 1 for node in functions())
    assert statistics.median(lengths) <= 10
    assert lengths[len(lengths) * 9 // 10] <= 40
    assert lengths[-1] <= 60


def code_lines(path: Path) -> int:
    """Lines that are neither empty nor a comment nor part of a docstring."""
    text = path.read_text()
    told: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if first and ast.get_docstring(node, clean=False) is not None:
                told.update(range(first.lineno, (first.end_lineno or 0) + 1))
    lines = enumerate(text.splitlines(), 1)
    return sum(bool(line.strip()) and not line.strip().startswith("#") and n not in told for n, line in lines)


def test_minietcd_stays_within_two_fifths_of_the_go_code_that_it_twins() -> None:
    """docs/decisions/005: the Go files named in our docstrings have about 31,300 code lines in v3.4.23."""
    ours = sum(code_lines(path) for path in SOURCES if "minietcd" in path.relative_to(ROOT).parts)
    assert ours <= 0.42 * 31_300


def test_a_package_docstring_is_its_chapter_and_an_init_imports_nothing() -> None:
    for path in SOURCES:
        if path.name != "__init__.py":
            continue
        tree = ast.parse(path.read_text())
        assert ast.get_docstring(tree), f"{path} says nothing"
        if path.parent.name != "raft":
            assert not [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)], path


def undocumented() -> Iterator[str]:
    """The public names without a docstring; a method may have that of the one it overrides."""
    for path in SOURCES:
        if path.name == "__main__.py":
            continue
        module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
        if not ast.get_docstring(ast.parse(path.read_text())):
            yield module.__name__
        for name, value in inspect.getmembers(module, lambda value: hasattr(value, "__module__")):
            if name.startswith("_") or value.__module__ != module.__name__:
                continue
            if inspect.isfunction(value) and not value.__doc__:
                yield f"{module.__name__}.{name}"
            if inspect.isclass(value):
                if (value.__doc__ or f"{name}(").startswith(f"{name}("):  # what a dataclass says of itself
                    yield f"{module.__name__}.{name}"
                for own, method in vars(value).items():
                    named = isinstance(method, FunctionType | property | classmethod | staticmethod)
                    if named and not own.startswith("_") and not inspect.getdoc(getattr(value, own)):
                        yield f"{module.__name__}.{name}.{own}"


def test_every_public_name_says_what_it_is() -> None:
    assert list(undocumented()) == []


def test_no_file_names_this_machine() -> None:
    listed = run("git", "ls-files", "-z").stdout
    for name in filter(None, listed.split("\0")):
        path = ROOT / name
        if path.is_file() and path.suffix in {".py", ".md", ".toml", ".yml", ".txt", ".json", ""}:
            text = path.read_text(errors="replace")
            assert str(ROOT) not in text, f"{name} names a path of this machine"

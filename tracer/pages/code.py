"""The functions, classes and fields of our code by name, and the Go symbols that they name."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from tracer.render import page
from tracer.source import ROOT

_GO = re.compile(r"(?:^|\s)Go: (\S+\.go#[\w.]+)\s*$", re.MULTILINE)


UPSTREAM = ROOT / "tests" / "testdata" / "upstream"
"""What is known of the real etcd: its symbols, and the paths that it was recorded on."""


def go_lines() -> dict[str, int]:
    """The line of each Go symbol of the version that we follow."""
    with (UPSTREAM / "symbols-v3.4.23.txt").open() as symbols:
        return page.go_lines(symbols)


class UnknownError(Exception):
    """A name that means nothing; the text says which, and what may have been meant."""

    def __init__(self, kind: str, name: str, known: Iterator[str] | list[str]) -> None:
        near = "".join(f" (is it {each}?)" for each in get_close_matches(name, known, 1, 0.5))
        super().__init__(f"there is no {kind} {name}{near}")


@dataclass(frozen=True, slots=True)
class Place:
    """Where something of ours stands: lines ``line`` to ``end`` of ``file``, and its Go twins."""

    name: str
    file: str
    line: int
    end: int
    go: tuple[str, ...]


class Code:
    """What is below ``root``/minietcd; ``symbols`` are the lines of Go's, by ``path#symbol``.

    A name that minietcd has not may be the tracer's.
    """

    def __init__(self, root: Path, symbols: Mapping[str, int]) -> None:
        self.root, self.symbols = root, symbols
        self._places: dict[str, list[Place]] = defaultdict(list)
        self._tables: dict[str, dict[str, str]] = {}
        self._values: dict[str, list[str]] = defaultdict(list)
        for path in sorted((root / "minietcd").rglob("*.py")):
            file = path.relative_to(root).as_posix()
            tree = ast.parse(path.read_text(encoding="utf-8"))
            self._add(_places(tree, file, ""))
            self._tables |= _tables(tree)
            for name, value in _values(tree):
                self._values[name].append(value)
        for path in sorted((root / "tracer").rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            self._add(_places(tree, path.relative_to(root).as_posix(), ""))

    def _add(self, places: Iterator[Place]) -> None:
        for place in places:
            self._places[place.name].append(place)

    def find(self, name: str) -> Place:
        """What ``name``, or ``file.py#name``, is. Raises UnknownError, also if it may be one of several."""
        file, _, symbol = name.rpartition("#")
        found = [place for place in self._places.get(symbol, ()) if place.file.endswith(file)]
        found = [place for place in found if place.file.startswith("minietcd/")] or found
        if len(found) > 1:
            files = ", ".join(f"{place.file}#{symbol}" for place in found)
            raise UnknownError("one and only function", f"{name}: there are {files}", [])
        if not found:
            raise UnknownError("function", name, list(self._places))
        return found[0]

    def go(self, name: str) -> tuple[str, ...]:
        """The Go twins of ours called ``name``; or ``name`` if it is Go's. Raises UnknownError."""
        if ".go#" not in name:
            twins = self.find(name).go
            if not twins:
                raise UnknownError("Go twin of", name, [])
            return twins
        if name not in self.symbols:
            raise UnknownError("Go function", name, list(self.symbols))
        return (name,)

    def table(self, name: str) -> dict[str, str]:
        """What a table of the code has for which key, both as they are named there. Raises UnknownError."""
        if name not in self._tables:
            raise UnknownError("table", name, list(self._tables))
        return self._tables[name]

    def value(self, name: str) -> str:
        """What the code makes a constant, as it is written there. Raises UnknownError."""
        if len(self._values[name]) != 1:
            raise UnknownError("one and only constant", name, list(self._values))
        return self._values[name][0]

    def text(self, place: Place) -> str:
        """The source of it, as indented as it stands."""
        lines = (self.root / place.file).read_text(encoding="utf-8").splitlines(keepends=True)
        return "".join(lines[place.line - 1 : place.end])


def _places(node: ast.AST, file: str, prefix: str) -> Iterator[Place]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = prefix + child.name
            line = min([child.lineno, *(each.lineno for each in child.decorator_list)])
            go = tuple(_GO.findall(ast.get_docstring(child, clean=False) or ""))
            yield Place(name, file, line, child.end_lineno or line, go)
            yield from _places(child, file, f"{name}.")
        elif isinstance(child, ast.If | ast.Try):
            yield from _places(child, file, prefix)
        elif isinstance(node, ast.ClassDef) and isinstance(child, ast.Assign | ast.AnnAssign):
            targets = child.targets if isinstance(child, ast.Assign) else [child.target]
            for name in (target.id for target in targets if isinstance(target, ast.Name)):
                yield Place(prefix + name, file, child.lineno, child.end_lineno or child.lineno, ())


def _tables(tree: ast.Module) -> Iterator[tuple[str, dict[str, str]]]:
    """The mappings that a module names, and what stands in them; of ``pb.MsgApp`` only the last part."""
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Dict):
            pairs = zip(node.value.keys, node.value.values, strict=True)
            found = {ast.unparse(key).rpartition(".")[2]: ast.unparse(value) for key, value in pairs if key}
            yield ast.unparse(node.target), found


def _values(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """The constants of a module."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, ast.unparse(node.value)

"""Which of etcd's files ours are like, as their docstrings say; which have none; which of etcd's we have not.

The last are found where the real etcd was recorded: what a put went through there is twinned, or there is a
reason why not, or no page is made.
"""

from __future__ import annotations

import ast
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from textwrap import indent

from tracer.pages import manual
from tracer.pages.code import UPSTREAM, UnknownError
from tracer.pages.words import Words

RECORDED = ("put_single", "put_leader_3node", "put_follower_3node")
"""The puts that the real etcd was recorded on."""

REASONS = {
    "Every Client has one from the start, and no put calls it; ours offers no such service yet.": """
        clientv3/auth.go clientv3/lease.go clientv3/maintenance.go clientv3/watch.go
        """,
    "It hands gRPC a logger. Python's logging needs no handing on.": "clientv3/logger.go",
    "Without a connection, gRPC asks a picker that returns an error; our calls wait in the balancer.": (
        "clientv3/balancer/picker/err.go"
    ),
    "It chooses among pickers by policy, of which there is one; it is part of our balancer.": (
        "clientv3/balancer/picker/picker.go"
    ),
    "It wraps each transaction to count its puts and bytes for /metrics; our store is not counted.": (
        "mvcc/metrics_txn.go"
    ),
}
"""Why files of etcd's that a put goes through have no counterpart of ours."""


@dataclass(frozen=True, slots=True)
class File:
    """One of ours; of ``twins`` each is a Go file, with how many of its symbols are twinned here."""

    path: str
    about: str
    twins: Mapping[str, int]


@cache
def files(root: Path) -> tuple[File, ...]:
    """All of minietcd, by path; not what protoc generates."""
    paths = sorted((root / "minietcd").rglob("*.py"))
    return tuple(_file(root, path) for path in paths if "_pb2" not in path.name)


def _file(root: Path, path: Path) -> File:
    tree, twins = ast.parse(path.read_text(encoding="utf-8")), Counter[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            for go, symbol in manual.twins(ast.get_docstring(node) or ""):
                twins[go] += bool(symbol)
    return File(path.relative_to(root).as_posix(), manual.summary(ast.get_docstring(tree) or ""), twins)


def passed(recordings: Iterable[Path]) -> dict[str, list[str]]:
    """The files of etcd's own, libraries left out, that these go through, each with its functions."""
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for recording in recordings:
        for event in map(json.loads, recording.read_text(encoding="utf-8").splitlines()):
            if event["kind"] == "enter" and "go" in event:
                found[event["file"]].setdefault(event["go"])
    return {file: list(found[file]) for file in sorted(found)}


type Link = Callable[[str], str]


class Counterparts:
    """What a page says of ``files``.

    ``ours`` links a file of ours or a package at the top, ``theirs`` Go's file or symbol.
    """

    def __init__(self, files: Sequence[File], say: Words, ours: Link, theirs: Link) -> None:
        self.files, self.say, self.ours, self.theirs = files, say, ours, theirs

    def tell(self, what: str) -> str:
        """``facts``, ``files``, ``alone``, ``packages`` or ``put``. Raises UnknownError."""
        kinds = {
            "facts": self.facts,
            "files": self.tables,
            "alone": lambda: self._alone(packages=False),
            "packages": self.packages,
            "put": self.put,
        }
        if what not in kinds:
            raise UnknownError("part of counterparts", what, list(kinds))
        return kinds[what]()

    def facts(self) -> str:
        """How many there are of what, in a sentence."""
        paired = [file for file in self.files if file.twins]
        go = {go for file in paired for go in file.twins}
        symbols = sum(sum(file.twins.values()) for file in paired)
        english = "**{} of our {} files** have counterparts among {} files of etcd's, and name {} Go twins."
        return self.say(english, len(paired), len(self.files), len(go), symbols)

    def tables(self) -> str:
        """A heading and a table for each directory at the top."""
        tops: dict[str, list[File]] = defaultdict(list)
        for file in self.files:
            if file.twins:
                tops[PurePosixPath(file.path).parts[1]].append(file)
        return "\n".join(f"### {self.ours(top)}\n\n{self._table(found)}" for top, found in tops.items())

    def _table(self, files: Iterable[File]) -> str:
        rows = (self._row(file) for file in files)
        return self._rows(("ours", "etcd's", "twins"), "|---|---|--:|", rows)

    def _row(self, file: File) -> tuple[str, ...]:
        several = len(file.twins) > 1
        told = [
            f"{self.theirs(go)}&nbsp;{number or '—'}" if several else self.theirs(go)
            for go, number in file.twins.items()
        ]
        return self.ours(file.path), "<br>".join(told), str(sum(file.twins.values()) or "—")

    def packages(self) -> str:
        """The packages whose manual is like no file of etcd's, folded."""
        title = self.say("Packages whose manual follows no file of etcd's")
        return f'??? note "{title}"\n\n{indent(self._alone(packages=True), "    ")}'

    def _alone(self, *, packages: bool) -> str:
        """Files that are like none of etcd's: those that are a package's manual, or the others."""
        rows = (
            (self.ours(file.path), file.about.replace("``", "`").replace("|", "\\|"))
            for file in self.files
            if not file.twins and file.path.endswith("/__init__.py") is packages
        )
        return self._rows(("ours", "what it is"), "|---|---|", rows)

    def put(self) -> str:
        """What a put of the real etcd goes through and we have not, by reason. Raises UnknownError."""
        ours = {go for file in self.files for go in file.twins}
        by_reason: dict[str, list[str]] = defaultdict(list)
        for file, functions in passed(UPSTREAM / f"{name}.jsonl" for name in RECORDED).items():
            if file not in ours:
                called = ", ".join(map(self.theirs, functions))
                by_reason[reason(file)].append(f"{self.theirs(file)} ({called})")
        return "".join(f"- {self.say(why)} {', '.join(files)}\n" for why, files in by_reason.items())

    def _rows(self, head: Iterable[str], rule: str, rows: Iterable[tuple[str, ...]]) -> str:
        lines = (tuple(self.say(word) for word in head), *rows)
        text = [f"| {' | '.join(line)} |" for line in lines]
        return "\n".join([text[0], rule, *text[1:]]) + "\n"


def reason(file: str) -> str:
    """Why we have nothing like that file of etcd's. Raises UnknownError."""
    for why, named in REASONS.items():
        if file in named.split():
            return why
    raise UnknownError("reason to be without", file, [])

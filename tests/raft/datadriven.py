"""Scripts that say what to do and what must come of it, replayed line by line.

A script is a text file. Comments begin with ``#`` and stand between blocks; a block is a directive, what it
is given, a line of four dashes, and what must come out, up to an empty line::

    propose-conf-change 1 transition=explicit
    v2 l3
    ----
    ok

A directive has a name and arguments: ``word``, ``key=value`` or ``key=(value, value)``; a backslash at its
end continues it on the next line. Output that holds empty lines stands between two lines of dashes before and
two after it. A directive finds what those before it in the same file have left behind.

This is the grammar of github.com/cockroachdb/datadriven, in which etcd writes its own scripts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from difflib import unified_diff
from pathlib import Path

from minietcd.pkg.strconv import parse_bool, parse_uint

DASHES = "----"


class ScriptError(Exception):
    """The script itself is wrong: what it says cannot be done, whatever it expects."""


@dataclass(frozen=True)
class Arg:
    """``key`` or ``key=value`` or ``key=(value, value)``."""

    key: str
    vals: tuple[str, ...] = ()

    def words(self) -> list[str]:
        """The values, where blanks part them too."""
        return [word for value in self.vals for word in value.split()]

    def uints(self) -> list[int]:
        return [uint(word) for word in self.words()]

    def one(self) -> str:
        """The only value, or the last of several, as etcd takes it."""
        if not self.vals:
            raise ScriptError(f"{self.key} wants a value: {self.key}=…")
        return self.vals[-1]

    def flag(self) -> bool:
        try:
            return parse_bool(self.one())
        except ValueError as error:
            raise ScriptError(f"{self.key}: {error}") from None


@dataclass
class Block:
    """A directive, and which lines of its file hold what must come of it: ``lines[start:end]``."""

    line: int
    cmd: str
    args: list[Arg]
    input: str = ""
    expected: str = ""
    start: int = 0
    end: int = 0

    def words(self) -> list[str]:
        """The arguments without a value."""
        return [arg.key for arg in self.args if not arg.vals]

    def word(self, position: int, what: str) -> str:
        if position >= len(self.words()):
            raise ScriptError(f"{self.cmd} wants {what}")
        return self.words()[position]

    def ids(self) -> list[int]:
        return [uint(word) for word in self.words()]

    def options(self, *known: str) -> dict[str, Arg]:
        """The arguments with a value, by their key; none but ``known`` ones."""
        options = {arg.key: arg for arg in self.args if arg.vals}
        for key in options:
            if key not in known:
                raise ScriptError(f"{self.cmd} has no argument {key}; it has {', '.join(known) or 'none'}")
        return options


def uint(text: str) -> int:
    try:
        return parse_uint(text)
    except ValueError as error:
        raise ScriptError(str(error)) from None


_ARG = re.compile(r"(?P<key>[^\s=()]+)(?:=(?P<value>\([^)]*\)|[^\s()]+))?(?=\s|$)\s*", re.ASCII)


def parse_directive(line: str) -> list[Arg]:
    """The name of the directive and its arguments."""
    args, position = [], 0
    while position < len(line):
        match = _ARG.match(line, position)
        if match is None:
            raise ScriptError(f"cannot read the directive from here on: {line[position:]}")
        value = match["value"]
        if value is None:
            vals: tuple[str, ...] = ()
        elif value.startswith("("):
            vals = tuple(part.strip() for part in value[1:-1].split(","))
        else:
            vals = (value,)
        args.append(Arg(match["key"], vals))
        position = match.end()
    return args


@dataclass
class Script:
    """A file, its lines, and the blocks in them."""

    path: Path
    lines: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> Script:
        try:
            text = path.read_bytes().decode().replace("\r\n", "\n")
        except UnicodeDecodeError as error:
            raise ScriptError(f"{path}: {error}") from None
        return cls(path, text.removesuffix("\n").split("\n"))

    def blocks(self) -> Iterator[Block]:
        """Every block, once the one before it is done with."""
        at = 0
        while at < len(self.lines):
            text, first = self.lines[at].strip(), at
            at += 1
            if not text or text.startswith("#"):
                continue
            while text.endswith("\\") and at < len(self.lines):
                text = f"{text[:-1]} {self.lines[at].strip()}"
                at += 1
            block = self._block(first, at, text)
            at = block.end
            yield block

    def _block(self, first: int, at: int, text: str) -> Block:
        try:
            cmd, *args = parse_directive(text)
        except ScriptError as error:
            raise ScriptError(f"{self.path}:{first + 1}: {error}") from None
        if DASHES not in self.lines[at:]:
            raise ScriptError(f"{self.path}:{first + 1}: no {DASHES} after {cmd.key}")
        start = self.lines.index(DASHES, at)
        expected, end = self._expected(start + 1)
        input = "\n".join(self.lines[at:start]).strip()
        return Block(first + 1, cmd.key, args, input, expected, start, end)

    def _expected(self, begin: int) -> tuple[str, int]:
        """What stands from ``begin`` on, and where it ends."""
        lines = self.lines
        if lines[begin : begin + 1] == [DASHES]:
            begin += 1
            for end in range(begin, len(lines)):
                if lines[end : end + 2] == [DASHES, DASHES]:
                    return _text(lines[begin:end]), end + 2
            raise ScriptError(f"{self.path}:{begin}: no second pair of {DASHES}")
        end = next((at for at in range(begin, len(lines)) if not lines[at].strip()), len(lines))
        return _text(lines[begin:end]), end


def _text(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


type Handler = Callable[[Block], str]
"""Does what a block says, and returns what came of it."""


def _outcomes(script: Script, handle: Handler) -> Iterator[tuple[Block, str]]:
    """Every block with what came of it. Raises ScriptError."""
    for block in script.blocks():
        try:
            actual = handle(block)
        except ScriptError as error:
            raise ScriptError(f"{script.path}:{block.line}: {error}") from None
        except Exception as error:
            raise ScriptError(f"{script.path}:{block.line}: {block.cmd} failed: {error!r}") from error
        yield block, actual if actual.endswith("\n") else actual + "\n"


def replay(script: Script, handle: Handler) -> str:
    """How the first block that comes out otherwise differs; empty if all is as the script says."""
    for block, actual in _outcomes(script, handle):
        if actual != block.expected:
            expected, found = block.expected.splitlines(), actual.splitlines()
            diff = unified_diff(expected, found, "the script", "found", lineterm="", n=2)
            return "\n".join([f"{script.path}:{block.line}: {block.cmd} came out otherwise", *diff])
    return ""


def rewrite(script: Script, handle: Handler) -> None:
    """Put what comes out into the file, in place of what should."""
    lines, done = [], 0
    for block, actual in _outcomes(script, handle):
        found = actual.removesuffix("\n").split("\n")
        if not all(line.strip() for line in found):
            found = [DASHES, *found, DASHES, DASHES]
        lines += [*script.lines[done : block.start], DASHES, *found]
        done = block.end
    lines += script.lines[done:]
    script.path.write_text("\n".join(lines) + "\n")

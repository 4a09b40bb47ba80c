"""How a line of words becomes a command with its flags, by the rules and in the words of etcdctl's library.

A flag may stand anywhere before ``--``: ``--name value``, ``--name=value``, ``-n value``, ``-nvalue``. A bool
is switched on by its name and takes a value only after ``=``. The start of a command's name will do where no
other command starts so.

Commands are made anew for every run, so a flag can keep its own value.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

from minietcd.pkg.strconv import format_duration, parse_bool, parse_duration, parse_int, quote

if TYPE_CHECKING:
    from minietcd.clientv3.retry_interceptor import UnaryClientInterceptor

type Value = str | bool | int | float | list[str]
"""What a flag holds: text, a switch, a number, seconds, or a list."""

type Run = Callable[[Command, list[str]], Awaitable[None]]


class UsageError(Exception):
    """The words make no command; ``command`` is the one that was understood so far."""

    def __init__(self, command: Command, message: str, *, unknown_command: bool = False) -> None:
        super().__init__(message)
        self.command = command
        self.unknown_command = unknown_command


@dataclass(slots=True)
class Surroundings:
    """What a command has besides its words. The streams hold UTF-8, the rest as surrogate escapes."""

    stdin: TextIO = field(default_factory=lambda: sys.stdin)
    stdout: TextIO = field(default_factory=lambda: sys.stdout)
    stderr: TextIO = field(default_factory=lambda: sys.stderr)
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    unary_interceptors: Sequence[UnaryClientInterceptor] = ()


@dataclass(slots=True)
class Flag:
    """One flag; its kind is that of its default."""

    name: str
    shorthand: str
    value: Value
    usage: str
    changed: bool = False
    default: str = ""
    """The value it starts with, as the help page shows it."""

    def __post_init__(self) -> None:
        self.default = str(self)

    def set(self, text: str) -> None:
        """Read ``text``. A list given again grows. ValueError says what is wrong."""
        match self.value:
            case bool():
                self.value = parse_bool(text)
            case int():
                self.value = parse_int(text, 0)
            case float():
                self.value = parse_duration(text)
            case list() as values:
                items = text.split(",") if text else []
                self.value = values + items if self.changed else items
            case str():
                self.value = text
        self.changed = True

    def __str__(self) -> str:
        match self.value:
            case bool(on):
                return "true" if on else "false"
            case float(seconds):
                return format_duration(seconds)
            case list(items):
                return f"[{','.join(items)}]"
        return str(self.value)


@dataclass(slots=True)
class Command:
    """A word, what it does, its flags, and the commands under it."""

    use: str
    short: str
    long: str = ""
    run: Run | None = None
    local: dict[str, Flag] = field(default_factory=dict)
    persistent: dict[str, Flag] = field(default_factory=dict)
    commands: list[Command] = field(default_factory=list)
    parent: Command | None = None
    root_surroundings: Surroundings = field(default_factory=Surroundings)
    """Those of the root are those of every command under it."""

    @property
    def name(self) -> str:
        """The word that calls it."""
        return self.use.split()[0]

    @property
    def path(self) -> str:
        """The words that lead to it, from the program's name on."""
        return f"{self.parent.path} {self.name}" if self.parent else self.name

    @property
    def root(self) -> Command:
        """The command that is the program itself."""
        return self.parent.root if self.parent else self

    @property
    def surroundings(self) -> Surroundings:
        """Streams and environment of the whole program."""
        return self.root.root_surroundings

    def add_command(self, *commands: Command) -> None:
        """Put ``commands`` under this one."""
        for command in commands:
            command.parent = self
            self.commands.append(command)

    def flag(self, name: str, value: Value, usage: str, shorthand: str = "") -> None:
        """A flag of this command alone."""
        self.local[name] = Flag(name, shorthand, value, usage)

    def persistent_flag(self, name: str, value: Value, usage: str, shorthand: str = "") -> None:
        """A flag of this command and of all under it."""
        self.persistent[name] = Flag(name, shorthand, value, usage)

    def init_default_help_flag(self) -> None:
        """Know ``--help``, unless the command has one of its own."""
        self.local.setdefault("help", Flag("help", "h", False, f"help for {self.name}"))

    def inherited_flags(self) -> dict[str, Flag]:
        """Those of the commands above."""
        return self.parent.persistent | self.parent.inherited_flags() if self.parent else {}

    def flags(self) -> dict[str, Flag]:
        """All that may stand with this command."""
        return self.local | self.persistent | self.inherited_flags()

    def get[T](self, name: str, kind: type[T]) -> T:
        """What the flag says."""
        value = self.flags()[name].value
        assert isinstance(value, kind), f"--{name} is of another kind than {kind}"
        return value

    def find(self, args: list[str]) -> tuple[Command, list[str]]:
        """The command that ``args`` name, and the rest of them."""
        index = self._first_word(args)
        if index is None or not self.commands:
            return self, args
        if (command := self._child(args[index])) is not None:
            return command.find(args[:index] + args[index + 1 :])
        if self.parent is None:
            word = args[index]
            message = f"unknown command {quote(word)} for {quote(self.path)}{self._suggestions(word)}"
            raise UsageError(self, message, unknown_command=True)
        return self, args

    def _first_word(self, args: list[str]) -> int | None:
        """Where the first word stands that is neither a flag nor a flag's value."""
        flags = self.flags()
        switches = {f"--{f.name}" for f in flags.values() if isinstance(f.value, bool)}
        switches |= {f"-{f.shorthand}" for f in flags.values() if isinstance(f.value, bool)}
        skip = False
        for index, arg in enumerate(args):
            if skip:
                skip = False
            elif arg == "--":
                return None
            elif arg.startswith("--") or (arg.startswith("-") and len(arg) == 2):
                skip = "=" not in arg and arg not in switches
            elif arg and not arg.startswith("-"):
                return index
        return None

    def _child(self, word: str) -> Command | None:
        matches = [command for command in self.commands if command.name.startswith(word)]
        exact = [command for command in matches if command.name == word]
        return exact[0] if exact else matches[0] if len(matches) == 1 else None

    def _suggestions(self, word: str) -> str:
        names = [
            c.name for c in self.commands if c.name.startswith(word.lower()) or _distance(word, c.name) <= 2
        ]
        return "\n\nDid you mean this?\n" + "".join(f"\t{name}\n" for name in names) if names else ""

    def parse_flags(self, args: list[str]) -> list[str]:
        """Set the flags that ``args`` give, and return the other words."""
        words: list[str] = []
        flags = self.flags()
        shorthands = {flag.shorthand: flag for flag in flags.values() if flag.shorthand}
        rest = list(args)
        while rest:
            arg = rest.pop(0)
            if arg == "--":
                return words + rest
            if arg.startswith("--"):
                self._parse_long(arg, rest, flags)
            elif arg.startswith("-") and len(arg) > 1:
                self._parse_short(arg, rest, shorthands)
            else:
                words.append(arg)
        return words

    def _parse_long(self, arg: str, rest: list[str], flags: Mapping[str, Flag]) -> None:
        name, equals, value = arg[2:].partition("=")
        if not name or name.startswith("-"):
            raise UsageError(self, f"bad flag syntax: {arg}")
        if (flag := flags.get(name)) is None:
            raise UsageError(self, f"unknown flag: --{name}")
        if not equals:
            value = self._value(flag, rest, f"--{name}")
        self._set(flag, value)

    def _parse_short(self, arg: str, rest: list[str], shorthands: Mapping[str, Flag]) -> None:
        letters = arg[1:]
        while letters:
            shown = f"{letters[0]!r} in -{letters}"
            letter, letters = letters[0], letters[1:]
            if (flag := shorthands.get(letter)) is None:
                raise UsageError(self, f"unknown shorthand flag: {shown}")
            if letters.startswith("="):
                value, letters = letters[1:], ""
            elif letters and not isinstance(flag.value, bool):
                value, letters = letters, ""
            else:
                value = self._value(flag, rest, shown)
            self._set(flag, value)

    def _value(self, flag: Flag, rest: list[str], shown: str) -> str:
        if isinstance(flag.value, bool):
            return "true"
        if not rest:
            raise UsageError(self, f"flag needs an argument: {shown}")
        return rest.pop(0)

    def _set(self, flag: Flag, text: str) -> None:
        try:
            flag.set(text)
        except ValueError as err:
            shown = f"-{flag.shorthand}, --{flag.name}" if flag.shorthand else f"--{flag.name}"
            raise UsageError(self, f"invalid argument {quote(text)} for {quote(shown)} flag: {err}") from None


def _distance(a: str, b: str) -> int:
    """How many letters to add, drop or change to make one word of the other."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        previous, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (x != y))
    return row[-1]

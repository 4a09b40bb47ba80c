"""What the three programs can be told, as their own parsers have it; what they answer, as they were run."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from textwrap import wrap

import click

from minietcd.etcdctl.cobra import Command, Flag, Surroundings
from minietcd.etcdctl.ctlv3 import ctl, help
from minietcd.etcdctl.ctlv3.command import error
from minietcd.etcdmain import config
from tracer import cli
from tracer.cluster import Cluster, CommandError, Outcome
from tracer.ground import Machines, simulate
from tracer.pages.code import UnknownError
from tracer.pages.words import Words
from tracer.source import ROOT

_MODULES = {"tracer": "tracer", "minietcd": "minietcd", "minietcdctl": "minietcd.etcdctl"}
_COLUMNS = 80
_SEED = 1

type Row = tuple[str, ...]


class Programs:
    """What can be told of them in the language of ``say``; ``link`` makes a link of a function's name."""

    def __init__(self, say: Words, link: Callable[[str], str]) -> None:
        self.say, self.link = say, link

    def tell(self, program: str, what: str) -> str:
        """``usage``, ``flags``, ``refused``, ``commands`` or ``exits`` of a program. Raises UnknownError."""
        kinds: dict[str, Callable[[], str]] = {
            "tracer usage": lambda: _block((cli.command.help or "").replace("\b\n", "")),
            "tracer flags": lambda: self._flags(_of_tracer()),
            "minietcd usage": lambda: _block(config.USAGELINE),
            "minietcd flags": lambda: self._flags(_of_minietcd()),
            "minietcd refused": refused,
            "minietcdctl flags": lambda: self._flags(map(_of_minietcdctl, _root().persistent.values())),
            "minietcdctl commands": self.commands,
            "minietcdctl exits": self.exits,
        }
        if (asked := f"{program} {what}") not in kinds:
            raise UnknownError("part of a program", asked, list(kinds))
        return kinds[asked]()

    def commands(self) -> str:
        """Each command of minietcdctl: how it is called, what it does, its own flags."""
        found = [each for each in help.get_sub_commands(_root()) if each.run and each.name != "help"]
        return "\n".join(self._command(each) for each in found)

    def _command(self, command: Command) -> str:
        parent = command.parent.path if command.parent else ""
        parts = [
            f"### {command.path.removeprefix(f'{ctl.CLI_NAME} ')}\n",
            _block(f"{parent} {command.use}"),
            _block(command.long) if command.long else f"{command.short}.\n",
        ]
        parts += [self._flags(map(_of_minietcdctl, command.local.values()))] * bool(command.local)
        return "\n".join(parts)

    def exits(self) -> str:
        """The exit codes of minietcdctl, and which functions name them."""
        users = _users()
        named = {name: code for name, code in vars(error).items() if name.startswith("Exit")}
        rows = (
            (str(code), f"`{name}`", ", ".join(map(self.link, users[name])) or "—")
            for name, code in named.items()
            if isinstance(code, int)
        )
        return self._table(("code", "etcd's name", "who says so"), rows)

    def _flags(self, rows: Iterable[Row]) -> str:
        return self._table(("flag", "what it says", "default"), rows)

    def _table(self, head: Row, rows: Iterable[Row]) -> str:
        lines = [tuple(map(self.say, head)), ("---",) * len(head)]
        lines += [tuple(cell.replace("|", "\\|") for cell in row) for row in rows]
        return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def refused() -> str:
    """The flags that minietcd knows at their default alone, each with that."""
    known = " ".join(f"--{name}={value}" for name, value in sorted(config.UNSUPPORTED.items()))
    return _block("\n".join(wrap(known, _COLUMNS, break_on_hyphens=False)))


def ran(words: tuple[str, ...]) -> str:
    """A program in a process of its own: what it printed, and with what it ended. Raises UnknownError."""
    program, *rest = words
    if program not in _MODULES:
        raise UnknownError("program", program, list(_MODULES))
    environ = {name: value for name, value in os.environ.items() if not name.startswith("ETCD")}
    done = subprocess.run(
        [sys.executable, "-m", _MODULES[program], *rest],
        cwd=ROOT,
        env=environ | {"COLUMNS": str(_COLUMNS)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    return _console([(" ".join(words), Outcome(done.returncode, done.stdout, ""))])


def answered(words: tuple[str, ...]) -> str:
    """What minietcdctl prints, command after command (``;`` between), on three simulated members."""
    asked = [each.split() for each in " ".join(words).split(";")]

    async def story(ground: Machines) -> list[Outcome]:
        async with Cluster(3, ground=ground) as cluster:
            return [await _outcome(cluster, each) for each in asked]

    told = (f"{ctl.CLI_NAME} {' '.join(each)}" for each in asked)
    return _console(zip(told, simulate(_SEED, story), strict=True))


async def _outcome(cluster: Cluster, words: list[str]) -> Outcome:
    try:
        return await cluster.ctl(*words)
    except CommandError as failed:
        return failed.outcome


def _root() -> Command:
    return ctl.root_cmd(Surroundings())


def _of_tracer() -> Iterator[Row]:
    context = click.Context(cli.command)
    for option in cli.command.params:
        if isinstance(option, click.Option) and (told := option.get_help_record(context)):
            given = isinstance(option.default, str | int) and not option.is_flag
            shown = option.default if given else option.show_default
            yield f"`{told[0]}`", _with_range(option), _default(str(shown or ""))


def _with_range(option: click.Option) -> str:
    kind = option.type
    told = f" ({kind.min}–{kind.max})" if isinstance(kind, click.IntRange) and kind.max else ""
    return f"{option.help}{told}"


def _of_minietcd() -> Iterator[Row]:
    for name, flag in config.FLAGS.items():
        yield f"`--{name}`", flag.usage, _default(config.default_text(flag))


def _of_minietcdctl(flag: Flag) -> Row:
    names = f"`-{flag.shorthand}`, " * bool(flag.shorthand) + f"`--{flag.name}`"
    return names, flag.usage, _default(flag.default)


def _default(text: str) -> str:
    return f"`{text}`" if text else "—"


def _users() -> dict[str, list[str]]:
    """Which functions of minietcdctl use which name."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "minietcd" / "etcdctl").rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                for name in {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}:
                    found[name].append(f"{path.relative_to(ROOT).as_posix()}#{node.name}")
    return found


def _block(text: str) -> str:
    return f"~~~~ text\n{text.strip()}\n~~~~\n"


def _console(told: Iterable[tuple[str, Outcome]]) -> str:
    """Commands with what they print; where one fails, also its exit code, as a shell tells it."""
    parts: list[str] = []
    for words, outcome in told:
        code = f"$ echo $?\n{outcome.code}" if outcome.code else ""
        said = f"{outcome.output}{outcome.errors}".rstrip()
        parts += filter(None, (f"$ {words}", said, code))
    return f"~~~~ console\n{'\n'.join(parts)}\n~~~~\n"

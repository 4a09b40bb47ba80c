"""The ``tracer`` program: run a command or a script on a cluster of its own, and tell what happened.

Everything that is slow to import is imported when it is needed: a mistyped option should not have to wait for
a cluster.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager, nullcontext, redirect_stdout
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import asyncio

    from tracer.cluster import Cluster, Outcome
    from tracer.fold import Section, View
    from tracer.ground import Ground
    from tracer.model import Trace

_HELP = """Follow one request through client, members, disks and wires.

\b
  tracer put foo bar        run an etcdctl command on an embedded cluster
  tracer get foo            (its own flags pass through), and show its way
  tracer help put           what that command takes
  tracer run FILE.py        record a script: async def story(cluster)
  tracer election           a leader dies, another is elected; so too: transfer
  tracer show FILE.json     show a trace that was saved with --json

Options may stand before or after the words; after -- everything is the command's.
"""


def _into_a_directory(_: click.Context, __: click.Parameter, path: Path | None) -> Path | None:
    """See to it before anything is recorded."""
    if path and not path.parent.is_dir():
        raise click.BadParameter(f"there is no directory {path.parent}")
    return path


_to_file = partial(click.option, type=click.Path(dir_okay=False, path_type=Path), callback=_into_a_directory)


class Problem(click.ClickException):
    """Something the user should know, in one line."""

    def show(self, file: Any = None) -> None:
        """Name the program, not the kind of error."""
        click.echo(f"tracer: {self.format_message()}", err=True)


@dataclass(slots=True)
class Options:
    """What was asked for besides the words."""

    members: int | None
    to: str
    depth: int
    member: str
    module: str
    request: int
    seed: int | None
    pre_vote: bool
    plain: bool
    json: bool
    dot: Path | None
    svg: Path | None
    html: Path | None
    open: bool

    @property
    def plays(self) -> bool:
        """Whether the trace is to be stepped through."""
        return self.html is not None or self.open

    @property
    def lines(self) -> bool:
        """Whether every line that runs is wanted."""
        return self.depth > 2 or self.plays


@click.command(
    help=_HELP, context_settings={"ignore_unknown_options": True, "help_option_names": ["-h", "--help"]}
)
@click.argument("words", nargs=-1, metavar="WORDS...", type=click.UNPROCESSED)
@click.option(
    "--members",
    metavar="N",
    show_default="3",
    type=click.IntRange(1, 9),
    help="Size of the cluster.",
)
@click.option("--to", default="leader", show_default=True, help="Whom to ask: leader, follower or a name.")
@click.option(
    "-d",
    "depth",
    default=1,
    metavar="LEVEL",
    type=click.IntRange(1, 3),
    help="1 stations, 2 calls, 3 lines and values.",
)
@click.option("--member", default="", help="Only what this member did.")
@click.option("--module", default="", help="Only what is in modules of this name, as raft or mvcc.backend.")
@click.option(
    "--request",
    default=0,
    metavar="N",
    type=click.IntRange(0),
    help="Of several requests only this one (1, 2 …).",
)
@click.option(
    "--seed",
    metavar="N",
    type=click.IntRange(0),
    help="Simulate time, disks and network: the same number, the same trace.",
)
@click.option("--pre-vote", is_flag=True, help="Before an election a member asks whether it could win.")
@click.option("--plain", is_flag=True, help="No colour and no times: the same text from run to run.")
@click.option("--json", is_flag=True, help="The whole trace as JSON on standard output.")
@_to_file("--dot", help="Write the story as a Graphviz graph.")
@_to_file("--svg", help="Write it as a picture (needs Graphviz).")
@_to_file("--html", help="Write a page to step through it, all in one file.")
@click.option("--open", is_flag=True, help="Show that page in the browser.")
@click.pass_obj
def command(rest: tuple[str, ...], /, words: tuple[str, ...], **options: Any) -> None:
    """See ``_HELP``; ``rest`` is what stood after ``--``, that word included."""
    words += rest if words else rest[1:]
    if not words:
        raise click.UsageError("say what to trace, as put foo bar")
    chosen = Options(**options)
    if chosen.svg and not shutil.which("dot"):
        raise Problem("--svg needs the program dot: install Graphviz (Debian: apt install graphviz)")
    kinds: dict[str, Callable[[tuple[str, ...], Options], Trace]] = {
        "run": _run,
        "show": _show,
        "election": _example,
        "transfer": _example,
    }
    trace = kinds.get(words[0], _command)(words, chosen)
    # What was saved is a choice already.
    _present(trace if words[0] == "show" and not chosen.request else _choose(trace, chosen), chosen)


def main() -> None:
    """The program: exit code 1 for a problem, 2 for a usage error, 128 + its number for a signal."""
    received = signal.SIGINT

    def stop(number: int, _: object) -> None:
        """Clean up as on Ctrl-C."""
        nonlocal received
        received = signal.Signals(number)
        signal.raise_signal(signal.SIGINT)

    signal.signal(signal.SIGTERM, stop)
    try:
        import logging

        logging.getLogger().addHandler(logging.NullHandler())
        words = sys.argv[1:]
        end = words.index("--") if "--" in words else len(words)
        with command.make_context("tracer", words[:end], obj=tuple(words[end:])) as context:
            command.invoke(context)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.UsageError as error:
        click.echo(f"tracer: {error.format_message()} (try tracer --help)", err=True)
        sys.exit(2)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        sys.exit(128 + received)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(128 + signal.SIGPIPE)
    except OSError as error:
        click.echo(f"tracer: {error.filename or 'output'}: {error.strerror}", err=True)
        sys.exit(1)


def _command(words: tuple[str, ...], options: Options) -> Trace:
    """Run etcdctl's command ``words``; if it fails, end as it does."""
    from tracer.cluster import check, record_client
    from tracer.model import printable

    if complaint := check(list(words)):
        click.echo(complaint.output, nl=False)
        click.echo(complaint.errors, nl=False, err=True)
        sys.exit(complaint.code)

    def tell(outcome: Outcome) -> None:
        click.echo(outcome.errors, nl=False, err=True)
        click.echo(outcome.output, nl=False, err=options.json)

    async def story(cluster: Cluster) -> None:
        tell(await cluster.ctl(*words, to=options.to, stdin=sys.stdin))

    async def elsewhere() -> Trace:
        trace, outcome = await record_client(list(words))
        tell(outcome)
        return trace

    if any(word.partition("=")[0] == "--endpoints" for word in words):
        if options.seed is not None:
            raise click.UsageError("--seed simulates a cluster, --endpoints names one that runs")
        with _ending_as_the_command():
            trace = _in_loop(elsewhere())
    else:
        patient = _healthy if words[:2] in (("member", "add"), ("member", "remove")) else None
        with _ending_as_the_command():
            trace = _record(story, options, {"before": patient})
    trace.command = tuple(map(printable, words))
    return trace


async def _healthy(cluster: Cluster) -> None:
    await cluster.healthy()


def _example(words: tuple[str, ...], options: Options) -> Trace:
    """Record the example of that name."""
    from tracer.source import EXAMPLES

    if len(words) > 1:
        raise click.UsageError(f"{words[0]} takes no further words")
    return _run(("run", str(EXAMPLES / f"{words[0]}.py")), options)


def _run(words: tuple[str, ...], options: Options) -> Trace:
    """Record the script ``words[1]``."""
    import runpy

    path = _file(words)
    aside = redirect_stdout(sys.stderr) if options.json else nullcontext()
    with _blamed_on(path), aside:
        sys.path.insert(0, str(path.parent))  # as if Python ran it
        script = runpy.run_path(str(path), run_name="__story__")
        if complaint := _complaint(script):
            raise Problem(f"{path}: {complaint}")
        options.seed = script.get("SEED") if options.seed is None else options.seed
        trace = _record(script["story"], options, script)
    trace.command = (path.stem.replace("_", " "),)
    return trace


def _complaint(script: Mapping[str, Any]) -> str:
    """What is wrong with what a script says of itself; "" if nothing is."""
    for name in ("story", "before"):
        if (name == "story" or name in script) and not _is_story(script.get(name)):
            return f"there is no 'async def {name}(cluster)'"
    members, seed, config = script.get("MEMBERS", 3), script.get("SEED", 0), script.get("CONFIG", {})
    if members not in range(1, 10):
        return f"MEMBERS is {members!r}, which is no number from 1 to 9"
    if not isinstance(seed, int) or seed < 0:
        return f"SEED is {seed!r}, which is no number from 0 on"
    return "" if isinstance(config, dict) else f"CONFIG is {config!r}, which is no dict"


def _is_story(story: Any) -> bool:
    import inspect

    return inspect.iscoroutinefunction(story) and len(inspect.signature(story).parameters) == 1


@contextmanager
def _blamed_on(script: Path) -> Iterator[None]:
    """Tell what ``script`` did wrong in one line, and in which of its lines."""
    from tracer.cluster import ClusterError, CommandError

    try:
        yield
    except SyntaxError as error:
        raise Problem(f"{error.filename}:{error.lineno}: {error.msg}") from None
    except Exception as error:
        places = _places(error, script)
        while isinstance(error, ExceptionGroup):
            error = error.exceptions[0]
            places += _places(error, script)
        if isinstance(error, click.ClickException) or not (places or isinstance(error, ClusterError)):
            raise
        number, line = places[-1] if places else (0, "")
        problem = Problem(f"{script}:{number}: " * bool(places) + " ".join(_told(error, line).split()))
        if isinstance(error, CommandError):
            problem.show()
            sys.exit(error.outcome.code)
        raise problem from None


def _told(error: Exception, line: str) -> str:
    """What ``error``, which a line of a script led to, says; of a bare ``assert`` the line has to."""
    from tracer.cluster import ClusterError, CommandError

    if isinstance(error, CommandError):
        return str(error).partition("\n")[0].removeprefix("Error: ")
    return str(error) if isinstance(error, ClusterError) else f"{type(error).__name__}: {str(error) or line}"


def _places(error: Exception, script: Path) -> list[tuple[int, str]]:
    """The lines of ``script`` that led to ``error``, numbers and text, the innermost last."""
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    return [(at.lineno or 0, at.line or "") for at in frames if at.filename == str(script)]


def _show(words: tuple[str, ...], options: Options) -> Trace:
    """Read the trace in the file ``words[1]``."""
    from tracer.render import json

    path = _file(words)
    try:
        trace = json.load(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise Problem(f"{path}: not a trace: no UTF-8") from None
    except json.FormatError as error:
        raise Problem(f"{path}: {error}") from None
    if options.lines and not any(span.lines for span in trace.spans.values()):
        click.echo(f"tracer: {path} has no lines that ran: -d 3 --json saves them, too", err=True)
    return trace


def _file(words: tuple[str, ...]) -> Path:
    if len(words) != 2:
        raise click.UsageError(f"{words[0]} needs the name of one file")
    path = Path(words[1])
    if path.is_dir() or not path.exists():
        raise Problem(f"{path}: {'is a directory' if path.is_dir() else 'no such file'}")
    return path


type _Story = Callable[[Cluster], Awaitable[None]]


def _record(story: _Story, options: Options, script: Mapping[str, Any] = MappingProxyType({})) -> Trace:
    """What happens in the story; ``script`` may say what comes before it, and more of its cluster.

    Raises ClusterError, CommandError.
    """
    from tracer.cluster import Cluster
    from tracer.ground import simulate

    async def record(ground: Ground | None = None) -> Trace:
        brief = options.depth == 1 and not options.json and not options.plays
        fields = {"pre_vote": options.pre_vote, "cold": script.get("COLD", False), **script.get("CONFIG", {})}
        members = options.members or script.get("MEMBERS", 3)
        async with Cluster(members, lines=options.lines, stations=brief, ground=ground, **fields) as cluster:
            if not script.get("COLD"):
                cluster.endpoint(options.to)
            if before := script.get("before"):
                await before(cluster)
                await cluster.settle()
            return await cluster.record(_as_coroutine(story(cluster)))

    return _in_loop(record()) if options.seed is None else simulate(options.seed, record)


@contextmanager
def _ending_as_the_command() -> Iterator[None]:
    """If a command fails, say what that said, and end as that did."""
    from tracer.cluster import ClusterError, CommandError

    try:
        yield
    except ClusterError as error:
        raise Problem(str(error)) from None
    except CommandError as error:
        click.echo(error.outcome.errors, nl=False, err=True)
        sys.exit(error.outcome.code)


def _in_loop(recording: Coroutine[Any, Any, Trace]) -> Trace:
    import asyncio

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(recording)


async def _as_coroutine(awaitable: Awaitable[None]) -> None:
    await awaitable


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def _choose(trace: Trace, options: Options) -> Trace:
    """The part of ``trace`` that served the requests, or the one that was asked for."""
    from tracer.slice import requests, slice, unasked
    from tracer.stations import RULES, mark

    found, keys = list(requests(trace)), unasked(trace)
    if options.request > len(found):
        raise Problem(f"there is no request {options.request}: {len(found)} were made")
    if options.request:
        found, keys = [found[options.request - 1]], []
    return mark(slice(trace, found, RULES, keys))


def _present(trace: Trace, options: Options) -> None:
    from tracer.fold import View, story
    from tracer.stations import station

    view = View(options.depth, options.member, options.module)
    sections = story(trace, view, station)
    if options.dot or options.svg:
        _draw(trace, sections, options)
    if options.plays:
        _play(trace, options)
    if options.json:
        from tracer.render import json

        click.echo(json.dump(trace), nl=False)
    elif not sections:
        raise Problem(_why_nothing(trace, view))
    elif not (options.dot or options.svg or options.plays):
        _tell(trace, sections, view, options)


def _why_nothing(trace: Trace, view: View) -> str:
    from tracer.model import CLIENT

    if view.member not in ("", CLIENT, *trace.members):
        return f"there is no {view.member} among {', '.join((CLIENT, *trace.members))}"
    if view.member or view.module:
        return "nothing is left to tell: see --member and --module"
    return "nothing was recorded: does the story ask the cluster for anything, and await it?"


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Problem(f"{path}: {error.strerror}") from None


def _draw(trace: Trace, sections: list[Section], options: Options) -> None:
    from tracer.render import callgraph

    source = callgraph.dot(trace, sections)
    if options.dot:
        _write(options.dot, source)
    if options.svg:
        _write(options.svg, callgraph.svg(source, " ".join(trace.command)))


def _play(trace: Trace, options: Options) -> None:
    """Write the page, and show it; say where it is if there is no browser to show it in."""
    import tempfile
    import webbrowser

    from tracer.render import player

    path = options.html or Path(tempfile.mkdtemp(prefix="tracer-")) / "trace.html"
    _write(path, player.page(trace))
    if options.open and not webbrowser.open(path.absolute().as_uri()):
        click.echo(f"tracer: no browser was found; the page is {path}", err=True)


def _tell(trace: Trace, sections: list[Section], view: View, options: Options) -> None:
    from rich.console import Console

    from tracer.render.terminal import Terminal

    class _Console(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    console = _Console(no_color=options.plain or None, highlight=False, emoji=False, markup=False)
    width = console.width if console.is_terminal or "COLUMNS" in os.environ else 100
    for line in Terminal(trace, sections, view, width, times=not options.plain).lines():
        console.print(line, soft_wrap=True)
    console.file.flush()

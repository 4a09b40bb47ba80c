"""Gives each directive of a page its meaning; see the package for what there are."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property, partial
from inspect import signature
from itertools import count
from pathlib import Path, PurePosixPath
from textwrap import dedent

from tracer import wire
from tracer.model import Evidence, Function, Span, Trace
from tracer.pages import (
    anatomy,
    commands,
    counterparts,
    database,
    figures,
    hexbox,
    likeness,
    measured,
    packages,
    tables,
    terms,
    whole,
)
from tracer.pages.code import Code, Place, UnknownError
from tracer.pages.words import ENGLISH, Words, language
from tracer.render import callgraph, page, statechart, turn, turns
from tracer.render.json import numbered
from tracer.scenarios import SCENARIOS

_WIDE = r"[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]"
_BREAK = re.compile(rf"(?<={_WIDE})\n *(?={_WIDE})")
"""A new line between Chinese characters, which a browser would show as a space."""
_DIRECTIVE = re.compile(r"\{\{([^{}]+)\}\}")


type Kinds = Mapping[str, Callable[..., str]]
"""What a directive's first word stands for: a function of the other words."""


class PageError(Exception):
    """A page cannot be written; the text says which, where and why."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A scenario as it was recorded: all that was seen, and of it what served the requests."""

    whole: Trace
    sliced: Trace


class Book:
    """All pages; ``record`` has the recording of a scenario by name, or raises KeyError.

    While pages are made it notes which functions they show, which files they link, and what they play.
    """

    def __init__(self, code: Code, record: Callable[[str], Recording]) -> None:
        self.code = code
        self.record = cache(record)
        self.ran, self.answered = cache(commands.ran), cache(commands.answered)
        self.talk = cache(lambda name: wire.Conversation(SCENARIOS[name].overhear()))
        self.shown: set[str] = set()
        self.files: set[str] = set()
        self.played: set[str] = set()

    def page(self, path: PurePosixPath, text: str) -> str:
        """What the page at ``path`` (below the docs) becomes. Raises PageError."""
        directives = _Page(self, path)

        def replaced(match: re.Match[str]) -> str:
            try:
                return directives.resolve(match[1].split())
            except UnknownError as error:
                line = text.count("\n", 0, match.start()) + 1
                raise PageError(f"{path}:{line}: {error}") from None

        return _BREAK.sub("", _DIRECTIVE.sub(replaced, text))

    @cached_property
    def names(self) -> packages.Names:
        """What is public in our packages."""
        return packages.Names(self.code.root)

    @cached_property
    def compared(self) -> list[likeness.Compared]:
        """What the real etcd was recorded on, too."""
        return likeness.everything(lambda name: self.record(name).sliced)

    def unshown(self, traces: Iterable[Trace]) -> list[Function]:
        """The traced functions that no page shows, by name."""
        found = {span.function.name: span.function for trace in traces for span in trace.spans.values()}
        return [found[name] for name in sorted(found.keys() - self.shown)]


class _Page:
    def __init__(self, book: Book, path: PurePosixPath) -> None:
        self.book, self.code = book, book.code
        self.say = Words(language(path))
        self.up = "../" * (len(path.parts) - 1)
        # For what MkDocs does not look into: the top of the pages in this language, and that of the site.
        self.top = "../" * (len(path.parts) - path.name.startswith("index."))
        self.root = self.top + "../" * (self.say.language != ENGLISH)
        self.numbers = count(1)
        self.kinds: Kinds = {
            **self._of_code(),
            **self._of_programs(),
            **self._drawn(),
            **self._tabled(),
            **self._told(),
        }

    def _of_code(self) -> Kinds:
        return {
            "go": self.go,
            "see": self.see,
            "listing": self.listing,
            "states": self.states,
            "counterparts": self.counterparts,
            "packages": lambda first, last="": tables.markdown(
                packages.rows(self.book.names, first, last or first)
            ),
            "value": lambda name: f"`{self.code.value(name)}`",
        }

    def _of_programs(self) -> Kinds:
        return {
            "program": commands.Programs(self.say, self.function).tell,
            "ran": lambda *words: self.book.ran(words),
            "answered": lambda *words: self.book.answered(words),
            "measured": lambda name, *what: measured.figure(self.code.root, name, " ".join(what)),
        }

    def _drawn(self) -> Kinds:
        return {
            "graph": self.graph,
            "overview": self.overview,
            "tree": self.tree,
            "player": self.player,
            "turns": self.turns,
            "bytes": self.bytes,
            "records": self.records,
            "pairs": self.pairs,
            "pages": self.pages,
            "call": lambda scenario, who: hexbox.figure(
                anatomy.call(self.talk(scenario).call(who)), self.say
            ),
        }

    def _tabled(self) -> Kinds:
        return {
            "stations": lambda scenario: whole.stations(
                self.sliced(scenario), self.say, self.function, self.go
            ),
            "cases": self.cases,
            "steps": self.steps,
            "compared": self.compared,
            "beside": self.beside,
            "waits": lambda scenario, member: tables.markdown(
                tables.waits(self.recording(scenario).whole, member)
            ),
            "applied": lambda scenario, member: tables.markdown(
                tables.applied(self.recording(scenario).whole, member)
            ),
            "counted": lambda scenario, member: tables.markdown(
                tables.counted(self.sliced(scenario), member)
            ),
            "sent": lambda scenario, member: tables.markdown(tables.sent(self.sliced(scenario), member)),
            "polled": lambda scenario: tables.markdown(tables.polled(self.sliced(scenario))),
            "frames": lambda scenario: tables.markdown(wire.rows_of_frames(self.talk(scenario))),
        }

    def _told(self) -> Kinds:
        return {
            "facts": lambda scenario: whole.facts(self.sliced(scenario), self.say),
            "channel": lambda scenario, name: figures.channel(self.sliced(scenario), name),
            "figure": lambda scenario, name: figures.figure(self.sliced(scenario), name),
            "took": lambda scenario, member, name: figures.took(self.sliced(scenario), member, name),
            "when": lambda scenario, member, name: figures.when(self.sliced(scenario), member, name),
            "times": lambda scenario, member, name: figures.times(self.sliced(scenario), member, name),
            "got": lambda scenario, member, name, argument, of="": figures.got(
                self.seen(scenario, of), member, name, argument
            ),
            "gave": lambda scenario, member, name, of="": figures.gave(self.seen(scenario, of), member, name),
        }

    def resolve(self, words: list[str]) -> str:
        """What stands for a directive. Raises UnknownError."""
        kind, *rest = words
        if not rest:
            return self.function(kind)
        if kind not in self.kinds:
            raise UnknownError("directive", kind, list(self.kinds))
        try:
            signature(self.kinds[kind]).bind(*rest)
        except TypeError:
            raise UnknownError("use of", " ".join(words), []) from None
        return self.kinds[kind](*rest)

    def function(self, name: str, words: str = "") -> str:
        """A link to our own; ``words`` stand for its name."""
        place = self.show(name)
        address = place.file.replace(".py", ".md")
        title = f'{{ title="{" ".join(place.go)}" }}' if place.go else ""
        return f"[`{words or place.name}`]({self.up}source/{address}#__codelineno-0-{place.line}){title}"

    def go(self, name: str) -> str:
        """Links to Go's."""
        return ", ".join(page.go_link(each, self.code.symbols) for each in self.code.go(name))

    def see(self, name: str) -> str:
        """A link to the page of that name, by its heading in this language. Raises UnknownError."""
        prose = self.code.root / "docs" / "prose"
        suffix = ".md" if self.say.language == ENGLISH else f".{self.say.language}.md"
        page = prose / f"{name}{suffix}"
        if not page.is_file():
            known = [each.relative_to(prose).as_posix() for each in prose.rglob(f"*{suffix}")]
            raise UnknownError("page", name, [each.removesuffix(suffix) for each in known])
        head = next(line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("# "))
        return f"[{head.removeprefix('# ')}]({self.up}{name}.md)"

    def listing(self, name: str, scenario: str = "", member: str = "") -> str:
        """The text of a function, and which lines of it ran."""
        place = self.show(name)
        ran = self.ran(place, scenario, member) if scenario else set()
        marked = " ".join(str(line - place.line + 1) for line in sorted(ran))
        title = f"{place.file} · {self.say('marked: what ran on {}', member)}" if ran else place.file
        head = f'{{ .python .listing linenums="{place.line}" hl_lines="{marked}" title="{title}" }}'
        return f"~~~~ {head}\n{self.code.text(place)}~~~~"

    def ran(self, place: Place, scenario: str, member: str) -> set[int]:
        """The lines of it that ran there, those of functions within it included. Raises UnknownError."""
        lines = self.recording(scenario).whole.ran
        found = {
            line
            for (at, function), ran in lines.items()
            if at == member and function.file == place.file
            for line in ran
            if place.line < line <= place.end
        }
        if not found:
            raise UnknownError(f"line that ran on {member} in", place.name, [])
        return found

    def graph(self, scenario: str, member: str, name: str, depth: str = "2", of: str = "") -> str:
        """The turn in which a call was made; one that served nothing is looked for in all that was seen."""
        trace, played = self.seen(scenario, of), "" if of else scenario
        try:
            span = figures.calls(trace, member, name)[0]
        except UnknownError:
            trace, played = self.recording(scenario).whole, ""
            span = figures.calls(trace, member, name)[0]
        prefix = f"g{next(self.numbers)}"
        drawn = turn.Turn(trace, span, int(depth), prefix, self.source, self.say)
        self.book.shown |= drawn.shown()
        picture = drawn.svg(self.say("a turn of {}", drawn.who()), played)
        return _scrolling(picture, self.say("The same in words"), drawn.words())

    def turns(self, scenario: str, member: str, player: str = "") -> str:
        """How readyc and advancec took turns; a row leads into the player of this page, or of ``player``."""
        drawn = turns.Turns(self.recording(scenario).whole, member, f"t{next(self.numbers)}")
        numbers = numbered(self.sliced(scenario))

        def link(span: Span) -> tuple[str, str] | None:
            call = f"call-{numbers.get(span.id)}"
            there = f"{self.top}{player}/#step={call}" if player else self.source(span.function)
            return (call, there) if span.id in numbers else None

        picture = drawn.svg(self.say("readyc and advancec take turns on {}", member), scenario, link)
        return _scrolling(picture, self.say("The same as a table"), drawn.table(self.say))

    def overview(self, scenario: str, player: str = "") -> str:
        """The stations, drawn; a click leads into the player of this page, or of the page ``player``."""
        trace = self.sliced(scenario)
        numbers = numbered(trace)

        def address(span: Span) -> str:
            self.book.shown.add(span.function.name)
            there = f"{self.top}{player}/#step=call-{numbers[span.id]}"
            return there if player else self.source(span.function)

        title = self.say("{} through its stations", " ".join(trace.command))
        picture = whole.overview(trace, title, scenario, address, self.say)
        return _scrolling(picture, self.say("The same in words"), whole.words(trace))

    def tree(self, scenario: str) -> str:
        """Every call as the terminal shows it, folded."""
        trace = self.sliced(scenario)
        title = self.say("What `tracer {} -d 2` prints", " ".join(trace.command))
        return (
            f'<details class="trace-terminal" markdown="0">\n<summary>{_code(title)}</summary>\n'
            f"{whole.tree(trace)}</details>"
        )

    def player(self, scenario: str, at: str = "", level: str = "", pane: str = "") -> str:
        """The player, opened there; where it is narrow, with that pane."""
        trace = self.sliced(scenario)
        known = {span.function.name for span in trace.spans.values()} | set(trace.stations.values())
        if at and at not in known:
            raise UnknownError("station or function", at, list(known))
        self.book.played.add(scenario)
        self.book.files |= {span.function.file for span in trace.spans.values()}
        told = {"at": at, "level": level, "pane": pane}
        where = "".join(f' {name}="{value}"' for name, value in told.items() if value)
        source = f'src="{self.root}assets/traces/{scenario}.json" sources="{self.root}source/"'
        without = self.say("The player takes JavaScript; the rest of this page does without.")
        return f'<div class="trace-stage"><trace-player {source}{where}><p>{without}</p></trace-player></div>'

    def cases(self, name: str) -> str:
        """The cases of a ``select``, and when each can be."""
        place = self.show(name)
        address = f"{self.up}source/{place.file.replace('.py', '.md')}#__codelineno-0-"

        def link(condition: str, line: int) -> str:
            return f"[`{condition}`]({address}{place.line + line - 1})"

        return tables.markdown(tables.cases(dedent(self.code.text(place)), link))

    def states(self, name: str) -> str:
        """A table of states and of what each can become, drawn."""
        table = tables.states(self.code.table(name))
        machine = {here: {there: self.say(why) for there, why in to.items()} for here, to in table.items()}
        picture = callgraph.svg(statechart.dot(machine), self.say("{}: what becomes what, and why", name))
        return _scrolling(picture, self.say("The same in words"), statechart.words(machine))

    def compared(self, what: str) -> str:
        """How like etcd's our paths are, in rows of scores, or a kind of difference."""
        if what == "scores":
            return tables.markdown(likeness.scores(self.book.compared, self.say))
        if what not in likeness.PARTS:
            raise UnknownError("comparison of", what, ["scores", *likeness.PARTS])
        return likeness.differences(self.book.compared, what, self.say)

    def beside(self, scenario: str) -> str:
        """Etcd's path and ours."""
        trace = self.sliced(scenario)
        found = likeness.compared(SCENARIOS[scenario], trace)
        return likeness.beside(found, self.say, self.linked, partial(page.go_link, lines=self.code.symbols))

    def linked(self, function: Function) -> str:
        """A link to ours, which this page names and does not show."""
        self.book.files.add(function.file)
        address = f"{self.up}source/{function.file.replace('.py', '.md')}"
        return f"[`{function.name}`]({address}#__codelineno-0-{function.line})"

    def steps(self, *names: str) -> str:
        """Tables of the code beside each other; ``A+B`` are two in one column."""
        found = [
            {key: value for each in name.split("+") for key, value in self.code.table(each).items()}
            for name in names
        ]
        return tables.markdown(tables.steps(found, self.function))

    def bytes(self, what: str, scenario: str, member: str, to: str = "") -> str:
        """The record of the log, or the message to another member, with the first request's entry."""
        left, index = self.left(scenario, member), anatomy.entry(self.sliced(scenario))
        if what in ("wal", "id"):
            draw = anatomy.record if what == "wal" else anatomy.request_id
            return hexbox.figure(draw(left.wal, index), self.say)
        if what != "stream" or to not in left.streams:
            raise UnknownError(
                "bytes of", f"{what} {to}".strip(), ["wal", "id", *(f"stream {n}" for n in left.streams)]
            )
        return hexbox.figure(anatomy.message(left.streams[to], index), self.say)

    def records(self, scenario: str, member: str) -> str:
        """The records of the last segment."""
        return tables.markdown(tables.records(self.left(scenario, member).wal))

    def pairs(self, scenario: str, member: str) -> str:
        """What is different in the database since the story began."""
        left = self.left(scenario, member)
        return tables.markdown(tables.quoted(database.changes(left.before, left.database)))

    def pages(self, scenario: str, member: str) -> str:
        """The pages of the database, and which of them are new since the story began."""
        left = self.left(scenario, member)
        old, new = database.read(left.before).roots, database.read(left.database).roots
        roots = {owner: (old.get(owner, root), root) for owner, root in new.items()}
        return hexbox.pages(list(database.written(left.before, left.database)), roots, self.say)

    def left(self, scenario: str, member: str) -> Evidence:
        """The bytes that it left behind. Raises UnknownError."""
        found = self.recording(scenario).whole.left
        if member not in found:
            raise UnknownError("bytes left by", member, list(found))
        return found[member]

    def counterparts(self, what: str) -> str:
        """Which of etcd's files ours are like."""

        def ours(path: str) -> str:
            if not path.endswith(".py"):
                return f"[`{path}`]({self.up}{packages.DIRECTORY}/minietcd.{path}.md)"
            self.book.files.add(path)
            return f"[`{path.removeprefix('minietcd/')}`]({self.up}source/{path.replace('.py', '.md')})"

        files = counterparts.files(self.code.root)
        theirs = partial(page.go_link, lines=self.code.symbols)
        return counterparts.Counterparts(files, self.say, ours, theirs).tell(what)

    def source(self, function: Function) -> str:
        """The address of it, for what is not Markdown."""
        self.book.files.add(function.file)
        return f"{self.root}source/{function.file.removesuffix('.py')}/#__codelineno-0-{function.line}"

    def show(self, name: str) -> Place:
        """Ours of that name, which this page now shows. Raises UnknownError."""
        place = self.code.find(name)
        self.book.shown.add(place.name)
        self.book.files.add(place.file)
        return place

    def recording(self, scenario: str) -> Recording:
        """Raises UnknownError."""
        try:
            return self.book.record(scenario)
        except KeyError:
            raise UnknownError("scenario", scenario, []) from None

    def talk(self, scenario: str) -> wire.Conversation:
        """What its client and the member that it asked wrote to each other. Raises UnknownError."""
        if scenario not in SCENARIOS:
            raise UnknownError("scenario", scenario, list(SCENARIOS))
        return self.book.talk(scenario)

    def seen(self, scenario: str, of: str) -> Trace:
        """What served its requests, or ``whole``: all that was seen. Raises UnknownError."""
        if of not in ("", "whole"):
            raise UnknownError("part of a recording", of, ["whole"])
        return self.recording(scenario).whole if of else self.sliced(scenario)

    def sliced(self, scenario: str) -> Trace:
        """What served its requests. Raises UnknownError."""
        return self.recording(scenario).sliced


def _code(text: str) -> str:
    """What stands in backticks, for HTML."""
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", html.escape(text))


def _scrolling(picture: str, title: str, words: str) -> str:
    """A picture that scrolls within itself, and what it says without being seen."""
    inside = "".join(f"    {line}\n" for line in words.splitlines())
    return f'<div class="trace-scroll">\n{picture}</div>\n\n??? note "{title}"\n\n{inside}'


def write(book: Book, docs: Path) -> list[Path]:
    """Every page of ``docs``/prose where MkDocs looks for it; their paths. Raises PageError."""
    written, linked = [], terms.linker(docs / "prose")
    for path in sorted((docs / "prose").rglob("*.md")):
        name = path.relative_to(docs / "prose")
        try:
            prose = linked(PurePosixPath(name), path.read_text(encoding="utf-8"))
            text = book.page(PurePosixPath(name), prose)
        except PageError as error:
            raise PageError(f"docs/prose/{error}") from None
        target = docs / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        written.append(target)
    return written

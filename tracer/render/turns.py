"""How ``readyc`` and ``advancec`` take turns in ``node.run``: a picture of one real run, from its trace.

Time goes down. Each row is a receive or a send of the loop; each of the two channels has a track, which is
drawn full while the loop would use the channel and dotted while the channel is nil. A row leads to what the
loop called because of it.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tracer.model import Edge, Span, Trace
from tracer.render.page import Say

LOOP = "raft node.run"
_NEVER = 1 << 62, 0
_ROW, _TOP = 30, 46
_TIME, _READY, _ADVANCE, _WORDS = 46, 78, 144, 168
_WIDTH = 540
_HEAD = ("time", "the loop", "about", "`readyc` then", "`advancec` then")


@dataclass(frozen=True, slots=True)
class Row:
    """What passed, when (ns), and whether after it the loop offers a Ready, waits for an advance, is led.

    ``call`` is the first that the loop then made.
    """

    at: int
    channel: str
    what: str
    sent: bool
    offers: bool
    waits: bool
    led: bool
    call: Span | None


type Link = Callable[[Span], tuple[str, str] | None]
"""Of a call: its name in the player and an address, if it is played."""


class Turns:
    """The turns of the loop of ``member``, in all that was seen; ``prefix`` goes before every id."""

    def __init__(self, trace: Trace, member: str, prefix: str) -> None:
        self.member, self.prefix = member, prefix
        self.rows = list(_rows(trace, member))

    def svg(self, title: str, scenario: str, link: Link) -> str:
        """The picture, for a page; ``scenario`` is what is to be played where a row is clicked."""
        height = _TOP + _ROW * len(self.rows) + 8
        head = (
            f'<svg class="trace turns" role="group" aria-label="{title}" data-scenario="{scenario}" '
            f'viewBox="0 0 {_WIDTH} {height}" xmlns="http://www.w3.org/2000/svg">\n'
        )
        return head + "".join(f"{line}\n" for line in self._lines(link)) + "</svg>\n"

    def table(self, say: Say = str.format) -> str:
        """The same as a Markdown table."""
        lines = [f"| {' | '.join(map(say, _HEAD))} |", "|--:|---|---|---|---|"]
        for row in self.rows:
            way = say("sends `{}`" if row.sent else "receives `{}`", row.channel)
            states = _state(row.offers, say("offers a Ready")), _state(row.waits, say("is waited for"))
            lines.append(f"| {_time(row.at)} | {way} | {row.what} | {' | '.join(states)} |")
        return "\n".join(lines)

    def _lines(self, link: Link) -> Iterator[str]:
        yield f'<text x="{_READY}" y="20" class="head">readyc</text>'
        yield f'<text x="{_ADVANCE}" y="20" class="head">advancec</text>'
        offers = waits = False
        before = _TOP - 18
        for row, y in self._places():
            yield _track(_READY, before, y, offers)
            yield _track(_ADVANCE, before, y, waits)
            offers, waits, before = row.offers, row.waits, y
        yield _track(_READY, before, before + 22, offers)
        yield _track(_ADVANCE, before, before + 22, waits)
        for number, (row, y) in enumerate(self._places(), 1):
            yield from self._event(f"{self.prefix}_{number}", row, y, link)

    def _places(self) -> Iterator[tuple[Row, int]]:
        """Each row, and how far down it stands."""
        return ((row, _TOP + _ROW * number) for number, row in enumerate(self.rows))

    def _event(self, name: str, row: Row, y: int, link: Link) -> Iterator[str]:
        own = {"readyc": _READY, "advancec": _ADVANCE}.get(row.channel)
        kind, found = "own" if own else "other", link(row.call) if row.call else None
        if found:
            call, address = found
            yield f'<a id="{name}" class="{kind} {call}" xlink:href="{html.escape(address)}" role="link">'
        else:
            yield f'<g id="{name}" class="{kind}">'
        yield f'<text x="{_TIME}" y="{y + 4}" class="time">{_time(row.at)}</text>'
        if own:
            yield f'<circle cx="{own}" cy="{y}" r="7" />'
            yield f'<path class="lead" d="M{own + 9} {y} H{_WORDS - 6}" />'
        words = html.escape(f"{'⇒' if row.sent else '⇐'} {row.channel}  {row.what}".rstrip())
        yield f'<text x="{_WORDS}" y="{y + 4}" class="what">{words}</text>' + ("</a>" if found else "</g>")


def _rows(trace: Trace, member: str) -> Iterator[Row]:
    loop = next(n for n, task in trace.tasks.items() if (task.member, task.name) == (member, LOOP))
    own = sorted((s for s in trace.spans.values() if s.task == loop), key=lambda s: (s.start, s.id))
    ready, leader = _asked(own, "RawNode.has_ready"), _asked(own, "Raft.has_leader")
    passed = [edge for edge in trace.edges if _passes(edge, loop)]
    passed.sort(key=lambda edge: (edge.at, edge.after))
    waits, led = False, bool(trace.states.get(member, {}).get("lead"))
    ends = [*((edge.at, edge.after) for edge in passed[1:]), _NEVER]
    for edge, until in zip(passed, ends, strict=True):
        waits = edge.name == "readyc" or (waits and edge.name != "advancec")
        turn = (edge.at, edge.after), until
        offers, led = not waits and _last(ready, *turn, False), _last(leader, *turn, led)
        call = _taken(own, edge) if edge.name == "readyc" else _first(own, *turn)
        yield Row(edge.at, edge.name, edge.label, edge.source.task == loop, offers, waits, led, call)


def _taken(own: list[Span], edge: Edge) -> Span | None:
    """What the loop does once a Ready is taken, which is before the other side goes on."""
    accepts = (s for s in own if s.turn == edge.source.turn and s.function.name == "RawNode.accept_ready")
    return next(accepts, None)


def _first(own: list[Span], begin: _When, end: _When) -> Span | None:
    return next((span for span in own if begin < (span.start, span.id) <= end), None)


type _When = tuple[int, int]


def _asked(own: list[Span], question: str) -> list[tuple[_When, bool]]:
    """When the loop asked that, and the answers."""
    return [((s.start, s.id), s.result is True) for s in own if s.function.name == question]


def _last(answers: list[tuple[_When, bool]], begin: _When, end: _When, before: bool) -> bool:
    """The last answer between ``begin`` and ``end``; if it was not asked then, what was so ``before``."""
    return [before, *(answer for at, answer in answers if begin < at <= end)][-1]


def _passes(edge: Edge, loop: int) -> bool:
    """Whether it is one of the loop's own receives, or its sending of a Ready."""
    received = edge.target.task == loop and edge.kind in ("chan", "timer")
    return received or (edge.source.task == loop and edge.name == "readyc")


def _track(x: int, top: int, bottom: int, full: bool) -> str:
    return f'<path class="{"full" if full else "nil"}" d="M{x} {top} V{bottom}" />'


def _state(full: bool, words: str) -> str:
    return words if full else "nil"


def _time(at: int) -> str:
    return f"{at / 1e6:.1f} ms"

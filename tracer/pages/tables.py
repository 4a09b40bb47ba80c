"""Rows of tables that code or a trace can fill; a page writes the head above them, in its own language."""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import takewhile

from tracer import state
from tracer.model import Span, Trace
from tracer.pages import anatomy, figures
from tracer.pages.code import UnknownError
from tracer.render.turns import Turns

_SWITCHES, _COUNTS, _STEPS = "Raft.switch_to_config", "RaftLog.maybe_commit", "Raft.step"
_POLLS = "Raft.poll"
_APPLIES = "EtcdServer.apply_entry_normal"
_NIL = "nil"


def markdown(rows: Iterable[tuple[str, ...]]) -> str:
    """As a page has them."""
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def steps(tables: Sequence[Mapping[str, str]], link: Callable[[str, str], str]) -> Iterator[tuple[str, ...]]:
    """For each key of any of ``tables``: the key, and which function each has for it, if any.

    ``link`` makes a link of a function and what is left of its name without what the table's names share.
    """
    shared = [_shared(list(table.values())) for table in tables]
    for key in dict.fromkeys(key for table in tables for key in table):
        does = [(table.get(key, ""), start) for table, start in zip(tables, shared, strict=True)]
        yield f"`{key}`", *(name and link(name, name.removeprefix(start)) for name, start in does)


def _shared(names: list[str]) -> str:
    """The words with which all of ``names`` begin."""
    words = zip(*(name.split("_") for name in names), strict=False)
    return "".join(f"{each[0]}_" for each in takewhile(lambda each: len(set(each)) == 1, words))


def cases(text: str, link: Callable[[str, int], str]) -> Iterator[tuple[str, ...]]:
    """The cases of the first ``select`` in a function: way, channel, what sets it, what makes it nil.

    ``link`` makes a link of a condition and its line in ``text``. Raises UnknownError.
    """
    tree = ast.parse(text)
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and _name(node.func) == "select")
    call = next(calls, None)
    if call is None:
        raise UnknownError("select in", text.partition("(")[0].split()[-1], [])
    assigned = _assigned(tree)
    for case in call.args:
        chan = case.elts[0] if isinstance(case, ast.Tuple) else case
        when = assigned[chan.id] if isinstance(chan, ast.Name) else []
        sets, clears = (
            " · ".join(link(test, line) for nil, test, line in when if nil is wanted)
            for wanted in (False, True)
        )
        yield "⇒" if isinstance(case, ast.Tuple) else "⇐", f"`{_name(chan)}`", sets or "—", clears or "—"


def _assigned(tree: ast.AST) -> dict[str, list[tuple[bool, str, int]]]:
    """Of each variable: whether it becomes None, under which condition, and in which line."""
    found: dict[str, list[tuple[bool, str, int]]] = defaultdict(list)

    def walk(node: ast.AST, test: str) -> None:
        if isinstance(node, ast.If):
            condition = ast.unparse(node.test)
            for part, told in ((node.body, condition), (node.orelse, _but(condition))):
                for each in part:
                    walk(each, told)
            return
        if isinstance(node, ast.Assign) and test and isinstance(node.targets[0], ast.Name):
            for nil, when in _values(node.value, test):
                found[node.targets[0].id].append((nil, when, node.lineno))
        for child in ast.iter_child_nodes(node):
            walk(child, test)

    walk(tree, "")
    return found


def _values(value: ast.expr, test: str) -> Iterator[tuple[bool, str]]:
    if isinstance(value, ast.IfExp):
        condition = ast.unparse(value.test)
        yield _is_none(value.body), condition
        yield _is_none(value.orelse), _but(condition)
    else:
        yield _is_none(value), test


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _but(condition: str) -> str:
    return f"not {condition}"


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def waits(trace: Trace, member: str) -> Iterator[tuple[str, ...]]:
    """For each way in which the loop of ``member`` waited: propc, readyc, advancec; what came, how often.

    What it waited for at first is what was so when the recording began: who led, and nothing under way.
    """
    came: dict[tuple[bool, bool, bool], Counter[str]] = defaultdict(Counter)
    state = (bool(trace.states.get(member, {}).get("lead")), False, False)
    for row in Turns(trace, member, "").rows:
        came[state][row.channel] += 1
        state = row.led, row.offers, row.waits
    for (led, offers, waited), channels in sorted(came.items(), reverse=True):
        told = ", ".join(f"`{name}` ×{number}" for name, number in channels.most_common())
        yield _state("⇐", led), _state("⇒", offers), _state("⇐", waited), told


def _state(way: str, used: bool) -> str:
    return way if used else _NIL


def applied(trace: Trace, member: str) -> Iterator[tuple[str, ...]]:
    """For each entry that came to be applied on ``member``: what that did, in each of its lives.

    Nothing: ``—``; a request of the v2 store: ``v2``; of the v3 store: that request.
    """
    lives: dict[int, dict[str, str]] = {}
    for span in trace.spans.values():
        if trace.member(span.task) != member:
            continue
        did = lives.setdefault(span.task, {}) if span.function.name == _APPLIES else lives.get(span.task)
        if did is None:
            continue
        if span.function.name == _APPLIES:
            did[str(span.args["e"]).removeprefix("entry ")] = "—"
        elif span.function.name == "ApplierV2store.apply_v2_request":
            did[list(did)[-1]] = "v2"
        elif span.function.name == "AuthApplierV3.apply":
            did[list(did)[-1]] = f"`{span.args['r']}`"
    entries = {entry for did in lives.values() for entry in did}
    for entry in sorted(entries, key=int):
        yield entry, *(did.get(entry, "") for did in lives.values())


def counted(trace: Trace, member: str) -> Iterator[tuple[str, ...]]:
    """For each time that ``member``, which leads, counted who has the log up to where: why it did.

    Then who had a vote, up to where enough of them had the log, and whether that was committed by it.
    """
    voting = trace.states.get(member, {}).get("voters", "")
    for span in sorted(trace.spans.values(), key=lambda span: span.id):
        if trace.member(span.task) != member:
            continue
        if span.function.name == _SWITCHES:
            voting = state.voters(str(span.result))
        if span.function.name == _COUNTS:
            enough, why = span.args["max_index"], _why(trace, span)
            yield f"`{why}`", voting, str(enough), f"**{enough}**" if span.result is True else "—"


def polled(trace: Trace) -> Iterator[tuple[str, ...]]:
    """Each vote that a candidate counted, its own, too: when, who counted, whose, which, and the result."""
    polls = [span for span in trace.spans.values() if span.function.name == _POLLS]
    first = min((span.start for span in polls), default=0)
    for span in sorted(polls, key=lambda span: (span.start, span.id)):
        vote = "✓" if span.args["v"] else "✗"
        member = trace.member(span.task)
        yield f"+{figures.time(span.start - first)}", member, span.args["id"], vote, f"`{span.result}`"


def _why(trace: Trace, span: Span) -> str:
    """The message that was taken in, or the change of members."""
    while span.parent in trace.spans:
        span = trace.spans[span.parent]
        if span.function.name == _SWITCHES:
            return span.function.name.rpartition(".")[2]
        if span.function.name == _STEPS:
            return str(span.args["m"])
    return span.function.name


def records(segment: bytes) -> Iterator[tuple[str, ...]]:
    """For each record of a log: where it stands, its sizes, type, checksum, what it says."""
    for each in anatomy.records(segment):
        length, padding = each.sizes()
        kind, crc = anatomy.RECORDS[each.record.type], f"`{each.record.crc:08x}`"
        sizes = f"8 + {length} + {padding}".replace(" ", "&nbsp;")
        yield str(each.start), sizes, kind, crc, anatomy.says(each.record)


def sent(trace: Trace, member: str) -> Iterator[tuple[str, ...]]:
    """For each message that ``member`` put into a queue: when, what, and into which."""
    for span in figures.calls(trace, member, "Peer.pick"):
        yield figures.since(trace, span), f"`{span.args['m']}`", f"`{span.result}`"


def quoted(rows: Iterable[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    """Each cell as code, unless it is empty."""
    for row in rows:
        yield tuple(f"`{cell}`" if cell else "—" for cell in row)


def states(table: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """A table whose values are tables of the code, too: from state to state, why."""
    found: dict[str, dict[str, str]] = {}
    for here, text in table.items():
        value = ast.parse(text, mode="eval").body
        assert isinstance(value, ast.Dict), f"{here} leads to no table, but to {text}"
        pairs = zip(value.keys, value.values, strict=True)
        found[here] = {ast.unparse(key): ast.literal_eval(why) for key, why in pairs if key is not None}
    return found

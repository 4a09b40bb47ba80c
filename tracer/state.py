"""What is so of each member, step by step: told by the calls that make it so, never by hand.

A rule names a function by its Go name and says what is so once it has returned. What the recording cannot
tell, because it was so before, is asked of the members when it begins.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from operator import attrgetter
from typing import Any

from tracer.model import Change, Span, Trace

NIL, SET = "nil", "set"
FIELDS = (
    *("role", "term", "vote", "lead", "voters", "readyc", "advancec"),
    *("log", "disk", "commit", "applied", "revision"),
)
"""Role, term, vote and leader; who has a vote, for all that this member knows, and (who learns); which of the
two channels that take turns the loop of raft would use; index of the last entry in the log and on the disk,
of the last one that is committed and applied; revision of the store."""

type State = dict[str, Any]
type Rule = Callable[[Span, str, State], State]
"""From a call, the member's name, and what was so: what is so now."""

_LAST = re.compile(r"(\d+)$")


def _follower(span: Span, _: str, was: State) -> State:
    term, lead = span.args.get("term", was.get("term")), span.args.get("lead")
    vote = {} if term == was.get("term") else {"vote": ""}
    return {"role": "follower", "term": term, "lead": lead if isinstance(lead, str) else "", **vote}


def _candidate(_: Span, me: str, was: State) -> State:
    return {"role": "candidate", "term": was.get("term", 0) + 1, "vote": me, "lead": ""}


def _vote(span: Span, _: str, was: State) -> State:
    """A vote is given by the message that says so."""
    words = str(span.args.get("m", "")).split()
    granted = words[:1] == ["MsgVoteResp"] and words[-1] == "granted"
    return {"vote": words[1].partition("→")[2]} if granted else {}


def _heard(span: Span, _: str, was: State) -> State:
    """Who says what only a leader says is the leader."""
    words = str(span.args.get("m", "")).split()
    return {"lead": words[1].partition("→")[0]} if len(words) > 1 else {}


def _up_to(name: str, value: Callable[[Span], Any]) -> Rule:
    """``name`` is now at least what ``value`` says."""

    def rule(span: Span, _: str, was: State) -> State:
        now = value(span)
        return {name: max(now, was.get(name, 0))} if isinstance(now, int) else {}

    return rule


def _ends(name: str, value: Callable[[Span], Any]) -> Rule:
    """``name`` is now what ``value`` says, also if that is less: a log may be cut."""
    return lambda span, _, was: {name: now} if isinstance(now := value(span), int) else {}


def _now(**told: Any) -> Rule:
    """Whatever was so before."""
    return lambda *_: told


def _argument(name: str) -> Callable[[Span], Any]:
    return lambda span: span.args.get(name)


def _entry(name: str) -> Callable[[Span], int | None]:
    """The last entry of the argument ``name``, which is shown as "entry 9" or "entries 7–9"."""

    def last(span: Span) -> int | None:
        text = str(span.args.get(name, ""))
        found = _LAST.search(text) if text.startswith("entr") else None
        return int(found[1]) if found else None

    return last


def voters(conf_state: str) -> str:
    """Those who vote, and in brackets those who learn, by name and not by id."""
    parts = conf_state.rstrip(")").partition("(")
    voting, learning = (" ".join(sorted(part.split())) for part in parts[::2])
    return f"{voting} ({learning})" if learning else voting


RULES: Mapping[str, Rule] = {
    "raft/raft.go#raft.becomeFollower": _follower,
    "raft/raft.go#raft.becomePreCandidate": _now(role="pre-candidate", lead=""),
    "raft/raft.go#raft.becomeCandidate": _candidate,
    "raft/raft.go#raft.becomeLeader": lambda _, me, was: {"role": "leader", "lead": me},
    "raft/raft.go#raft.handleAppendEntries": _heard,
    "raft/raft.go#raft.handleHeartbeat": _heard,
    "raft/raft.go#raft.handleSnapshot": _heard,
    "raft/raft.go#raft.send": _vote,
    "raft/rawnode.go#RawNode.readyWithoutAccept": _now(readyc=SET, advancec=NIL),
    "raft/rawnode.go#RawNode.acceptReady": _now(readyc=NIL, advancec=SET),
    "raft/rawnode.go#RawNode.Advance": _now(advancec=NIL),
    "raft/log.go#raftLog.append": _ends("log", attrgetter("result")),
    "raft/log.go#raftLog.commitTo": _up_to("commit", _argument("to_commit")),
    "wal/wal.go#WAL.Save": _ends("disk", _entry("ents")),
    "etcdserver/server.go#EtcdServer.applyEntryNormal": _up_to("applied", _entry("e")),
    "etcdserver/server.go#EtcdServer.apply": _up_to("applied", _entry("es")),
    "raft/raft.go#raft.switchToConfig": lambda span, *_: {"voters": voters(str(span.result or ""))},
    "mvcc/watchable_store.go#watchableStore.notify": _up_to("revision", _argument("rev")),
}


def changes(trace: Trace) -> list[Change]:
    """What changes in the course of ``trace``, in order; ``trace.states`` says how it was at first."""
    return list(_changes(trace))


def _changes(trace: Trace) -> Iterator[Change]:
    states = {name: dict(state) for name, state in trace.states.items()}
    # Where time stands still, what was called last returns first.
    for span in sorted(trace.spans.values(), key=lambda span: (span.end or 0, span.last, -span.id)):
        member = trace.member(span.task)
        was = states.get(member)
        rules = [RULES[go] for go in span.function.go if go in RULES]
        if was is None or span.end is None or span.error:
            continue
        for rule in rules:
            for name, value in rule(span, member, was).items():
                if was.get(name) != value:
                    was[name] = value
                    yield Change(span.end, span.last, span.id, member, name, value)

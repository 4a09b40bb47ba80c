"""What must hold all along, and what must hold of the whole in the end.

The first thing that does not hold is kept, with when it was; nothing is raised into the server.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from zlib import crc32

from google.protobuf.message import DecodeError

from minietcd.etcdserver.server import EtcdServer
from minietcd.proto.etcdserverpb.raft_internal_pb2 import InternalRaftRequest
from minietcd.raft import raftpb
from minietcd.raft.errors import CompactedError
from minietcd.raft.raft import Raft, StateLeader, StateType
from minietcd.raft.raftpb import Entry, Index, Message, Snapshot, Term
from minietcd.raft.ready import Ready
from tests.sim.linearizability import Operation, first_impossible
from tests.sim.model import Model, items_of
from tests.sim.world import Member, Observer

_EVERYTHING = b"\0"
_COMPARE_EVERY = 5
"""Entries from one comparison of a whole store to the next."""


@dataclass(slots=True, frozen=True)
class Violation:
    """What did not hold, and when (in virtual seconds); of a request, which."""

    rule: str
    text: str
    at: float
    request: Operation | None = None

    def __str__(self) -> str:
        """In one line."""
        return f"{self.rule}, at {self.at:.3f}: {self.text}"


@dataclass(slots=True, frozen=True)
class Answer:
    """A request of a client that was answered, and the revision in the answer."""

    request: Operation
    revision: int
    serializable: bool = False


@dataclass(slots=True)
class _Applied:
    """An entry that somebody has applied, and the store's revision after it."""

    term: Term
    content: int
    revision: int


@dataclass
class Checks(Observer):
    """Looks on at every member. ``happened`` is told each occasion, and the name of whom it is about."""

    now: Callable[[], float]
    happened: Callable[[str, str], None]
    name_of: Callable[[int], str]
    violation: Violation | None = None
    counts: Counter[str] = field(default_factory=Counter)
    model: Model = field(default_factory=Model)
    applied: dict[int, _Applied] = field(default_factory=dict)
    _leaders: dict[int, str] = field(default_factory=dict)
    _votes: dict[tuple[str, int], str] = field(default_factory=dict)
    _committed_in: set[Term] = field(default_factory=set)
    _entries: dict[tuple[int, Term], tuple[int, Term]] = field(default_factory=dict)
    """Of an index and a term: what the entry there is, and the term of the one before it."""

    def fail(self, rule: str, text: str, request: Operation | None = None) -> None:
        """Something does not hold; the first such thing is what counts."""
        self.violation = self.violation or Violation(rule, text, self.now(), request)

    def on_ready(self, member: Member, rd: Ready) -> None:
        """Two logs with an entry of the same index and term are the same up to there."""
        for entry in rd.entries:
            try:
                before = member.raft.raft_log.term(Index(entry.index - 1))
            except CompactedError:
                continue
            found = (_content(entry), before)
            if self._entries.setdefault((entry.index, entry.term), found) != found:
                self.fail(
                    "log matching", f"two logs differ at or before index {entry.index}, term {entry.term}"
                )
        if rd.committed_entries and member.leads and member.raft.term not in self._committed_in:
            self._committed_in.add(member.raft.term)
            self.happened("commit", member.name)
        for m in rd.messages:
            if m.type == raftpb.MsgSnap:
                self.counts["snapshots sent"] += 1
                self.happened("snapshot", self.name_of(m.to))

    def on_role(self, member: Member, role: StateType, term: int) -> None:
        """Who leads has all that was ever applied anywhere."""
        if role == StateLeader:
            self.counts["elections won"] += 1
            if member.raft.state == StateLeader:
                self._is_complete(member.raft)
            self.happened("elected", member.name)

    def on_send(self, source: Member, target: str, message: Message) -> None:
        """One leader a term."""
        if message.type in (raftpb.MsgApp, raftpb.MsgHeartbeat):
            other = self._leaders.setdefault(message.term, source.name)
            if other != source.name:
                self.fail("one leader a term", f"{other} and {source} both lead in term {message.term}")

    def on_deliver(self, member: Member, message: Message) -> None:
        """One vote a term of each. What counts is what arrives: who dies before has not said it."""
        if message.type != raftpb.MsgVoteResp or message.reject:
            return
        voter = self.name_of(message.from_)
        other = self._votes.setdefault((voter, message.term), member.name)
        if other != member.name:
            self.fail("one vote a term", f"{voter} votes for {other} and {member} in term {message.term}")
        self.counts["votes given"] += 1
        self.happened("vote", voter)

    def on_apply(self, member: Member, entry: Entry, anew: bool) -> None:
        """All apply the same, and get to the same state by it."""
        known, content = self.applied.get(entry.index), _content(entry)
        if known is None:
            if entry.index != len(self.applied) + 1:
                skipped = len(self.applied) + 1
                self.fail("state-machine safety", f"{member} applied {entry.index}, and nobody {skipped}")
            self._teach(entry)
            known = self.applied[entry.index] = _Applied(entry.term, content, self.model.rev)
        if (known.term, known.content) != (entry.term, content):
            self.fail("state-machine safety", f"{member} applied another entry than others at {entry.index}")
        self._compare(member, entry.index, known.revision)
        if entry.type == raftpb.EntryConfChangeV2 and member.raft.prs.config.voters.outgoing:
            self.counts["joint configurations entered"] += 1
            self.happened("joint", member.name)

    def on_snapshot(self, member: Member, snapshot: Snapshot) -> None:
        """What a snapshot holds is the state as of its index."""
        self.counts["snapshots installed"] += 1
        index = snapshot.metadata.index
        if index in self.applied:
            self._compare(member, index, self.applied[index].revision)

    def finish(
        self, answers: Sequence[Answer], unanswered: Sequence[Operation], members: list[Member]
    ) -> None:
        """What must hold of the whole, once all have applied everything."""
        hashes = {member.name: member.hash_kv() for member in members}
        if len(set(hashes.values())) > 1:
            self.fail("state-machine safety", f"the histories differ: {hashes}")
        for member in members:
            self._compare_all(member.server, member.applied())
        for answer in answers:
            self._holds(answer)
        told = [answer.request for answer in answers if not answer.serializable]
        if culprit := first_impossible([*told, *unanswered]):
            self.fail("linearizability", f"no order of the requests explains {culprit}", culprit)

    def _is_complete(self, raft: Raft) -> None:
        log = raft.raft_log
        for index in range(log.first_index(), len(self.applied) + 1):
            term, committed = log.term(Index(index)), self.applied[index].term
            if term != committed:
                has = f"an entry of term {term}" if term else "nothing"
                what = f"term {raft.term} begins with {has} at index {index}, committed in term {committed}"
                return self.fail("leader completeness", what)
        return None

    def _teach(self, entry: Entry) -> None:
        self.counts["entries committed"] += 1
        if entry.type != raftpb.EntryNormal:
            self.counts["changes of members"] += 1
        elif entry.data:
            with suppress(DecodeError):  # of the second version, which writes no keys of the third
                self.model.apply(InternalRaftRequest.FromString(entry.data))

    def _compare(self, member: Member, index: int, expected: int) -> None:
        """A store may be ahead: of a member that starts again, and the copy that it sends meanwhile."""
        if member.server.consist_index.consistent_index() > index:
            return
        revision = member.revision()
        if revision != expected:
            what = f"{member} is at revision {revision} after index {index}, not {expected}"
            self.fail("revisions grow by one a write", what)
        if index % _COMPARE_EVERY == 0:
            self._compare_all(member.server, index)

    def _compare_all(self, server: EtcdServer, index: int) -> None:
        """Its whole store with the model's, unless somebody is ahead."""
        if index == len(self.applied):
            self.counts["stores compared"] += 1
            found = items_of(server.kv().range(_EVERYTHING, _EVERYTHING).kvs)
            if found != self.model.items:
                what = f"{server.attributes.name} holds {found} after {index}, not {self.model.items}"
                self.fail("state-machine safety", what)

    def _holds(self, answer: Answer) -> None:
        """What was acknowledged is in the history, and what was read was there at the revision told."""
        op, rev = answer.request, answer.revision
        if rev > self.model.rev:
            self.fail("no acknowledged write lost", f"there never was a revision {rev}: {op}", op)
        elif _wrote(op):
            item = self.model.writes.get(rev, {}).get(op.key)
            if (item and item.value) != (None if op.do == "delete" else op.value):
                self.fail("no acknowledged write lost", f"revision {rev} is another: {op}", op)
        elif op.outcome != (there := self.model.at(op.key, rev)):
            self.fail("reads see a state that was", f"at revision {rev} there was {there}: {op}", op)


def _wrote(op: Operation) -> bool:
    return op.outcome is True or op.do == "put" or (op.do == "delete" and op.outcome is not None)


def _content(entry: Entry) -> int:
    return crc32(entry.data, entry.type)

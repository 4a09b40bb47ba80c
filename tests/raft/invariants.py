"""What raft promises (the paper's figure 3) and what a disk promises it, watched Ready by Ready.

Each check is local and cheap, because it compares with what the whole group has shown so far.
"""

from itertools import pairwise
from typing import Any

from minietcd.raft import Ready, is_empty_hard_state, is_empty_snap
from minietcd.raft import raftpb as pb


class BrokenPromiseError(AssertionError):
    """A promise was broken."""


def require(holds: bool, promise: str, *figures: object) -> None:
    if not holds:
        raise BrokenPromiseError(f"{promise}: {', '.join(map(str, figures))}")


class Invariants:
    """What has been seen of a group, none of which may be contradicted."""

    def __init__(self) -> None:
        self.leaders: dict[int, int] = {}
        """Who led a term."""
        self.votes: dict[tuple[int, int], int] = {}
        """Whom a member voted for in a term."""
        self.entries: dict[tuple[int, int], tuple[Any, ...]] = {}
        """By index and term: the kind and data of an entry, and the term of the one before."""
        self.committed: dict[int, tuple[pb.Entry, int]] = {}
        """By index: the entry that was committed, and the term of the leader that did it."""
        self.last_committed = 0
        self.commands: dict[int, int] = {}
        """By index: how many commands were applied up to there."""
        self.history: list[bytes] = []
        """The commands, in order."""
        self.hard_states: dict[int, pb.HardState] = {}
        """By member: what it saved last."""
        self.applied: dict[int, tuple[Any, int]] = {}
        """By member: its present life, and the last index it applied in it."""

    def before_saving(self, member: Any, rd: Ready) -> None:
        if member.leads:
            self._election_safety(member)
            self._progress_is_sound(member)
        self._log_matching(member, rd)
        self._hard_state_goes_forward(member)
        log = member.raft.raft_log
        self._note_what_is_committed(member, min(log.committed, log.unstable.offset - 1))

    def before_sending(self, member: Any, rd: Ready) -> None:
        """Votes are promises: a member gives one a term, whatever crashes."""
        if not is_empty_hard_state(rd.hard_state):
            self.hard_states[member.id] = rd.hard_state
        self._note_what_is_committed(member, member.raft.raft_log.committed)
        for m in rd.messages:
            if m.type == pb.MsgVoteResp and not m.reject:
                voted = self.votes.setdefault((m.term, member.id), m.to)
                require(voted == m.to, "one vote a term", m.term, member.id, voted, m.to)

    def after_applying(self, member: Any, rd: Ready) -> None:
        """State machine safety: everybody applies the same entries, in order and without a gap."""
        life, last = self.applied.get(member.id, (None, 0))
        if life is not member.node:
            last = member.storage.snapshot().metadata.index
        if not is_empty_snap(rd.snapshot):
            last = rd.snapshot.metadata.index
        for entry in rd.committed_entries:
            require(entry.index == last + 1, "applied without a gap", member.id, last, entry.index)
            committed, _ = self.committed[entry.index]
            require(entry == committed, "applied by all alike", member.id, entry, committed)
            last = entry.index
            self._count(entry)
        self.applied[member.id] = member.node, last
        if last in self.commands:
            expected = self.history[: self.commands[last]]
            require(member.data == expected, "the same state", member.id, last, member.data, expected)

    def _count(self, entry: pb.Entry) -> None:
        if entry.index not in self.commands:
            if entry.type == pb.EntryNormal and entry.data:
                self.history.append(entry.data)
            self.commands[entry.index] = len(self.history)

    def _election_safety(self, member: Any) -> None:
        term = member.raft.term
        if term not in self.leaders:
            self.leaders[term] = member.id
            self._leader_completeness(member)
        require(self.leaders[term] == member.id, "one leader a term", term, self.leaders[term], member.id)

    def _leader_completeness(self, member: Any) -> None:
        """Who begins to lead has everything that was committed in earlier terms."""
        log = member.raft.raft_log
        for index in range(log.first_index(), self.last_committed + 1):
            entry, term = self.committed[index]
            if term < member.raft.term:
                has = log.term(index)
                require(has == entry.term, "leaders are complete", member.id, index, has, entry.term)

    def _progress_is_sound(self, member: Any) -> None:
        """What is under way to a follower lies between what it has and what it is sent next."""
        for id, pr in member.raft.prs.progress.items():
            steps = [pr.match, *pr.inflights.buffer, pr.next]
            ascending = all(one < other for one, other in pairwise(steps))
            require(ascending and pr.inflights.count() <= pr.inflights.size, "progress", id, pr, steps)

    def _log_matching(self, member: Any, rd: Ready) -> None:
        """An index and a term name one entry, and all before it: by induction over the one just before."""
        for entry in rd.entries:
            before = member.raft.raft_log.term(entry.index - 1)
            seen = self.entries.setdefault((entry.index, entry.term), (entry.type, entry.data, before))
            require(seen == (entry.type, entry.data, before), "logs match", member.id, entry, before, seen)

    def _hard_state_goes_forward(self, member: Any) -> None:
        """The term never sinks, a vote is never taken back, and what is committed stays so."""
        old, new = self.hard_states.get(member.id, pb.HardState()), member.raft.hard_state()
        forward = new.term > old.term or (new.term == old.term and old.vote in (new.vote, 0))
        require(forward and new.commit >= old.commit, "hard states go forward", member.id, old, new)

    def _note_what_is_committed(self, member: Any, last: int) -> None:
        log, term = member.raft.raft_log, member.raft.term
        for index in range(max(log.first_index(), self.last_committed + 1), last + 1):
            [entry] = log.slice(index, index + 1, 0)
            self.committed[index] = entry, term
            self.last_committed = index

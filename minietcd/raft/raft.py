"""The state machine: a message or a tick comes in, messages and a longer log come out.

It knows no clock, no disk and no network. ``Raft.step`` is the only way in; what it decides waits in
``msgs``, ``raft_log`` and ``read_states`` until somebody takes it out as a ``Ready``. What a message does
depends on the role, so each role has a table from message type to function, after its functions; ``ROLES``
says how one role becomes another.

Go: raft/raft.go
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from minietcd.raft import raftpb as pb
from minietcd.raft.confchange.confchange import Changer, joint
from minietcd.raft.confchange.restore import restore as restore_config
from minietcd.raft.errors import CompactedError, ProposalDroppedError, SnapshotTemporarilyUnavailableError
from minietcd.raft.log import RaftLog
from minietcd.raft.quorum.quorum import VoteLost, VoteResult, VoteWon
from minietcd.raft.raftpb import Index, Message, MessageType, NodeID, Term
from minietcd.raft.read_only import ReadOnly, ReadOnlyOption, ReadOnlySafe, ReadState
from minietcd.raft.ready import Ready, SoftState, is_empty_hard_state, is_empty_snap
from minietcd.raft.tracker.inflights import Inflights
from minietcd.raft.tracker.progress import Progress, ProgressMap
from minietcd.raft.tracker.state import StateProbe, StateReplicate, StateSnapshot
from minietcd.raft.tracker.tracker import Config as TrackerConfig
from minietcd.raft.tracker.tracker import ProgressTracker
from minietcd.raft.util import (
    NO_LIMIT,
    Logger,
    assert_conf_states_equivalent,
    payload_size,
    vote_resp_msg_type,
)

if TYPE_CHECKING:
    from random import Random

    from minietcd.raft.storage import Storage

NONE: Final = NodeID(0)
"""Nobody: the id of the leader when there is none."""
_NO_INDEX = Index(0)


class StateType(pb.NamedEnum):
    """The role of a member. Go: raft/raft.go#StateType"""

    StateFollower = 0
    StateCandidate = 1
    StateLeader = 2
    StatePreCandidate = 3


StateFollower, StateCandidate, StateLeader, StatePreCandidate = StateType

ROLES: Mapping[StateType, Mapping[StateType, str]] = {
    StateFollower: {
        StateFollower: "a higher term, or somebody leads in it",
        StatePreCandidate: "no leader heard of for an election timeout (with pre-vote)",
        StateCandidate: "no leader heard of for an election timeout, or told to lead (MsgTimeoutNow)",
    },
    StatePreCandidate: {
        StateFollower: "a majority would not vote for it, or somebody leads, or a higher term",
        StatePreCandidate: "no answer from a majority for an election timeout",
        StateCandidate: "a majority would vote for it",
    },
    StateCandidate: {
        StateFollower: "a majority voted against it, or somebody leads, or a higher term",
        StatePreCandidate: "no majority either way for an election timeout (with pre-vote)",
        StateCandidate: "no majority either way for an election timeout",
        StateLeader: "a majority voted for it",
    },
    StateLeader: {StateFollower: "a higher term, or no majority heard of lately (with check-quorum)"},
}
"""Which role follows which, and when."""

type CampaignType = bytes
"""What kind of election; it travels in the context of a vote request. Go: raft/raft.go#CampaignType"""

CAMPAIGN_PRE_ELECTION: Final = b"CampaignPreElection"
CAMPAIGN_ELECTION: Final = b"CampaignElection"
CAMPAIGN_TRANSFER: Final = b"CampaignTransfer"


@dataclass(slots=True, kw_only=True)
class Config:
    """What a raft is started with.

    Left out: peers and learners, because a storage that starts with a snapshot says the same.

    Go: raft/raft.go#Config
    """

    id: NodeID
    election_tick: int
    """Ticks without a word from the leader until a follower campaigns; ten ``heartbeat_tick`` is good."""
    heartbeat_tick: int
    storage: Storage
    rand: Random
    """Spreads election timeouts, so that members rarely campaign at the same time."""
    applied: Index = _NO_INDEX
    """The last index the application has applied, if it remembers; only when restarting."""
    max_size_per_msg: int = NO_LIMIT
    """Bytes of entries in one append; 0: one entry each."""
    max_committed_size_per_ready: int = 0
    """Bytes of entries to apply in one Ready; 0: as ``max_size_per_msg``."""
    max_uncommitted_entries_size: int = 0
    """Bytes a leader takes in before they are committed; beyond, it drops proposals. 0: no limit."""
    max_inflight_msgs: int = 256
    """Appends under way to one follower."""
    check_quorum: bool = False
    """Whether a leader steps down when it has not heard from a quorum for an election timeout."""
    pre_vote: bool = False
    """Whether to ask if an election could be won before starting one (raft thesis, 9.6)."""
    read_only_option: ReadOnlyOption = ReadOnlySafe
    """ReadOnlyLeaseBased needs ``check_quorum``."""
    logger: Logger = field(default_factory=lambda: logging.getLogger("raft"))
    disable_proposal_forwarding: bool = False
    """Whether followers drop proposals instead of passing them on to the leader."""

    def validate(self) -> None:
        """Raises ValueError. Go: raft/raft.go#Config.validate"""
        if self.id == NONE:
            raise ValueError("cannot use none as id")
        if self.heartbeat_tick <= 0:
            raise ValueError("heartbeat tick must be greater than 0")
        if self.election_tick <= self.heartbeat_tick:
            raise ValueError("election tick must be greater than heartbeat tick")
        if self.max_inflight_msgs <= 0:
            raise ValueError("max inflight messages must be greater than 0")
        if self.read_only_option != ReadOnlySafe and not self.check_quorum:
            raise ValueError("CheckQuorum must be enabled when ReadOnlyOption is ReadOnlyLeaseBased")


class Raft:
    """One member of the group.

    Go: raft/raft.go#raft
    """

    def __init__(self, c: Config) -> None:
        """Take up where storage left off, as a follower. Raises ValueError, ConfChangeError.

        Go: raft/raft.go#newRaft
        """
        c.validate()
        self.id = c.id
        self.term = Term(0)
        self.vote = NONE
        self.read_states: list[ReadState] = []
        self.raft_log = RaftLog(c.storage, c.logger, c.max_committed_size_per_ready or c.max_size_per_msg)
        self.max_msg_size = c.max_size_per_msg
        self.max_uncommitted_size = c.max_uncommitted_entries_size or NO_LIMIT
        self.prs = ProgressTracker(c.max_inflight_msgs)
        self.state = StateFollower
        self.is_learner = False
        self.msgs: list[Message] = []
        self.lead = NONE
        self.lead_transferee = NONE
        """To whom leadership is being transferred (raft thesis, 3.10); no proposals meanwhile."""
        self.pending_conf_index = Index(0)
        """The last change of members in the log stands here or before; no other until it is applied."""
        self.uncommitted_size = 0
        """About how many bytes of the leader's log are not committed; never too many."""
        self.read_only = ReadOnly(c.read_only_option)
        self.election_elapsed = 0
        """Ticks since the last election timeout, or, on a follower, since the leader was last heard of."""
        self.heartbeat_elapsed = 0
        self.check_quorum = c.check_quorum
        self.pre_vote = c.pre_vote
        self.heartbeat_timeout = c.heartbeat_tick
        self.election_timeout = c.election_tick
        self.randomized_election_timeout = 0
        """From ``election_timeout`` to twice as much less one; drawn anew whenever the role changes."""
        self.disable_proposal_forwarding = c.disable_proposal_forwarding
        self.rand = c.rand
        self.tick: Callable[[], None]
        self.step_func: StepFunc
        self.logger = c.logger
        self.pending_read_index_messages: list[Message] = []
        """Reads that came to a leader before it had committed anything in its term."""

        hs, cs = c.storage.initial_state()
        self._restore_config(cs)
        if not is_empty_hard_state(hs):
            self.load_state(hs)
        if c.applied > 0:
            self.raft_log.applied_to(c.applied)
        self.become_follower(self.term, NONE)
        log, peers = self.raft_log, ",".join(f"{id:x}" for id in self.prs.voter_nodes())
        self.logger.info(
            f"newRaft {self.id:x} [peers: [{peers}], term: {self.term}, commit: {log.committed}, "
            f"applied: {log.applied}, lastindex: {log.last_index()}, lastterm: {log.last_term()}]"
        )

    def _debug(self, text: str) -> None:
        self.logger.debug(f"{self.id:x} {text}")

    def _info(self, text: str) -> None:
        self.logger.info(f"{self.id:x} {text}")

    def _warning(self, text: str) -> None:
        self.logger.warning(f"{self.id:x} {text}")

    def has_leader(self) -> bool:
        """Whether we know who leads. Go: raft/raft.go#raft.hasLeader"""
        return self.lead != NONE

    def soft_state(self) -> SoftState:
        """What need not survive a crash. Go: raft/raft.go#raft.softState"""
        return SoftState(self.lead, self.state)

    def hard_state(self) -> pb.HardState:
        """What must survive a crash. Go: raft/raft.go#raft.hardState"""
        return pb.HardState(self.term, self.vote, self.raft_log.committed)

    def send(self, m: Message) -> None:
        """Leave ``m`` to be sent when what it relies on is on disk.

        It gets our id and term, but for campaigns, which have set the term themselves (a pre-vote asks about
        the next one), and for what is only passed on to the leader.

        Go: raft/raft.go#raft.send
        """
        m.from_ = self.id
        if m.type in _CAMPAIGN_MSGS:
            assert m.term != 0, f"term should be set when sending {m.type}"
        else:
            assert m.term == 0, f"term should not be set when sending {m.type} (was {m.term})"
            if m.type not in _FORWARDED_MSGS:
                m.term = self.term
        self.msgs.append(m)

    def send_append(self, to: NodeID) -> None:
        """Send what ``to`` lacks, or at least the commit index. Go: raft/raft.go#raft.sendAppend"""
        self.maybe_send_append(to, send_if_empty=True)

    def maybe_send_append(self, to: NodeID, send_if_empty: bool) -> bool:
        """Send what ``to`` lacks, if its window allows; returns whether something was sent.

        An append without entries still carries the commit index; ``send_if_empty`` says whether it is wanted.
        Where the log no longer reaches back far enough, a snapshot goes instead.

        Go: raft/raft.go#raft.maybeSendAppend
        """
        pr = self.prs.progress[to]
        if pr.is_paused():
            return False
        previous = Index(pr.next - 1)
        try:
            log_term = self.raft_log.term(previous)
            ents = self.raft_log.entries(pr.next, self.max_msg_size)
        except CompactedError:
            return send_if_empty and self._maybe_send_snapshot(to, pr)
        if not ents and not send_if_empty:
            return False
        if ents and pr.state == StateReplicate:
            last = ents[-1].index
            pr.optimistic_update(last)
            pr.inflights.add(last)
        elif ents:
            pr.probe_sent = True
        commit = self.raft_log.committed
        self.send(Message(pb.MsgApp, to, index=previous, log_term=log_term, entries=ents, commit=commit))
        return True

    def _maybe_send_snapshot(self, to: NodeID, pr: Progress) -> bool:
        if not pr.recent_active:
            self.logger.debug(f"ignore sending snapshot to {to:x} since it is not recently active")
            return False
        try:
            snapshot = self.raft_log.snapshot()
        except SnapshotTemporarilyUnavailableError:
            self._debug(f"failed to send snapshot to {to:x} because snapshot is temporarily unavailable")
            return False
        assert not is_empty_snap(snapshot), "need non-empty snapshot"
        at = snapshot.metadata
        self._debug(
            f"[firstindex: {self.raft_log.first_index()}, commit: {self.raft_log.committed}] "
            f"sent snapshot[index: {at.index}, term: {at.term}] to {to:x} [{pr}]"
        )
        pr.become_snapshot(at.index)
        self._debug(f"paused sending replication messages to {to:x} [{pr}]")
        self.send(Message(type=pb.MsgSnap, to=to, snapshot=snapshot))
        return True

    def send_heartbeat(self, to: NodeID, ctx: bytes) -> None:
        """Say that we lead, and how much is committed: of what ``to`` has for certain, no more.

        Go: raft/raft.go#raft.sendHeartbeat
        """
        commit = min(self.prs.progress[to].match, self.raft_log.committed)
        self.send(Message(type=pb.MsgHeartbeat, to=to, commit=commit, context=ctx))

    def bcast_append(self) -> None:
        """Send everybody what they lack. Go: raft/raft.go#raft.bcastAppend"""
        for id, _ in self.prs.visit():
            if id != self.id:
                self.send_append(id)

    def bcast_heartbeat(self) -> None:
        """Heartbeats, which also ask again for the last read. Go: raft/raft.go#raft.bcastHeartbeat"""
        self.bcast_heartbeat_with_ctx(self.read_only.last_pending_request_ctx())

    def bcast_heartbeat_with_ctx(self, ctx: bytes) -> None:
        """Heartbeats to everybody; the answers carry ``ctx`` back.

        Go: raft/raft.go#raft.bcastHeartbeatWithCtx
        """
        for id, _ in self.prs.visit():
            if id != self.id:
                self.send_heartbeat(id, ctx)

    def advance(self, rd: Ready) -> None:
        """What ``rd`` held is on disk, and applied or about to be. Go: raft/raft.go#raft.advance"""
        if index := rd.applied_cursor():
            self.raft_log.applied_to(index)
            if self.prs.config.auto_leave and index >= self.pending_conf_index:
                self._leave_joint()
        self.reduce_uncommitted_size(rd.committed_entries)
        if rd.entries:
            last = rd.entries[-1]
            self.raft_log.stable_to(last.index, last.term)
        if not is_empty_snap(rd.snapshot):
            self.raft_log.stable_snap_to(rd.snapshot.metadata.index)

    def _leave_joint(self) -> None:
        if self.state != StateLeader or self.id not in self.prs.progress:  # was removed while leading
            return
        if self.append_entry([pb.Entry(pb.EntryConfChangeV2, data=pb.ConfChangeV2().marshal())]):
            self.logger.info(f"initiating automatic transition out of joint configuration {self.prs.config}")
        else:  # no room for it: try again when more is applied
            self.pending_conf_index = self.raft_log.last_index()

    def maybe_commit(self) -> bool:
        """Commit what a quorum holds; returns whether that was news. Go: raft/raft.go#raft.maybeCommit"""
        return self.raft_log.maybe_commit(self.prs.committed(), self.term)

    def reset(self, term: Term) -> None:
        """Forget everything that goes with a role. Go: raft/raft.go#raft.reset"""
        if self.term != term:
            self.term = term
            self.vote = NONE
        self.lead = NONE
        self.election_elapsed = 0
        self.heartbeat_elapsed = 0
        self.reset_randomized_election_timeout()
        self.abort_leader_transfer()
        self.prs.reset_votes()
        last = self.raft_log.last_index()
        for id, pr in self.prs.progress.items():
            self.prs.progress[id] = Progress(
                Inflights(self.prs.max_inflight),
                match=last if id == self.id else Index(0),
                next=Index(last + 1),
                is_learner=pr.is_learner,
            )
        self.pending_conf_index = Index(0)
        self.uncommitted_size = 0
        self.read_only = ReadOnly(self.read_only.option)

    def append_entry(self, es: Sequence[pb.Entry]) -> bool:
        """Append proposals to the leader's log, and commit if nobody else is needed.

        Returns False if they would make too much that is not committed.

        Go: raft/raft.go#raft.appendEntry
        """
        last = self.raft_log.last_index()
        ents = [pb.Entry(e.type, self.term, Index(last + i), e.data) for i, e in enumerate(es, start=1)]
        if not self.increase_uncommitted_size(ents):
            self._debug(
                "appending new entries to log would exceed uncommitted entry size limit; dropping proposal"
            )
            return False
        last = self.raft_log.append(ents)
        self.prs.progress[self.id].maybe_update(last)
        self.maybe_commit()
        return True

    def tick_election(self) -> None:
        """A tick on a follower or candidate. Go: raft/raft.go#raft.tickElection"""
        self.election_elapsed += 1
        if self.promotable() and self.past_election_timeout():
            self.election_elapsed = 0
            self.step(Message(type=pb.MsgHup, from_=self.id))

    def tick_heartbeat(self) -> None:
        """A tick on a leader. Go: raft/raft.go#raft.tickHeartbeat"""
        self.heartbeat_elapsed += 1
        self.election_elapsed += 1
        if self.election_elapsed >= self.election_timeout:
            self.election_elapsed = 0
            if self.check_quorum:
                self.step(Message(type=pb.MsgCheckQuorum, from_=self.id))
            if self.state == StateLeader:  # a transfer that took so long has failed
                self.abort_leader_transfer()
        if self.state == StateLeader and self.heartbeat_elapsed >= self.heartbeat_timeout:
            self.heartbeat_elapsed = 0
            self.step(Message(type=pb.MsgBeat, from_=self.id))

    def _enter(self, role: StateType) -> None:
        """The one way from a role into another."""
        assert role in ROLES[self.state], f"invalid transition [{self.state} -> {role}]"
        self.state, self.step_func = role, STEP_FUNC[role]
        self.tick = self.tick_heartbeat if role == StateLeader else self.tick_election

    def become_follower(self, term: Term, lead: NodeID) -> None:
        """Follow ``lead`` (NONE: whoever wins) in this term. Go: raft/raft.go#raft.becomeFollower"""
        self._enter(StateFollower)
        self.reset(term)
        self.lead = lead
        self._info(f"became follower at term {self.term}")

    def become_candidate(self) -> None:
        """Begin the next term with a vote for ourselves. Go: raft/raft.go#raft.becomeCandidate"""
        self._enter(StateCandidate)
        self.reset(Term(self.term + 1))
        self.vote = self.id
        self._info(f"became candidate at term {self.term}")

    def become_pre_candidate(self) -> None:
        """Like a candidate, but neither term nor vote change. Go: raft/raft.go#raft.becomePreCandidate"""
        self._enter(StatePreCandidate)
        self.prs.reset_votes()
        self.lead = NONE
        self._info(f"became pre-candidate at term {self.term}")

    def become_leader(self) -> None:
        """Lead, and append an empty entry: only one of its own term lets a leader commit those before.

        Go: raft/raft.go#raft.becomeLeader
        """
        self._enter(StateLeader)
        self.reset(self.term)
        self.lead = self.id
        self.prs.progress[self.id].become_replicate()
        # There may be a change of members in the log that is not committed; to act as if there were is safe.
        self.pending_conf_index = self.raft_log.last_index()
        accepted = self.append_entry([pb.Entry()])
        assert accepted, "empty entry was dropped"
        self._info(f"became leader at term {self.term}")

    def campaign(self, t: CampaignType) -> None:
        """Ask for everybody's vote, our own first. Go: raft/raft.go#raft.campaign"""
        if not self.promotable():
            self._warning("is unpromotable; campaign() should have been called")
        if t == CAMPAIGN_PRE_ELECTION:
            self.become_pre_candidate()
            vote_msg, term = pb.MsgPreVote, Term(self.term + 1)
        else:
            self.become_candidate()
            vote_msg, term = pb.MsgVote, self.term
        _, _, result = self.poll(self.id, vote_resp_msg_type(vote_msg), True)
        if result == VoteWon:  # there is nobody else
            if t == CAMPAIGN_PRE_ELECTION:
                self.campaign(CAMPAIGN_ELECTION)
            else:
                self.become_leader()
            return
        context = t if t == CAMPAIGN_TRANSFER else b""
        index, log_term = self.raft_log.last_index(), self.raft_log.last_term()
        for id in self.prs.voter_nodes():
            if id == self.id:
                continue
            self._info(
                f"[logterm: {log_term}, index: {index}] sent {vote_msg} request to {id:x} at term {self.term}"
            )
            self.send(
                Message(type=vote_msg, to=id, term=term, index=index, log_term=log_term, context=context)
            )

    def poll(self, id: NodeID, t: MessageType, v: bool) -> tuple[int, int, VoteResult]:
        """Count a vote: ``(granted, rejected, result)``. Go: raft/raft.go#raft.poll"""
        rejection = "" if v else " rejection"
        self._info(f"received {t}{rejection} from {id:x} at term {self.term}")
        self.prs.record_vote(id, v)
        return self.prs.tally_votes()

    def step(self, m: Message) -> None:
        """Take in a message. Raises ProposalDroppedError.

        Terms come first: a higher one makes us a follower, a lower one is from the past. Elections concern
        every role; the rest is up to the role.

        Go: raft/raft.go#raft.Step
        """
        if m.term > self.term:
            if not self._follow_higher_term(m):
                return
        elif m.term < self.term and m.term != 0:  # 0: a local message
            self._answer_lower_term(m)
            return
        STEP.get(m.type, self.step_func)(self, m)

    def _follow_higher_term(self, m: Message) -> bool:
        """Become a follower in the term of ``m``, if it means that; returns whether to look at it further."""
        if m.type in (pb.MsgVote, pb.MsgPreVote):
            remaining = self.election_timeout - self.election_elapsed
            in_lease = self.check_quorum and self.lead != NONE and remaining > 0
            if in_lease and m.context != CAMPAIGN_TRANSFER:
                about = self._about_vote("ignored", "from", m)
                self._info(f"{about}: lease is not expired (remaining ticks: {remaining})")
                return False
        # A pre-vote asks about a term that nobody is in yet, and so does the answer that grants it.
        if m.type == pb.MsgPreVote or (m.type == pb.MsgPreVoteResp and not m.reject):
            return True
        self._info(
            f"[term: {self.term}] received a {m.type} message with higher term from {m.from_:x} "
            f"[term: {m.term}]"
        )
        self.become_follower(m.term, m.from_ if m.type in FROM_LEADER else NONE)
        return True

    def _answer_lower_term(self, m: Message) -> None:
        """Mostly ignore it; but who is stuck must learn of our term.

        With ``check_quorum`` or ``pre_vote`` our own vote requests may be ignored in the lower term, so we
        answer its leader, who then steps down. A pre-candidate may be behind a leader of an older version.
        """
        if (self.check_quorum or self.pre_vote) and m.type in (pb.MsgHeartbeat, pb.MsgApp):
            self.send(Message(type=pb.MsgAppResp, to=m.from_))
        elif m.type == pb.MsgPreVote:
            self._info(self._about_vote("rejected", "from", m))
            self.send(Message(type=pb.MsgPreVoteResp, to=m.from_, term=self.term, reject=True))
        else:
            self._info(
                f"[term: {self.term}] ignored a {m.type} message with lower term from "
                f"{m.from_:x} [term: {m.term}]"
            )

    def _about_vote(self, did: str, preposition: str, m: Message) -> str:
        log = self.raft_log
        us = f"[logterm: {log.last_term()}, index: {log.last_index()}, vote: {self.vote:x}]"
        them = f"{m.from_:x} [logterm: {m.log_term}, index: {m.index}] at term {self.term}"
        return f"{us} {did} {m.type} {preposition} {them}"

    def handle_append_entries(self, m: Message) -> None:
        """Take what the leader says our log is to hold, and say up to where it does.

        Go: raft/raft.go#raft.handleAppendEntries
        """
        log = self.raft_log
        if m.index < log.committed:
            self.send(Message(type=pb.MsgAppResp, to=m.from_, index=log.committed))
            return
        last = log.maybe_append(m.index, m.log_term, m.commit, m.entries)
        if last is not None:
            self.send(Message(type=pb.MsgAppResp, to=m.from_, index=last))
            return
        self._debug(
            f"[logterm: {log.zero_term_on_err_compacted(m.index)}, index: {m.index}] rejected "
            f"MsgApp [logterm: {m.log_term}, index: {m.index}] from {m.from_:x}"
        )
        hint = log.last_index()
        self.send(Message(type=pb.MsgAppResp, to=m.from_, index=m.index, reject=True, reject_hint=hint))

    def handle_heartbeat(self, m: Message) -> None:
        """The leader is there, and knows so much of our log to be committed.

        Go: raft/raft.go#raft.handleHeartbeat
        """
        self.raft_log.commit_to(m.commit)
        self.send(Message(type=pb.MsgHeartbeatResp, to=m.from_, context=m.context))

    def handle_snapshot(self, m: Message) -> None:
        """Take the snapshot for our log, if it is ahead, and say where that ends.

        Go: raft/raft.go#raft.handleSnapshot
        """
        at, restored = m.snapshot.metadata, self.restore(m.snapshot)
        committed, did = self.raft_log.committed, "restored" if restored else "ignored"
        self._info(f"[commit: {committed}] {did} snapshot [index: {at.index}, term: {at.term}]")
        index = self.raft_log.last_index() if restored else committed
        self.send(Message(type=pb.MsgAppResp, to=m.from_, index=index))

    def restore(self, s: pb.Snapshot) -> bool:
        """Become what the snapshot says, log and members; returns False if there was no need, or no right.

        Go: raft/raft.go#raft.restore
        """
        log, at = self.raft_log, s.metadata
        if at.index <= log.committed:
            return False
        if self.state != StateFollower:
            self._warning("attempted to restore snapshot as leader; should never happen")
            self.become_follower(Term(self.term + 1), NONE)
            return False
        if self.id not in at.conf_state.voters + at.conf_state.learners:
            self._warning(
                f"attempted to restore snapshot but it is not in the ConfState {at.conf_state}; "
                "should never happen"
            )
            return False
        if log.match_term(at.index, at.term):
            self._about_restore("fast-forwarded commit to", at)
            log.commit_to(at.index)
            return False
        log.restore(s)
        self.prs = ProgressTracker(self.prs.max_inflight)
        self._restore_config(at.conf_state)
        pr = self.prs.progress[self.id]
        pr.maybe_update(Index(pr.next - 1))
        self._about_restore("restored", at)
        return True

    def _restore_config(self, cs: pb.ConfState) -> None:
        config, progress = restore_config(Changer(self.prs, self.raft_log.last_index()), cs)
        assert_conf_states_equivalent(cs, self.switch_to_config(config, progress))

    def _about_restore(self, did: str, at: pb.SnapshotMetadata) -> None:
        self._info(
            f"[commit: {self.raft_log.committed}, lastindex: {self.raft_log.last_index()}, "
            f"lastterm: {self.raft_log.last_term()}] {did} snapshot [index: {at.index}, term: {at.term}]"
        )

    def promotable(self) -> bool:
        """Whether this member may lead: it is in the group, votes, and has stored the snapshot it was sent.

        (Without the last, etcd 3.4 panics when an election begins in that moment; later versions do as here.)

        Go: raft/raft.go#raft.promotable
        """
        pr = self.prs.progress.get(self.id)
        return pr is not None and not pr.is_learner and self.raft_log.unstable.snapshot is None

    def apply_conf_change(self, cc: pb.ConfChangeV2) -> pb.ConfState:
        """Make a change of members. Raises ConfChangeError.

        Several entries may ask to leave one joint configuration: while the first is under way, a leader
        appends one more for whatever it applies. The first does it. (etcd 3.4 panics at the second.)

        Go: raft/raft.go#raft.applyConfChange
        """
        if cc.leave_joint() and not joint(self.prs.config):
            return self.prs.conf_state()
        changer = Changer(self.prs, self.raft_log.last_index())
        auto_leave, enters_joint = cc.enter_joint()
        if cc.leave_joint():
            outcome = changer.leave_joint()
        elif enters_joint:
            outcome = changer.enter_joint(auto_leave, *cc.changes)
        else:
            outcome = changer.simple(*cc.changes)
        return self.switch_to_config(*outcome)

    def switch_to_config(self, config: TrackerConfig, progress: ProgressMap) -> pb.ConfState:
        """Decide by this configuration from now on; as leader, commit and send what it makes possible.

        Go: raft/raft.go#raft.switchToConfig
        """
        self.prs.config = config
        self.prs.progress = progress
        self._info(f"switched to configuration {config}")
        cs = self.prs.conf_state()
        pr = progress.get(self.id)
        self.is_learner = pr is not None and pr.is_learner
        if self.state != StateLeader or pr is None or pr.is_learner or not cs.voters:
            return cs
        if self.maybe_commit():
            self.bcast_append()
        else:  # the newcomers need not wait for a heartbeat
            for id, _ in self.prs.visit():
                self.maybe_send_append(id, send_if_empty=False)
        if self.lead_transferee not in progress:
            self.abort_leader_transfer()
        return cs

    def load_state(self, state: pb.HardState) -> None:
        """Take up what was on disk. Go: raft/raft.go#raft.loadState"""
        committed, last = self.raft_log.committed, self.raft_log.last_index()
        assert committed <= state.commit <= last, (
            f"{self.id:x} state.commit {state.commit} is out of range [{committed}, {last}]"
        )
        self.raft_log.committed = state.commit
        self.term = state.term
        self.vote = state.vote

    def past_election_timeout(self) -> bool:
        """Whether it was quiet for too long. Go: raft/raft.go#raft.pastElectionTimeout"""
        return self.election_elapsed >= self.randomized_election_timeout

    def reset_randomized_election_timeout(self) -> None:
        """Draw another timeout. Go: raft/raft.go#raft.resetRandomizedElectionTimeout"""
        self.randomized_election_timeout = self.election_timeout + self.rand.randrange(self.election_timeout)

    def send_timeout_now(self, to: NodeID) -> None:
        """Tell ``to`` to campaign at once. Go: raft/raft.go#raft.sendTimeoutNow"""
        self.send(Message(type=pb.MsgTimeoutNow, to=to))

    def abort_leader_transfer(self) -> None:
        """Whoever was to lead is not to any more. Go: raft/raft.go#raft.abortLeaderTransfer"""
        self.lead_transferee = NONE

    def committed_entry_in_current_term(self) -> bool:
        """Whether a leader knows all that is committed. Go: raft/raft.go#raft.committedEntryInCurrentTerm"""
        return self.raft_log.zero_term_on_err_compacted(self.raft_log.committed) == self.term

    def response_to_read_index_req(self, req: Message, read_index: Index) -> None:
        """Answer the read ``req``: here if it is our own, else to whom it came from.

        Go: raft/raft.go#raft.responseToReadIndexReq
        """
        if req.from_ in (NONE, self.id):
            self.read_states.append(ReadState(read_index, req.entries[0].data))
        else:
            self.send(Message(type=pb.MsgReadIndexResp, to=req.from_, index=read_index, entries=req.entries))

    def increase_uncommitted_size(self, ents: Sequence[pb.Entry]) -> bool:
        """Account for proposals; returns False if they would exceed the limit. The first is always let in.

        Go: raft/raft.go#raft.increaseUncommittedSize
        """
        size = self.uncommitted_size + sum(map(payload_size, ents))
        if self.uncommitted_size > 0 and size > self.max_uncommitted_size:
            return False
        self.uncommitted_size = size
        return True

    def reduce_uncommitted_size(self, ents: Sequence[pb.Entry]) -> None:
        """These proposals are committed. Go: raft/raft.go#raft.reduceUncommittedSize"""
        if self.uncommitted_size:  # followers do not count
            self.uncommitted_size = max(0, self.uncommitted_size - sum(map(payload_size, ents)))


_CAMPAIGN_MSGS = frozenset({pb.MsgVote, pb.MsgVoteResp, pb.MsgPreVote, pb.MsgPreVoteResp})
_FORWARDED_MSGS = frozenset({pb.MsgProp, pb.MsgReadIndex})

type StepFunc = Callable[[Raft, Message], None]
"""What a message does in a role. Go: raft/raft.go#stepFunc"""


def step_hup(r: Raft, m: Message) -> None:
    """Start an election, unless we lead, may not, or have yet to apply a change of members.

    Go: raft/raft.go#raft.Step
    """
    if r.state == StateLeader:
        r._debug("ignoring MsgHup because already leader")
        return
    if not r.promotable():
        r._warning("is unpromotable and can not campaign; ignoring MsgHup")
        return
    log = r.raft_log
    unapplied = log.slice(Index(log.applied + 1), Index(log.committed + 1), NO_LIMIT)
    if pending := num_of_pending_conf(unapplied):
        r._warning(
            f"cannot campaign at term {r.term} since there are still {pending} pending "
            "configuration changes to apply"
        )
        return
    r._info(f"is starting a new election at term {r.term}")
    r.campaign(CAMPAIGN_PRE_ELECTION if r.pre_vote else CAMPAIGN_ELECTION)


def step_vote(r: Raft, m: Message) -> None:
    """Give our vote to a candidate whose log is as new as ours, if it is still ours to give.

    A learner votes too: who asks may know that it is one no more. The answer carries the term of the
    question, which in a pre-vote is not yet ours, or the candidate would take it for an old one.

    Go: raft/raft.go#raft.Step
    """
    can_vote = (
        r.vote == m.from_  # we gave it already,
        or (r.vote == NONE and r.lead == NONE)  # or to nobody, and see no leader,
        or (m.type == pb.MsgPreVote and m.term > r.term)  # or it only asks about a term to come
    )
    if can_vote and r.raft_log.is_up_to_date(m.index, m.log_term):
        r._info(r._about_vote("cast", "for", m))
        r.send(Message(type=vote_resp_msg_type(m.type), to=m.from_, term=m.term))
        if m.type == pb.MsgVote:
            r.election_elapsed = 0
            r.vote = m.from_
    else:
        r._info(r._about_vote("rejected", "from", m))
        r.send(Message(type=vote_resp_msg_type(m.type), to=m.from_, term=r.term, reject=True))


FROM_LEADER: Mapping[MessageType, StepFunc] = {
    pb.MsgApp: Raft.handle_append_entries,
    pb.MsgHeartbeat: Raft.handle_heartbeat,
    pb.MsgSnap: Raft.handle_snapshot,
}
"""What only the leader of a term says, and what is done about it."""

STEP: Mapping[MessageType, StepFunc] = {pb.MsgHup: step_hup, pb.MsgVote: step_vote, pb.MsgPreVote: step_vote}
"""What every role does alike."""


def step_leader(r: Raft, m: Message) -> None:
    """What a leader does, whoever speaks, and what with a member it knows. Go: raft/raft.go#stepLeader"""
    if alone := STEP_LEADER.get(m.type):
        alone(r, m)
        return
    pr = r.prs.progress.get(m.from_)
    if pr is None:
        r._debug(f"no progress available for {m.from_:x}")
    elif about := STEP_LEADER_PROGRESS.get(m.type):
        about(r, m, pr)


def step_leader_beat(r: Raft, m: Message) -> None:
    """Time for heartbeats. Go: raft/raft.go#stepLeader"""
    r.bcast_heartbeat()


def step_leader_check_quorum(r: Raft, m: Message) -> None:
    """Step down if a quorum was not heard of, then start listening anew. Go: raft/raft.go#stepLeader"""
    if own := r.prs.progress.get(r.id):
        own.recent_active = True
    if not r.prs.quorum_active():
        r._warning("stepped down to follower since quorum is not active")
        r.become_follower(r.term, NONE)
    for id, pr in r.prs.progress.items():
        if id != r.id:
            pr.recent_active = False


def step_leader_prop(r: Raft, m: Message) -> None:
    """Append a proposal and send it to everybody. Raises ProposalDroppedError. Go: raft/raft.go#stepLeader"""
    assert m.entries, f"{r.id:x} stepped empty MsgProp"
    if r.id not in r.prs.progress:  # removed while leading
        raise ProposalDroppedError
    if r.lead_transferee != NONE:
        r._debug(
            f"[term {r.term}] transfer leadership to {r.lead_transferee:x} is in progress; dropping proposal"
        )
        raise ProposalDroppedError
    if not r.append_entry([_admit(r, e, i) for i, e in enumerate(m.entries, start=1)]):
        raise ProposalDroppedError
    r.bcast_append()


def _admit(r: Raft, e: pb.Entry, i: int) -> pb.Entry:
    """The ``i``-th entry proposed, or an empty one in place of a change of members that may not be now."""
    if e.type == pb.EntryNormal:
        return e
    cc = (pb.ConfChange if e.type == pb.EntryConfChange else pb.ConfChangeV2).unmarshal(e.data)
    already_joint = bool(r.prs.config.voters.outgoing)
    wants_leave_joint = not cc.as_v2().changes
    refused = ""
    if r.pending_conf_index > r.raft_log.applied:
        at, applied = r.pending_conf_index, r.raft_log.applied
        refused = f"possible unapplied conf change at index {at} (applied to {applied})"
    elif already_joint and not wants_leave_joint:
        refused = "must transition out of joint config first"
    elif not already_joint and wants_leave_joint:
        refused = "not in joint state; refusing empty conf change"
    if refused:
        r._info(f"ignoring conf change {cc} at config {r.prs.config}: {refused}")
        return pb.Entry()
    r.pending_conf_index = Index(r.raft_log.last_index() + i)
    return e


def step_leader_read_index(r: Raft, m: Message) -> None:
    """A read wants to know the commit index of a leader that still leads.

    The single voter knows by itself; in 3.4 so does, wrongly, a leader that votes no more beside one.

    Go: raft/raft.go#stepLeader
    """
    if r.prs.is_singleton() and r.id in r.prs.config.voters.incoming:
        r.response_to_read_index_req(m, r.raft_log.committed)
    elif not r.committed_entry_in_current_term():  # what is committed is not known yet
        r.pending_read_index_messages.append(m)
    else:
        send_msg_read_index_response(r, m)


STEP_LEADER: Mapping[MessageType, StepFunc] = {
    pb.MsgBeat: step_leader_beat,
    pb.MsgCheckQuorum: step_leader_check_quorum,
    pb.MsgProp: step_leader_prop,
    pb.MsgReadIndex: step_leader_read_index,
}
"""What a leader does whoever says it."""


def step_leader_app_resp(r: Raft, m: Message, pr: Progress) -> None:
    """A follower has said how far its log matches. Go: raft/raft.go#stepLeader"""
    pr.recent_active = True
    if m.reject:
        _probe_again(r, m, pr)
        return
    old_paused = pr.is_paused()
    if not pr.maybe_update(m.index):
        return
    if pr.state == StateProbe:
        pr.become_replicate()
    elif pr.state == StateSnapshot and pr.match >= pr.pending_snapshot:
        r._debug(
            f"recovered from needing snapshot, resumed sending replication messages to {m.from_:x} [{pr}]"
        )
        pr.become_probe()
        pr.become_replicate()
    elif pr.state == StateReplicate:
        pr.inflights.free_le(m.index)
    if r.maybe_commit():
        release_pending_read_index_messages(r)
        r.bcast_append()
    elif old_paused:  # it may have missed the last commit index
        r.send_append(m.from_)
    while r.maybe_send_append(m.from_, send_if_empty=False):  # there is room for more now
        pass
    if m.from_ == r.lead_transferee and pr.match == r.raft_log.last_index():
        r._info(f"sent MsgTimeoutNow to {m.from_:x} after received MsgAppResp")
        r.send_timeout_now(m.from_)


def _probe_again(r: Raft, m: Message, pr: Progress) -> None:
    """A follower has refused an append: try an earlier one."""
    r._debug(
        f"received MsgAppResp(MsgApp was rejected, lastindex: {m.reject_hint}) from {m.from_:x} for "
        f"index {m.index}"
    )
    if pr.maybe_decr_to(m.index, m.reject_hint):
        r._debug(f"decreased progress of {m.from_:x} to [{pr}]")
        if pr.state == StateReplicate:
            pr.become_probe()
        r.send_append(m.from_)


def step_leader_heartbeat_resp(r: Raft, m: Message, pr: Progress) -> None:
    """A follower is there, and may vouch for a read. Go: raft/raft.go#stepLeader"""
    pr.recent_active = True
    pr.probe_sent = False
    if pr.state == StateReplicate and pr.inflights.full():
        pr.inflights.free_first_one()
    if pr.match < r.raft_log.last_index():
        r.send_append(m.from_)
    if r.read_only.option != ReadOnlySafe or not m.context:
        return
    if r.prs.config.voters.vote_result(r.read_only.recv_ack(m.from_, m.context)) != VoteWon:
        return
    for status in r.read_only.advance(m):
        r.response_to_read_index_req(status.req, status.index)


def step_leader_snap_status(r: Raft, m: Message, pr: Progress) -> None:
    """A snapshot has been sent, or has not. Go: raft/raft.go#stepLeader"""
    if pr.state != StateSnapshot:
        return
    if m.reject:
        pr.pending_snapshot = Index(0)  # so that the probe starts from before it
    pr.become_probe()
    r._debug(
        f"snapshot {'failed' if m.reject else 'succeeded'}, resumed sending replication messages to "
        f"{m.from_:x} [{pr}]"
    )
    # Sent: wait for the follower to say that it has it. Not sent: wait for a heartbeat.
    pr.probe_sent = True


def step_leader_unreachable(r: Raft, m: Message, pr: Progress) -> None:
    """Something sent ahead is probably lost. Go: raft/raft.go#stepLeader"""
    if pr.state == StateReplicate:
        pr.become_probe()
    r._debug(f"failed to send message to {m.from_:x} because it is unreachable [{pr}]")


def step_leader_transfer_leader(r: Raft, m: Message, pr: Progress) -> None:
    """Another is to lead: bring its log up to date, then tell it. Go: raft/raft.go#stepLeader"""
    transferee = m.from_
    if pr.is_learner:
        r._debug("is learner. Ignored transferring leadership")
        return
    if r.lead_transferee != NONE:
        if r.lead_transferee == transferee:
            r._info(
                f"[term {r.term}] transfer leadership to {transferee:x} is in progress, ignores "
                f"request to same node {transferee:x}"
            )
            return
        last_transferee = r.lead_transferee
        r.abort_leader_transfer()
        r._info(f"[term {r.term}] abort previous transferring leadership to {last_transferee:x}")
    if transferee == r.id:
        r._debug("is already leader. Ignored transferring leadership to self")
        return
    r._info(f"[term {r.term}] starts to transfer leadership to {transferee:x}")
    r.election_elapsed = 0  # it has one election timeout
    r.lead_transferee = transferee
    if pr.match == r.raft_log.last_index():
        r.send_timeout_now(transferee)
        r._info(
            f"sends MsgTimeoutNow to {transferee:x} immediately as {transferee:x} already has up-to-date log"
        )
    else:
        r.send_append(transferee)


STEP_LEADER_PROGRESS: Mapping[MessageType, Callable[[Raft, Message, Progress], None]] = {
    pb.MsgAppResp: step_leader_app_resp,
    pb.MsgHeartbeatResp: step_leader_heartbeat_resp,
    pb.MsgSnapStatus: step_leader_snap_status,
    pb.MsgUnreachable: step_leader_unreachable,
    pb.MsgTransferLeader: step_leader_transfer_leader,
}
"""What a leader does with what it hears of a member; that member's progress goes with it."""


def step_candidate(r: Raft, m: Message) -> None:
    """Candidates and pre-candidates. Go: raft/raft.go#stepCandidate"""
    if handler := STEP_CANDIDATE.get(m.type):
        handler(r, m)


def step_candidate_prop(r: Raft, m: Message) -> None:
    """Nobody to propose to. Raises ProposalDroppedError. Go: raft/raft.go#stepCandidate"""
    r._info(f"no leader at term {r.term}; dropping proposal")
    raise ProposalDroppedError


def step_candidate_from_leader(r: Raft, m: Message) -> None:
    """Somebody else has won this term. Go: raft/raft.go#stepCandidate"""
    r.become_follower(m.term, m.from_)
    FROM_LEADER[m.type](r, m)


def step_candidate_vote_resp(r: Raft, m: Message) -> None:
    """A vote: lead, go on, or give up. Only answers to our present question count.

    Go: raft/raft.go#stepCandidate
    """
    if (m.type == pb.MsgPreVoteResp) != (r.state == StatePreCandidate):
        return
    granted, rejected, result = r.poll(m.from_, m.type, not m.reject)
    r._info(f"has received {granted} {m.type} votes and {rejected} vote rejections")
    if result == VoteWon:
        if r.state == StatePreCandidate:
            r.campaign(CAMPAIGN_ELECTION)
        else:
            r.become_leader()
            r.bcast_append()
    elif result == VoteLost:
        r.become_follower(r.term, NONE)  # not m.term: an answer to a pre-vote has the next one


def step_candidate_timeout_now(r: Raft, m: Message) -> None:
    """We campaign already. Go: raft/raft.go#stepCandidate"""
    r._debug(f"[term {r.term} state {r.state}] ignored MsgTimeoutNow from {m.from_:x}")


STEP_CANDIDATE: Mapping[MessageType, StepFunc] = {
    pb.MsgProp: step_candidate_prop,
    pb.MsgApp: step_candidate_from_leader,
    pb.MsgHeartbeat: step_candidate_from_leader,
    pb.MsgSnap: step_candidate_from_leader,
    pb.MsgPreVoteResp: step_candidate_vote_resp,
    pb.MsgVoteResp: step_candidate_vote_resp,
    pb.MsgTimeoutNow: step_candidate_timeout_now,
}
"""What a candidate or pre-candidate does with a message."""


def step_follower(r: Raft, m: Message) -> None:
    """Whoever neither leads nor wants to. Go: raft/raft.go#stepFollower"""
    if handler := STEP_FOLLOWER.get(m.type):
        handler(r, m)


def step_follower_prop(r: Raft, m: Message) -> None:
    """Pass a proposal on to the leader. Raises ProposalDroppedError. Go: raft/raft.go#stepFollower"""
    if r.lead == NONE:
        r._info(f"no leader at term {r.term}; dropping proposal")
        raise ProposalDroppedError
    if r.disable_proposal_forwarding:
        r._info(f"not forwarding to leader {r.lead:x} at term {r.term}; dropping proposal")
        raise ProposalDroppedError
    r.send(replace(m, to=r.lead))


def step_follower_from_leader(r: Raft, m: Message) -> None:
    """A word from the leader puts off the next election. Go: raft/raft.go#stepFollower"""
    r.election_elapsed = 0
    r.lead = m.from_
    FROM_LEADER[m.type](r, m)


def step_follower_transfer_leader(r: Raft, m: Message) -> None:
    """Pass the wish on to the leader. Go: raft/raft.go#stepFollower"""
    if r.lead == NONE:
        r._info(f"no leader at term {r.term}; dropping leader transfer msg")
        return
    r.send(replace(m, to=r.lead))


def step_follower_timeout_now(r: Raft, m: Message) -> None:
    """Lead next: campaign, without a pre-vote, for nothing is broken. Go: raft/raft.go#stepFollower"""
    if r.promotable():
        r._info(
            f"[term {r.term}] received MsgTimeoutNow from {m.from_:x} and starts an election to get "
            "leadership."
        )
        r.campaign(CAMPAIGN_TRANSFER)
    else:
        r._info(f"received MsgTimeoutNow from {m.from_:x} but is not promotable")


def step_follower_read_index(r: Raft, m: Message) -> None:
    """Ask the leader. Go: raft/raft.go#stepFollower"""
    if r.lead == NONE:
        r._info(f"no leader at term {r.term}; dropping index reading msg")
        return
    r.send(replace(m, to=r.lead))


def step_follower_read_index_resp(r: Raft, m: Message) -> None:
    """The leader's answer. Go: raft/raft.go#stepFollower"""
    if len(m.entries) != 1:
        r.logger.error(
            f"{r.id:x} invalid format of MsgReadIndexResp from {m.from_:x}, entries count: {len(m.entries)}"
        )
        return
    r.read_states.append(ReadState(m.index, m.entries[0].data))


STEP_FOLLOWER: Mapping[MessageType, StepFunc] = {
    pb.MsgProp: step_follower_prop,
    pb.MsgApp: step_follower_from_leader,
    pb.MsgHeartbeat: step_follower_from_leader,
    pb.MsgSnap: step_follower_from_leader,
    pb.MsgTransferLeader: step_follower_transfer_leader,
    pb.MsgTimeoutNow: step_follower_timeout_now,
    pb.MsgReadIndex: step_follower_read_index,
    pb.MsgReadIndexResp: step_follower_read_index_resp,
}
"""What a follower does with a message."""

STEP_FUNC: Mapping[StateType, StepFunc] = {
    StateFollower: step_follower,
    StatePreCandidate: step_candidate,
    StateCandidate: step_candidate,
    StateLeader: step_leader,
}
"""What a role does with what ``STEP`` leaves to it."""


def num_of_pending_conf(ents: Sequence[pb.Entry]) -> int:
    """How many changes of members there are among these, of either kind (etcd 3.4 overlooks the second).

    Go: raft/raft.go#numOfPendingConf
    """
    return sum(e.type != pb.EntryNormal for e in ents)


def release_pending_read_index_messages(r: Raft) -> None:
    """Take up the reads that came too early. Go: raft/raft.go#releasePendingReadIndexMessages"""
    if not r.committed_entry_in_current_term():
        r.logger.error("pending MsgReadIndex should be released only after first commit in current term")
        return
    msgs, r.pending_read_index_messages = r.pending_read_index_messages, []
    for m in msgs:
        send_msg_read_index_response(r, m)


def send_msg_read_index_response(r: Raft, m: Message) -> None:
    """Answer a read, after a round of heartbeats if the lease is not to be trusted.

    Go: raft/raft.go#sendMsgReadIndexResponse
    """
    if r.read_only.option != ReadOnlySafe:
        r.response_to_read_index_req(m, r.raft_log.committed)
        return
    context = m.entries[0].data
    r.read_only.add_request(r.raft_log.committed, m)
    r.read_only.recv_ack(r.id, context)
    r.bcast_heartbeat_with_ctx(context)

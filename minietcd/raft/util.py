"""Small helpers, and raft's values as people read them.

Go: raft/util.go
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, Protocol

from minietcd.pkg.strconv import quote
from minietcd.raft import raftpb as pb

if TYPE_CHECKING:
    from minietcd.raft.ready import Ready, SoftState

NO_LIMIT: Final = 2**64 - 1


class Logger(Protocol):
    """What raft logs with: ``logging.Logger``, or whatever has these four. Go: raft/logger.go#Logger"""

    def debug(self, msg: str, /, *args: object) -> None:
        """For whoever looks for a fault."""

    def info(self, msg: str, /, *args: object) -> None:
        """What is worth knowing."""

    def warning(self, msg: str, /, *args: object) -> None:
        """What is not as it should be."""

    def error(self, msg: str, /, *args: object) -> None:
        """What has failed."""


_LOCAL_MSGS = frozenset({pb.MsgHup, pb.MsgBeat, pb.MsgUnreachable, pb.MsgSnapStatus, pb.MsgCheckQuorum})
_RESPONSE_MSGS = frozenset(
    {pb.MsgAppResp, pb.MsgVoteResp, pb.MsgHeartbeatResp, pb.MsgUnreachable, pb.MsgPreVoteResp}
)
_VOTE_RESPONSES = {pb.MsgVote: pb.MsgVoteResp, pb.MsgPreVote: pb.MsgPreVoteResp}


def is_local_msg(type: pb.MessageType) -> bool:
    """Whether a member says it only to itself. Go: raft/util.go#IsLocalMsg"""
    return type in _LOCAL_MSGS


def is_response_msg(type: pb.MessageType) -> bool:
    """Whether it answers another. Go: raft/util.go#IsResponseMsg"""
    return type in _RESPONSE_MSGS


def vote_resp_msg_type(type: pb.MessageType) -> pb.MessageType:
    """The answer to MsgVote or MsgPreVote. Go: raft/util.go#voteRespMsgType"""
    return _VOTE_RESPONSES[type]


def describe_hard_state(hs: pb.HardState) -> str:
    """A hard state as people read it. Go: raft/util.go#DescribeHardState"""
    vote = f" Vote:{hs.vote}" if hs.vote else ""
    return f"Term:{hs.term}{vote} Commit:{hs.commit}"


def describe_soft_state(ss: SoftState) -> str:
    """A soft state as people read it. Go: raft/util.go#DescribeSoftState"""
    return f"Lead:{ss.lead} State:{ss.raft_state}"


def describe_conf_state(state: pb.ConfState) -> str:
    """A configuration as people read it. Go: raft/util.go#DescribeConfState"""
    voters, outgoing = _list(state.voters), _list(state.voters_outgoing)
    learners, learners_next = _list(state.learners), _list(state.learners_next)
    return (
        f"Voters:{voters} VotersOutgoing:{outgoing} Learners:{learners} LearnersNext:{learners_next} "
        f"AutoLeave:{str(state.auto_leave).lower()}"
    )


def describe_snapshot(snap: pb.Snapshot) -> str:
    """Where a snapshot stands, as people read it. Go: raft/util.go#DescribeSnapshot"""
    m = snap.metadata
    return f"Index:{m.index} Term:{m.term} ConfState:{describe_conf_state(m.conf_state)}"


type EntryFormatter = Callable[[bytes], str]
"""How to show what an entry holds. Go: raft/util.go#EntryFormatter"""


def describe_ready(rd: Ready, f: EntryFormatter = quote) -> str:
    """A Ready as people read it, over many lines. Go: raft/util.go#DescribeReady"""
    text = ""
    if rd.soft_state:
        text += describe_soft_state(rd.soft_state) + "\n"
    if rd.hard_state != pb.HardState():
        text += f"HardState {describe_hard_state(rd.hard_state)}\n"
    if rd.read_states:
        text += f"ReadStates {_list([f'{{{s.index} {_list(s.request_ctx)}}}' for s in rd.read_states])}\n"
    if rd.entries:
        text += "Entries:\n" + describe_entries(rd.entries, f)
    if rd.snapshot.metadata.index:
        text += f"Snapshot {describe_snapshot(rd.snapshot)}\n"
    if rd.committed_entries:
        text += "CommittedEntries:\n" + describe_entries(rd.committed_entries, f)
    if rd.messages:
        text += "Messages:\n" + "".join(describe_message(m, f) + "\n" for m in rd.messages)
    return f"Ready MustSync={str(rd.must_sync).lower()}:\n{text}" if text else "<empty Ready>"


def describe_message(m: pb.Message, f: EntryFormatter = quote) -> str:
    """A message as people read it. Go: raft/util.go#DescribeMessage"""
    text = f"{m.from_:x}->{m.to:x} {m.type} Term:{m.term} Log:{m.log_term}/{m.index}"
    if m.reject:
        text += f" Rejected (Hint: {m.reject_hint})"
    if m.commit:
        text += f" Commit:{m.commit}"
    if m.entries:
        text += f" Entries:[{', '.join(describe_entry(e, f) for e in m.entries)}]"
    if m.snapshot.metadata.index:
        text += f" Snapshot: {describe_snapshot(m.snapshot)}"
    return text


def payload_size(e: pb.Entry) -> int:
    """The bytes that count towards the limit on what is not committed. Go: raft/util.go#PayloadSize"""
    return len(e.data)


def describe_entry(e: pb.Entry, f: EntryFormatter = quote) -> str:
    """An entry as people read it. Go: raft/util.go#DescribeEntry"""
    if e.type == pb.EntryNormal:
        formatted = f(e.data)
    else:
        unmarshal = pb.ConfChange.unmarshal if e.type == pb.EntryConfChange else pb.ConfChangeV2.unmarshal
        formatted = pb.conf_changes_to_string(unmarshal(e.data).as_v2().changes)
    return f"{e.term}/{e.index} {e.type}{formatted and ' ' + formatted}"


def describe_entries(ents: Sequence[pb.Entry], f: EntryFormatter = quote) -> str:
    """Entries as people read them, one a line. Go: raft/util.go#DescribeEntries"""
    return "".join(describe_entry(e, f) + "\n" for e in ents)


_MAX_ENTRY_OVERHEAD = 45
"""What is around the data of an entry, at most: four tags, three varints, and its length."""


def limit_size(ents: list[pb.Entry], max_size: int) -> list[pb.Entry]:
    """As many of ``ents`` as fit into ``max_size`` bytes, but the first anyway. Go: raft/util.go#limitSize"""
    if len(ents) <= 1 or max_size == NO_LIMIT:
        return ents
    if sum([len(entry.data) for entry in ents]) + _MAX_ENTRY_OVERHEAD * len(ents) <= max_size:
        return ents  # without looking closer: this is asked anew for every proposal that waits
    size = 0
    for limit, entry in enumerate(ents):
        size += entry.size()
        if size > max_size and limit:
            return ents[:limit]
    return ents


def assert_conf_states_equivalent(cs1: pb.ConfState, cs2: pb.ConfState) -> None:
    """That what was restored is what was stored. Go: raft/util.go#assertConfStatesEquivalent"""
    assert cs1.equivalent(cs2), f"ConfStates not equivalent after sorting: {cs1} {cs2}"


def _list(items: Sequence[object]) -> str:
    return f"[{' '.join(map(str, items))}]"

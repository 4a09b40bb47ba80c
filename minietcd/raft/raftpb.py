"""What raft says, writes and remembers: entries, messages, hard state, snapshots, configuration changes.

These are plain values. Their bytes are those of etcd: ``marshal`` writes every scalar and every embedded
message that Go declares non-nullable, also when it is zero, because etcd's generated code does; empty bytes
and empty lists are left out. What crosses a task or is kept is frozen; a ``Message`` is filled in by the raft
that sends it and is nobody's to change afterwards.

Left out: the difference between nil and empty bytes, because nothing above raft relies on it.

Go: raft/raftpb/raft.pb.go
Go: raft/raftpb/confchange.go
Go: raft/raftpb/confstate.go
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, ClassVar, NewType, Self

from minietcd.pkg.strconv import parse_uint
from minietcd.proto.raftpb import raft_pb2

Term = NewType("Term", int)
Index = NewType("Index", int)
NodeID = NewType("NodeID", int)


class NamedEnum(IntEnum):
    """Numbers that print as their names.

    Go: raft/raftpb/raft.pb.go#EntryType.String
    Go: raft/raftpb/raft.pb.go#MessageType.String
    Go: raft/raftpb/raft.pb.go#ConfChangeTransition.String
    Go: raft/raftpb/raft.pb.go#ConfChangeType.String
    Go: raft/raft.go#StateType.String
    Go: raft/quorum/voteresult_string.go#VoteResult.String
    Go: raft/tracker/state.go#StateType.String
    """

    def __str__(self) -> str:
        return self.name


class EntryType(NamedEnum):
    """What the data of an entry is. Go: raft/raftpb/raft.pb.go#EntryType"""

    EntryNormal = 0
    EntryConfChange = 1
    EntryConfChangeV2 = 2


_ENTRY_TYPES = tuple(EntryType)
EntryNormal, EntryConfChange, EntryConfChangeV2 = _ENTRY_TYPES


class MessageType(NamedEnum):
    """Which of raft's messages. Go: raft/raftpb/raft.pb.go#MessageType"""

    MsgHup = 0
    MsgBeat = 1
    MsgProp = 2
    MsgApp = 3
    MsgAppResp = 4
    MsgVote = 5
    MsgVoteResp = 6
    MsgSnap = 7
    MsgHeartbeat = 8
    MsgHeartbeatResp = 9
    MsgUnreachable = 10
    MsgSnapStatus = 11
    MsgCheckQuorum = 12
    MsgTransferLeader = 13
    MsgTimeoutNow = 14
    MsgReadIndex = 15
    MsgReadIndexResp = 16
    MsgPreVote = 17
    MsgPreVoteResp = 18


_MESSAGE_TYPES = tuple(MessageType)
MsgHup, MsgBeat, MsgProp, MsgApp, MsgAppResp, MsgVote, MsgVoteResp, MsgSnap = _MESSAGE_TYPES[:8]
MsgHeartbeat, MsgHeartbeatResp, MsgUnreachable, MsgSnapStatus, MsgCheckQuorum = _MESSAGE_TYPES[8:13]
MsgTransferLeader, MsgTimeoutNow, MsgReadIndex, MsgReadIndexResp = _MESSAGE_TYPES[13:17]
MsgPreVote, MsgPreVoteResp = _MESSAGE_TYPES[17:]


class ConfChangeTransition(NamedEnum):
    """How a change goes about joint consensus. Go: raft/raftpb/raft.pb.go#ConfChangeTransition"""

    ConfChangeTransitionAuto = 0
    ConfChangeTransitionJointImplicit = 1
    ConfChangeTransitionJointExplicit = 2


ConfChangeTransitionAuto = ConfChangeTransition.ConfChangeTransitionAuto
ConfChangeTransitionJointImplicit = ConfChangeTransition.ConfChangeTransitionJointImplicit
ConfChangeTransitionJointExplicit = ConfChangeTransition.ConfChangeTransitionJointExplicit


class ConfChangeType(NamedEnum):
    """What is to happen to a member. Go: raft/raftpb/raft.pb.go#ConfChangeType"""

    ConfChangeAddNode = 0
    ConfChangeRemoveNode = 1
    ConfChangeUpdateNode = 2
    ConfChangeAddLearnerNode = 3


ConfChangeAddNode, ConfChangeRemoveNode, ConfChangeUpdateNode, ConfChangeAddLearnerNode = ConfChangeType


type _Readers = Mapping[str, Callable[[Any], object]]


class _Wire:
    """A value with bytes of its own: those of the generated message ``_pb``, which has the same fields."""

    __slots__: tuple[str, ...] = ()
    _pb: ClassVar[Any]
    _from: ClassVar[_Readers] = {}
    """How to read the fields whose types differ."""

    def marshal(self) -> bytes:
        """The bytes of etcd.

        Go: raft/raftpb/raft.pb.go#Entry.Marshal
        Go: raft/raftpb/raft.pb.go#Snapshot.Marshal
        Go: raft/raftpb/raft.pb.go#Message.Marshal
        Go: raft/raftpb/raft.pb.go#HardState.Marshal
        Go: raft/raftpb/raft.pb.go#ConfChange.Marshal
        Go: raft/raftpb/raft.pb.go#ConfChangeV2.Marshal
        """
        data: bytes = self._to_pb().SerializeToString()
        return data

    @classmethod
    def unmarshal(cls, data: bytes) -> Self:
        """The inverse of ``marshal``. Raises google.protobuf's DecodeError.

        Go: raft/raftpb/raft.pb.go#Entry.Unmarshal
        Go: raft/raftpb/raft.pb.go#Snapshot.Unmarshal
        Go: raft/raftpb/raft.pb.go#Message.Unmarshal
        Go: raft/raftpb/raft.pb.go#HardState.Unmarshal
        Go: raft/raftpb/raft.pb.go#ConfChange.Unmarshal
        Go: raft/raftpb/raft.pb.go#ConfChangeV2.Unmarshal
        """
        return cls._from_pb(cls._pb.FromString(data))

    def _to_pb(self) -> Any:
        return self._pb(**{field: _wire(getattr(self, field)) for field in self.__slots__})

    @classmethod
    def _from_pb(cls, m: Any) -> Self:
        read = cls._from
        return cls(**{name: read.get(name, _same)(getattr(m, name)) for name in cls.__slots__})


def _wire(value: object) -> object:
    if isinstance(value, _Wire):
        return value._to_pb()
    if isinstance(value, tuple):
        return [_wire(item) for item in value]
    return None if value == b"" else value


def _same(value: object) -> object:
    return value


@dataclass(slots=True, frozen=True)
class Entry(_Wire):
    """One position of the log: who wrote it (``term``), where it stands (``index``), what it says (``data``).

    Go: raft/raftpb/raft.pb.go#Entry
    """

    type: EntryType = EntryNormal
    term: Term = Term(0)
    index: Index = Index(0)
    data: bytes = b""
    _pb: ClassVar[Any] = raft_pb2.Entry

    def size(self) -> int:
        """The length of ``marshal()``, by arithmetic. Go: raft/raftpb/raft.pb.go#Entry.Size"""
        length = len(self.data)
        scalars = 4 + sov_raft(self.type) + sov_raft(self.term) + sov_raft(self.index) - 1
        return scalars + 1 + sov_raft(length) + length if length else scalars

    def _to_pb(self) -> Any:
        return self._pb(Type=self.type, Term=self.term, Index=self.index, Data=self.data or None)

    @classmethod
    def _from_pb(cls, m: Any) -> Self:
        return cls(_ENTRY_TYPES[m.Type], Term(m.Term), Index(m.Index), m.Data)


@dataclass(slots=True, frozen=True)
class ConfState(_Wire):
    """A configuration as it is stored: who votes, who learns, and whom a joint one is about to let go.

    Go: raft/raftpb/raft.pb.go#ConfState
    """

    voters: tuple[NodeID, ...] = ()
    learners: tuple[NodeID, ...] = ()
    voters_outgoing: tuple[NodeID, ...] = ()
    learners_next: tuple[NodeID, ...] = ()
    auto_leave: bool = False
    _pb: ClassVar[Any] = raft_pb2.ConfState
    _from: ClassVar[_Readers] = dict.fromkeys(
        ("voters", "learners", "voters_outgoing", "learners_next"), tuple
    )

    def __str__(self) -> str:
        """As Go prints it, for the log."""
        ids = (self.voters, self.learners, self.voters_outgoing, self.learners_next)
        return f"{{{' '.join(map(_go_list, ids))} {str(self.auto_leave).lower()} []}}"

    def equivalent(self, other: ConfState) -> bool:
        """Whether both name the same members in whatever order.

        Go: raft/raftpb/confstate.go#ConfState.Equivalent
        """
        return self._sorted() == other._sorted()

    def _sorted(self) -> tuple[list[NodeID], list[NodeID], list[NodeID], list[NodeID], bool]:
        outgoing, next_ = sorted(self.voters_outgoing), sorted(self.learners_next)
        return sorted(self.voters), sorted(self.learners), outgoing, next_, self.auto_leave


@dataclass(slots=True, frozen=True)
class SnapshotMetadata(_Wire):
    """Which entry a snapshot stands for, and the configuration at it.

    Go: raft/raftpb/raft.pb.go#SnapshotMetadata
    """

    conf_state: ConfState = ConfState()
    index: Index = Index(0)
    term: Term = Term(0)
    _pb: ClassVar[Any] = raft_pb2.SnapshotMetadata
    _from: ClassVar[_Readers] = {"conf_state": ConfState._from_pb}


@dataclass(slots=True, frozen=True)
class Snapshot(_Wire):
    """What takes the place of the log up to an index: the application's data, and where it stands.

    Go: raft/raftpb/raft.pb.go#Snapshot
    """

    data: bytes = b""
    metadata: SnapshotMetadata = SnapshotMetadata()
    _pb: ClassVar[Any] = raft_pb2.Snapshot
    _from: ClassVar[_Readers] = {"metadata": SnapshotMetadata._from_pb}


EMPTY_SNAPSHOT = Snapshot()
_EMPTY_SNAPSHOT_PB = EMPTY_SNAPSHOT._to_pb()


@dataclass(slots=True)
class Message(_Wire):
    """What one member says to another, and what a member tells itself (a tick that matters, a lost peer).

    The fields mean what the type makes of them: ``index`` is the entry before ``entries`` in MsgApp, the last
    one matched in MsgAppResp, the last one of the candidate in MsgVote.

    Go: raft/raftpb/raft.pb.go#Message
    """

    type: MessageType = MsgHup
    to: NodeID = NodeID(0)
    from_: NodeID = NodeID(0)
    term: Term = Term(0)
    log_term: Term = Term(0)
    index: Index = Index(0)
    entries: Sequence[Entry] = ()
    commit: Index = Index(0)
    snapshot: Snapshot = EMPTY_SNAPSHOT
    reject: bool = False
    reject_hint: Index = Index(0)
    context: bytes = b""
    _pb: ClassVar[Any] = raft_pb2.Message

    def _to_pb(self) -> Any:
        empty = self.snapshot is EMPTY_SNAPSHOT
        m = self._pb(
            type=self.type,
            to=self.to,
            term=self.term,
            logTerm=self.log_term,
            index=self.index,
            entries=[entry._to_pb() for entry in self.entries],
            commit=self.commit,
            snapshot=_EMPTY_SNAPSHOT_PB if empty else self.snapshot._to_pb(),
            reject=self.reject,
            rejectHint=self.reject_hint,
            context=self.context or None,
        )
        setattr(m, "from", self.from_)
        return m

    @classmethod
    def _from_pb(cls, m: Any) -> Self:
        type_ = _MESSAGE_TYPES[m.type]
        entries = tuple(map(Entry._from_pb, m.entries))
        snapshot = Snapshot._from_pb(m.snapshot) if type_ == MsgSnap else EMPTY_SNAPSHOT
        head = (type_, m.to, getattr(m, "from"), m.term, m.logTerm, m.index)
        return cls(*head, entries, m.commit, snapshot, m.reject, m.rejectHint, m.context)


@dataclass(slots=True, frozen=True)
class HardState(_Wire):
    """What a crash must not take: the term, the vote in it, and how far the log is known to be committed.

    Go: raft/raftpb/raft.pb.go#HardState
    """

    term: Term = Term(0)
    vote: NodeID = NodeID(0)
    commit: Index = Index(0)
    _pb: ClassVar[Any] = raft_pb2.HardState

    def _to_pb(self) -> Any:  # with every sync of the disk: without the detour over the fields' names
        return self._pb(term=self.term, vote=self.vote, commit=self.commit)


@dataclass(slots=True, frozen=True)
class ConfChange(_Wire):
    """One member comes, goes or changes; ``id`` is etcd's own, to find who waits for it.

    Go: raft/raftpb/raft.pb.go#ConfChange
    """

    id: int = 0
    type: ConfChangeType = ConfChangeAddNode
    node_id: NodeID = NodeID(0)
    context: bytes = b""
    _pb: ClassVar[Any] = raft_pb2.ConfChange
    _from: ClassVar[_Readers] = {"type": ConfChangeType}

    def __str__(self) -> str:
        """As Go prints it, for the log."""
        return f"{{{self.type} {self.node_id} {_go_list(self.context)} {self.id} []}}"

    def as_v2(self) -> ConfChangeV2:
        """The same as a change of the second kind. Go: raft/raftpb/confchange.go#ConfChange.AsV2"""
        return ConfChangeV2(changes=(ConfChangeSingle(self.type, self.node_id),), context=self.context)

    def as_v1(self) -> ConfChange | None:
        """Itself: the first kind. Go: raft/raftpb/confchange.go#ConfChange.AsV1"""
        return self


@dataclass(slots=True, frozen=True)
class ConfChangeSingle(_Wire):
    """One step of a ConfChangeV2. Go: raft/raftpb/raft.pb.go#ConfChangeSingle"""

    type: ConfChangeType = ConfChangeAddNode
    node_id: NodeID = NodeID(0)
    _pb: ClassVar[Any] = raft_pb2.ConfChangeSingle
    _from: ClassVar[_Readers] = {"type": ConfChangeType}


@dataclass(slots=True, frozen=True)
class ConfChangeV2(_Wire):
    """Several members change at once, through a joint configuration if need be; without changes: leave it.

    Go: raft/raftpb/raft.pb.go#ConfChangeV2
    """

    transition: ConfChangeTransition = ConfChangeTransitionAuto
    changes: tuple[ConfChangeSingle, ...] = ()
    context: bytes = b""
    _pb: ClassVar[Any] = raft_pb2.ConfChangeV2
    _from: ClassVar[_Readers] = {
        "transition": ConfChangeTransition,
        "changes": lambda changes: tuple(map(ConfChangeSingle._from_pb, changes)),
    }

    def __str__(self) -> str:
        """As Go prints it, for the log."""
        changes = " ".join(f"{{{change.type} {change.node_id} []}}" for change in self.changes)
        return f"{{{self.transition} [{changes}] {_go_list(self.context)} []}}"

    def as_v2(self) -> ConfChangeV2:
        """Itself. Go: raft/raftpb/confchange.go#ConfChangeV2.AsV2"""
        return self

    def as_v1(self) -> ConfChange | None:
        """None: the first kind cannot say as much. Go: raft/raftpb/confchange.go#ConfChangeV2.AsV1"""
        return None

    def enter_joint(self) -> tuple[bool, bool]:
        """``(leave it automatically, joint at all)``: joint if it changes more than one, or was told to be.

        Go: raft/raftpb/confchange.go#ConfChangeV2.EnterJoint
        """
        if self.transition == ConfChangeTransitionAuto and len(self.changes) <= 1:
            return False, False
        return self.transition != ConfChangeTransitionJointExplicit, True

    def leave_joint(self) -> bool:
        """Whether it asks for nothing, which means to leave the joint configuration.

        Go: raft/raftpb/confchange.go#ConfChangeV2.LeaveJoint
        """
        return self.transition == ConfChangeTransitionAuto and not self.changes


type ConfChangeI = ConfChange | ConfChangeV2
"""Either kind of change. Go: raft/raftpb/confchange.go#ConfChangeI"""


def marshal_conf_change(c: ConfChangeI) -> tuple[EntryType, bytes]:
    """The change as an entry carries it. Go: raft/raftpb/confchange.go#MarshalConfChange"""
    return EntryConfChange if c.as_v1() else EntryConfChangeV2, c.marshal()


_LETTERS = {
    "v": ConfChangeAddNode,
    "l": ConfChangeAddLearnerNode,
    "r": ConfChangeRemoveNode,
    "u": ConfChangeUpdateNode,
}


def conf_changes_from_string(s: str) -> tuple[ConfChangeSingle, ...]:
    """Read ``v1 l2 r3 u4``: 1 votes, 2 learns, 3 goes, 4 is updated. Raises ValueError.

    Go: raft/raftpb/confchange.go#ConfChangesFromString
    """
    return tuple(map(_conf_change_single, s.strip().split(" "))) if s.strip() else ()


def _conf_change_single(token: str) -> ConfChangeSingle:
    if len(token) < 2:
        raise ValueError(f"unknown token {token}")
    if token[0] not in _LETTERS:
        raise ValueError(f"unknown input: {token}")
    return ConfChangeSingle(_LETTERS[token[0]], NodeID(parse_uint(token[1:])))


def conf_changes_to_string(changes: Sequence[ConfChangeSingle]) -> str:
    """The inverse of ``conf_changes_from_string``. Go: raft/raftpb/confchange.go#ConfChangesToString"""
    letters = {type_: letter for letter, type_ in _LETTERS.items()}
    return " ".join(f"{letters[change.type]}{change.node_id}" for change in changes)


def sov_raft(x: int) -> int:
    """How many bytes ``x`` takes as a varint. Go: raft/raftpb/raft.pb.go#sovRaft"""
    return ((x | 1).bit_length() + 6) // 7


def _go_list(numbers: Sequence[int]) -> str:
    return f"[{' '.join(map(str, numbers))}]"

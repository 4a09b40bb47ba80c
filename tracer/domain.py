"""What the tracer knows about minietcd: which functions to watch, which are doors, what is about what.

The rest of the tracer would follow any program made of named types and channels. Each name this module needs
is an import or an attribute of one, so that a renaming breaks a test and not a trace.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import pkgutil
import re
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from functools import lru_cache
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

from google.protobuf.message import DecodeError

from minietcd.etcdctl.ctlv3 import command
from minietcd.etcdserver.api.rafthttp import http
from minietcd.etcdserver.api.rafthttp.coder import Link
from minietcd.etcdserver.api.rafthttp.msg_codec import MessageDecoder, MessageEncoder
from minietcd.etcdserver.api.rafthttp.msgappv2_codec import MsgAppV2Decoder, MsgAppV2Encoder
from minietcd.etcdserver.api.rafthttp.pipeline import Pipeline
from minietcd.etcdserver.api.snap.message import Message as SnapMessage
from minietcd.etcdserver.raft import Apply
from minietcd.pkg import task as task_module
from minietcd.pkg.chan import Chan
from minietcd.proto.etcdserverpb import rpc_pb2 as pb
from minietcd.proto.etcdserverpb.raft_internal_pb2 import InternalRaftRequest
from minietcd.raft.node import MsgWithResult
from minietcd.raft.raftpb import (
    ConfChange,
    ConfChangeType,
    ConfChangeV2,
    ConfState,
    Entry,
    EntryType,
    HardState,
    Message,
    MessageType,
    Snapshot,
)
from minietcd.raft.read_only import ReadState
from minietcd.raft.ready import Ready
from minietcd.raft.util import NO_LIMIT, is_local_msg
from tracer.model import Function, Key, Keys, printable
from tracer.source import ROOT
from tracer.subject import Door, Subject

_GO = re.compile(r"(?:^|\s)Go: (\S+\.go)#([\w.]+)\s*$", re.MULTILINE)
_NOT_SHOWN = {"self", "cls", "ctx", "stream", "srv", "interceptor", "handler", "invoker", "info"}
_NOT_TRACED = re.compile(
    r"\.pb\.go#(?!kVClient|_KV|clusterClient|_Cluster)|\.String$|raft/raftpb/|pkg/types/|#max$|#min$"
    r"|[#.](hardState|softState|(maybe)?([fF]irst|[lL]ast)Index|(maybe)?[tT]erm|IsEmpty\w+|MustSync|hasNextEnts"
    r"|appliedCursor|IsLocalMsg|isMsg\w+|isLinkHeartbeatMessage|writec|decodeLimit|encodeFrameSize|Full"
    r"|mustCheckOutOfBounds|limitSize|PayloadSize|zeroTermOnErrCompacted|IsIDRemoved|safePending|revToBytes"
    r"|AckedIndex|ConsistentIndex|ReqTimeout|electionTimeout|Size)$"
    r"|ctlv3/ctl|pkg/flags/|#New\w+Command$|#EtcdServer\.(ID|Leader|Lead|CommittedIndex|AppliedIndex|Backend|KV|Cluster)$"
)
"""Generated code, what only formats, and what only looks something up."""
_TELLING = re.compile(
    r"\b(int|str|bytes|bool|float|Message|Entry|Ready|Apply|HardState|ReadState|MsgWithResult|Index|NodeID|Term"
    r"|ConfChange|ConfChangeI|ConfChangeV2|Member"
    r"|Revision|LeaseID|InternalRaftRequest|\w*Request|\w*Response|Any|[A-Z])\b"
)
"""Annotations of parameters that may be worth showing."""
_SHORT, _LONG = 40, 80
_SPACES = str.maketrans({"\t": r"\t", "\n": r"\n", "\r": r"\r"})
_VOTING = {
    MessageType.MsgVote,
    MessageType.MsgVoteResp,
    MessageType.MsgPreVote,
    MessageType.MsgPreVoteResp,
}

DOORS: dict[CodeType, Door] = {
    Chan._put.__code__: Door.PUT,
    Chan._take.__code__: Door.TAKE,
    task_module.go.__code__: Door.GO,
    MessageEncoder.encode.__code__: Door.ENCODE,
    MsgAppV2Encoder.encode.__code__: Door.ENCODE,
    MessageDecoder.decode_limit.__code__: Door.DECODE,
    Pipeline._send.__code__: Door.ENCODE,
    http._only_message.__code__: Door.DECODE,
    MsgAppV2Decoder.decode.__code__: Door.DECODE,
}

_TASKS = {
    "request_handler": "gRPC handler",
    "RequestHandler.start": "HTTP handler",
    "RequestHandler._handle_request": "HTTP handler",
}
"""Names for the tasks of libraries, by the coroutine that runs in them."""


def subject(wanted: Callable[[str], bool] = lambda _: True) -> Subject:
    """Everything of minietcd that is imported by now, and every command, with a Go twin that is wanted."""
    for module in pkgutil.iter_modules(command.__path__, f"{command.__name__}."):
        importlib.import_module(module.name)
    _requests.clear()
    watched = {code: each for code, each in functions().items() if any(map(wanted, each.go))}
    return Subject(watched, DOORS, keys_of, brief, shows, task_name, stream, message, helpers())


def functions() -> dict[CodeType, Function]:
    """Every function with a ``Go:`` line, nested ones too, wherever decorators have put it."""
    found: dict[CodeType, Function] = {}
    for each in _ours():
        dull = {name for name, kind in each.__annotations__.items() if not _TELLING.search(str(kind))}
        _collect(each.__code__, found, dull)
    return found


def helpers() -> dict[CodeType, Function]:
    """Every function without one, but no nested ones and none without a name."""
    named = (each.__code__ for each in _ours() if each.__name__ != "<lambda>")
    codes = (code for code in named if not twins(code))
    return {code: Function(code.co_qualname, (), _path(code), code.co_firstlineno) for code in codes}


def _ours() -> list[FunctionType]:
    """All of minietcd's functions there are, also if a simulated world hides them from the collector."""
    root, frozen = str(ROOT / "minietcd"), gc.get_freeze_count()
    gc.unfreeze()
    found = [each for each in gc.get_objects() if isinstance(each, FunctionType)]
    if frozen:
        gc.freeze()
    return [each for each in found if each.__code__.co_filename.startswith(root)]


def _path(code: CodeType) -> str:
    return Path(code.co_filename).relative_to(ROOT).as_posix()


def twins(code: CodeType) -> tuple[str, ...]:
    """The Go functions that ``code`` names in its docstring."""
    doc = code.co_consts[0] if code.co_consts else None
    return tuple(f"{path}#{symbol}" for path, symbol in _GO.findall(doc)) if isinstance(doc, str) else ()


def task_name(task: asyncio.Task[Any]) -> str:
    """The name it was given, or what a library's task is for."""
    return _TASKS.get(getattr(task.get_coro(), "__qualname__", ""), task.get_name())


def stream(coder: Any) -> Link | None:
    """The connection that ``coder`` reads or writes; none if each message has one of its own."""
    return getattr(coder, "conn", None)


def message(link: Link | None, m: Message) -> tuple[str, str]:
    """The connection ``m`` travels on, the same text at both ends, and what is the same of it there.

    Where each message has its own, they may overtake each other.
    """
    text = f"{m.type} {m.term} {m.index} {m.commit} {len(m.entries)}"
    return "|".join(link or (f"{m.from_:x}", f"{m.to:x}", text)), text


def keys_of(value: Any) -> Keys:
    """What ``value`` is about; None if it is of a type that is never about anything in particular."""
    reader = _KEYS.get(type(value))
    return reader(value) if reader else None


def brief(value: Any) -> Any:
    """``value`` as a reader wants to see it: a number or short text; None if it is not worth showing."""
    return _brief_of(type(value))(value)


def shows(kind: type) -> bool:
    """Whether values of this type are worth showing, or about something."""
    return kind in _KEYS or _brief_of(kind) is not _nothing


def _collect(code: CodeType, found: dict[CodeType, Function], dull: set[str]) -> None:
    go = tuple(twin for twin in twins(code) if not _NOT_TRACED.search(twin))
    if go and code not in found:
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        shown = tuple(name for name in names if name not in _NOT_SHOWN | dull)
        name = code.co_qualname.replace(".<locals>", "")
        found[code] = Function(name, go, _path(code), code.co_firstlineno, shown)
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            _collect(inner, found, set())


_requests: dict[tuple[int, int, int], int] = {}
"""The request in an entry, by term, index and length: each entry passes many doors."""


def _request_of(entry: Entry) -> int:
    place = (entry.term, entry.index, len(entry.data))
    request = _requests.get(place)
    if request is None or not entry.index:
        request = 0
        if entry.type == EntryType.EntryNormal:
            request = _request_in(entry.data) if entry.data else -entry.term
        elif entry.type == EntryType.EntryConfChange:
            request = ConfChange.unmarshal(entry.data).id
        if entry.index:
            _requests[place] = request
    return request


def _request_in(data: bytes) -> int:
    """A member announces itself by a request of v2, which no client waits for."""
    try:
        return InternalRaftRequest.FromString(data).header.ID
    except DecodeError:
        return 0


def _entry_keys(entry: Entry) -> Keys:
    request = _request_of(entry)
    if entry.index:
        return (("entry", entry.index, request),)
    return (("req", request, 0),) if request else () if entry.data else None


def _list_keys(values: Sequence[Any]) -> Keys:
    if not values or type(values[0]) not in _KEYS:
        return None
    about = [keys for value in values if (keys := keys_of(value)) is not None]
    return _union(about) if about else None


def _union(many: Iterable[Keys]) -> tuple[Key, ...]:
    return tuple(dict.fromkeys(key for keys in many for key in keys or ()))


def _read(context: bytes) -> tuple[Key, ...]:
    return (("read", int.from_bytes(context), 0),) if context else ()


def _up_to(kind: str, index: int) -> tuple[Key, ...]:
    return ((kind, index, 0),) if index else ()


def _election(term: int) -> tuple[Key, ...]:
    return (("req", -term, 0),)


def _message_keys(m: Message) -> Keys:
    """What it carries, what it acknowledges, what it says is committed, or which read it confirms.

    What a member says to itself, or to others about itself, is about nothing in particular.
    """
    if is_local_msg(m.type) or m.type == MessageType.MsgTransferLeader:
        return None
    if m.type in _VOTING:
        return _election(m.term)
    if m.type == MessageType.MsgTimeoutNow:
        return _election(m.term + 1)
    if m.type == MessageType.MsgSnap:
        return _snapshot_keys(m.snapshot)
    if m.type in (MessageType.MsgReadIndex, MessageType.MsgReadIndexResp):
        return _read(m.entries[0].data)
    if m.type in (MessageType.MsgHeartbeat, MessageType.MsgHeartbeatResp):
        return _read(m.context)
    if m.type == MessageType.MsgAppResp:
        return () if m.reject else _up_to("ack", m.index)
    return _union([_list_keys(m.entries), _up_to("commit", m.commit)])


def _snapshot_keys(snapshot: Snapshot) -> tuple[Key, ...]:
    return _up_to("snap", snapshot.metadata.index)


def _ready_keys(rd: Ready) -> tuple[Key, ...]:
    parts = (rd.entries, rd.committed_entries, rd.messages, rd.read_states)
    whole = (_snapshot_keys(rd.snapshot), _up_to("commit", rd.hard_state.commit))
    return _union([*whole, *(_list_keys(part) for part in parts)])


_KEYS: dict[type, Callable[[Any], Keys]] = {
    ConfChange: lambda cc: (("req", cc.id, 0),) if cc.id else None,
    InternalRaftRequest: lambda r: (("req", r.header.ID, 0),) if r.header.ID else None,
    Entry: _entry_keys,
    Message: _message_keys,
    MsgWithResult: lambda pm: _message_keys(pm.m),
    ReadState: lambda rs: _read(rs.request_ctx),
    Ready: _ready_keys,
    Apply: lambda ap: _union([_snapshot_keys(ap.snapshot), _list_keys(ap.entries)]) or None,
    Snapshot: _snapshot_keys,
    SnapMessage: lambda merged: _message_keys(merged.message),
    list: _list_keys,
    tuple: _list_keys,
}


def _brief_of(kind: type) -> Callable[[Any], Any]:
    if kind in _BRIEF:
        return _BRIEF[kind]
    if issubclass(kind, Enum):
        return str
    if issubclass(kind, str):
        return _text
    if kind is bool:
        return bool
    return _integer if issubclass(kind, int) else _nothing


def _nothing(_: Any) -> None:
    return None


def _integer(number: int) -> Any:
    """A number; the id of a member or request is to be replaced by its name."""
    if number == NO_LIMIT:
        return "no limit"
    return int(number) if number < 1 << 40 else f"@{number:x}"


def _text(text: str) -> str:
    return _cut(printable(text[: _LONG + 1]), _LONG)


def _bytes(data: bytes) -> str:
    return _decoded(bytes(data[: 4 * _SHORT + 1]))  # a character has up to four


@lru_cache(1024)
def _decoded(data: bytes) -> str:
    """As text, if it is some."""
    text = data.decode("utf-8", "backslashreplace").translate(_SPACES)
    return _cut(text, _SHORT) if text.isprintable() else ""


def _value(data: bytes) -> str:
    return _bytes(data) or f"{len(data)} bytes" * bool(data)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def _message(m: Message) -> str:
    way = f"{m.type} " + f"@{m.from_:x}" * bool(m.from_) + f"→@{m.to:x}" * bool(m.to)
    if m.type == MessageType.MsgAppResp:
        return f"{way} {'rejects' if m.reject else 'has'} {m.index}"
    if m.type == MessageType.MsgApp:
        return f"{way} {_entries(m.entries) or 'no entries'}, commit {m.commit}"
    if m.type in (MessageType.MsgVoteResp, MessageType.MsgPreVoteResp):
        return f"{way} {'rejected' if m.reject else 'granted'}"
    if m.type == MessageType.MsgSnap:
        return f"{way} {_snapshot(m.snapshot)}"
    return f"{m.type} {_entries(m.entries)}" if m.type == MessageType.MsgProp else way.rstrip()


def _snapshot(snapshot: Snapshot) -> str:
    return f"snapshot {snapshot.metadata.index}"


def _entries(entries: Sequence[Entry]) -> str:
    if not entries:
        return ""
    first, last = entries[0].index, entries[-1].index
    if not first:
        return f"{len(entries)} proposed" if any(entry.data for entry in entries) else "an empty one"
    return f"entry {first}" if first == last else f"entries {first}–{last}"


def _ready(rd: Ready) -> str:
    vote = rd.hard_state.vote
    parts = [
        f"save vote for @{vote:x}" if vote and any(m.type in _VOTING for m in rd.messages) else "",
        f"install {_snapshot(rd.snapshot)}" if rd.snapshot.metadata.index else "",
        f"save {_entries(rd.entries)}" if rd.entries else "",
        f"commit {rd.hard_state.commit}" if rd.hard_state.commit else "",
        f"apply {_entries(rd.committed_entries)}" if rd.committed_entries else "",
        f"send {len(rd.messages)}" if rd.messages else "",
        f"read at {rd.read_states[-1].index}" if rd.read_states else "",
    ]
    return "Ready: " + (", ".join(part for part in parts if part) or "nothing")


def _apply(ap: Apply) -> str:
    snapshot = _snapshot(ap.snapshot) if ap.snapshot.metadata.index else ""
    return f"apply {' '.join(filter(None, (snapshot, _entries(ap.entries)))) or 'nothing'}"


def _list(values: Sequence[Any]) -> str | None:
    if values and isinstance(values[0], Entry):
        return _entries(values)
    if values and isinstance(values[0], Message):
        return _message(values[0]) if len(values) == 1 else f"{len(values)} messages"
    texts = [text for value in values[:4] if isinstance(text := brief(value), str)]
    return _cut(" ".join(texts), _LONG) or None


def _change(cc: ConfChange | ConfChangeV2) -> str:
    changes = [(each.type, each.node_id) for each in cc.as_v2().changes]
    return ", ".join(f"{_CHANGES[kind]} @{id:x}" if id else "change nobody" for kind, id in changes)


_CHANGES = {
    ConfChangeType.ConfChangeAddNode: "let vote",
    ConfChangeType.ConfChangeRemoveNode: "remove",
    ConfChangeType.ConfChangeUpdateNode: "update",
    ConfChangeType.ConfChangeAddLearnerNode: "let learn",
}


def _conf_state(cs: ConfState) -> str:
    """Who votes; in brackets who only learns."""
    voters = " ".join(f"@{id:x}" for id in cs.voters)
    return voters + f" ({' '.join(f'@{id:x}' for id in cs.learners)})" * bool(cs.learners)


def _internal(r: InternalRaftRequest) -> str:
    for name in ("put", "range", "delete_range", "txn"):
        if r.HasField(name):
            return f"{name} {brief(getattr(r, name)) or ''}".rstrip()
    return ""


def _response(r: Any) -> str:
    return f"revision {r.header.revision}" if r.header.revision else ""


def _range(r: pb.RangeRequest | pb.DeleteRangeRequest) -> str:
    return _bytes(r.key) + (f"…{_bytes(r.range_end)}" if r.range_end else "")


_MEMBERS = (
    pb.MemberAddResponse,
    pb.MemberRemoveResponse,
    pb.MemberUpdateResponse,
    pb.MemberListResponse,
    pb.MemberPromoteResponse,
)


def _members(r: Any) -> str:
    return f"{len(r.members)} members"


_BRIEF: dict[type, Callable[[Any], Any]] = {
    bytes: _bytes,
    ConfChange: _change,
    ConfChangeV2: _change,
    ConfState: _conf_state,
    Entry: lambda entry: _entries([entry]),
    Message: _message,
    MsgWithResult: lambda pm: _message(pm.m),
    HardState: lambda st: f"commit {st.commit}" if st.commit else None,
    ReadState: lambda rs: f"read at {rs.index}",
    Ready: _ready,
    Apply: _apply,
    Snapshot: _snapshot,
    SnapMessage: lambda merged: _message(merged.message),
    InternalRaftRequest: _internal,
    pb.PutRequest: lambda r: f"{_bytes(r.key)}={_value(r.value)}",
    pb.RangeRequest: _range,
    pb.DeleteRangeRequest: _range,
    pb.PutResponse: _response,
    pb.RangeResponse: lambda r: f"{r.count} found, {_response(r)}",
    pb.DeleteRangeResponse: lambda r: f"{r.deleted} deleted, {_response(r)}",
    pb.MemberAddRequest: lambda r: " ".join(r.peerURLs),
    pb.MemberRemoveRequest: lambda r: f"@{r.ID:x}",
    pb.MemberUpdateRequest: lambda r: f"@{r.ID:x} {' '.join(r.peerURLs)}",
    pb.MemberPromoteRequest: lambda r: f"@{r.ID:x}",
    **dict.fromkeys(_MEMBERS, _members),
    list: _list,
    tuple: _list,
}

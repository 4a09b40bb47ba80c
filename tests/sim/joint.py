"""Teaches the server to apply joint changes of members, which etcd 3.4 never proposes and cannot apply.

Raft wants to be told of a change of members before it is told to go on. With one member at a time the server
may be late: another change before that is refused or harmless. With joint changes it may not; so here the
loop that feeds raft waits until what it has handed out is applied.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any
from unittest.mock import patch
from weakref import WeakKeyDictionary

from minietcd.etcdserver.raft import RaftNode
from minietcd.etcdserver.server import EtcdProgress, EtcdServer
from minietcd.raft import raftpb
from minietcd.raft.node import Node
from minietcd.raft.raftpb import ConfChangeV2, Entry
from minietcd.raft.ready import Ready

_PATIENCE = 60.0
"""Virtual seconds, in case the member ends before it applies anything more."""

_unapplied: WeakKeyDictionary[Node, asyncio.Event] = WeakKeyDictionary()
_handle, _advance, _apply = RaftNode._handle, Node.advance, EtcdServer._apply_entry_conf_change


@contextmanager
def taught() -> Iterator[None]:
    """Let every server know how for a while."""
    with ExitStack() as stack:
        for owner, name, new in (
            (RaftNode, "_handle", _handle_joint),
            (Node, "advance", _advance_when_applied),
            (EtcdServer, "_apply_entry_conf_change", _apply_joint),
        ):
            stack.enter_context(patch.object(owner, name, new))
        yield


async def _handle_joint(self: RaftNode, rd: Ready, rh: EtcdServer) -> bool:
    if any(e.type == raftpb.EntryConfChangeV2 for e in rd.committed_entries):
        _unapplied[self.node] = asyncio.Event()
    return await _handle(self, rd, rh)


async def _advance_when_applied(self: Node) -> None:
    if applied := _unapplied.get(self):
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                await applied.wait()
        del _unapplied[self]
    await _advance(self)


async def _apply_joint(self: EtcdServer, e: Entry, ep: EtcdProgress) -> Any:
    if e.type != raftpb.EntryConfChangeV2:
        return await _apply(self, e, ep)
    waiting = _unapplied.get(self.r.node)
    self.consist_index.set_consistent_index(max(e.index, self.consist_index.consistent_index()))
    ep.conf_state = await self.r.node.apply_conf_change(ConfChangeV2.unmarshal(e.data))
    if waiting is not None:
        waiting.set()
    return False

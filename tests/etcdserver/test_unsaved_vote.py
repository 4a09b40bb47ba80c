"""Why the term must be in the write-ahead log: all members restart, and one with a stale log wants to lead.

The story of ``tests/raft/test_story_unsaved_vote.py`` with the real server: told once with the log as it is,
once with a log in which terms and votes are not written.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from minietcd.etcdserver import errors
from minietcd.etcdserver.server import EtcdServer
from minietcd.pkg.context import BACKGROUND
from minietcd.proto.etcdserverpb import rpc_pb2 as pb
from minietcd.raft.raftpb import HardState, Index, NodeID, Term
from minietcd.wal.wal import WAL
from tests.members import Members, ready, until

pytestmark = pytest.mark.timeout(60)

NAMES = ("n1", "n2", "n3")
LATE = Term(7)
FOUNDING, ARRIVALS = Term(1), Index(len(NAMES))
"""Who the members are stands in the first entries, which are committed from the start, in the first term."""


async def put(server: EtcdServer, key: bytes, value: bytes) -> None:
    await server.put(BACKGROUND, pb.PutRequest(key=key, value=value))


async def what_a_client_finds_after_all_have_restarted(members: Members) -> list[bytes]:
    """n3 ends alone, with an entry of a late term; n1 and n2 then answer a put; then n1 and n3 start.

    They ask before they campaign, so that no term passes while they wait for each other to be there.
    """
    members.listen(*NAMES)
    for name in NAMES:
        await members.start(name, pre_vote=True)
    for server in members.servers.values():
        await ready(server)
    await _let_n3_lead_a_late_term(members)
    for name in ("n1", "n2"):
        await members.stop(name, hard=True)
    async with _put_that_nobody_else_gets(members.servers["n3"]):
        await members.stop("n3", hard=True)
    _lose_what_is_under_way(members)
    for name in ("n1", "n2"):
        await members.start(name, pre_vote=True)
    await put(await members.leader(), b"key", b"acknowledged")
    for name in ("n1", "n2"):
        await members.stop(name, hard=True)
    _lose_what_is_under_way(members)
    for name in ("n1", "n3"):
        await members.start(name, pre_vote=True)
    leader = await members.leader()
    found = await leader.range(BACKGROUND, pb.RangeRequest(key=b"key"))
    return [kv.value for kv in found.kvs]


async def _let_n3_lead_a_late_term(members: Members) -> None:
    """Later than any that the others reach if they must begin anew."""
    n1, n3 = members.servers["n1"], members.servers["n3"]
    while (leader := await members.leader()) is not n3 or n3.term() < LATE:
        target = n1 if leader is n3 else n3
        with contextlib.suppress(errors.TimeoutLeaderTransferError):
            await leader.move_leader(BACKGROUND, leader.id(), target.id())


@contextlib.asynccontextmanager
async def _put_that_nobody_else_gets(server: EtcdServer) -> AsyncIterator[None]:
    """It is on the disk of ``server``, and that is as far as it comes."""
    last = server.r.raft_storage.last_index()
    waiting = asyncio.create_task(put(server, b"other", b"stale"))
    await until(lambda: server.r.raft_storage.last_index() > last)
    yield
    with pytest.raises(errors.EtcdServerError):
        await waiting


def _lose_what_is_under_way(members: Members) -> None:
    """The ports stay open while members are down; what was sent there would still come."""
    for listener in members.sockets.values():
        listener.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                listener.accept()[0].close()


async def test_a_write_that_was_answered_survives_a_stale_log(members: Members) -> None:
    assert await what_a_client_finds_after_all_have_restarted(members) == [b"acknowledged"]


async def test_without_terms_and_votes_in_the_log_it_is_lost(
    members: Members, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_state = WAL.save_state

    def without_term_and_vote(self: WAL, s: HardState) -> None:
        if s.commit:
            save_state(self, HardState(FOUNDING, NodeID(0), min(s.commit, ARRIVALS)))

    monkeypatch.setattr(WAL, "save_state", without_term_and_vote)
    assert await what_a_client_finds_after_all_have_restarted(members) == []

"""A raft in its task: what the channels promise to those who wait at them."""

import asyncio
from random import Random

import pytest

from minietcd.pkg.chan import Chan, poll, select
from minietcd.pkg.context import BACKGROUND
from minietcd.pkg.task import go
from minietcd.raft import (
    Config,
    MemoryStorage,
    Node,
    Peer,
    ProposalDroppedError,
    RawNode,
    Ready,
    SnapshotFailure,
    StateLeader,
    StoppedError,
    is_empty_hard_state,
    restart_node,
    start_node,
)
from minietcd.raft import raftpb as pb
from minietcd.raft.tracker.state import StateProbe


class Application:
    """What runs a node: saves, applies, advances; and counts."""

    def __init__(self, node: Node, storage: MemoryStorage) -> None:
        self.node, self.storage = node, storage
        self.applied: Chan[bytes] = Chan("applied", 10_000)
        self.reads: Chan[bytes] = Chan("reads", 100)
        self.batches: list[int] = []
        self.task = go(self.run(), "application")

    async def run(self) -> None:
        while True:
            chan, rd = await select(self.node.ready(), self.node.done)
            if chan is self.node.done:
                return
            await self.handle(rd)

    async def handle(self, rd: Ready) -> None:
        if not is_empty_hard_state(rd.hard_state):
            self.storage.set_hard_state(rd.hard_state)
        self.storage.append(rd.entries)
        if rd.entries:
            self.batches.append(len(rd.entries))
        for entry in rd.committed_entries:
            if entry.type == pb.EntryConfChange:
                await self.node.apply_conf_change(pb.ConfChange.unmarshal(entry.data))
            else:
                await self.applied.send(entry.data)
        for state in rd.read_states:
            await self.reads.send(state.request_ctx)
        await self.node.advance()


def config(storage, **options):
    sound = {"id": 1, "election_tick": 10, "heartbeat_tick": 1, "rand": Random(1)}
    return Config(storage=storage, **sound | options)


def stored(*voters):
    storage = MemoryStorage()
    storage.apply_snapshot(pb.Snapshot(b"", pb.SnapshotMetadata(pb.ConfState(voters), 2, 1)))
    return storage


async def leader():
    """A node that leads a group of one, and its application."""
    storage = stored(1)
    node = restart_node(config(storage))
    application = Application(node, storage)
    await node.campaign()
    assert await application.applied.recv() == b""
    return node, application


async def test_a_founded_group_applies_its_founding_and_then_leads():
    storage = MemoryStorage()
    node = start_node(config(storage), [Peer(1, b"me")])
    rd = await node.ready().recv()
    assert [e.type for e in rd.committed_entries] == [pb.EntryConfChange]
    storage.append(rd.entries)
    storage.set_hard_state(rd.hard_state)
    cs = await node.apply_conf_change(pb.ConfChange.unmarshal(rd.committed_entries[0].data))
    assert cs == pb.ConfState(voters=(1,))
    await node.advance()
    await node.campaign()
    assert (await node.ready().recv()).soft_state.raft_state == StateLeader
    await node.stop()


async def test_what_is_proposed_is_applied_in_order():
    node, application = await leader()
    for i in range(5):
        await node.propose(BACKGROUND, b"%d" % i)
    assert [await application.applied.recv() for _ in range(5)] == [b"0", b"1", b"2", b"3", b"4"]
    await node.stop()


async def test_there_is_one_ready_at_a_time():
    storage = stored(1)
    node = restart_node(config(storage))
    await node.campaign()
    rd = await node.ready().recv()
    storage.append(rd.entries)
    await node.propose(BACKGROUND, b"a")
    await node.propose(BACKGROUND, b"b")
    assert poll(node.ready()) is None, "the first is not done"
    await node.advance()
    rd = await node.ready().recv()
    assert [e.data for e in rd.entries] == [b"a", b"b"], "what came meanwhile comes in one piece"
    await node.stop()


async def test_a_ready_that_nobody_takes_grows():
    storage = stored(1)
    node = restart_node(config(storage))
    await node.campaign()
    for data in (b"a", b"b", b"c"):
        await node.propose(BACKGROUND, data)
    rd = await node.ready().recv()
    assert [e.data for e in rd.entries] == [b"", b"a", b"b", b"c"]
    await node.stop()


async def test_many_proposers_at_once_share_a_batch():
    node, application = await leader()
    await asyncio.gather(*(node.propose(BACKGROUND, b"x") for _ in range(50)))
    for _ in range(50):
        await application.applied.recv()
    assert max(application.batches) > 10
    await node.stop()


async def test_what_is_proposed_at_once_is_sent_at_once():
    storage = stored(1, 2)
    node = restart_node(config(storage))
    application = Application(node, storage)
    sent: list[pb.Message] = []

    async def keep(rd: Ready) -> None:
        sent.extend(rd.messages)
        await Application.handle(application, rd)

    application.handle = keep  # type: ignore[method-assign]
    await node.campaign()
    await node.step(BACKGROUND, pb.Message(pb.MsgVoteResp, pb.NodeID(1), pb.NodeID(2), term=pb.Term(1)))
    ack = pb.Message(pb.MsgAppResp, pb.NodeID(1), pb.NodeID(2), term=pb.Term(1), index=pb.Index(3))
    await node.step(BACKGROUND, ack)
    assert await application.applied.recv() == b""
    sent.clear()
    data = [b"%d" % i for i in range(10)]
    await asyncio.gather(*(node.propose(BACKGROUND, d) for d in data))
    await node.status()
    assert [[e.data for e in m.entries] for m in sent if m.entries] == [data]
    await node.stop()


async def test_a_large_proposal_does_not_wait_for_company():
    node, application = await leader()
    data = [b"%d" % i * 700_000 for i in range(6)]
    await asyncio.gather(*(node.propose(BACKGROUND, d) for d in data))
    assert [await application.applied.recv() for _ in data] == data
    await node.stop()


async def test_a_proposer_learns_that_its_proposal_was_dropped():
    node, application = await leader()
    node.rn.raft.lead_transferee = 2
    with pytest.raises(ProposalDroppedError):
        await node.propose(BACKGROUND, b"a")
    await node.step(BACKGROUND, pb.Message(pb.MsgProp, entries=(pb.Entry(data=b"b"),)))  # nobody waits for it
    await node.status()
    node.rn.raft.abort_leader_transfer()
    await node.propose(BACKGROUND, b"c")
    assert await application.applied.recv() == b"c"
    await node.stop()


async def test_without_a_leader_proposers_wait_and_may_give_up():
    node = restart_node(config(stored(1, 2)))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await node.propose(BACKGROUND, b"a")
    await node.stop()


async def test_a_node_whose_loop_has_died_has_stopped():
    crashes: Chan[object] = Chan("crashes", 1)
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: crashes.try_send(context["exception"])
    )
    node = start_node(config(MemoryStorage()), [Peer(1)])
    await node.step(BACKGROUND, pb.Message(pb.MsgHeartbeat, from_=1, term=9, commit=99))
    assert "out of range" in str(await crashes.recv())
    await node.stop()
    with pytest.raises(StoppedError):
        await node.propose(BACKGROUND, b"")


async def test_whoever_waits_learns_that_the_node_has_stopped():
    node = restart_node(config(stored(1, 2)))
    waiting = asyncio.create_task(node.propose(BACKGROUND, b"a"))
    await node.status()
    await node.stop()
    with pytest.raises(StoppedError):
        await waiting
    for call in (
        node.propose(BACKGROUND, b"a"),
        node.step(BACKGROUND, pb.Message(pb.MsgApp)),
        node.read_index(BACKGROUND, b"r"),
        node.campaign(),
        node.status(),
    ):
        with pytest.raises(StoppedError):
            await call
    await node.advance()
    await node.transfer_leadership(BACKGROUND, 1, 2)
    assert await node.apply_conf_change(pb.ConfChange()) == pb.ConfState()
    await node.stop()


async def test_a_node_stops_though_nobody_waits_for_what_a_change_of_members_made():
    node = restart_node(config(stored(1)))
    await node.confc.send(pb.ConfChange(type=pb.ConfChangeAddNode, node_id=2).as_v2())
    async with asyncio.timeout(5):
        await node.stop()


async def test_ticks_make_a_leader():
    storage = stored(1)
    node = restart_node(config(storage))
    application = Application(node, storage)
    for _ in range(20):
        node.tick()
    assert await application.applied.recv() == b""
    assert (await node.status()).lead == 1
    await node.stop()


async def test_a_tick_too_many_is_dropped_with_a_warning(caplog):
    node = Node(RawNode(config(stored(1))))  # nobody runs it
    for _ in range(129):
        node.tick()
    assert "A tick missed to fire. Node blocks too long!" in caplog.text
    assert "(leader false)" in caplog.text


async def test_a_read_comes_with_a_ready():
    node, application = await leader()
    await node.read_index(BACKGROUND, b"read")
    assert await application.reads.recv() == b"read"
    await node.stop()


async def test_messages_that_never_travel_are_ignored():
    node = restart_node(config(stored(1)))
    await node.step(BACKGROUND, pb.Message(pb.MsgHup))
    assert (await node.status()).term == 0
    await node.stop()


async def test_answers_from_strangers_are_ignored():
    node, _ = await leader()
    await node.step(BACKGROUND, pb.Message(pb.MsgAppResp, from_=9, term=99))
    assert (await node.status()).term == 1
    await node.stop()


async def test_reports_reach_the_raft_without_making_the_reporter_wait():
    node = restart_node(config(stored(1, 2)))
    raft = node.rn.raft
    raft.become_candidate()
    raft.become_leader()
    raft.prs.progress[2].become_snapshot(9)
    node.report_snapshot(2, SnapshotFailure)
    node.report_unreachable(2)
    await asyncio.sleep(0)  # let the reports be made
    await node.status()
    assert raft.prs.progress[2].state == StateProbe
    await node.stop()
    node.report_unreachable(2)


async def test_the_task_says_who_leads(caplog):
    caplog.set_level("INFO", logger="raft")
    node, _ = await leader()
    node.rn.raft.become_follower(5, 0)
    await node.status()
    await node.status()
    await node.stop()
    assert "raft.node: 1 elected leader 1 at term 1" in caplog.messages
    assert "raft.node: 1 lost leader 1 at term 5" in caplog.messages

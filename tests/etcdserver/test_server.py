"""One member and three: what is put is there, everywhere, also after somebody died."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from minietcd.etcdserver import errors
from minietcd.etcdserver.config import ServerConfig
from minietcd.etcdserver.raft import Apply
from minietcd.etcdserver.server import EtcdProgress, EtcdServer
from minietcd.pkg.context import BACKGROUND
from minietcd.proto.etcdserverpb import rpc_pb2 as pb
from minietcd.raft.errors import StoppedError as RaftStoppedError
from tests.members import Members, ready, until

pytestmark = pytest.mark.timeout(60)


async def put(server: EtcdServer, key: str, value: str = "v", **more: Any) -> pb.PutResponse:
    return await server.put(BACKGROUND, pb.PutRequest(key=key.encode(), value=value.encode(), **more))


async def get(server: EtcdServer, key: str, **more: Any) -> list[bytes]:
    answer = await server.range(BACKGROUND, pb.RangeRequest(key=key.encode(), **more))
    return [kv.value for kv in answer.kvs]


async def one(members: Members, **more: Any) -> EtcdServer:
    server = await members.start("n1", **more)
    await ready(server)
    return server


async def three(members: Members, **more: Any) -> EtcdServer:
    members.listen("n1", "n2", "n3")
    for name in ("n1", "n2", "n3"):
        await members.start(name, **more)
    for server in members.servers.values():
        await ready(server)
    return await members.leader()


async def test_what_was_put_is_read_both_ways(members: Members) -> None:
    server = await one(members)
    assert (await put(server, "foo", "bar")).header.revision == 2
    assert await get(server, "foo") == [b"bar"]
    assert await get(server, "foo", serializable=True) == [b"bar"]


async def test_a_member_goes_on_where_it_stopped(members: Members) -> None:
    server = await one(members)
    for n in range(3):
        await put(server, f"key{n}", f"value{n}")
    await server.delete_range(BACKGROUND, pb.DeleteRangeRequest(key=b"key1"))
    applied, revision = server.applied_index(), server.kv().rev()
    await members.stop("n1")
    server = await one(members)
    assert server.kv().rev() == revision == 5
    assert server.applied_index() > applied
    assert await get(server, "key0", range_end=b"key9") == [b"value0", b"value2"]
    assert (await put(server, "key3")).header.revision == revision + 1


async def test_a_member_goes_on_after_snapshots(members: Members) -> None:
    server = await one(members, snapshot_count=10, snapshot_catch_up_entries=5)
    for n in range(40):
        await put(server, "key", str(n))
    await until(lambda: server.r.raft_storage.first_index() > 20)
    assert len(list(server.cfg.snap_dir().glob("*.snap"))) >= 3
    await members.stop("n1")
    server = await one(members)
    assert await get(server, "key") == [b"39"]
    assert server.kv().rev() == 41
    assert [m.name for m in server.cluster().members()] == ["n1"]
    assert str(server.cluster_version()) == "3.4.0"


async def test_what_is_too_large_is_refused(members: Members) -> None:
    server = await one(members, max_request_bytes=1000)
    with pytest.raises(errors.RequestTooLargeError):
        await put(server, "key", "v" * 1000)


async def test_a_full_backend_raises_an_alarm_that_can_be_disarmed(members: Members) -> None:
    server = await one(members, quota_backend_bytes=200_000)
    with pytest.raises(errors.NoSpaceError):
        for n in range(1000):
            await put(server, f"key{n}", "v" * 10_000)
    assert [alarm.alarm for alarm in server.alarms()] == [pb.NOSPACE]
    with pytest.raises(errors.NoSpaceError):
        await put(server, "small")
    await server.alarm(
        BACKGROUND,
        pb.AlarmRequest(action=pb.AlarmRequest.DEACTIVATE, memberID=server.id(), alarm=pb.NOSPACE),
    )
    assert server.alarms() == []


async def test_an_answer_that_does_not_come_is_a_timeout(
    members: Members, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ServerConfig, "req_timeout", lambda cfg: 0.05)
    members.listen("n1", "n2")
    server = await members.start("n1")
    with pytest.raises(TimeoutError):
        await put(server, "key")
    with pytest.raises(errors.TimeoutError):
        await get(server, "key")


async def test_after_the_stop_nothing_is_served(members: Members) -> None:
    server = await one(members)
    await members.stop("n1")
    with pytest.raises(Exception, match="stopped"):
        await put(server, "key")
    with pytest.raises(errors.StoppedError):
        await get(server, "key")


async def test_a_put_to_any_of_three_is_read_from_all(members: Members) -> None:
    leader = await three(members)
    for name, server in members.servers.items():
        await put(server, name, f"through {name}")
        for other in members.servers.values():
            assert await get(other, name) == [f"through {name}".encode()]
    assert leader.kv().rev() == 4


async def test_two_of_three_go_on_and_the_third_catches_up(members: Members) -> None:
    leader = await three(members)
    await put(leader, "before")
    died = leader.cfg.name
    await members.stop(died, hard=True)
    leader = await members.leader()
    for n in range(20):
        await put(leader, "key", str(n))
    assert await get(leader, "key") == [b"19"]
    back = await members.start(died)
    await ready(back)
    assert await get(back, "key") == [b"19"]
    assert back.kv().rev() == leader.kv().rev()


async def test_who_is_too_far_behind_gets_a_snapshot(members: Members) -> None:
    leader = await three(members, snapshot_count=10, snapshot_catch_up_entries=5)
    died = next(name for name, server in members.servers.items() if server is not leader)
    await members.stop(died, hard=True)
    for n in range(60):
        await put(leader, f"key{n % 7}", str(n))
    await until(lambda: leader.r.raft_storage.first_index() > 40)
    back = await members.start(died, snapshot_count=10, snapshot_catch_up_entries=5)
    await ready(back)
    assert await get(back, "key3") == [b"59"]
    assert back.kv().hash_by_rev(0) == leader.kv().hash_by_rev(0)
    await members.stop(died)
    back = await members.start(died)
    await ready(back)
    assert await get(back, "key3") == [b"59"]


async def test_a_snapshot_counts_as_applied(members: Members, monkeypatch: pytest.MonkeyPatch) -> None:
    leader = await three(members, snapshot_count=10, snapshot_catch_up_entries=5)
    died = next(name for name, server in members.servers.items() if server is not leader)
    await members.stop(died, hard=True)
    for n in range(40):
        await put(leader, "key", str(n))
    await until(lambda: leader.r.raft_storage.first_index() > 20)
    seen: list[tuple[int, int]] = []
    apply_snapshot = EtcdServer.apply_snapshot

    async def observed(server: EtcdServer, ep: EtcdProgress, apply: Apply) -> None:
        await apply_snapshot(server, ep, apply)
        if apply.snapshot.metadata.index:
            seen.append((server.applied_index(), ep.appliedi))

    monkeypatch.setattr(EtcdServer, "apply_snapshot", observed)
    await ready(await members.start(died))
    [(applied, wanted)] = seen
    assert applied == wanted > 20


async def test_who_stops_a_member_does_not_wait_for_ever_when_something_fails(
    members: Members, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await one(members)
    failed: list[Exception] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failed.append(context["exception"]))
    close = server.kv().close

    async def fail() -> None:
        await close()
        raise OSError("no such luck")

    monkeypatch.setattr(server.kv(), "close", fail)
    async with asyncio.timeout(5):
        await members.stop("n1", hard=True)
    server.be.close()
    await server.peer_rt.close()
    assert [str(error) for error in failed] == ["no such luck"]


async def test_publishing_ends_with_the_member(members: Members, monkeypatch: pytest.MonkeyPatch) -> None:
    server = await one(members)

    async def stopped(*_: object) -> None:
        raise RaftStoppedError

    monkeypatch.setattr(server, "do", stopped)
    await server.publish()


async def test_a_leader_that_stops_hands_over(members: Members) -> None:
    leader = await three(members)
    await until(lambda: leader.r.transport.active_peers() == 2)
    term = leader.term()
    await members.stop(leader.cfg.name)
    successor = await members.leader()
    await put(successor, "key")
    assert successor.term() == term + 1


async def test_reads_that_come_together_share_a_question(members: Members) -> None:
    leader = await three(members)
    await put(leader, "key")
    answers = await asyncio.gather(*(get(leader, "key") for _ in range(50)))
    assert answers == [[b"v"]] * 50

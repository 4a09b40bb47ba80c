"""Calls find a living endpoint, and are repeated only where that is safe."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from grpclib.const import Status
from grpclib.exceptions import GRPCError

from minietcd.clientv3.balancer import parse_endpoint
from minietcd.clientv3.client import Config, jitter_up, new
from minietcd.clientv3.errors import NoAvailableEndpointsError, NotSupportedError, StatusError
from minietcd.clientv3.op import with_prefix
from minietcd.etcdserver.api.v3rpc.rpctypes import error as rpctypes
from minietcd.pkg.context import BACKGROUND


async def test_put_get_and_delete_come_back(kv_servers: list[Any]) -> None:
    async with await new(Config([kv_servers[0].endpoint])) as client:
        assert (await client.kv.put(BACKGROUND, "k", b"\xff")).prev_kv.value == b"\xff"
        assert (await client.kv.get(BACKGROUND, "k", with_prefix())).kvs[0].value == b"l"
        assert (await client.kv.delete(BACKGROUND, "k")).deleted == 1
    assert kv_servers[0].calls == ["Put", "Range", "DeleteRange"]
    assert kv_servers[0].metadata["client-api-version"] == "3.4"


async def test_calls_go_to_the_endpoints_in_turn(kv_servers: list[Any]) -> None:
    async with await new(Config([script.endpoint for script in kv_servers])) as client:
        await asyncio.gather(*(sc.task for sc in client.conn.scs if sc.task))
        for _ in range(6):
            await client.kv.get(BACKGROUND, "k")
    assert [len(script.calls) for script in kv_servers] == [3, 3]


async def test_an_endpoint_where_nobody_listens_is_passed_over(kv_servers: list[Any], nobody: str) -> None:
    async with await new(Config([nobody, f"http://{kv_servers[0].endpoint}"])) as client:
        for _ in range(3):
            await client.kv.put(BACKGROUND, "k", "v")
    assert len(kv_servers[0].calls) == 3


async def test_without_a_living_endpoint_a_call_waits_as_long_as_its_caller(
    nobody: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with await new(Config([nobody])) as client:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await client.kv.get(BACKGROUND, "k")
    fields = caplog.records[-1].fields  # type: ignore[attr-defined]
    assert fields["target"] == nobody and "all SubConns are in TransientFailure" in fields["error"]


async def test_a_lost_connection_is_made_anew(kv_servers: list[Any]) -> None:
    async with await new(Config([kv_servers[0].endpoint])) as client:
        await client.kv.get(BACKGROUND, "k")
        channel = client.conn.scs[0].channel
        assert channel is not None and channel._protocol is not None
        channel._protocol.processor.connection._transport.abort()
        await asyncio.sleep(0)
        assert not client.conn.scs[0].ready
        await client.kv.get(BACKGROUND, "k")
    assert len(kv_servers[0].calls) == 2


async def test_a_write_whose_connection_breaks_fails_and_is_not_repeated(kv_servers: list[Any]) -> None:
    async with await new(Config([kv_servers[0].endpoint])) as client:
        await client.kv.get(BACKGROUND, "k")

        async def break_connection(*_: Any) -> None:
            channel = client.conn.scs[0].channel
            assert channel is not None and channel._protocol is not None
            channel._protocol.processor.connection._transport.abort()
            await asyncio.Event().wait()

        kv_servers[0].put = break_connection
        with pytest.raises(StatusError, match="code = Unavailable desc = transport is closing"):
            await client.kv.put(BACKGROUND, "k", "v")
    assert kv_servers[0].calls == ["Range", "Put"]


def unavailable() -> GRPCError:
    return rpctypes.ErrGRPCNoLeader.err()


async def test_a_read_is_repeated_at_the_next_endpoint(kv_servers: list[Any]) -> None:
    kv_servers[0].failures = [unavailable() for _ in range(3)]
    async with await new(Config([kv_servers[0].endpoint])) as client:
        assert (await client.kv.get(BACKGROUND, "k")).count == 1
    assert len(kv_servers[0].calls) == 4


async def test_a_write_is_not_repeated_since_it_might_be_done_twice(kv_servers: list[Any]) -> None:
    kv_servers[0].failures = [unavailable()]
    async with await new(Config([kv_servers[0].endpoint])) as client:
        with pytest.raises(rpctypes.EtcdError, match="etcdserver: no leader"):
            await client.kv.put(BACKGROUND, "k", "v")
    assert kv_servers[0].calls == ["Put"]


@pytest.mark.parametrize("text", ["there is no address available", "there is no connection available"])
async def test_a_write_that_never_left_is_repeated(kv_servers: list[Any], text: str) -> None:
    kv_servers[0].failures = [GRPCError(Status.UNAVAILABLE, text)]
    async with await new(Config([kv_servers[0].endpoint])) as client:
        await client.kv.put(BACKGROUND, "k", "v")
    assert kv_servers[0].calls == ["Put", "Put"]


async def test_a_refusal_of_the_server_is_final_and_in_its_words(kv_servers: list[Any]) -> None:
    kv_servers[0].failures = [rpctypes.ErrGRPCCompacted.err(), GRPCError(Status.UNIMPLEMENTED, "not here")]
    async with await new(Config([kv_servers[0].endpoint])) as client:
        with pytest.raises(rpctypes.EtcdError, match="required revision has been compacted"):
            await client.kv.get(BACKGROUND, "k")
        with pytest.raises(StatusError, match="rpc error: code = Unimplemented desc = not here"):
            await client.kv.get(BACKGROUND, "k")
    assert len(kv_servers[0].calls) == 2


async def test_a_request_too_large_never_leaves(kv_servers: list[Any]) -> None:
    async with await new(Config([kv_servers[0].endpoint], max_call_send_msg_size=100)) as client:
        with pytest.raises(StatusError, match=r"larger than max \(106 vs. 100\)"):
            await client.kv.put(BACKGROUND, "k", "v" * 101)
    assert kv_servers[0].calls == []


async def test_interceptors_stand_around_every_attempt_and_may_add_metadata(
    kv_servers: list[Any],
) -> None:
    attempts: list[str] = []

    def adding(name: str) -> Any:
        async def interceptor(ctx: Any, method: str, request: Any, reply_type: Any, invoker: Any) -> Any:
            attempts.append(name)
            ctx = replace(ctx, metadata={**ctx.metadata, name: str(len(attempts))})
            return await invoker(ctx, method, request, reply_type)

        return interceptor

    kv_servers[0].failures = [unavailable()]
    config = Config([kv_servers[0].endpoint], unary_interceptors=[adding("outer"), adding("inner")])
    async with await new(config) as client:
        await client.kv.get(BACKGROUND, "k")
    assert attempts == ["outer", "inner", "outer", "inner"]
    assert kv_servers[0].metadata["outer"] == "3" and kv_servers[0].metadata["inner"] == "4"


async def test_a_client_needs_an_endpoint_that_it_can_speak_to() -> None:
    with pytest.raises(NoAvailableEndpointsError, match="etcdclient: no available endpoints"):
        await new(Config([]))
    with pytest.raises(NotSupportedError, match="https://h:1: TLS is not supported yet"):
        await new(Config(["https://h:1"]))


async def test_after_a_quorum_of_endpoints_comes_a_pause(nobody: str) -> None:
    async with await new(Config([nobody] * 3, random=Random(1))) as client:
        backoff = client.round_robin_quorum_backoff(0.025, 0.1)
    waits = [backoff(attempt) for attempt in range(1, 7)]
    assert [bool(wait) for wait in waits] == [False, True] * 3
    assert all(0.0225 <= wait <= 0.0275 for wait in waits if wait)
    assert jitter_up(1, 0, Random()) == 1


@pytest.mark.parametrize(
    ("endpoint", "parsed"),
    [
        ("h:1", ("tcp", "h:1", "")),
        ("http://h:1", ("tcp", "h:1", "http")),
        ("https://[::1]:1/x", ("tcp", "[::1]:1", "https")),
        ("unix:///tmp/s", ("unix", "/tmp/s", "unix")),
        ("unix://s:1", ("unix", "s:1", "unix")),
        ("ftp://h:1", ("", "", "ftp")),
        ("http://[::1", ("tcp", "http://[::1", "")),
    ],
)
def test_an_endpoint_is_an_address_or_a_url(endpoint: str, parsed: tuple[str, str, str]) -> None:
    assert parse_endpoint(endpoint) == parsed

"""kill -9 at random moments under load: what was acknowledged is there afterwards, once."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest

from minietcd.proto.etcdserverpb import rpc_pb2 as pb
from tests.processes import MINIETCD, Member, cluster, wait_until

KILLS = 50
WRITERS = 4
FAST = ("--heartbeat-interval", "50", "--election-timeout", "500")


class Load:
    """Writers that put ever new keys through ever other members, and remember what was acknowledged."""

    def __init__(self, endpoints: list[str]) -> None:
        self.endpoints = endpoints
        self.acknowledged: dict[bytes, bytes] = {}
        self.attempts = 0
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(n,)) for n in range(WRITERS)]

    @contextmanager
    def running(self) -> Iterator[None]:
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join()

    def _write(self, writer: int) -> None:
        channels = [grpc.insecure_channel(endpoint) for endpoint in self.endpoints]
        puts = [
            channel.unary_unary(
                "/etcdserverpb.KV/Put", pb.PutRequest.SerializeToString, pb.PutResponse.FromString
            )
            for channel in channels
        ]
        for number in range(10**9):
            if self._stop.is_set():
                break
            key, value = f"w{writer}/{number:08}".encode(), f"value {writer} {number}".encode()
            self.attempts += 1
            try:
                puts[number % len(puts)](pb.PutRequest(key=key, value=value), timeout=2)
            except grpc.RpcError:
                continue  # not acknowledged: it may be there or not
            self.acknowledged[key] = value
        for channel in channels:
            channel.close()


def found_at(endpoint: str, starts: list[bytes]) -> dict[bytes, tuple[bytes, int]]:
    """Each writer's keys from its start on, with value and version, by linearizable reads."""
    found: dict[bytes, tuple[bytes, int]] = {}
    with grpc.insecure_channel(endpoint) as channel:
        get = channel.unary_unary(
            "/etcdserverpb.KV/Range", pb.RangeRequest.SerializeToString, pb.RangeResponse.FromString
        )
        for start in starts:
            request = pb.RangeRequest(key=start, range_end=start[:2] + b"0", limit=1000)
            more = True
            while more:
                reply = answered(lambda request=request: get(request, timeout=10, wait_for_ready=True))
                found |= {kv.key: (kv.value, kv.version) for kv in reply.kvs}
                more = reply.more
                request.key = reply.kvs[-1].key + b"\0" if more else request.key
    return found


def answered(read: Callable[[], pb.RangeResponse]) -> pb.RangeResponse:
    """A read that an election interrupts is asked again, as a client would."""
    for _ in range(20):
        try:
            return read()
        except grpc.RpcError as error:
            interruption = error
    raise interruption


def check(members: list[Member], load: Load, checked: int = 0) -> int:
    """Look for all that was acknowledged after the first ``checked`` puts; how many that makes."""
    acknowledged = dict(list(load.acknowledged.items())[checked:])
    starts = [
        min((k for k in acknowledged if k.startswith(b"w%d/" % n)), default=b"") for n in range(WRITERS)
    ]
    for member in members:
        found = found_at(member.endpoint, [start for start in starts if start])
        lost = [key for key, value in acknowledged.items() if found.get(key, (b"", 0))[0] != value]
        assert not lost, f"{member.name} lost {len(lost)} of {len(acknowledged)} promised puts: {lost[:5]}"
        twice = [key for key, (_, version) in found.items() if version != 1]
        assert not twice, f"{member.name} applied {len(twice)} puts more than once: {twice[:5]}"
    return checked + len(acknowledged)


@pytest.mark.e2e
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_no_acknowledged_put_is_lost_or_doubled_by_fifty_kills(tmp_path: Path) -> None:
    rng = random.Random(20261122)
    with cluster(MINIETCD, tmp_path, 3, FAST) as servers:
        load = Load([member.endpoint for member in servers.members])
        checked = 0
        with load.running():
            for _ in range(KILLS):
                target = len(load.acknowledged) + rng.randrange(1, 60)
                wait_until(
                    lambda target=target: len(load.acknowledged) >= target, "more puts are acknowledged"
                )
                victims: list[Member] = rng.choice(
                    [[rng.choice(servers.members)], [rng.choice(servers.members)], list(servers.members)]
                )
                for member in victims:
                    member.kill()
                for member in victims:
                    member.start()
                for member in victims:
                    member.wait_ready()
                checked = check(victims, load, checked)
        check(servers.members, load)
        assert len(load.acknowledged) > KILLS

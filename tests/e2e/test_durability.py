"""kill -9 at random moments under load: what was acknowledged is there afterwards, once."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest

from minietcd.proto.etcdserverpb import rpc_pb2 as pb
from tests.processes import MINIETCD, Cluster, Member, cluster, wait_until

KILLS = 50
WRITERS = 4
FAST = ("--heartbeat-interval", "20", "--election-timeout", "200")


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


def everything(endpoint: str) -> dict[bytes, tuple[bytes, int]]:
    """Each key with its value and version, by a linearizable read."""
    with grpc.insecure_channel(endpoint) as channel:
        get = channel.unary_unary(
            "/etcdserverpb.KV/Range", pb.RangeRequest.SerializeToString, pb.RangeResponse.FromString
        )
        found: dict[bytes, tuple[bytes, int]] = {}
        start = b"w"
        while True:
            reply = get(pb.RangeRequest(key=start, range_end=b"x", limit=5000), timeout=30, wait_for_ready=True)
            found |= {kv.key: (kv.value, kv.version) for kv in reply.kvs}
            if not reply.more:
                return found
            start = reply.kvs[-1].key + b"\0"


def check(servers: Cluster, load: Load) -> None:
    acknowledged = dict(load.acknowledged)
    for member in servers.members:
        found = everything(member.endpoint)
        lost = [key for key, value in acknowledged.items() if found.get(key, (b"", 0))[0] != value]
        assert not lost, f"{member.name} lost {len(lost)} of {len(acknowledged)} acknowledged puts: {lost[:5]}"
        twice = [key for key, (_, version) in found.items() if version != 1]
        assert not twice, f"{member.name} applied {len(twice)} puts more than once: {twice[:5]}"


@pytest.mark.e2e
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_no_acknowledged_put_is_lost_or_doubled_by_fifty_kills(tmp_path: Path) -> None:
    rng = random.Random(20261122)
    with cluster(MINIETCD, tmp_path, 3, FAST) as servers:
        load = Load([member.endpoint for member in servers.members])
        with load.running():
            for _ in range(KILLS):
                target = len(load.acknowledged) + rng.randrange(1, 60)
                wait_until(lambda target=target: len(load.acknowledged) >= target, "more puts are acknowledged")
                victims: list[Member] = rng.choice(
                    [[rng.choice(servers.members)], [rng.choice(servers.members)], list(servers.members)]
                )
                for member in victims:
                    member.kill()
                for member in victims:
                    member.start()
                for member in victims:
                    member.wait_ready()
                check(servers, load)
        check(servers, load)
        assert len(load.acknowledged) > KILLS

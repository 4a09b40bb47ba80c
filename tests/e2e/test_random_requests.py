"""Whatever is asked of keys, a member of ours answers it as etcd does, field by field and error by error."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from typing import Any

import pytest
import pytest_asyncio
from grpclib.exceptions import GRPCError

from minietcd.clientv3.balancer import Balancer
from minietcd.pkg.context import BACKGROUND
from minietcd.proto.etcdserverpb import rpc_pb2 as pb
from minietcd.proto.etcdserverpb.rpc import KVClient
from tests.processes import MINIETCD, cluster

pytestmark = pytest.mark.e2e

REQUESTS = 300
VALUES = (b"", b"1", b"x", b"\xff\0y")


class Asker:
    """Makes requests up: mostly good ones, on few keys, so that they meet each other."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.revision = 1

    def request(self) -> tuple[str, Any]:
        kinds = {"txn": 50, "range": 25, "put": 15, "delete_range": 7, "compact": 3}
        [kind] = self.random.choices(list(kinds), list(kinds.values()))
        return kind, getattr(self, kind)()

    def sometimes(self) -> bool:
        return self.random.random() < 0.2

    def key(self) -> bytes:
        return self.random.choice((b"a", b"b", b"c", b"e/\xff")) if self.random.random() < 0.97 else b""

    def near(self) -> int:
        return self.random.choice((0, 0, 0, self.revision, self.revision - 3))

    def range(self) -> pb.RangeRequest:
        return pb.RangeRequest(
            key=self.key(),
            range_end=self.random.choice((b"", b"\0", b"c", b"zz")),
            limit=self.random.choice((0, 0, 1, 2)),
            revision=self.random.choice((0, 0, 0, self.near(), self.revision + 50, -1)),
            sort_order=self.random.choice(pb.RangeRequest.SortOrder.values()),
            sort_target=self.random.choice(pb.RangeRequest.SortTarget.values()),
            serializable=self.sometimes(),
            keys_only=self.sometimes(),
            count_only=self.sometimes(),
            min_mod_revision=self.near(),
            max_mod_revision=self.near(),
            min_create_revision=self.near(),
            max_create_revision=self.near(),
        )

    def put(self) -> pb.PutRequest:
        return pb.PutRequest(
            key=self.key(),
            value=self.random.choice(VALUES),
            lease=self.random.choice((0,) * 20 + (77,)),
            prev_kv=self.sometimes(),
            ignore_value=self.random.random() < 0.1,
            ignore_lease=self.random.random() < 0.1,
        )

    def delete_range(self) -> pb.DeleteRangeRequest:
        # Not "\0", all that follows: deleting this, and putting with ignore_lease behind, is etcd's end.
        end = self.random.choice((b"", b"c", b"a", b"zz"))
        return pb.DeleteRangeRequest(key=self.key(), range_end=end, prev_kv=self.sometimes())

    def compare(self) -> pb.Compare:
        names = ("version", "create_revision", "mod_revision", "value", "lease")
        target = self.random.choice(pb.Compare.CompareTarget.values())
        name = self.random.choice(names) if self.sometimes() else names[target]
        value = self.random.choice(VALUES) if name == "value" else self.random.choice((0, 1, self.revision))
        result = self.random.choice(pb.Compare.CompareResult.values())
        end = self.random.choice((b"", b"", b"c", b"\0"))
        return pb.Compare(result=result, target=target, key=self.key(), range_end=end, **{name: value})

    def operation(self, depth: int) -> pb.RequestOp:
        kinds = {"range": 30, "put": 30, "delete_range": 20, "txn": 20 if depth < 3 else 0, "": 1}
        [kind] = self.random.choices(list(kinds), list(kinds.values()))
        asked = self.txn(depth + 1) if kind == "txn" else getattr(self, kind)() if kind else None
        return pb.RequestOp(**({f"request_{kind}": asked} if kind else {}))

    def txn(self, depth: int = 0) -> pb.TxnRequest:
        return pb.TxnRequest(
            compare=[self.compare() for _ in range(self.random.choice((0, 1, 2)))],
            success=[self.operation(depth) for _ in range(self.random.choice((0, 1, 2, 3)))],
            failure=[self.operation(depth) for _ in range(self.random.choice((0, 1, 2)))],
        )

    def compact(self) -> pb.CompactionRequest:
        revision = self.random.choice((self.revision - 20, self.revision, self.revision + 9, 0, -1))
        return pb.CompactionRequest(revision=revision, physical=self.sometimes())


def without_ids(response: Any) -> Any:
    for name in ("cluster_id", "member_id", "raft_term"):
        response.header.ClearField(name)
    for op in getattr(response, "responses", ()):
        without_ids(getattr(op, op.WhichOneof("response")))
    return response


async def answer(client: KVClient, kind: str, request: Any) -> Any:
    try:
        return without_ids(await getattr(client, kind)(BACKGROUND, request))
    except GRPCError as err:
        return err.status, err.message


@pytest_asyncio.fixture
async def clients(etcd_bin: Path, tmp_path: Path) -> AsyncIterator[list[KVClient]]:
    """One of the real etcd's, one of ours."""
    async with AsyncExitStack() as stack:
        found = []
        for name, program in (("theirs", [str(etcd_bin)]), ("ours", MINIETCD)):
            (tmp_path / name).mkdir()
            member = stack.enter_context(cluster(program, tmp_path / name))
            balancer = Balancer([member.endpoints], 5, 2**31)
            stack.push_async_callback(balancer.close)
            found.append(KVClient(balancer.invoke))
        yield found


@pytest.mark.parametrize("seed", [1, 2])
async def test_random_requests_have_the_same_answers(clients: list[KVClient], seed: int) -> None:
    asker = Asker(seed)
    for _ in range(REQUESTS):
        kind, request = asker.request()
        theirs, ours = [await answer(client, kind, request) for client in clients]
        assert ours == theirs, (kind, request)
        if kind != "compact" and not isinstance(ours, tuple):
            asker.revision = max(asker.revision, ours.header.revision)

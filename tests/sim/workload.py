"""What clients do while things go wrong: reads and writes of a few keys, of any member, at seeded moments."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from minietcd.clientv3.op import with_prev_kv, with_serializable
from minietcd.pkg.context import BACKGROUND
from minietcd.proto.etcdserverpb import rpc_pb2 as pb
from tests.sim.checks import Answer
from tests.sim.linearizability import Operation, Stored
from tests.sim.world import Client, World

KEYS = [b"a", b"b", b"c"]
RATE = 20.0
"""Operations a second, of all clients together."""
CLIENTS = 6
_TIMEOUTS = (0.3, 1.0, 3.0, 8.0)
"""Impatience finds other bugs than patience."""
_WRITERS = {"put": 12, "cas": 4, "delete": 1, "get": 2, "peek": 1}
_READERS = {"get": 16, "peek": 4}
"""How often what is done, of twenty; ``peek`` is a serializable read. Half of the clients are readers."""


@dataclass(slots=True)
class Workload:
    """All clients, what they were told, and which writes nobody knows the outcome of."""

    world: World
    members: Sequence[str]
    now: Callable[[], float]
    """In virtual seconds since the members began to serve."""
    answers: list[Answer] = field(default_factory=list)
    unanswered: list[Operation] = field(default_factory=list)
    acknowledged: Callable[[], None] = lambda: None
    """Called at each write that is acknowledged."""
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _values: int = 0
    _over: bool = False

    def start(self) -> None:
        """Let all begin. Who reads sticks to a member; of who writes, one goes from member to member."""
        for n in range(CLIENTS):
            rng = Random(f"{self.world.seed} workload {n}")
            everybody, writes = rng.sample(self.members, len(self.members)), n < CLIENTS // 2
            to = everybody[: 1 if n else None] if writes else [self.members[n % len(self.members)]]
            client = self.world.client(f"c{n + 1}", to, timeout=rng.choice(_TIMEOUTS))
            shares = _WRITERS if writes else _READERS
            self._tasks.append(client.go(self._work(client, shares, rng), f"{client.name} workload"))

    async def stop(self) -> None:
        """Let none begin anything more; what they are at ends soon, one way or the other."""
        self._over = True  # grpclib loses a cancellation when it meets a broken connection
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _work(self, client: Client, shares: dict[str, int], rng: Random) -> None:
        while not self._over:
            await asyncio.sleep(rng.expovariate(RATE / CLIENTS))
            what = rng.choices(list(shares), list(shares.values()))[0]
            await self.request(client, self.next_operation(client, what, rng), what == "peek")

    def next_operation(self, client: Client, what: str, rng: Random) -> Operation:
        """A request of its own value, so that whoever reads it knows whose it was."""
        self._values += 1
        key, value = rng.choice(KEYS), f"v{self._values}".encode()
        expected = self._a_recent_value(key) if rng.random() < 0.8 else None
        do = "get" if what == "peek" else what
        start = self.now()
        return Operation(key, do, start, value=value, expected=expected, client=client.name)  # type: ignore[arg-type]

    async def request(self, client: Client, op: Operation, serializable: bool = False) -> bool:
        """Make it, and note what came of it; returns whether there was an answer."""
        words = [op.do, op.key.decode(), *([] if op.do == "get" else [op.value.decode()])]
        try:
            resp = await client.call(" ".join(words), lambda: _call(client, op, serializable))
        except BaseException as error:
            self.unanswered += [op] if op.do != "get" else []
            if isinstance(error, Exception):
                return False
            raise
        told = replace(op, end=self.now(), outcome=_outcome(op, resp))
        self.answers.append(Answer(told, resp.header.revision, serializable))
        if op.do != "get":
            self.acknowledged()
        return True

    def _a_recent_value(self, key: bytes) -> bytes | None:
        """One that somebody was told of, perhaps no longer there."""
        for answer in reversed(self.answers):
            op = answer.request
            if op.key == key:
                return op.value if op.do in ("put", "cas") else op.outcome[0] if op.outcome else None  # type: ignore
        return None


async def _call(client: Client, op: Operation, serializable: bool) -> Any:
    """Every call asks for what was there before."""
    kv = client.real.kv
    match op.do:
        case "get":
            return await kv.get(BACKGROUND, op.key, *([with_serializable()] if serializable else []))
        case "put":
            return await kv.put(BACKGROUND, op.key, op.value, with_prev_kv())
        case "delete":
            return await kv.delete(BACKGROUND, op.key, with_prev_kv())
    return await kv.remote.txn(BACKGROUND, _swap(op))


def _swap(op: Operation) -> pb.TxnRequest:
    """If the value is what is expected, put another one; else read it."""
    compare = pb.Compare(key=op.key, result=pb.Compare.EQUAL)
    if op.expected is None:
        compare.target, compare.version = pb.Compare.VERSION, 0
    else:
        compare.target, compare.value = pb.Compare.VALUE, op.expected
    put, get = pb.PutRequest(key=op.key, value=op.value), pb.RangeRequest(key=op.key)
    return pb.TxnRequest(
        compare=[compare], success=[pb.RequestOp(request_put=put)], failure=[pb.RequestOp(request_range=get)]
    )


def _outcome(op: Operation, resp: Any) -> Any:
    """What the answer says was there, or True for a swap that was made."""
    match op.do:
        case "get":
            return _stored(resp.kvs)
        case "put":
            return _stored([resp.prev_kv] if resp.HasField("prev_kv") else [])
        case "delete":
            return _stored(resp.prev_kvs)
    return True if resp.succeeded else _stored(resp.responses[0].response_range.kvs)


def _stored(kvs: Sequence[Any]) -> Stored:
    return (kvs[0].value, kvs[0].version) if kvs else None

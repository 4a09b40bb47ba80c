"""The harness: a cluster of real members in this process, on loopback, and a recorder to switch on.

A script for ``tracer run`` is a module with ``async def story(cluster)``, which is recorded. It may set
``MEMBERS`` and ``SEED`` (as the flags of these names), ``CONFIG`` (a dict with fields of
``embed.config.Config``) and ``COLD`` (nobody is started yet), and have an ``async def before(cluster)``,
which is not recorded. It talks to the cluster by ``ctl`` (the real command) or by a ``client``, each
request in a task of its own. A command that fails ends the story, unless it catches the CommandError::

    async def story(cluster: Cluster) -> None:
        await cluster.together(cluster.ctl("put", "a", "1"), cluster.ctl("put", "b", "2"))
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import dataclasses
import io
import re
import sys
import traceback
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import Any, Self, TextIO

from minietcd.clientv3 import client as clientv3
from minietcd.embed.config import Config
from minietcd.etcdctl import main as etcdctl
from minietcd.etcdctl.cobra import Surroundings, UsageError
from minietcd.etcdctl.ctlv3.ctl import root_cmd
from minietcd.etcdctl.ctlv3.help import usage_func
from minietcd.etcdserver.api.membership.cluster import RaftCluster, new_cluster_from_urls_map
from minietcd.etcdserver.api.membership.member import Member
from minietcd.etcdserver.reconfigure import HEALTH_INTERVAL
from minietcd.etcdserver.server import EtcdServer
from minietcd.pkg.context import BACKGROUND
from minietcd.pkg.types import new_urls_map
from tracer import domain, state
from tracer.build import build
from tracer.ground import Ground, Loopback, Place
from tracer.machine import Machine
from tracer.model import Span, Trace
from tracer.recorder import Recorder
from tracer.rpc import Calls
from tracer.source import ROOT
from tracer.stations import is_station
from tracer.subject import MEMBER

_NAMED = re.compile(r"@[0-9a-f]+|\d+(?:\.\d+){3}:\d+")
_PATIENCE = 10.0
_VOTING = 0.2
_POLL = 0.002
_BATCH_INTERVAL = 0.03
"""How soon the backend commits what was written: sooner than etcd's 100 ms, so that a trace need not wait."""


class ClusterError(Exception):
    """The cluster cannot do what was asked; the text says why."""


@dataclass(slots=True, frozen=True)
class Outcome:
    """What a command printed, and its exit code."""

    code: int
    output: str
    errors: str


class CommandError(Exception):
    """A command failed; ``outcome`` has what it said."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.errors.strip())
        self.outcome = outcome


class Cluster:
    """Members n1, n2 …, of which n1 leads; all are stopped at the end of its ``async with``.

    What is recorded: every call with a Go twin; its ``lines`` too; or the ``stations`` alone (cheapest). The
    ``ground`` is where they live: on loopback, or, under ``simulate``, in a world that a seed decides.
    ``fields`` are of ``embed.config.Config``. A ``cold`` one waits until it is told to ``boot``.
    Raises ClusterError for a field that is none.
    """

    def __init__(
        self,
        members: int = 3,
        *,
        lines: bool = False,
        stations: bool = False,
        cold: bool = False,
        ground: Ground | None = None,
        **fields: Any,
    ) -> None:
        if unknown := fields.keys() - {each.name for each in dataclasses.fields(Config)}:
            raise ClusterError(f"CONFIG: a member has no setting {min(unknown)!r}")
        self.names = [f"n{number}" for number in range(1, members + 1)]
        self._lines = lines
        self._wanted = is_station if stations else _everything
        self._cold = cold
        self._calls = Calls()
        self._ground = ground or Loopback()
        self._places: dict[str, Place] = {}
        self._fields = fields
        self._numbers = count(1)
        self._fault = ""

    async def __aenter__(self) -> Self:
        asyncio.get_running_loop().set_exception_handler(self._died)
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._start()
        except TimeoutError:
            await self._stop()
            raise ClusterError(f"the cluster had no leader within {_PATIENCE:.0f} s") from None
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stop()

    @property
    def running(self) -> list[str]:
        """The names of the members that live."""
        return [name for name in self.names if self._places[name].alive and self._places[name].etcd]

    @property
    def leader(self) -> str:
        """The name of the member that leads (of several that believe so, in the last term); "" for none."""
        leading = [name for name in self.running if self._server(name).is_leader()]
        return max(leading, key=lambda name: self._server(name).r.node.rn.raft.term, default="")

    def endpoint(self, to: str = "leader") -> str:
        """Where to reach the leader, a follower, or the member of that name. Raises ClusterError."""
        follower = next((name for name in self.names if name != self.leader), "")
        name = {"leader": self.leader, "follower": follower}.get(to, to)
        return self._place(name, to).client.removeprefix("http://")

    async def ctl(self, *words: str, to: str = "leader", stdin: TextIO | str = "") -> Outcome:
        """Run the real command, as in a shell, against the member ``to``; it reads ``stdin``.

        Raises CommandError if it fails.
        """
        given = io.StringIO(stdin) if isinstance(stdin, str) else stdin
        return await _main(["--endpoints", self.endpoint(to), *words], self._calls, given)

    @asynccontextmanager
    async def client(self, *to: str) -> AsyncIterator[clientv3.Client]:
        """A client of the members ``to`` (see ``endpoint``), or of the leader."""
        endpoints = [self.endpoint(name) for name in to or ("leader",)]
        chance = Random(" ".join(endpoints))
        cfg = clientv3.Config(endpoints, unary_interceptors=[self._calls.client], random=chance)
        async with await clientv3.new(cfg) as client:
            yield client

    async def together(self, *requests: Coroutine[Any, Any, Any]) -> list[Any]:
        """All of ``requests`` at once, each in a task of its own."""
        return await asyncio.gather(*(self.start(each) for each in requests))

    def start(self, request: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Begin ``request`` in a task of its own."""
        return asyncio.create_task(request, name=f"request {next(self._numbers)}")

    async def proposed(self, words: bytes, member: str = "") -> None:
        """Wait until the leader, or ``member``, has an entry with these words, on its disk or about to be."""
        log = self._server(member or self.leader).r.node.rn.raft.raft_log
        await self._until(lambda: any(words in e.data for e in log.all_entries()), self._ground.pause)

    async def stored(self, words: bytes, member: str) -> None:
        """Wait until ``member`` has an entry with these words on its disk."""
        await self.proposed(words, member)
        server = self._server(member)
        written, log = server.r.raft_storage, server.r.node.rn.raft.raft_log
        await self._until(lambda: written.last_index() == log.last_index(), self._ground.pause)

    async def led(self, *but: str) -> None:
        """Wait until one leads whom all others that live follow; ``but`` these, who may not know."""
        servers = {name: self._server(name) for name in self.running if name not in but}

        def agree() -> bool:
            leader = self.leader
            return leader in servers and {s.lead() for s in servers.values()} == {servers[leader].id()}

        await self._until(agree)

    async def transfer(self, to: str) -> None:
        """Let the leader hand over to another member, as when it is told to stop."""
        leader, context = self._server(self.leader), contextvars.copy_context()
        context.run(MEMBER.set, self.leader)
        moving = leader.move_leader(BACKGROUND, leader.id(), self._server(to).id())
        await asyncio.create_task(moving, name="EtcdServer.MoveLeader", context=context)

    def machine(self, name: str) -> Machine:
        """The machine of a member, where it can be broken. Raises ClusterError on loopback."""
        place = self._place(name)
        if not isinstance(place, Machine):
            raise ClusterError("members can only be made to fail in a simulated world: add --seed 1")
        return place

    def crash(self, name: str) -> None:
        """End a member between two steps; what its disk has not synced is lost. Raises ClusterError."""
        self.machine(name).crash()

    async def boot(self) -> None:
        """Start all members, each with an empty directory: nobody leads yet."""
        await asyncio.gather(*(place.start(**self._fields) for place in self._places.values()))

    async def restart(self, name: str) -> None:
        """Start a member again that has crashed. Raises ClusterError."""
        await self.machine(name).start(**self._fields)

    def expect(self, name: str) -> str:
        """Make a place for one more member, which has to be added; its peer URL."""
        place = self._places[name] = self._ground.place(name)
        self.names.append(name)
        return place.peer

    def id(self, name: str) -> str:
        """The id of a member, as commands want it. Raises KeyError if the leader knows of none."""
        ids = {each: id for id, each in self._ids().items()}
        return f"{ids[name]:x}"

    async def join(self, name: str) -> None:
        """Start a member that the cluster expects and has added."""
        known = [self._name(m) for m in self._server(self.leader).cluster().members()]
        cluster = ",".join(f"{each}={self._places[each].peer}" for each in known)
        fields = {"initial_cluster": cluster, "cluster_state": "existing"}
        await self._places[name].start(**self._fields | fields)

    async def in_step(self, name: str) -> None:
        """Wait until a member has all that the leader has."""
        log = self._server(self.leader).r.node.rn.raft.raft_log

        def has_all() -> bool:
            return name in self.running and self._server(name).applied_index() == log.last_index()

        await self._until(has_all)

    async def healthy(self) -> None:
        """Wait for as long as members must have been connected before one may come or go."""
        await asyncio.sleep(HEALTH_INTERVAL + _VOTING)

    async def record(self, story: Coroutine[Any, Any, Any]) -> Trace:
        """What happens while ``story`` runs, and until all have applied and stored what came of it."""
        recorder = Recorder(domain.subject(self._wanted), lines=self._lines, now=self._ground.now)
        states = {name: self.state(name) if name in self.running else {} for name in self.names}
        with recorder:
            self._calls.recorder = recorder
            try:
                await story
                with contextlib.suppress(ClusterError):  # nobody may be left to agree with
                    await self.settle()
            finally:
                self._calls.recorder = None
        trace = self._name_members(build(recorder.journal))
        trace.states = states
        trace.changes = state.changes(trace)
        return trace

    def state(self, name: str) -> state.State:
        """What is so of a member now, by the names in ``state.FIELDS``."""
        server = self._server(name)
        r = server.r.node.rn.raft
        names = self._ids()
        return {
            "role": str(r.state).removeprefix("State").lower(),
            "term": r.term,
            "vote": names.get(r.vote, ""),
            "lead": names.get(r.lead, ""),
            "voters": state.voters(_named(domain.brief(r.prs.conf_state()), _marked(names))),
            "readyc": state.NIL,  # what is asked is quiet
            "advancec": state.NIL,
            "log": r.raft_log.last_index(),
            "disk": server.r.raft_storage.last_index(),
            "commit": r.raft_log.committed,
            "applied": server.applied_index(),
            "revision": server.kv().rev(),
        }

    def _roles(self) -> dict[str, str]:
        """What each member is in the end, as far as the leader knows."""
        leader = self.leader
        known = self._server(leader).cluster().members() if leader else []
        roles = {self._name(m): "learner" for m in known if m.is_learner} | {leader: "leader"}
        return {name: roles.get(name, "follower") if name in self.running else "dead" for name in self.names}

    def _ids(self) -> dict[int, str]:
        """The names of all members that anybody knows of, by id."""
        clusters = [self._server(name).cluster() for name in self.running]
        return {m.id: self._name(m) for cluster in clusters for m in cluster.members()}

    def _name(self, member: Member) -> str:
        """What we call it: it has no name itself before it runs."""
        peers = {place.peer: name for name, place in self._places.items()}
        return next((peers[url] for url in member.peer_urls if url in peers), member.name)

    async def _stop(self) -> None:
        """Stop all members. Raises ClusterError if one had a fault: that is why what came after it failed."""
        asyncio.get_running_loop().set_exception_handler(None)
        await self._ground.stop()
        if self._fault:
            raise ClusterError(self._fault) from None

    def _died(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Remember where the first task died of what was nobody's to catch: a real member would end by it."""
        error, task = context.get("exception"), context.get("task")
        if not isinstance(error, Exception) or task is None:
            loop.default_exception_handler(context)
        elif not self._fault:
            *_, at = traceback.extract_tb(error.__traceback__)
            where = f"{at.filename.removeprefix(f'{ROOT}/')}:{at.lineno}"
            member = task.get_context().get(MEMBER, "the client")
            told = f"{type(error).__name__}: {str(error) or at.line}"
            self._fault = f"{where}: {told} ({member}: {task.get_name()} died of it)"

    async def _start(self) -> None:
        self._places = {name: self._ground.place(name) for name in self.names}
        cluster = ",".join(f"{name}={place.peer}" for name, place in self._places.items())
        self._fields = {
            "initial_cluster": cluster,
            "initial_cluster_token": _ordering_token(cluster),
            "backend_batch_interval": _BATCH_INTERVAL,
            "unary_interceptors": [self._calls.server],
        } | self._fields
        if self._cold:
            return
        await self.boot()
        await self._elect(self._server(self.names[0]))
        await self._until(self._serve_all)
        await self.settle()

    def _serve_all(self) -> bool:
        """Whether every member takes requests, and the cluster's own first entries are behind it."""
        servers = [self._server(name) for name in self.names]
        published = all(s.ready_notify().closed and s.cluster_version() is not None for s in servers)
        members = [place.etcd for place in self._places.values()]
        return published and all(m is not None and m.clients[0]._server is not None for m in members)

    async def _elect(self, server: EtcdServer) -> None:
        """Let ``server`` lead as soon as it can be heard, without waiting for anybody's patience to end."""
        servers = [self._server(name) for name in self.names]
        await self._until(lambda: all(each.applied_index() >= len(servers) for each in servers))
        await self._until(
            lambda: all(each.r.transport.active_peers() + 1 == len(servers) for each in servers)
        )
        while not all(each.lead() == server.id() for each in servers):
            leader = next((each for each in servers if each.is_leader()), None)
            if leader is None:
                await server.r.node.campaign()
            elif leader is not server:
                await leader.r.node.transfer_leadership(BACKGROUND, leader.id(), server.id())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_VOTING):
                    await self._until(lambda: all(each.lead() == server.id() for each in servers))

    async def settle(self) -> None:
        """Wait until every member has applied all that is committed, and the backends have stored it."""
        await self._until(self._is_settled)
        await asyncio.sleep(1.5 * _BATCH_INTERVAL)

    def _is_settled(self) -> bool:
        if not self.leader:
            return 2 * len(self.running) <= len(self.names)  # so few elect nobody any more
        committed = self._server(self.leader).committed_index()
        return all(self._server(name).applied_index() >= committed for name in self.running)

    async def _until(self, done: Callable[[], bool], pause: float = _POLL) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                while not done():  # noqa: ASYNC110 — what is waited for knows nothing of us
                    await asyncio.sleep(pause)
        except TimeoutError:
            raise ClusterError(f"what is waited for did not come within {_PATIENCE:.0f} s") from None

    def _place(self, name: str, called: str = "") -> Place:
        """Where a member lives. Raises ClusterError if there is none of this name."""
        if name not in self._places:
            raise ClusterError(f"there is no {called or name or 'leader'} among {', '.join(self.names)}")
        return self._places[name]

    def _server(self, name: str) -> EtcdServer:
        place = self._place(name)
        etcd = place.etcd if place.alive else None
        if etcd is None or etcd.server is None:
            raise ClusterError(f"{name} does not run")
        return etcd.server

    def _name_members(self, trace: Trace) -> Trace:
        """Put names where ids were shown, and roles to the names."""
        trace.members = self._roles()
        names = _marked(self._ids())
        for name, place in self._places.items():
            names |= {url.removeprefix("http://"): name for url in (place.peer, place.client)}
        requests = dict.fromkeys(number for span in trace.spans.values() for number in _request_ids(span))
        names |= {f"@{number:x}": f"request {n}" for n, number in enumerate(requests, 1)}
        for span in trace.spans.values():
            span.args, span.result = _named(span.args, names), _named(span.result, names)
            span.lines = [(line, _named(values, names)) for line, values in span.lines]
        for edge in trace.edges:
            edge.label = _named(edge.label, names)
        return trace


async def record_client(args: list[str]) -> tuple[Trace, Outcome]:
    """The client's half of a command, run against whatever cluster its ``--endpoints`` name.

    Raises CommandError.
    """
    calls = Calls()
    with Recorder(domain.subject()) as recorder:
        calls.recorder = recorder
        outcome = await _main(args, calls, sys.stdin)
        calls.recorder = None
    return build(recorder.journal), outcome


async def command(args: list[str], calls: Calls, stdin: TextIO) -> Outcome:
    """Run ``minietcdctl`` with ``args`` in this process and catch what it prints."""
    output, errors = io.StringIO(), io.StringIO()
    around = Surroundings(stdin, output, errors, unary_interceptors=[calls.client])
    code = await etcdctl.run(args, around)
    return Outcome(code, output.getvalue(), errors.getvalue())


async def _main(args: list[str], calls: Calls, stdin: TextIO) -> Outcome:
    outcome = await asyncio.create_task(command(args, calls, stdin), name="main")
    if outcome.code:
        raise CommandError(outcome)
    return outcome


def check(words: list[str]) -> Outcome | None:
    """What the command would say without a cluster: that there is none of this name, or its help."""
    output, errors = io.StringIO(), io.StringIO()
    root = root_cmd(Surroundings(stdout=output, stderr=errors))
    try:
        found, rest = root.find(words)
        asked = found.name == "help"
        if asked:
            found, rest = root.find(rest)
        found.init_default_help_flag()
        found.parse_flags(rest)
        if found.run and not asked and not found.get("help", bool):
            return None
    except UsageError as error:
        of = " ".join(error.command.path.split()[1:])
        hint = f"try tracer help {of}" if of else "try tracer --help"
        return Outcome(1, "", f"tracer: {str(error).splitlines()[0]} ({hint})\n")
    usage_func(found)
    return Outcome(0, output.getvalue(), errors.getvalue())


def _everything(_: str) -> bool:
    return True


def _request_ids(span: Span) -> list[int]:
    return [number for kind, number, _ in span.keys or () if kind == "req" and number]


def _named(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _named(each, names) for key, each in value.items()}
    if not isinstance(value, str) or ("@" not in value and "." not in value):
        return value
    return _NAMED.sub(lambda match: names.get(match[0], match[0]), value)


def _marked(ids: dict[int, str]) -> dict[str, str]:
    """Names by ids as they are shown at first."""
    return {f"@{id:x}": name for id, name in ids.items()}


def _ordering_token(cluster: str) -> str:
    """A cluster token with which the members' ids are in the order of their names.

    The ids come from addresses, of which the ports differ from run to run; raft goes through members by id.
    """
    urls = new_urls_map(cluster)
    tokens = (f"tracer-{number}" for number in count(1))
    return next(token for token in tokens if _is_ordered(new_cluster_from_urls_map(token, urls)))


def _is_ordered(cluster: RaftCluster) -> bool:
    names = [member.name for member in sorted(cluster.members(), key=lambda member: member.id)]
    return names == sorted(names)

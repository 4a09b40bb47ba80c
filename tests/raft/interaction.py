"""What the scripts in ``interaction`` do: some members, the messages between them, and a hand on each lever.

Nothing happens by itself. A member works when it is told to (``process-ready``, ``stabilize``), a message
arrives when it is delivered, time passes when somebody ticks. What raft logs on the way is part of what comes
out, and so is every error. The state machine is a text that each entry is appended to.

The directives are those of etcd 3.4 in its own formats, some of etcd's later ones, and our own, for what
those cannot tell: crashes, and messages that come twice or late. Their docstrings show how each is written;
tests/testdata/raft/README.md has them all on one page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from typing import Any

from minietcd.pkg.strconv import parse_bool, parse_uint, quote
from minietcd.raft import (
    NO_LIMIT,
    ConfChangeError,
    Config,
    MemoryStorage,
    RaftError,
    RawNode,
    ReadOnlyLeaseBased,
    ReadOnlySafe,
    SnapshotFailure,
    SnapshotFinish,
    is_empty_hard_state,
    is_empty_snap,
)
from minietcd.raft import raftpb as pb
from minietcd.raft.raftpb import Index, Message, NodeID, Term
from minietcd.raft.tracker.progress import ProgressMap
from minietcd.raft.util import describe_entries, describe_message, describe_ready
from tests.raft.datadriven import Arg, Block, ScriptError, uint

LEVELS = ("DEBUG", "INFO", "WARN", "ERROR", "FATAL", "NONE")
QUIET = LEVELS.index("NONE")


class Output:
    """What a directive prints, and what raft logs meanwhile; a ``Logger``."""

    def __init__(self) -> None:
        self.text = ""
        self.level = 0

    def write(self, text: str) -> None:
        self.text += text

    @contextmanager
    def indented(self) -> Iterator[None]:
        before, self.text = self.text, ""
        yield
        lines = self.text.removesuffix("\n").split("\n") if self.text else []
        self.text = before + "".join(f"  {line}\n" for line in lines)

    def log(self, level: int, message: str) -> None:
        if level >= self.level:
            self.write(f"{LEVELS[level]} {message}\n")

    def debug(self, msg: str, /, *args: object) -> None:
        self.log(0, msg)

    def info(self, msg: str, /, *args: object) -> None:
        self.log(1, msg)

    def warning(self, msg: str, /, *args: object) -> None:
        self.log(2, msg)

    def error(self, msg: str, /, *args: object) -> None:
        self.log(3, msg)


class HistoryStorage(MemoryStorage):
    """Whoever asks for a snapshot gets the newest state of the state machine."""

    __slots__ = ("history",)

    def __init__(self, first: pb.Snapshot) -> None:
        super().__init__()
        self.history = [first]

    def snapshot(self) -> pb.Snapshot:
        return self.history[-1]


@dataclass
class Node:
    """A member, what it has on disk, and the text it has made of the log."""

    raw: RawNode
    config: Config
    storage: HistoryStorage
    state: bytes

    def apply(self, entry: pb.Entry) -> None:
        """Let the entry take effect, and remember the state after it as a snapshot.

        As in etcd's own harness, a snapshot that came from somebody else is no part of the history.
        """
        update, conf_state = entry.data, self.storage.history[-1].metadata.conf_state
        if entry.type != pb.EntryNormal:
            kind = pb.ConfChange if entry.type == pb.EntryConfChange else pb.ConfChangeV2
            change = kind.unmarshal(entry.data)
            update, conf_state = change.context, self.raw.apply_conf_change(change)
        self.state += update
        data = self.storage.history[-1].data + update
        metadata = pb.SnapshotMetadata(conf_state, entry.index, entry.term)
        self.storage.history.append(pb.Snapshot(data, metadata))


OPTIONS: Mapping[str, tuple[str, Callable[[Arg], Any]]] = {
    "inflight": ("max_inflight_msgs", lambda arg: uint(arg.one())),
    "max-size-per-msg": ("max_size_per_msg", lambda arg: uint(arg.one())),
    "max-committed-size-per-ready": ("max_committed_size_per_ready", lambda arg: uint(arg.one())),
    "max-uncommitted-size": ("max_uncommitted_entries_size", lambda arg: uint(arg.one())),
    "prevote": ("pre_vote", Arg.flag),
    "checkquorum": ("check_quorum", Arg.flag),
    "read-only": ("read_only_option", lambda arg: _choice(arg, READ_ONLY)),
    "disable-proposal-forwarding": ("disable_proposal_forwarding", Arg.flag),
}
"""What ``add-nodes`` may be given: the field of ``Config`` it sets, and how to read it."""

READ_ONLY = {"safe": ReadOnlySafe, "lease-based": ReadOnlyLeaseBased}
SNAPSHOT_STATUS = {"finish": SnapshotFinish, "failure": SnapshotFailure}
TRANSITIONS = {
    "auto": pb.ConfChangeTransitionAuto,
    "implicit": pb.ConfChangeTransitionJointImplicit,
    "explicit": pb.ConfChangeTransitionJointExplicit,
}


def _choice[T](arg: Arg, choices: Mapping[str, T]) -> T:
    if arg.one() not in choices:
        raise ScriptError(f"{arg.key} is one of {', '.join(choices)}, not {arg.one()}")
    return choices[arg.one()]


class InteractionError(RaftError):
    """What etcd's harness itself complains about, as part of what comes out."""


class InteractionEnv:
    """The members by their order (the first has id 1), and the messages that wait to be delivered."""

    def __init__(self) -> None:
        self.output = Output()
        self.nodes: list[Node] = []
        self.messages: list[Message] = []

    def handle(self, block: Block) -> str:
        """Do what the block says. At level NONE nothing is told of it, unless it goes wrong."""
        self.output.text = error = ""
        try:
            if block.cmd not in DIRECTIVES:
                raise InteractionError("unknown command")
            DIRECTIVES[block.cmd](self, block)
        except ConfChangeError as panic:
            raise ScriptError(f"{block.cmd}: raft panics: {panic}") from None
        except RaftError as failure:
            error = str(failure)
            self.output.write(error)
        if not self.output.text:
            return "ok"
        if self.output.level == QUIET:
            return error or "ok (quiet)"
        return self.output.text

    def node(self, id: int) -> Node:
        if not 1 <= id <= len(self.nodes):
            raise ScriptError(f"there is no member {id}, there are {len(self.nodes)}")
        return self.nodes[id - 1]

    def first(self, block: Block) -> Node:
        """The member that the directive's first argument names."""
        return self.node(uint(block.word(0, "the id of a member")))

    # Members

    def add_nodes(self, block: Block) -> None:
        """``add-nodes 3 voters=(1,2,3) learners=(4) index=10 content=foo``, and the keys of OPTIONS.

        As many members, with the next ids; all begin with the same snapshot, if any.
        """
        options = block.options("voters", "learners", "index", "content", *OPTIONS)
        none = Arg("")
        voters, learners = (
            tuple(map(NodeID, options.get(key, none).uints())) for key in ("voters", "learners")
        )
        index = Index(uint(options["index"].one()) if "index" in options else 0)
        content = options["content"].one().encode() if "content" in options else b""
        snapshot = pb.Snapshot(content, pb.SnapshotMetadata(pb.ConfState(voters, learners), index))
        settings = {OPTIONS[key][0]: OPTIONS[key][1](arg) for key, arg in options.items() if key in OPTIONS}
        for _ in range(uint(block.word(0, "how many members to add"))):
            self.add_node(snapshot, settings)

    def add_node(self, snapshot: pb.Snapshot, settings: Mapping[str, Any]) -> None:
        id, metadata = NodeID(len(self.nodes) + 1), snapshot.metadata
        if snapshot != pb.Snapshot():
            if metadata.index <= 1:
                raise InteractionError("index must be specified as > 1 due to bootstrap")
            metadata = pb.SnapshotMetadata(metadata.conf_state, metadata.index, Term(1))
            snapshot = pb.Snapshot(snapshot.data, metadata)
        storage = HistoryStorage(snapshot)
        if metadata.index:
            storage.apply_snapshot(snapshot)
        defaults = {"election_tick": 3, "heartbeat_tick": 1, "max_inflight_msgs": 2**31 - 1}
        config = Config(
            **defaults | settings,  # type: ignore[arg-type]  # the table knows
            id=id,
            storage=storage,
            rand=Random(id),
            applied=metadata.index,
            logger=self.output,
        )
        self.nodes.append(Node(RawNode(config), config, storage, snapshot.data))

    def restart(self, block: Block) -> None:
        """``restart 2``: a crash. What was not written is gone; what was written is applied anew.

        Whoever compacts the log has written the state up to there.
        """
        node = self.first(block)
        storage, compacted = node.storage, node.storage.first_index() - 1
        if storage.snap.metadata.index < compacted:
            storage.snap = next(snap for snap in storage.history if snap.metadata.index == compacted)
        storage.history = [storage.snap]
        node.state, node.config.applied = storage.snap.data, storage.snap.metadata.index
        node.raw = RawNode(node.config)

    # Time

    def campaign(self, block: Block) -> None:
        """``campaign 1``"""
        self.first(block).raw.campaign()

    def tick(self, block: Block) -> None:
        """``tick 1 5``: five ticks."""
        self._tick(self.first(block), uint(block.word(1, "how many ticks")))

    def tick_heartbeat(self, block: Block) -> None:
        """``tick-heartbeat 1``: as many ticks as from one heartbeat to the next."""
        self._tick(self.first(block), self.first(block).config.heartbeat_tick)

    def tick_election(self, block: Block) -> None:
        """``tick-election 1``: as many ticks as the shortest election timeout has."""
        self._tick(self.first(block), self.first(block).config.election_tick)

    def _tick(self, node: Node, times: int) -> None:
        for _ in range(times):
            node.raw.tick()

    def set_randomized_election_timeout(self, block: Block) -> None:
        """``set-randomized-election-timeout 1 timeout=5``: until the member's role changes."""
        timeout = block.options("timeout").get("timeout", Arg("timeout"))
        self.first(block).raw.raft.randomized_election_timeout = uint(timeout.one())

    # Proposals

    def propose(self, block: Block) -> None:
        """``propose 1 foo``"""
        if len(block.args) != 2 or len(block.words()) != 2:
            raise ScriptError("propose wants a member and one word to propose")
        self.first(block).raw.propose(block.words()[1].encode())

    def propose_conf_change(self, block: Block) -> None:
        """``propose-conf-change 1 v1=true transition=auto|implicit|explicit``, and ``v2 l3 r4`` as input.

        Without input: leave the joint configuration.
        """
        node, v1, transition = self.first(block), False, pb.ConfChangeTransitionAuto
        try:
            for arg in [arg for arg in block.args if arg.vals]:
                if arg.key == "v1":
                    v1 = parse_bool(arg.one())
                elif arg.key != "transition":
                    raise InteractionError(f"unknown command {arg.key}")
                elif arg.one() not in TRANSITIONS:
                    raise InteractionError(f"unknown transition {arg.one()}")
                else:
                    transition = TRANSITIONS[arg.one()]
            changes = pb.conf_changes_from_string(block.input)
        except ValueError as error:
            raise InteractionError(str(error)) from None
        node.raw.propose_conf_change(_conf_change(v1, transition, changes))

    def transfer_leadership(self, block: Block) -> None:
        """``transfer-leadership from=1 to=2``: 1 is asked to let 2 lead."""
        options = block.options("from", "to")
        if len(options) < 2:
            raise ScriptError("transfer-leadership wants from=… and to=…")
        self.node(uint(options["from"].one())).raw.transfer_leader(NodeID(uint(options["to"].one())))

    def read_index(self, block: Block) -> None:
        """``read-index 2 foo``: how far must 2 have applied to read now? foo is the read's name."""
        self.first(block).raw.read_index(block.word(1, "a name for the read").encode())

    # Work

    def process_ready(self, block: Block) -> None:
        """``process-ready 1``, or several: write, apply and send what there is."""
        ids = block.ids()
        if len(ids) == 1:
            self._process_ready(self.first(block))
            return
        for id in ids:
            self.output.write(f"> {id} handling Ready\n")
            with self.output.indented():
                self._process_ready(self.node(id))

    def _process_ready(self, node: Node) -> None:
        rd = node.raw.ready()
        self.output.write(describe_ready(rd))
        if not is_empty_hard_state(rd.hard_state):
            node.storage.set_hard_state(rd.hard_state)
        node.storage.append(rd.entries)
        if not is_empty_snap(rd.snapshot):
            node.storage.apply_snapshot(rd.snapshot)
            node.state = rd.snapshot.data
        for entry in rd.committed_entries:
            node.apply(entry)
        self.messages += rd.messages
        node.raw.advance(rd)

    def stabilize(self, block: Block) -> None:
        """``stabilize``, ``stabilize 1 2 log-level=none``: work and deliver until all is quiet."""
        option = block.options("log-level").get("log-level")
        before = self.output.level
        if option:
            self._set_level(option.one())
        self._stabilize([self.node(id) for id in block.ids()] or self.nodes)
        self.output.level = before

    def settle(self, block: Block) -> None:
        """``settle``, ``settle 1 2``: as stabilize, and not a word of it."""
        before = self.output.text, self.output.level
        self.output.level = QUIET
        self._stabilize([self.node(id) for id in block.ids()] or self.nodes)
        self.output.text, self.output.level = before

    def _stabilize(self, nodes: list[Node]) -> None:
        busy = True
        while busy:
            busy = False
            for node in [node for node in nodes if node.raw.has_ready()]:
                busy = True
                self.output.write(f"> {node.config.id} handling Ready\n")
                with self.output.indented():
                    self._process_ready(node)
            for node in nodes:
                if any(m.to == node.config.id for m in self.messages):
                    busy = True
                    self.output.write(f"> {node.config.id} receiving messages\n")
                    with self.output.indented():
                        self._deliver(node.config.id)

    # Messages

    def deliver_msgs(self, block: Block) -> None:
        """``deliver-msgs 1 2 drop=(3,4) type=MsgApp from=2``: what waits for these arrives, or is lost."""
        options = block.options("drop", "type", "from")
        dropped = options.get("drop", Arg("drop")).uints()
        if both := set(dropped) & set(block.ids()):
            raise ScriptError(f"can't both deliver and drop msgs to {min(both)}")
        kind = _choice(options["type"], pb.MessageType.__members__) if "type" in options else None
        sender = uint(options["from"].one()) if "from" in options else None

        def wanted(m: Message) -> bool:
            return kind in (None, m.type) and sender in (None, m.from_)

        handled = 0
        for arg in block.args:  # in the order given
            if not arg.vals:
                handled += self._deliver(uint(arg.key), wanted=wanted)
            elif arg.key == "drop":
                handled += sum(self._deliver(id, drop=True, wanted=wanted) for id in arg.uints())
        if not handled:
            self.output.write("no messages\n")

    def _deliver(
        self, id: int, *, drop: bool = False, wanted: Callable[[Message], bool] = lambda m: True
    ) -> int:
        """Deliver or drop what waits for ``id``; returns how many messages that were.

        What arrives has gone through its bytes, as on a wire.
        """
        arriving = [m for m in self.messages if m.to == id and wanted(m)]
        self.messages = [m for m in self.messages if m.to != id or not wanted(m)]
        for m in arriving:
            self.output.write(f"{'dropped: ' if drop else ''}{describe_message(m)}\n")
            if not drop:
                try:
                    self.node(id).raw.step(Message.unmarshal(m.marshal()))
                except RaftError as error:
                    self.output.write(str(error))
        return len(arriving)

    def duplicate_msgs(self, block: Block) -> None:
        """``duplicate-msgs 2``: everything that waits for 2 will come once more."""
        ids = block.ids()
        self.messages += [m for m in self.messages if m.to in ids]

    def reverse_msgs(self, block: Block) -> None:
        """``reverse-msgs 2``: what waits for 2 will come in the opposite order."""
        ids = block.ids()
        late = [m for m in reversed(self.messages) if m.to in ids]
        self.messages = [m for m in self.messages if m.to not in ids] + late

    def show_msgs(self, block: Block) -> None:
        """``show-msgs``, ``show-msgs 2``: what waits to be delivered, to 2."""
        ids = block.ids()
        waiting = [describe_message(m) for m in self.messages if not ids or m.to in ids]
        self.output.write("\n".join(waiting or ["no messages"]) + "\n")

    def send_snapshot(self, block: Block) -> None:
        """``send-snapshot 1 2``: a snapshot of 1 is on its way to 2, though nobody asked for it."""
        node, to = self.first(block), NodeID(uint(block.word(1, "to whom")))
        term = node.raw.basic_status().term
        snapshot = node.storage.snapshot()
        m = Message(type=pb.MsgSnap, to=to, from_=node.config.id, term=term, snapshot=snapshot)
        self.messages.append(m)
        self.output.write(describe_message(m) + "\n")

    def report_unreachable(self, block: Block) -> None:
        """``report-unreachable 1 2``: 1 hears that 2 could not be reached."""
        self.first(block).raw.report_unreachable(NodeID(uint(block.word(1, "who was not reached"))))

    def report_snapshot(self, block: Block) -> None:
        """``report-snapshot 1 2 status=finish|failure``: 1 hears how sending its snapshot to 2 went."""
        status = block.options("status").get("status", Arg("status"))
        id = NodeID(uint(block.word(1, "to whom the snapshot went")))
        self.first(block).raw.report_snapshot(id, _choice(status, SNAPSHOT_STATUS))

    # What to look at

    def log_level(self, block: Block) -> None:
        """``log-level debug|info|warn|error|fatal|none``: what is told from now on."""
        self._set_level(block.word(0, "a level"))

    def _set_level(self, name: str) -> None:
        if name.upper() not in LEVELS:
            raise InteractionError(f"log levels must be either of [{' '.join(LEVELS)}]")
        self.output.level = LEVELS.index(name.upper())

    def raft_log(self, block: Block) -> None:
        """``raft-log 1``: what is in storage."""
        storage = self.first(block).storage
        first, last = storage.first_index(), storage.last_index()
        if last < first:
            self.output.write(f"log is empty: first index={first}, last index={last}")
        else:
            self.output.write(describe_entries(storage.entries(first, Index(last + 1), NO_LIMIT)))

    def compact(self, block: Block) -> None:
        """``compact 1 5``: forget the log up to 5, and show what is left."""
        try:
            index = parse_uint(block.word(1, "an index"))
        except ValueError as error:
            raise InteractionError(str(error)) from None
        self.first(block).storage.compact(Index(index))
        self.raft_log(block)

    def status(self, block: Block) -> None:
        """``status 1``: how far the others are, as leader 1 sees them."""
        self.output.write(str(ProgressMap(self.first(block).raw.status().progress)))

    def raft_state(self, block: Block) -> None:
        """``raft-state``: everybody's role, term and leader."""
        for node in self.nodes:
            status = node.raw.status()
            voter = "Voter" if status.id in status.config.voters.ids() else "Non-Voter"
            self.output.write(
                f"{status.id}: {status.raft_state} ({voter}) Term:{status.term} Lead:{status.lead}\n"
            )

    def state_machine(self, block: Block) -> None:
        """``state-machine 1``: the text that 1 has made of the entries it applied."""
        self.output.write(quote(self.first(block).state) + "\n")

    def breakpoint(self, block: Block) -> None:
        """``_breakpoint``: nothing; a place to stop a debugger at."""


def _conf_change(
    v1: bool, transition: pb.ConfChangeTransition, changes: tuple[pb.ConfChangeSingle, ...]
) -> pb.ConfChangeI:
    if not v1:
        return pb.ConfChangeV2(transition, changes)
    if len(changes) > 1 or transition != pb.ConfChangeTransitionAuto:
        raise InteractionError("v1 conf change can only have one operation and no transition")
    if not changes:
        raise ScriptError("a v1 conf change wants one operation")
    return pb.ConfChange(type=changes[0].type, node_id=changes[0].node_id)


DIRECTIVES: Mapping[str, Callable[[InteractionEnv, Block], None]] = {
    # etcd 3.4
    "_breakpoint": InteractionEnv.breakpoint,
    "add-nodes": InteractionEnv.add_nodes,
    "campaign": InteractionEnv.campaign,
    "compact": InteractionEnv.compact,
    "deliver-msgs": InteractionEnv.deliver_msgs,
    "process-ready": InteractionEnv.process_ready,
    "log-level": InteractionEnv.log_level,
    "raft-log": InteractionEnv.raft_log,
    "stabilize": InteractionEnv.stabilize,
    "status": InteractionEnv.status,
    "tick-heartbeat": InteractionEnv.tick_heartbeat,
    "propose": InteractionEnv.propose,
    "propose-conf-change": InteractionEnv.propose_conf_change,
    # later
    "raft-state": InteractionEnv.raft_state,
    "report-unreachable": InteractionEnv.report_unreachable,
    "send-snapshot": InteractionEnv.send_snapshot,
    "set-randomized-election-timeout": InteractionEnv.set_randomized_election_timeout,
    "tick-election": InteractionEnv.tick_election,
    "transfer-leadership": InteractionEnv.transfer_leadership,
    # our own
    "duplicate-msgs": InteractionEnv.duplicate_msgs,
    "read-index": InteractionEnv.read_index,
    "report-snapshot": InteractionEnv.report_snapshot,
    "restart": InteractionEnv.restart,
    "reverse-msgs": InteractionEnv.reverse_msgs,
    "settle": InteractionEnv.settle,
    "show-msgs": InteractionEnv.show_msgs,
    "state-machine": InteractionEnv.state_machine,
    "tick": InteractionEnv.tick,
}

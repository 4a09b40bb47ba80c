"""The stations of a request, by their Go names: what a reader should see first, in walking order.

Also what the graph alone cannot know about etcd: where a quorum completes, and what a timer finishes later.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

from tracer.fold import Often, stations
from tracer.model import Span, Trace
from tracer.slice import Rules

_RPCS = ("Put", "Range", "DeleteRange", "Txn", "Compact")
_CHANGES = tuple(f"{change}Member" for change in ("Add", "Remove", "Update", "Promote"))
_TURN, _MEMBER, _STORY = Often.EACH, Often.MEMBER, Often.STORY

STATIONS: tuple[tuple[str, Often, tuple[str, ...]], ...] = (
    ("command", _TURN, ("etcdctl/ctlv3/command/*_command.go#*CommandFunc",)),
    ("client", _TURN, ("clientv3/kv.go#kv.Do", "clientv3/cluster.go#cluster.Member*")),
    (
        "call",
        _TURN,
        ("etcdserver/etcdserverpb/rpc.pb.go#kVClient.*", "etcdserver/etcdserverpb/rpc.pb.go#clusterClient.*"),
    ),
    (
        "handler",
        _TURN,
        (
            "etcdserver/etcdserverpb/rpc.pb.go#_KV_*_Handler",
            "etcdserver/etcdserverpb/rpc.pb.go#_Cluster_*_Handler",
        ),
    ),
    ("server", _TURN, tuple(f"etcdserver/v3_server.go#EtcdServer.{rpc}" for rpc in _RPCS)),
    ("server", _TURN, tuple(f"etcdserver/server.go#EtcdServer.{change}" for change in _CHANGES)),
    ("ask", _TURN, ("etcdserver/v3_server.go#EtcdServer.linearizableReadNotify",)),
    ("propose", _TURN, ("raft/node.go#node.Propose", "raft/node.go#node.ProposeConfChange")),
    ("read index", _TURN, ("raft/node.go#node.ReadIndex",)),
    ("hand over", _TURN, ("etcdserver/server.go#EtcdServer.MoveLeader",)),
    ("timer", _MEMBER, ("etcdserver/raft.go#raftNode.tick",)),
    ("tick", _MEMBER, ("raft/raft.go#raft.tickElection", "raft/raft.go#raft.tickHeartbeat")),
    ("hear", _TURN, ("raft/raft.go#raft.handleHeartbeat",)),
    ("campaign", _TURN, ("raft/raft.go#raft.campaign",)),
    ("become", _TURN, ("raft/raft.go#raft.become*",)),
    (
        "node.step",
        _STORY,
        tuple(f"raft/node.go#node.stepWithWaitOption {m}*" for m in ("MsgProp", "MsgReadIndex")),
    ),
    ("raft.Step", _STORY, ("raft/raft.go#raft.Step",)),
    ("role", _MEMBER, ("raft/raft.go#stepLeader", "raft/raft.go#stepFollower")),
    ("vote", _TURN, ("raft/raft.go#raft.send Msg*VoteResp*",)),
    ("append", _TURN, ("raft/raft.go#raft.appendEntry an empty one",)),
    ("count", _TURN, ("raft/raft.go#raft.poll",)),
    (
        "progress",
        _TURN,
        ("raft/tracker/progress.go#Progress.Become*", "raft/tracker/progress.go#Progress.MaybeDecrTo"),
    ),
    ("Ready", _STORY, ("raft/node.go#newReady",)),
    ("peers", _MEMBER, ("etcdserver/api/rafthttp/peer.go#peer.send",)),
    ("lost", _TURN, ("raft/node.go#node.ReportUnreachable",)),
    ("restore", _TURN, ("raft/raft.go#raft.restore",)),
    ("merge", _TURN, ("etcdserver/snapshot_merge.go#EtcdServer.createMergedSnapshotMessage",)),
    ("post", _TURN, ("etcdserver/api/rafthttp/snapshot_sender.go#snapshotSender.post",)),
    ("receive", _TURN, ("etcdserver/api/snap/db.go#Snapshotter.SaveDBFrom",)),
    ("snapshot", _TURN, ("etcdserver/storage.go#storage.SaveSnap",)),
    ("WAL", _TURN, ("wal/wal.go#WAL.sync",)),
    ("commit", _TURN, ("raft/raft.go#raft.maybeCommit",)),
    ("quorum", _TURN, ("raft/read_only.go#readOnly.advance",)),
    ("apply", _TURN, ("etcdserver/server.go#EtcdServer.applyEntryNormal",)),
    ("apply", _TURN, ("etcdserver/server.go#EtcdServer.applyConfChange",)),
    ("switch", _TURN, ("raft/raft.go#raft.switchToConfig",)),
    (
        "members",
        _TURN,
        tuple(
            f"etcdserver/api/membership/cluster.go#RaftCluster.{change}"
            for change in ("AddMember", "RemoveMember", "UpdateRaftAttributes", "PromoteMember")
        ),
    ),
    ("install", _TURN, ("etcdserver/backend.go#openSnapshotBackend",)),
    ("MVCC", _TURN, ("mvcc/kvstore_txn.go#storeTxn*.put", "mvcc/kvstore_txn.go#storeTxn*.rangeKeys")),
    ("MVCC", _TURN, ("mvcc/kvstore_txn.go#storeTxnWrite.deleteRange",)),
    (
        "answer",
        _TURN,
        ("etcdserver/api/v3rpc/header.go#header.fill", "etcdserver/api/v3rpc/member.go#ClusterServer.header"),
    ),
    ("reply", _TURN, ("etcdctl/ctlv3/command/printer*.go#*Printer.[PGDM]*",)),
    ("on disk", _TURN, ("mvcc/backend/batch_tx.go#batchTx.commit",)),
)
"""Title, how often to tell it, and the Go names (as patterns) of each station; after a blank, with what."""

RULES = Rules(
    completes={
        "raft/raft.go#raft.maybeCommit": "quorum",
        "raft/read_only.go#readOnly.advance": "quorum",
    },
    counts=frozenset({"raft/raft.go#raft.maybeCommit", "raft/read_only.go#readOnly.recvAck"}),
    later={
        "backend.run (bolt commit)": (
            "mvcc/backend/batch_tx.go#batchTxBuffered.Unlock",
            "mvcc/backend/batch_tx.go#batchTxBuffered.Commit",
        )
    },
    makes="raft/raft.go#raft.send",
    ends=frozenset(
        {"etcdserver/server.go#EtcdServer.applyEntryNormal", "etcdserver/backend.go#openSnapshotBackend"}
    ),
)

TELLING = ("wal/wal.go#WAL.Save",)
"""Go names of what says of a station whom it serves."""


def is_station(go: str) -> bool:
    """Whether a station, or what decides about one, has this Go name."""
    patterns = [*TELLING, *RULES.names(), *(pattern for *_, each in STATIONS for pattern in each)]
    return any(fnmatchcase(go, pattern.partition(" ")[0]) for pattern in patterns)


def station(span: Span) -> tuple[str, Often]:
    """The title of the station that ``span`` is (or nothing), and how often to tell it."""
    what = " ".join(map(str, span.args.values()))
    names = [name for go in span.function.go for name in (go, f"{go} {what}")]
    for title, often, patterns in STATIONS:
        if any(fnmatchcase(name, pattern) for pattern in patterns for name in names):
            return (title, often) if span.result is not False else ("", often)
    return "", Often.EACH


def mark(trace: Trace) -> Trace:
    """Note in ``trace`` which of its spans are stations."""
    trace.stations = stations(trace, station)
    return trace

"""What a raft tells about itself.

Go: raft/status.go
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace

from minietcd.raft.raft import Raft, StateLeader, StateType
from minietcd.raft.raftpb import Index, NodeID, Term
from minietcd.raft.tracker.progress import Progress
from minietcd.raft.tracker.tracker import Config


@dataclass(slots=True)
class BasicStatus:
    """Who, in which term and role, how far. Go: raft/status.go#BasicStatus"""

    id: NodeID
    term: Term
    vote: NodeID
    commit: Index
    lead: NodeID
    raft_state: StateType
    applied: Index
    lead_transferee: NodeID


@dataclass(slots=True)
class Status(BasicStatus):
    """And, on a leader, how far the others are. Go: raft/status.go#Status"""

    config: Config = field(default_factory=Config)
    progress: dict[NodeID, Progress] = field(default_factory=dict)

    def __str__(self) -> str:
        """The status as JSON, ids in hexadecimal.

        Go: raft/status.go#Status.String
        Go: raft/status.go#Status.MarshalJSON
        """
        progress = {
            f"{id:x}": {"match": pr.match, "next": pr.next, "state": str(pr.state)}
            for id, pr in self.progress.items()
        }
        fields = {
            "id": f"{self.id:x}",
            "term": self.term,
            "vote": f"{self.vote:x}",
            "commit": self.commit,
            "lead": f"{self.lead:x}",
            "raftState": str(self.raft_state),
            "applied": self.applied,
            "progress": progress,
            "leadtransferee": f"{self.lead_transferee:x}",
        }
        return json.dumps(fields, separators=(",", ":"))


def get_progress_copy(r: Raft) -> dict[NodeID, Progress]:
    """How far each member is, to keep. Go: raft/status.go#getProgressCopy"""
    return {id: replace(pr, inflights=pr.inflights.clone()) for id, pr in r.prs.visit()}


def get_basic_status(r: Raft) -> BasicStatus:
    """Its own state. Go: raft/status.go#getBasicStatus"""
    log = r.raft_log
    return BasicStatus(r.id, r.term, r.vote, log.committed, r.lead, r.state, log.applied, r.lead_transferee)


def get_status(r: Raft) -> Status:
    """All there is to tell. Go: raft/status.go#getStatus"""
    log, config = r.raft_log, r.prs.config.clone()
    progress = get_progress_copy(r) if r.state == StateLeader else {}
    return Status(
        r.id, r.term, r.vote, log.committed, r.lead, r.state, log.applied, r.lead_transferee, config, progress
    )

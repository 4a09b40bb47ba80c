"""One step from a configuration to the next.

Go: raft/confchange/confchange.go
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from minietcd.raft import raftpb as pb
from minietcd.raft.errors import ConfChangeError
from minietcd.raft.raftpb import Index, NodeID
from minietcd.raft.tracker.inflights import Inflights
from minietcd.raft.tracker.progress import Progress, ProgressMap
from minietcd.raft.tracker.tracker import Config, ProgressTracker

type Outcome = tuple[Config, ProgressMap]


@dataclass(slots=True)
class Changer:
    """Works out what a change makes of the tracker's configuration; the tracker itself stays as it is.

    Each step returns a new configuration and the progress of its members, or raises ConfChangeError.

    Go: raft/confchange/confchange.go#Changer
    """

    tracker: ProgressTracker
    last_index: Index

    def enter_joint(self, auto_leave: bool, *changes: pb.ConfChangeSingle) -> Outcome:
        """From ``(1 2 3)`` to ``(…)&&(1 2 3)``: the voters so far go, the changed ones come, both decide.

        Raises ConfChangeError.

        Go: raft/confchange/confchange.go#Changer.EnterJoint
        """
        config, progress = self.check_and_copy()
        if joint(config):
            raise ConfChangeError("config is already joint")
        if not config.voters.incoming:
            raise ConfChangeError("can't make a zero-voter config joint")
        config.voters.outgoing.update(config.voters.incoming)
        self.apply(config, progress, changes)
        config.auto_leave = auto_leave
        return check_and_return(config, progress)

    def leave_joint(self) -> Outcome:
        """From ``(…)&&(1 2 3)`` to ``(…)``: the outgoing voters are gone, or are learners from now on.

        Raises ConfChangeError.

        Go: raft/confchange/confchange.go#Changer.LeaveJoint
        """
        config, progress = self.check_and_copy()
        if not joint(config):
            raise ConfChangeError("can't leave a non-joint config")
        for id in config.learners_next:
            progress[id].is_learner = True
        config.learners |= config.learners_next
        config.learners_next.clear()
        for id in config.voters.outgoing - config.voters.incoming - config.learners:
            del progress[id]
        config.voters.outgoing.clear()
        config.auto_leave = False
        return check_and_return(config, progress)

    def simple(self, *changes: pb.ConfChangeSingle) -> Outcome:
        """Changes that move one voter at most. Raises ConfChangeError.

        Go: raft/confchange/confchange.go#Changer.Simple
        """
        config, progress = self.check_and_copy()
        if joint(config):
            raise ConfChangeError("can't apply simple config change in joint config")
        self.apply(config, progress, changes)
        if len(config.voters.incoming ^ self.tracker.config.voters.incoming) > 1:
            raise ConfChangeError("more than one voter changed without entering joint config")
        return check_and_return(config, progress)

    def apply(self, config: Config, progress: ProgressMap, changes: Iterable[pb.ConfChangeSingle]) -> None:
        """Make the changes, always to the incoming voters. Raises ConfChangeError if no voter is left.

        Go: raft/confchange/confchange.go#Changer.apply
        """
        for change in changes:
            if change.node_id == 0:  # etcd's way to say: refused, after it was committed
                continue
            if change.type == pb.ConfChangeAddNode:
                self.make_voter(config, progress, change.node_id)
            elif change.type == pb.ConfChangeAddLearnerNode:
                self.make_learner(config, progress, change.node_id)
            elif change.type == pb.ConfChangeRemoveNode:
                self.remove(config, progress, change.node_id)
        if not config.voters.incoming:
            raise ConfChangeError("removed all voters")

    def make_voter(self, config: Config, progress: ProgressMap, id: NodeID) -> None:
        """Add a voter, or promote a learner. Go: raft/confchange/confchange.go#Changer.makeVoter"""
        if id not in progress:
            self.init_progress(config, progress, id, is_learner=False)
            return
        progress[id].is_learner = False
        config.learners.discard(id)
        config.learners_next.discard(id)
        config.voters.incoming.add(id)

    def make_learner(self, config: Config, progress: ProgressMap, id: NodeID) -> None:
        """Add a learner, or demote a voter: at once, or when the half in which it still votes is left.

        Go: raft/confchange/confchange.go#Changer.makeLearner
        """
        pr = progress.get(id)
        if pr is None:
            self.init_progress(config, progress, id, is_learner=True)
            return
        if pr.is_learner:
            return
        self.remove(config, progress, id)
        progress[id] = pr
        if id in config.voters.outgoing:
            config.learners_next.add(id)
        else:
            pr.is_learner = True
            config.learners.add(id)

    def remove(self, config: Config, progress: ProgressMap, id: NodeID) -> None:
        """Take a member out; while it still votes in the outgoing half, its progress is kept.

        Go: raft/confchange/confchange.go#Changer.remove
        """
        if id not in progress:
            return
        config.voters.incoming.discard(id)
        config.learners.discard(id)
        config.learners_next.discard(id)
        if id not in config.voters.outgoing:
            del progress[id]

    def init_progress(self, config: Config, progress: ProgressMap, id: NodeID, is_learner: bool) -> None:
        """Start with a newcomer at the end of the log, and as active, or else it could cost the leader its
        quorum before it had a chance to speak.

        Go: raft/confchange/confchange.go#Changer.initProgress
        """
        (config.learners if is_learner else config.voters.incoming).add(id)
        inflights = Inflights(self.tracker.max_inflight)
        progress[id] = Progress(inflights, next=self.last_index, is_learner=is_learner, recent_active=True)

    def check_and_copy(self) -> Outcome:
        """The configuration in force, to be changed.

        Go: raft/confchange/confchange.go#Changer.checkAndCopy
        """
        config = self.tracker.config.clone()
        progress = ProgressMap({id: replace(pr) for id, pr in self.tracker.progress.items()})
        return check_and_return(config, progress)


def check_invariants(config: Config, progress: ProgressMap) -> None:
    """That configuration and progress fit each other, which no change can break.

    Go: raft/confchange/confchange.go#checkInvariants
    """
    voters, learners, learners_next = config.voters, config.learners, config.learners_next
    for id in voters.ids() | learners | learners_next:
        assert id in progress, f"no progress for {id}"
    for id in learners_next:
        assert id in voters.outgoing, f"{id} is in LearnersNext, but not Voters[1]"
        assert not progress[id].is_learner, f"{id} is in LearnersNext, but is already marked as learner"
    for id in learners:
        assert id not in voters.outgoing, f"{id} is in Learners and Voters[1]"
        assert id not in voters.incoming, f"{id} is in Learners and Voters[0]"
        assert progress[id].is_learner, f"{id} is in Learners, but is not marked as learner"
    if not joint(config):
        assert not learners_next, "LearnersNext must be nil when not joint"
        assert not config.auto_leave, "AutoLeave must be false when not joint"


def check_and_return(config: Config, progress: ProgressMap) -> Outcome:
    """The outcome, if it is sound. Go: raft/confchange/confchange.go#checkAndReturn"""
    check_invariants(config, progress)
    return config, progress


def joint(config: Config) -> bool:
    """Whether two majorities decide. Go: raft/confchange/confchange.go#joint"""
    return bool(config.voters.outgoing)


def describe(*changes: pb.ConfChangeSingle) -> str:
    """Changes as people read them. Go: raft/confchange/confchange.go#Describe"""
    return " ".join(f"{change.type}({change.node_id})" for change in changes)

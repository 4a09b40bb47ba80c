"""What the scripts in ``confchange`` do: change a configuration, or see that it cannot be changed so.

    simple                      moves one voter at most
    enter-joint [autoleave=…]   any change, through a joint configuration
    leave-joint                 out of it

The first two take their changes as input, ``v1 l2 r3 u4``: 1 is to vote, 2 to learn, 3 to go, 4 is updated.
Out comes the configuration with everybody's progress, or why not; then all stays as it was. The log grows by
one entry with every directive, so that ``next`` tells when somebody came.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from minietcd.raft import ConfChangeError
from minietcd.raft import raftpb as pb
from minietcd.raft.confchange.confchange import Changer, Outcome
from minietcd.raft.raftpb import Index
from minietcd.raft.tracker.tracker import ProgressTracker
from tests.raft.datadriven import Block


class ConfChangeEnv:
    """A tracker, and the changer that works on it."""

    def __init__(self) -> None:
        self.changer = Changer(ProgressTracker(max_inflight=10), Index(0))

    def handle(self, block: Block) -> str:
        directive = DIRECTIVES.get(block.cmd)
        tracker = self.changer.tracker
        try:
            if directive is None:
                return "unknown command"
            changes = pb.conf_changes_from_string(block.input)
            tracker.config, tracker.progress = directive(self.changer, block, changes)
            return f"{tracker.config}\n{tracker.progress}"
        except (ConfChangeError, ValueError) as error:
            return str(error)
        finally:
            self.changer.last_index = Index(self.changer.last_index + 1)


type Changes = tuple[pb.ConfChangeSingle, ...]


def simple(changer: Changer, block: Block, changes: Changes) -> Outcome:
    return changer.simple(*changes)


def enter_joint(changer: Changer, block: Block, changes: Changes) -> Outcome:
    options = block.options("autoleave")
    return changer.enter_joint("autoleave" in options and options["autoleave"].flag(), *changes)


def leave_joint(changer: Changer, block: Block, changes: Changes) -> Outcome:
    if changes:
        raise ConfChangeError("this command takes no input")
    return changer.leave_joint()


DIRECTIVES: Mapping[str, Callable[[Changer, Block, Changes], Outcome]] = {
    "simple": simple,
    "enter-joint": enter_joint,
    "leave-joint": leave_joint,
}

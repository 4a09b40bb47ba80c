"""Eight ways to break the server, each an edit of its source, to see whether the simulator notices.

What the simulator finds nothing wrong with is only as good as its nose. So each of these, which are bugs that
systems like this one have had, must be found within the number of seeds that stands beside it.
"""

from __future__ import annotations

import inspect
import sys
import textwrap
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from minietcd.etcdserver.server import EtcdServer
from minietcd.raft import raft
from minietcd.raft.log import RaftLog
from minietcd.raft.quorum.joint import JointConfig
from minietcd.raft.raft import Raft
from minietcd.raft.tracker.tracker import ProgressTracker
from minietcd.wal.wal import WAL


@dataclass(slots=True, frozen=True)
class Edit:
    """In the source of ``owner.name``, something else in place of what stands there."""

    owner: Any
    name: str
    changes: dict[str, str]

    @contextmanager
    def made(self) -> Iterator[None]:
        """Put it in place for a while, also for the tables that hold the function itself."""
        function = getattr(self.owner, self.name)
        code, function.__code__ = function.__code__, self.edited().__code__
        try:
            yield
        finally:
            function.__code__ = code

    def edited(self) -> Any:
        """The function as its source would make it with that edit."""
        function = getattr(self.owner, self.name)
        source: str = textwrap.dedent(inspect.getsource(function))
        for old, new in self.changes.items():
            assert source.count(old) == 1, f"{old!r} is not in {function.__qualname__}, or is twice"
            source = source.replace(old, new)
        names: dict[str, Any] = {}
        future = "from __future__ import annotations\n"
        exec(future + source, sys.modules[function.__module__].__dict__, names)
        return names[self.name]


@dataclass(slots=True, frozen=True)
class Mutant:
    """What is broken, by which edits, and within how many seeds that must be noticed."""

    what: str
    edits: tuple[Edit, ...]
    seeds: int

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Break it for a while."""
        with ExitStack() as stack:
            for edit in self.edits:
                stack.enter_context(edit.made())
            yield


MUTANTS = {
    "commit-any-term": Mutant(
        "entries of earlier terms are committed by counting who has them",
        (Edit(RaftLog, "maybe_commit", {" and self.zero_term_on_err_compacted(max_index) == term": ""}),),
        400,
    ),
    "forget-vote": Mutant(
        "the vote is not written to the log",
        (Edit(WAL, "save", {"self.save_state(st)": "self.save_state(HardState(st.term, 0, st.commit))"}),),
        100,
    ),
    "no-fsync": Mutant(
        "writes are acknowledged before they are on the disk",
        (Edit(WAL, "save", {"elif sync:": "elif False:"}),),
        50,
    ),
    "read-without-quorum": Mutant(
        "a leader answers reads without asking whether it still is one",
        (Edit(raft, "send_msg_read_index_response", {"r.read_only.option != ReadOnlySafe": "True"}),),
        150,
    ),
    "apply-twice": Mutant(
        "after a restart entries are applied that the database has already",
        (
            Edit(
                EtcdServer,
                "apply_entry_normal",
                {"= e.index > self.consist_index.consistent_index()": "= True"},
            ),
        ),
        10,
    ),
    "stale-snapshot": Mutant(
        "a snapshot is installed although the member has come further",
        (
            Edit(
                Raft,
                "restore",
                {"at.index <= log.committed": "False", "log.match_term(at.index, at.term)": "False"},
            ),
            Edit(EtcdServer, "apply_snapshot", {"metadata.index > ep.appliedi": "True"}),
        ),
        400,
    ),
    "half-a-joint-quorum": Mutant(
        "in a joint configuration the majority of the new voters decides alone",
        (
            Edit(JointConfig, "committed_index", {", self.outgoing.committed_index(acked_index)": ", 2**63"}),
            Edit(JointConfig, "vote_result", {"if first == second:": "if True:"}),
        ),
        150,
    ),
    "lease-outlives-quorum": Mutant(
        "reads rely on a lease that a leader keeps when it has lost its quorum",
        (
            Edit(
                Raft,
                "__init__",
                {"ReadOnly(c.read_only_option)": "ReadOnly(ReadOnlyOption.ReadOnlyLeaseBased)"},
            ),
            Edit(ProgressTracker, "quorum_active", {"== VoteWon": "is not None"}),
        ),
        50,
    ),
}

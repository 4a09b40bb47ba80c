"""What the scripts in ``quorum`` ask: up to where is the log committed, and how does a vote stand?

    committed cfg=(1,2,3) [cfgj=(2,3,4)] idx=(100,_,103,104)
    vote      cfg=(1,2,3) [cfgj=(2,3,4)] votes=(y,n,_,y)

``cfg`` are voters; ``cfgj`` makes the configuration joint, with ``zero`` for an empty second half. ``idx``
and ``votes`` have a value for each voter in the order in which ``cfg`` and then ``cfgj`` first name it, ``_``
for one that was not heard of. What must not change the answer is tried too, and told (``… <-- via …``) if it
does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from minietcd.raft.quorum.joint import JointConfig
from minietcd.raft.quorum.majority import MajorityConfig
from minietcd.raft.quorum.quorum import MAX_INDEX, index_string
from minietcd.raft.raftpb import Index, NodeID
from tests.raft.datadriven import Arg, Block, ScriptError, uint

VOTES = {"y": 2, "n": 1, "_": 0}
"""In numbers, as etcd's complaint about a wrong count shows them."""

type Acks = Mapping[NodeID, Index]


class QuorumEnv:
    """Remembers nothing from one block to the next."""

    def handle(self, block: Block) -> str:
        if block.cmd not in DIRECTIVES:
            raise ScriptError(f"unknown directive {block.cmd}; there are {', '.join(DIRECTIVES)}")
        options = block.options("cfg", "cfgj", "idx", "votes")
        ids, outgoing = _voters(options, "cfg"), _voters(options, "cfgj")
        config = MajorityConfig(ids)
        joint = JointConfig(config, MajorityConfig(outgoing)) if "cfgj" in options else None
        key, number = ("votes", _vote) if block.cmd == "vote" else ("idx", _index)
        values = [number(value) for value in options.get(key, Arg(key)).words()]
        voters = list(dict.fromkeys([*ids, *outgoing]))
        if len(voters) != len(values):
            named = " ".join(f"{id}:{{}}" for id in sorted(voters))
            given = " ".join(index_string(Index(value)) for value in values)
            return f"error: mismatched input (explicit or _) for voters map[{named}]: [{given}]"
        heard = {id: value for id, value in zip(voters, values, strict=True) if value}
        return DIRECTIVES[block.cmd](config, joint, heard)


def _voters(options: Mapping[str, Arg], key: str) -> list[NodeID]:
    arg = options.get(key, Arg(key))
    if key == "cfgj" and "zero" in arg.words():
        if len(arg.words()) > 1:
            raise ScriptError("cannot mix 'zero' into configuration")
        return []
    return [NodeID(id) for id in arg.uints()]


def _index(text: str) -> int:
    if text != "_" and uint(text) == 0:
        raise ScriptError("cannot use 0 as idx")
    return 0 if text == "_" else uint(text)


def _vote(text: str) -> int:
    if text not in VOTES:
        raise ScriptError(f"unknown vote: {text}")
    return VOTES[text]


def committed(config: MajorityConfig, joint: JointConfig | None, acks: Acks) -> str:
    """The acknowledged indexes as a picture, and what they commit."""
    if joint:
        index = joint.committed_index(acks.get)
        others = [(JointConfig(joint.outgoing, joint.incoming).committed_index(acks.get), "via symmetry\n")]
    else:
        index = config.committed_index(acks.get)
        others = list(_alternatives(config, acks))
    differing = "".join(f"{index_string(other)} <-- {how}" for other, how in others if other != index)
    return f"{(joint or config).describe(acks.get)}{differing}{index_string(index)}\n"


def _alternatives(config: MajorityConfig, acks: Acks) -> Iterator[tuple[Index, str]]:
    """Other ways to the same index."""
    index = config.committed_index(acks.get)
    yield _alternative_committed_index(config, acks), "via alternative computation\n"
    yield JointConfig(config, MajorityConfig()).committed_index(acks.get), "via zero-joint quorum\n"
    yield JointConfig(config, config).committed_index(acks.get), "via self-joint quorum\n"
    for id in sorted(config):  # who is behind what is committed anyway may as well be further behind
        if 0 < acks.get(id, 0) < index:
            lower = {**acks, id: Index(acks[id] - 1)}
            yield config.committed_index(lower.get), f"overlaying {id}->{acks[id]}"
            yield config.committed_index({**acks, id: Index(0)}.get), f"overlaying {id}->0"


def _alternative_committed_index(config: MajorityConfig, acks: Acks) -> Index:
    """The highest index for which one can count a majority at or above it."""
    if not config:
        return MAX_INDEX
    acked = [acks[id] for id in config if id in acks]
    held = [index for index in acked if 2 * sum(other >= index for other in acked) > len(config)]
    return max(held, default=Index(0))


def vote(config: MajorityConfig, joint: JointConfig | None, heard: Mapping[NodeID, int]) -> str:
    """Whether the vote is won, lost, or open."""
    votes = {id: value == VOTES["y"] for id, value in heard.items()}
    result = (joint or config).vote_result(votes)
    swapped = JointConfig(joint.outgoing, joint.incoming).vote_result(votes) if joint else result
    differing = "" if swapped == result else f"{swapped} <-- via symmetry\n"
    return f"{differing}{result}\n"


DIRECTIVES: Mapping[str, Callable[[MajorityConfig, JointConfig | None, Mapping], str]] = {
    "committed": committed,
    "vote": vote,
}

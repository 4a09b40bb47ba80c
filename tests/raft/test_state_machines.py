"""The tables that say what raft's state machines do, held against what they do in all of our scripts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from minietcd.raft import raft, util
from minietcd.raft.raft import ROLES, STEP, STEP_FUNC, Raft, StateType
from minietcd.raft.raftpb import Message, MessageType
from minietcd.raft.tracker import state
from minietcd.raft.tracker.progress import Progress
from tests.raft.datadriven import Script, replay
from tests.raft.interaction import InteractionEnv

SCRIPTS = sorted((Path(__file__).parents[1] / "testdata/raft/interaction").glob("*.txt"))
TABLES = {
    StateType.StateFollower: {**STEP, **raft.STEP_FOLLOWER},
    StateType.StatePreCandidate: {**STEP, **raft.STEP_CANDIDATE},
    StateType.StateCandidate: {**STEP, **raft.STEP_CANDIDATE},
    StateType.StateLeader: {**STEP, **raft.STEP_LEADER, **raft.STEP_LEADER_PROGRESS},
}


class Seen:
    """What happened in the scripts: who took which role, what was said to whom in which role."""

    def __init__(self) -> None:
        self.roles: set[tuple[StateType, StateType]] = set()
        self.states: set[tuple[state.StateType, state.StateType]] = set()
        self.messages: set[tuple[StateType, MessageType]] = set()


@pytest.fixture(scope="module")
def seen() -> Seen:
    seen = Seen()

    def note(method: Callable[..., Any], write: Callable[[Any, Any], None]) -> Callable[..., Any]:
        def noted(self: Any, argument: Any) -> Any:
            write(self, argument)
            return method(self, argument)

        return noted

    def said(r: Raft, m: Message) -> None:
        seen.messages.add((r.state, m.type))

    with pytest.MonkeyPatch.context() as patch:
        write_role = note(Raft._enter, lambda r, role: seen.roles.add((r.state, role)))
        patch.setattr(Raft, "_enter", write_role)
        write_state = note(Progress.reset_state, lambda pr, to: seen.states.add((pr.state, to)))
        patch.setattr(Progress, "reset_state", write_state)
        patch.setattr(Raft, "step", note(Raft.step, said))
        for path in SCRIPTS:
            assert not replay(Script.read(path), InteractionEnv().handle)
    return seen


def test_the_scripts_go_through_every_change_of_role_and_no_other(seen: Seen) -> None:
    assert seen.roles == {(before, after) for before, reasons in ROLES.items() for after in reasons}


def test_the_scripts_go_through_every_change_of_a_followers_state_and_no_other(seen: Seen) -> None:
    assert seen.states == {(before, after) for before, reasons in state.STATES.items() for after in reasons}


def test_the_scripts_say_to_every_role_whatever_it_has_an_answer_for(seen: Seen) -> None:
    expected = {(role, type_) for role, table in TABLES.items() for type_ in table}
    assert expected - seen.messages == set()


def test_every_role_has_a_function_for_its_messages() -> None:
    assert set(STEP_FUNC) == set(ROLES) == set(StateType)


def test_every_message_means_something_to_some_role() -> None:
    assert {type_ for table in TABLES.values() for type_ in table} == set(MessageType)


def test_only_a_leader_hears_what_members_say_to_themselves_but_for_the_call_to_campaign() -> None:
    local = {type_ for type_ in MessageType if util.is_local_msg(type_)} - {MessageType.MsgHup}
    for role, table in TABLES.items():
        assert local & set(table) == (local if role == StateType.StateLeader else set())


def test_a_leader_never_becomes_a_candidate() -> None:
    env = InteractionEnv()
    for line in ("add-nodes 1 voters=(1) index=10", "campaign 1"):
        block = next(Script(Path("line"), [line, "----"]).blocks())
        env.handle(block)
    with pytest.raises(AssertionError, match=r"invalid transition \[StateLeader -> StateCandidate\]"):
        env.nodes[0].raw.raft.become_candidate()

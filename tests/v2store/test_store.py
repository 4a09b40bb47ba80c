"""The v2 tree: what each action answers, what it refuses, and that a snapshot brings all of it back."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minietcd.etcdserver.api.v2error.error import Ecode, V2Error
from minietcd.etcdserver.api.v2store.node import format_time, parse_time
from minietcd.etcdserver.api.v2store.store import Store, TTLOptionSet

NOW = 1_700_000_000


def store() -> Store:
    return Store("/0", "/1", clock=lambda: NOW)


def test_create_makes_the_directories_above() -> None:
    s = store()
    event = s.create("/0/members/8e9e/raftAttributes", False, "{}", False)
    assert (event.node.value, event.node.created_index, s.current_index) == ("{}", 1, 1)
    members = s.get("/0/members", True, True).node
    assert [n.key for n in members.nodes] == ["/0/members/8e9e"]
    assert [n.value for n in members.nodes[0].nodes] == ["{}"]


def test_set_replaces_a_file_and_tells_what_it_was() -> None:
    s = store()
    assert s.set("/0/version", False, "3.0.0").is_created()
    event = s.set("/0/version", False, "3.4.0")
    assert event.prev_node is not None and event.prev_node.value == "3.0.0"
    assert not event.is_created() and event.node.modified_index == 2


def test_a_file_is_written_only_if_it_is_as_expected() -> None:
    s = store()
    s.set("/1/a", False, "x")
    with pytest.raises(V2Error, match=r"Compare failed \(\[y != x\]\)"):
        s.compare_and_swap("/1/a", "y", 0, "z")
    with pytest.raises(V2Error, match=r"\[y != x\] \[7 != 1\]"):
        s.compare_and_delete("/1/a", "y", 7)
    assert s.compare_and_swap("/1/a", "x", 1, "z").node.value == "z"
    assert s.compare_and_delete("/1/a", "z", 2).action == "compareAndDelete"


@pytest.mark.parametrize(
    ("act", "code"),
    [
        (lambda s: s.get("/1/nothing", False, False), Ecode.KeyNotFound),
        (lambda s: s.get("/1/file/below", False, False), Ecode.NotDir),
        (lambda s: s.create("/1/file", False, "", False), Ecode.NodeExist),
        (lambda s: s.create("/1/file/below", False, "", False), Ecode.NotDir),
        (lambda s: s.set("/1/dir", False, "v"), Ecode.NotFile),
        (lambda s: s.update("/1/dir", "v"), Ecode.NotFile),
        (lambda s: s.delete("/1/dir", False, False), Ecode.NotFile),
        (lambda s: s.delete("/1/dir", True, False), Ecode.DirNotEmpty),
        (lambda s: s.delete("/1", True, True), Ecode.RootROnly),
        (lambda s: s.set("/", False, "v"), Ecode.RootROnly),
    ],
)
def test_what_cannot_be_done_changes_nothing(act, code) -> None:  # type: ignore[no-untyped-def]
    s = store()
    s.set("/1/file", False, "v")
    s.set("/1/dir/file", False, "v")
    before = s.save_no_copy()
    with pytest.raises(V2Error) as raised:
        act(s)
    assert raised.value.error_code == code
    assert s.save_no_copy() == before


def test_delete_takes_everything_below() -> None:
    s = store()
    s.set("/1/dir/a/b", False, "v")
    assert s.delete("/1/dir", False, True).node.dir
    assert s.get("/1", True, True).node.nodes == []


def test_unique_names_follow_the_index() -> None:
    s = store()
    assert s.create("/1/queue", False, "v", True).node.key == "/1/queue/00000000000000000001"


def test_what_expired_goes_first_expired_first() -> None:
    s = store()
    for name, seconds in [("late", 20), ("soon", 5), ("never", 0)]:
        s.set(f"/1/{name}", False, "v", TTLOptionSet((NOW + seconds) * 10**9 if seconds else 0))
    assert s.get("/1/soon", False, False).node.ttl == 5
    assert [e.node.key for e in s.delete_expired_keys((NOW + 30) * 10**9)] == ["/1/soon", "/1/late"]
    assert not s.has_ttl_keys()


def test_a_directory_that_expired_takes_its_expiring_files_with_it() -> None:
    s = store()
    s.create("/1/dir", True, "", False, TTLOptionSet((NOW + 1) * 10**9))
    s.set("/1/dir/file", False, "v", TTLOptionSet((NOW + 2) * 10**9))
    assert [e.node.key for e in s.delete_expired_keys((NOW + 9) * 10**9)] == ["/1/dir"]


def test_recovery_is_the_inverse_of_save() -> None:
    s, other = store(), store()
    s.set("/0/members/1/attributes", False, '{"name":"ä"}')
    s.set("/1/ttl", False, "v", TTLOptionSet((NOW + 5) * 10**9 + 1))
    other.recovery(s.save_no_copy())
    assert other.save_no_copy() == s.save_no_copy()
    other.update("/0/members/1/attributes", "new")
    assert s.get("/0/members/1/attributes", False, False).node.value == '{"name":"ä"}'


def test_saved_state_has_etcds_shape() -> None:
    state = json.loads(store().save_no_copy())
    assert list(state) == ["Root", "WatcherHub", "CurrentIndex", "Stats", "CurrentVersion"]
    assert state["Root"]["Children"]["0"] == {
        "Path": "/0",
        "CreatedIndex": 0,
        "ModifiedIndex": 0,
        "ExpireTime": "0001-01-01T00:00:00Z",
        "Value": "",
        "Children": {},
    }


@given(st.integers(1, 4 * 10**18))
def test_times_survive_to_the_nanosecond(ns: int) -> None:
    assert parse_time(format_time(ns)) == ns

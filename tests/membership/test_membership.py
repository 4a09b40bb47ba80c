"""The table of members. Ids and stored texts were read off a real etcd 3.4.23 cluster that was started with
``--initial-cluster n1=http://127.0.0.1:39211,n2=…:39212,n3=…:39213 --initial-cluster-token tkn``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from minietcd.etcdserver.api.membership import cluster as membership
from minietcd.etcdserver.api.membership import errors
from minietcd.etcdserver.api.membership.cluster import ConfigChangeContext, RaftCluster
from minietcd.etcdserver.api.membership.member import (
    Attributes,
    Member,
    RaftAttributes,
    new_member,
    new_member_as_learner,
)
from minietcd.etcdserver.api.membership.store import (
    CLUSTER_BUCKET_NAME,
    MEMBERS_BUCKET_NAME,
    MEMBERS_REMOVED_BUCKET_NAME,
    member_attributes_store_path,
    member_store_key,
)
from minietcd.etcdserver.api.v2store.store import Store
from minietcd.mvcc.backend.backend import Backend
from minietcd.pkg.types import URLs, new_urls_map
from minietcd.raft import raftpb
from minietcd.raft.raftpb import ConfChange, ConfChangeType, NodeID
from minietcd.version.version import SemVer

N1, N2, N3 = NodeID(0xD429DCAE4C55E226), NodeID(0xAD7AE29375C17A9A), NodeID(0x9FFE1D293D7D250E)
NEW, URL1, URL3 = NodeID(9), "http://127.0.0.1:39211", "http://127.0.0.1:39213"
CLUSTER_ID = 15740816109230493719
INITIAL = ",".join(f"n{i}=http://127.0.0.1:3921{i}" for i in (1, 2, 3))


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[Backend]:
    be = Backend(tmp_path / "db", mmap_size=1 << 24)
    yield be
    be.close()


@pytest.fixture
def three(backend: Backend) -> RaftCluster:
    """Three members that have started, as they are in the v2 tree after the first entries are applied."""
    c = membership.new_cluster_from_urls_map("tkn", new_urls_map(INITIAL))
    members, c._members = c.members(), {}
    c.set_store(Store("/0", "/1"))
    c.set_backend(backend)
    for m in members:
        name, m.name = m.name, ""
        c.add_member(m)
        c.update_attributes(m.id, Attributes(name, [m.peer_urls[0].replace("3921", "3922")]))
    return c


def stored(be: Backend, bucket: bytes, key: bytes) -> list[bytes]:
    return list(be.batch_tx().unsafe_range(bucket, key)[1])


def change(type: ConfChangeType, m: Member, promote: bool = False) -> ConfChange:
    return ConfChange(type=type, node_id=m.id, context=ConfigChangeContext(m, promote).to_json().encode())


def test_ids_are_those_that_etcd_computes() -> None:
    c = membership.new_cluster_from_urls_map("tkn", new_urls_map(INITIAL))
    assert c.id() == CLUSTER_ID
    assert [(m.id, m.name) for m in c.members()] == [(N3, "n3"), (N2, "n2"), (N1, "n1")]


def test_the_default_single_member_has_etcds_well_known_ids() -> None:
    urls = new_urls_map("default=http://localhost:2380")
    c = membership.new_cluster_from_urls_map("etcd-cluster", urls)
    assert (c.member_ids(), c.id()) == ([0x8E9E05C52164694D], 0xCDF818194E3A8C32)


def test_a_later_member_gets_another_id_each_second() -> None:
    urls = URLs(["http://127.0.0.1:39214"])
    first, same, next_ = (new_member("", urls, "tkn", now) for now in (1.0, 1.9, 2.0))
    assert first.id == same.id != next_.id


def test_two_names_for_one_url_are_one_id_too_few() -> None:
    with pytest.raises(errors.ClusterMismatchError, match="identical ID"):
        membership.new_cluster_from_urls_map("tkn", new_urls_map("a=http://h:1,b=http://h:1"))


def test_members_are_kept_in_the_texts_that_etcd_keeps(three: RaftCluster, backend: Backend) -> None:
    three.update_attributes(N3, Attributes("n3", ["http://127.0.0.1:39223"]))
    assert stored(backend, MEMBERS_BUCKET_NAME, b"9ffe1d293d7d250e") == [
        b'{"id":11528684159077524750,"peerURLs":["http://127.0.0.1:39213"],'
        b'"name":"n3","clientURLs":["http://127.0.0.1:39223"]}'
    ]
    assert three.v2store
    tree = {n.key: n.value for n in three.v2store.get(member_store_key(N3), True, True).node.nodes}
    assert tree == {
        "/0/members/9ffe1d293d7d250e/raftAttributes": '{"peerURLs":["http://127.0.0.1:39213"]}',
        member_attributes_store_path(N3): '{"name":"n3","clientURLs":["http://127.0.0.1:39223"]}',
    }


def test_json_escapes_what_go_escapes() -> None:
    assert Attributes("a<b>&\u2028é").to_json() == '{"name":"a\\u003cb\\u003e\\u0026\\u2028é"}'


def test_a_configuration_change_carries_the_member_flat() -> None:
    context = ConfigChangeContext(Member(NodeID(1), ["http://a:1"], is_learner=True), is_promote=True)
    text = '{"id":1,"peerURLs":["http://a:1"],"isLearner":true,"isPromote":true}'
    assert context.to_json() == text
    assert ConfigChangeContext.from_json(text) == context


def test_null_urls_are_none() -> None:
    assert Member.from_json('{"id":1,"peerURLs":null}') == Member(NodeID(1))


def test_what_is_recovered_is_what_was_saved(three: RaftCluster) -> None:
    three.set_version(SemVer(3, 4, 0), lambda _: None)
    three.remove_member(N2)
    assert three.v2store
    tree = Store("/0", "/1")
    tree.recovery(three.v2store.save_no_copy())
    again = RaftCluster("")
    told: list[SemVer | None] = []
    again.set_store(tree)
    again.recover(told.append)
    assert again.members() == three.members()
    assert again.is_id_removed(N2) and not again.is_id_removed(N1)
    assert again.version() == SemVer(3, 4, 0) == told[0]


def test_nothing_is_recovered_from_an_empty_tree() -> None:
    c = RaftCluster("")
    c.set_store(Store("/0", "/1"))
    c.recover(lambda version: None)
    assert (c.members(), c.version()) == ([], None)


def test_a_removed_member_is_marked_in_the_backend(three: RaftCluster, backend: Backend) -> None:
    three.update_attributes(N2, Attributes("n2"))
    three.remove_member(N2)
    assert stored(backend, MEMBERS_BUCKET_NAME, b"ad7ae29375c17a9a") == []
    assert stored(backend, MEMBERS_REMOVED_BUCKET_NAME, b"ad7ae29375c17a9a") == [b"removed"]


def test_the_version_is_kept_and_told(three: RaftCluster, backend: Backend) -> None:
    told: list[SemVer | None] = []
    three.set_version(SemVer(3, 0, 0), told.append)
    three.set_version(SemVer(3, 4, 0), told.append)
    assert told == [SemVer(3, 0, 0), SemVer(3, 4, 0)]
    assert stored(backend, CLUSTER_BUCKET_NAME, b"clusterVersion") == [b"3.4.0"]


def test_a_cluster_that_moved_on_is_not_joined(three: RaftCluster) -> None:
    with pytest.raises(errors.InvalidDowngradeError, match=r"lower than determined cluster version: 3\.5"):
        three.set_version(SemVer(3, 5, 0), lambda _: None)


def test_copies_do_not_change_the_table(three: RaftCluster) -> None:
    three.members()[0].peer_urls.append("http://x:1")
    m = three.member(N1)
    assert m
    m.name = "x"
    assert three.member_by_name("n1") and not three.member_by_name("x")


@pytest.mark.parametrize(
    ("type", "member", "promote", "error"),
    [
        (raftpb.ConfChangeAddNode, Member(N1, ["http://new:1"]), False, errors.IDExistsError),
        (
            raftpb.ConfChangeAddNode,
            Member(NEW, [URL1]),
            False,
            errors.PeerURLExistsError,
        ),
        (raftpb.ConfChangeAddNode, Member(N2, ["http://new:1"]), False, errors.IDRemovedError),
        (raftpb.ConfChangeAddNode, Member(N1), True, errors.MemberNotLearnerError),
        (raftpb.ConfChangeAddNode, Member(NEW), True, errors.IDNotFoundError),
        (raftpb.ConfChangeAddLearnerNode, Member(NEW, [], True), False, errors.TooManyLearnersError),
        (raftpb.ConfChangeRemoveNode, Member(NEW), False, errors.IDNotFoundError),
        (raftpb.ConfChangeUpdateNode, Member(NEW), False, errors.IDNotFoundError),
        (
            raftpb.ConfChangeUpdateNode,
            Member(N1, [URL3]),
            False,
            errors.PeerURLExistsError,
        ),
        (raftpb.ConfChangeAddNode, Member(NEW, ["http://new:1"]), False, None),
        (raftpb.ConfChangeAddNode, Member(NodeID(8)), True, None),
        (raftpb.ConfChangeRemoveNode, Member(N1), False, None),
        (raftpb.ConfChangeUpdateNode, Member(N1, [URL1]), False, None),
    ],
)
def test_changes_are_validated_against_the_tree(
    three: RaftCluster, type: ConfChangeType, member: Member, promote: bool, error: type[Exception] | None
) -> None:
    three.remove_member(N2)
    three.add_member(Member(NodeID(8), ["http://learner:1"], is_learner=True))
    cc = change(type, member, promote)
    if error is None:
        three.validate_configuration_change(cc)
    else:
        with pytest.raises(error):
            three.validate_configuration_change(cc)


def test_a_learner_is_promoted(three: RaftCluster) -> None:
    learner = new_member_as_learner("", URLs(["http://l:1"]), "tkn", 1.0)
    three.add_member(learner)
    three.set_id(learner.id, three.id())
    assert three.is_local_member_learner() and learner.id not in three.voting_member_ids()
    three.promote_member(learner.id)
    assert not three.is_local_member_learner() and learner.id in three.voting_member_ids()


def test_a_member_moves_to_other_urls(three: RaftCluster) -> None:
    three.update_raft_attributes(N1, RaftAttributes(["http://elsewhere:1"]))
    m = three.member(N1)
    assert m and m.peer_urls == ["http://elsewhere:1"]
    assert three.v2store
    assert membership.members_from_store(three.v2store)[0][N1] == m


def test_a_late_publish_of_a_removed_member_is_let_pass(three: RaftCluster) -> None:
    three.remove_member(N2)
    three.update_attributes(N2, Attributes("n2"))
    assert three.member(N2) is None
    with pytest.raises(AssertionError, match="unknown member 9"):
        three.update_attributes(NodeID(9), Attributes("n9"))


@pytest.mark.parametrize(
    ("started", "add", "remove", "promote"),
    [("1", True, False, True), ("10", False, True, True), ("11", True, True, True),
     ("110", False, True, True), ("111", True, True, True),
     ("1100", False, True, True), ("1000", False, False, False)],
)  # fmt: skip
def test_membership_changes_keep_a_quorum_of_started_members(
    started: str, add: bool, remove: bool, promote: bool
) -> None:
    members = [Member(NodeID(i + 1), name="x" * int(up)) for i, up in enumerate(started)]
    c = membership.new_cluster_from_members("tkn", NodeID(1), members)
    last = NodeID(len(started))
    assert c.is_ready_to_add_voting_member() == add
    assert c.is_ready_to_remove_voting_member(last) == remove
    assert c.is_ready_to_promote_member(last) == promote


def test_a_joining_member_takes_the_ids_of_the_cluster_that_is_there(three: RaftCluster) -> None:
    local = membership.new_cluster_from_urls_map("other", new_urls_map(INITIAL))
    assert set(local.member_ids()).isdisjoint(three.member_ids())
    membership.validate_cluster_and_assign_ids(local, three)
    assert local.member_ids() == three.member_ids()


def test_a_joining_member_must_know_all_members(three: RaftCluster) -> None:
    local = membership.new_cluster_from_urls_map("tkn", new_urls_map("n1=http://127.0.0.1:39211"))
    with pytest.raises(errors.ClusterMismatchError, match="member count is unequal"):
        membership.validate_cluster_and_assign_ids(local, three)
    local = membership.new_cluster_from_urls_map("tkn", new_urls_map(INITIAL.replace("39212", "39299")))
    with pytest.raises(errors.ClusterMismatchError, match="no match found for existing member"):
        membership.validate_cluster_and_assign_ids(local, three)


def test_urls_decide_the_id_in_whatever_order() -> None:
    a, b = "http://a:1", "http://b:1"
    assert new_member("n", URLs([a, b]), "t", None) == new_member("n", URLs([b, a]), "t", None)

"""The table of members, the ids that were removed, and the version that all members can speak.

Left out: resolving host names when peer URLs are compared, because equal clusters are configured with equal
words.

Go: etcdserver/api/membership/cluster.go
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Self

from minietcd.etcdserver.api.membership import errors, store
from minietcd.etcdserver.api.membership.member import Attributes, Member, RaftAttributes, new_member
from minietcd.etcdserver.api.membership.metrics import cluster_version_metrics
from minietcd.etcdserver.api.v2error.error import V2Error
from minietcd.etcdserver.api.v2store.node import NodeExtern
from minietcd.etcdserver.api.v2store.store import Store
from minietcd.mvcc.backend.backend import Backend
from minietcd.pkg import logutil
from minietcd.pkg.strconv import go_json
from minietcd.pkg.types import URLsMap, id_string
from minietcd.raft import raftpb
from minietcd.raft.raftpb import ConfChange, NodeID
from minietcd.version.version import VERSION, SemVer

log = logutil.get_logger("etcdserver/membership")

MAX_LEARNERS = 1

type OnSet = Callable[[SemVer | None], None]
"""Is told the cluster's version whenever it is set."""


@dataclass(slots=True)
class ConfigChangeContext:
    """What a configuration change carries about the member that comes, or that learned enough to vote.

    Go: etcdserver/api/membership/cluster.go#ConfigChangeContext
    """

    member: Member
    is_promote: bool = False

    def to_json(self) -> str:
        """The text that etcd proposes."""
        return go_json(json.loads(self.member.to_json()) | {"isPromote": self.is_promote})

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The inverse of ``to_json``. Raises ValueError."""
        return cls(Member.from_json(text), json.loads(text).get("isPromote", False))


class RaftCluster:
    """The members of one cluster, as of the last applied configuration change.

    Go: etcdserver/api/membership/cluster.go#RaftCluster
    """

    v2store: Store
    be: Backend
    """Both keep each change; they are set before the first one."""

    def __init__(self, token: str) -> None:
        """Without members. Go: etcdserver/api/membership/cluster.go#NewCluster"""
        self.token = token
        self.local_id = self.cid = NodeID(0)
        self.lg = log
        self._version: SemVer | None = None
        self._members: dict[NodeID, Member] = {}
        self._removed: set[NodeID] = set()

    def id(self) -> NodeID:
        """The cluster's id. Go: etcdserver/api/membership/cluster.go#RaftCluster.ID"""
        return self.cid

    def members(self) -> list[Member]:
        """Copies, by id. Go: etcdserver/api/membership/cluster.go#RaftCluster.Members"""
        return [self._members[id].clone() for id in self.member_ids()]

    def member(self, id: NodeID) -> Member | None:
        """A copy of that member. Go: etcdserver/api/membership/cluster.go#RaftCluster.Member"""
        m = self._members.get(id)
        return m.clone() if m else None

    def voting_members(self) -> list[Member]:
        """Copies of those that vote, by id.

        Go: etcdserver/api/membership/cluster.go#RaftCluster.VotingMembers
        """
        return [m for m in self.members() if not m.is_learner]

    def member_by_name(self, name: str) -> Member | None:
        """A copy of the only member of that name.

        Go: etcdserver/api/membership/cluster.go#RaftCluster.MemberByName
        """
        named = [m for m in self.members() if m.name == name]
        assert len(named) < 2, f"two members with the given name {name!r} exist"
        return named[0] if named else None

    def member_ids(self) -> list[NodeID]:
        """Sorted. Go: etcdserver/api/membership/cluster.go#RaftCluster.MemberIDs"""
        return sorted(self._members)

    def is_id_removed(self, id: NodeID) -> bool:
        """Whether a member of that id was put out.

        Go: etcdserver/api/membership/cluster.go#RaftCluster.IsIDRemoved
        """
        return id in self._removed

    def gen_id(self) -> None:
        """Make the cluster's id of its members' ids.

        Go: etcdserver/api/membership/cluster.go#RaftCluster.genID
        """
        digest = hashlib.sha1(b"".join(id.to_bytes(8) for id in self.member_ids())).digest()
        self.cid = NodeID(int.from_bytes(digest[:8]))

    def set_id(self, local_id: NodeID, cid: NodeID) -> None:
        """Say which member this is, of which cluster.

        Go: etcdserver/api/membership/cluster.go#RaftCluster.SetID
        """
        self.local_id, self.cid = local_id, cid
        self.lg = log.with_(cluster_id=id_string(cid), local_member_id=id_string(local_id))

    def set_store(self, st: Store) -> None:
        """Keep changes in this tree too. Go: etcdserver/api/membership/cluster.go#RaftCluster.SetStore"""
        self.v2store = st

    def set_backend(self, be: Backend) -> None:
        """Keep changes in this backend too.

        Go: etcdserver/api/membership/cluster.go#RaftCluster.SetBackend
        """
        self.be = be
        store.must_create_backend_buckets(be)

    def recover(self, on_set: OnSet) -> None:
        """Become what the v2 tree says. Raises InvalidDowngradeError.

        Go: etcdserver/api/membership/cluster.go#RaftCluster.Recover
        """
        self._members, self._removed = members_from_store(self.v2store)
        self._version = cluster_version_from_store(self.v2store)
        must_detect_downgrade(self._version)
        on_set(self._version)
        for m in self.members():
            lg = self.lg.with_(recovered_remote_peer_id=id_string(m.id))
            lg.info("recovered/added member from store", recovered_remote_peer_urls=m.peer_urls)
        if self._version:
            log.info("set cluster version from store", cluster_version=self._version.cluster())

    def validate_configuration_change(self, cc: ConfChange) -> None:
        """Raises a MembershipError if ``cc`` cannot be done to the members in the v2 tree.

        Go: etcdserver/api/membership/cluster.go#RaftCluster.ValidateConfigurationChange
        """
        members, removed = members_from_store(self.v2store)
        if cc.node_id in removed:
            raise errors.IDRemovedError
        if cc.type in (raftpb.ConfChangeAddNode, raftpb.ConfChangeAddLearnerNode):
            change = ConfigChangeContext.from_json(cc.context)
            if change.is_promote:
                _validate_promotion(members, cc.node_id)
            else:
                _validate_addition(members, cc.node_id, change.member)
        elif cc.node_id not in members:
            raise errors.IDNotFoundError
        elif cc.type == raftpb.ConfChangeUpdateNode:
            others = [m for id, m in members.items() if id != cc.node_id]
            _validate_peer_urls(others, Member.from_json(cc.context))

    def add_member(self, m: Member) -> None:
        """Let ``m`` in; its id must be new.

        Go: etcdserver/api/membership/cluster.go#RaftCluster.AddMember
        """
        store.must_save_member_to_store(self.v2store, m)
        store.must_save_member_to_backend(self.be, m)
        self._members[m.id] = m
        self.lg.info("added member", added_peer_id=id_string(m.id), added_peer_peer_urls=m.peer_urls)

    def remove_member(self, id: NodeID) -> None:
        """Put a member out, for ever.

        Go: etcdserver/api/membership/cluster.go#RaftCluster.RemoveMember
        """
        store.must_delete_member_from_store(self.v2store, id)
        store.must_delete_member_from_backend(self.be, id)
        m = self._members.pop(id, None)
        self._removed.add(id)
        lg = self.lg.with_(removed_remote_peer_id=id_string(id))
        if m:
            lg.info("removed member", removed_remote_peer_urls=m.peer_urls)
        else:
            lg.warning("skipped removing already removed member")

    def update_attributes(self, id: NodeID, attr: Attributes) -> None:
        """Note what a member published of itself.

        Go: etcdserver/api/membership/cluster.go#RaftCluster.UpdateAttributes
        """
        if m := self._members.get(id):
            m.attributes = attr
            store.must_update_member_attr_in_store(self.v2store, m)
            store.must_save_member_to_backend(self.be, m)
            return
        assert id in self._removed, f"error updating attributes of unknown member {id:x}"
        self.lg.warning("skipped attributes update of removed member", updated_peer_id=id_string(id))

    def promote_member(self, id: NodeID) -> None:
        """Let a learner vote. Go: etcdserver/api/membership/cluster.go#RaftCluster.PromoteMember"""
        self._members[id].is_learner = False
        self._save_raft_attributes(id)
        self.lg.info("promote member")

    def update_raft_attributes(self, id: NodeID, raft_attr: RaftAttributes) -> None:
        """Give a member other peer URLs.

        Go: etcdserver/api/membership/cluster.go#RaftCluster.UpdateRaftAttributes
        """
        self._members[id].raft_attributes = raft_attr
        self._save_raft_attributes(id)
        lg = self.lg.with_(updated_remote_peer_id=id_string(id))
        lg.info("updated member", updated_remote_peer_urls=raft_attr.peer_urls)

    def version(self) -> SemVer | None:
        """What all members can speak, once they agreed.

        Go: etcdserver/api/membership/cluster.go#RaftCluster.Version
        """
        return self._version

    def set_version(self, ver: SemVer, on_set: OnSet) -> None:
        """The members agreed on ``ver``. Raises InvalidDowngradeError.

        Go: etcdserver/api/membership/cluster.go#RaftCluster.SetVersion
        """
        old, self._version = self._version, ver
        if old:
            before, now = old.cluster(), ver.cluster()
            self.lg.info("updated cluster version", from_=before, to=now)
        else:
            self.lg.info("set initial cluster version", cluster_version=ver.cluster())
        must_detect_downgrade(ver)
        store.must_save_cluster_version_to_store(self.v2store, ver)
        store.must_save_cluster_version_to_backend(self.be, ver)
        if old:
            cluster_version_metrics.labels(old.cluster()).set(0)
        cluster_version_metrics.labels(ver.cluster()).set(1)
        on_set(ver)

    def is_ready_to_add_voting_member(self) -> bool:
        """Whether a quorum of what the cluster would become has been started.

        A cluster of one may always grow: it may have been restored from the disk of its last member.

        Go: etcdserver/api/membership/cluster.go#RaftCluster.IsReadyToAddVotingMember
        """
        started = [m.is_started() for m in self.voting_members()]
        if started == [True]:
            return True
        return self._has_quorum("rejecting member add", [*started, False])

    def is_ready_to_remove_voting_member(self, id: NodeID) -> bool:
        """Whether those who stay have a quorum that has been started.

        Go: etcdserver/api/membership/cluster.go#RaftCluster.IsReadyToRemoveVotingMember
        """
        started = [m.is_started() for m in self.voting_members() if m.id != id]
        return self._has_quorum("rejecting member remove", started)

    def is_ready_to_promote_member(self, id: NodeID) -> bool:
        """Whether a quorum has been started, with one more that has.

        Go: etcdserver/api/membership/cluster.go#RaftCluster.IsReadyToPromoteMember
        """
        started = [m.is_started() for m in self.voting_members()]
        return self._has_quorum("rejecting member promote", [*started, True])

    def is_local_member_learner(self) -> bool:
        """Whether this member does not vote yet.

        Go: etcdserver/api/membership/cluster.go#RaftCluster.IsLocalMemberLearner
        """
        assert self.local_id in self._members, (
            f"failed to find local ID {self.local_id:x} in cluster {self.cid:x}"
        )
        return self._members[self.local_id].is_learner

    def is_member_exist(self, id: NodeID) -> bool:
        """Whether there is such a member.

        Go: etcdserver/api/membership/cluster.go#RaftCluster.IsMemberExist
        """
        return id in self._members

    def voting_member_ids(self) -> list[NodeID]:
        """Sorted. Go: etcdserver/api/membership/cluster.go#RaftCluster.VotingMemberIDs"""
        return [id for id in self.member_ids() if not self._members[id].is_learner]

    def _save_raft_attributes(self, id: NodeID) -> None:
        store.must_update_member_in_store(self.v2store, self._members[id])
        store.must_save_member_to_backend(self.be, self._members[id])

    def _has_quorum(self, refusal: str, started: list[bool]) -> bool:
        quorum, number = len(started) // 2 + 1, sum(started)
        if number < quorum:
            why = f"{refusal}; started member will be less than quorum"
            self.lg.warning(why, number_of_started_member=number, quorum=quorum)
        return number >= quorum


def new_cluster_from_urls_map(token: str, urlsmap: URLsMap) -> RaftCluster:
    """The cluster that ``--initial-cluster`` and ``--initial-cluster-token`` describe.

    Raises ClusterMismatchError if two members would have the same id.

    Go: etcdserver/api/membership/cluster.go#NewClusterFromURLsMap
    """
    c = RaftCluster(token)
    for name, urls in urlsmap.items():
        m = new_member(name, urls, token, None)
        if m.id in c._members:
            raise errors.ClusterMismatchError(f"member exists with identical ID {m}")
        assert m.id, "cannot use 0 as member id"
        c._members[m.id] = m
    c.gen_id()
    return c


def new_cluster_from_members(token: str, id: NodeID, membs: Iterable[Member]) -> RaftCluster:
    """The cluster of that id with these members.

    Go: etcdserver/api/membership/cluster.go#NewClusterFromMembers
    """
    c = RaftCluster(token)
    c.cid = id
    c._members = {m.id: m for m in membs}
    return c


def members_from_store(st: Store) -> tuple[dict[NodeID, Member], set[NodeID]]:
    """The members and the ids removed, as the v2 tree has them.

    Go: etcdserver/api/membership/cluster.go#membersFromStore
    """
    members = map(store.node_to_member, _nodes(st, store.STORE_MEMBERS_PREFIX))
    removed = _nodes(st, store.STORE_REMOVED_MEMBERS_PREFIX)
    return {m.id: m for m in members}, {store.must_parse_member_id_from_key(n.key) for n in removed}


def cluster_version_from_store(st: Store) -> SemVer | None:
    """The cluster's version as the v2 tree has it; None if nothing was agreed.

    Go: etcdserver/api/membership/cluster.go#clusterVersionFromStore
    """
    try:
        event = st.get(store.store_cluster_version_key(), False, False)
    except V2Error as error:
        if errors.is_key_not_found(error):
            return None
        raise
    return SemVer.parse(event.node.value or "")


def validate_cluster_and_assign_ids(local: RaftCluster, existing: RaftCluster) -> None:
    """Give the configured members the ids they have in the cluster that they are to join.

    Raises ClusterMismatchError unless both have the same peer URLs.

    Go: etcdserver/api/membership/cluster.go#ValidateClusterAndAssignIDs
    """
    ems, lms = existing.members(), local.members()
    if len(ems) != len(lms):
        raise errors.ClusterMismatchError("member count is unequal")
    by_urls = {tuple(sorted(m.peer_urls)): m for m in lms}
    for em in ems:
        lm = by_urls.get(tuple(sorted(em.peer_urls)))
        if lm is None:
            who = f"({em.id:x}, {em.peer_urls})"
            raise errors.ClusterMismatchError(f"PeerURLs: no match found for existing member {who}")
        lm.id = em.id
    local._members = {m.id: m for m in lms}


def must_detect_downgrade(cv: SemVer | None) -> None:
    """Raises InvalidDowngradeError when the cluster is at a later minor version than this member.

    Go: etcdserver/api/membership/cluster.go#mustDetectDowngrade
    """
    lv = SemVer.parse(VERSION)._replace(patch=0)
    if cv and lv < cv:
        why = f"current version: {VERSION} is lower than determined cluster version: {cv.cluster()}"
        raise errors.InvalidDowngradeError(f"cluster cannot be downgraded ({why}).")


def _nodes(st: Store, path: str) -> list[NodeExtern]:
    try:
        return st.get(path, True, True).node.nodes
    except V2Error as error:
        if errors.is_key_not_found(error):
            return []
        raise


def _validate_promotion(members: dict[NodeID, Member], id: NodeID) -> None:
    if id not in members:
        raise errors.IDNotFoundError
    if not members[id].is_learner:
        raise errors.MemberNotLearnerError


def _validate_addition(members: dict[NodeID, Member], id: NodeID, m: Member) -> None:
    if id in members:
        raise errors.IDExistsError
    _validate_peer_urls(members.values(), m)
    if m.is_learner and sum(other.is_learner for other in members.values()) >= MAX_LEARNERS:
        raise errors.TooManyLearnersError


def _validate_peer_urls(others: Iterable[Member], m: Member) -> None:
    if {url for other in others for url in other.peer_urls} & set(m.peer_urls):
        raise errors.PeerURLExistsError

"""Where members and the cluster's version are kept: under ``/0`` of the v2 tree, and in three buckets.

Go: etcdserver/api/membership/store.go
"""

from __future__ import annotations

import posixpath

from minietcd.etcdserver.api.membership.member import Attributes, Member, RaftAttributes
from minietcd.etcdserver.api.v2store.node import NodeExtern
from minietcd.etcdserver.api.v2store.store import Store
from minietcd.mvcc.backend.backend import Backend
from minietcd.pkg.types import id_from_string, id_string
from minietcd.raft.raftpb import NodeID
from minietcd.version.version import SemVer

ATTRIBUTES_SUFFIX = "attributes"
RAFT_ATTRIBUTES_SUFFIX = "raftAttributes"
STORE_PREFIX = "/0"
STORE_MEMBERS_PREFIX = f"{STORE_PREFIX}/members"
STORE_REMOVED_MEMBERS_PREFIX = f"{STORE_PREFIX}/removed_members"

MEMBERS_BUCKET_NAME = b"members"
MEMBERS_REMOVED_BUCKET_NAME = b"members_removed"
CLUSTER_BUCKET_NAME = b"cluster"


def must_save_member_to_backend(be: Backend, m: Member) -> None:
    """Write all that is known of ``m``. Go: etcdserver/api/membership/store.go#mustSaveMemberToBackend"""
    with be.batch_tx() as tx:
        tx.unsafe_put(MEMBERS_BUCKET_NAME, backend_member_key(m.id), m.to_json().encode())


def must_delete_member_from_backend(be: Backend, id: NodeID) -> None:
    """Remove that member, and mark its id.

    Go: etcdserver/api/membership/store.go#mustDeleteMemberFromBackend
    """
    with be.batch_tx() as tx:
        tx.unsafe_delete(MEMBERS_BUCKET_NAME, backend_member_key(id))
        tx.unsafe_put(MEMBERS_REMOVED_BUCKET_NAME, backend_member_key(id), b"removed")


def must_save_cluster_version_to_backend(be: Backend, ver: SemVer) -> None:
    """Write what all members can speak.

    Go: etcdserver/api/membership/store.go#mustSaveClusterVersionToBackend
    """
    with be.batch_tx() as tx:
        tx.unsafe_put(CLUSTER_BUCKET_NAME, backend_cluster_version_key(), str(ver).encode())


def must_save_member_to_store(s: Store, m: Member) -> None:
    """Add what raft must know of ``m``. Raises V2Error if it is there.

    Go: etcdserver/api/membership/store.go#mustSaveMemberToStore
    """
    path = f"{member_store_key(m.id)}/{RAFT_ATTRIBUTES_SUFFIX}"
    s.create(path, False, m.raft_attributes.to_json(), False)


def must_delete_member_from_store(s: Store, id: NodeID) -> None:
    """Remove that member, and mark its id. Raises V2Error if it is not there.

    Go: etcdserver/api/membership/store.go#mustDeleteMemberFromStore
    """
    s.delete(member_store_key(id), True, True)
    s.create(removed_member_store_key(id), False, "", False)


def must_update_member_in_store(s: Store, m: Member) -> None:
    """Write what raft must know of ``m``. Raises V2Error if it is not there.

    Go: etcdserver/api/membership/store.go#mustUpdateMemberInStore
    """
    s.update(f"{member_store_key(m.id)}/{RAFT_ATTRIBUTES_SUFFIX}", m.raft_attributes.to_json())


def must_update_member_attr_in_store(s: Store, m: Member) -> None:
    """Write what ``m`` published of itself.

    Go: etcdserver/api/membership/store.go#mustUpdateMemberAttrInStore
    """
    s.set(member_attributes_store_path(m.id), False, m.attributes.to_json())


def must_save_cluster_version_to_store(s: Store, ver: SemVer) -> None:
    """Write what all members can speak.

    Go: etcdserver/api/membership/store.go#mustSaveClusterVersionToStore
    """
    s.set(store_cluster_version_key(), False, str(ver))


def node_to_member(n: NodeExtern) -> Member:
    """The member whose directory ``n`` is. Raises ValueError when something else is in it.

    Go: etcdserver/api/membership/store.go#nodeToMember
    """
    texts = {posixpath.basename(child.key): child.value or "" for child in n.nodes}
    if unknown := texts.keys() - {RAFT_ATTRIBUTES_SUFFIX, ATTRIBUTES_SUFFIX}:
        raise ValueError(f"unknown key {n.key}/{min(unknown)}")
    if RAFT_ATTRIBUTES_SUFFIX not in texts:
        raise ValueError(f"raftAttributes key doesn't exist in {n.key}")
    m = Member(must_parse_member_id_from_key(n.key))
    m.raft_attributes = RaftAttributes.from_json(texts[RAFT_ATTRIBUTES_SUFFIX])
    if ATTRIBUTES_SUFFIX in texts:
        m.attributes = Attributes.from_json(texts[ATTRIBUTES_SUFFIX])
    return m


def backend_member_key(id: NodeID) -> bytes:
    """A member's key in either bucket of members. Go: etcdserver/api/membership/store.go#backendMemberKey"""
    return id_string(id).encode()


def backend_cluster_version_key() -> bytes:
    """The version's key in the cluster's bucket.

    Go: etcdserver/api/membership/store.go#backendClusterVersionKey
    """
    return b"clusterVersion"


def must_create_backend_buckets(be: Backend) -> None:
    """Make the three buckets, unless they are there.

    Go: etcdserver/api/membership/store.go#mustCreateBackendBuckets
    """
    with be.batch_tx() as tx:
        for name in (MEMBERS_BUCKET_NAME, MEMBERS_REMOVED_BUCKET_NAME, CLUSTER_BUCKET_NAME):
            tx.unsafe_create_bucket(name)


def member_store_key(id: NodeID) -> str:
    """A member's directory in the v2 tree. Go: etcdserver/api/membership/store.go#MemberStoreKey"""
    return f"{STORE_MEMBERS_PREFIX}/{id_string(id)}"


def store_cluster_version_key() -> str:
    """The version's file in the v2 tree. Go: etcdserver/api/membership/store.go#StoreClusterVersionKey"""
    return f"{STORE_PREFIX}/version"


def member_attributes_store_path(id: NodeID) -> str:
    """The file of what a member publishes of itself.

    Go: etcdserver/api/membership/store.go#MemberAttributesStorePath
    """
    return f"{member_store_key(id)}/{ATTRIBUTES_SUFFIX}"


def must_parse_member_id_from_key(key: str) -> NodeID:
    """The id that ``key`` ends with. Raises ValueError.

    Go: etcdserver/api/membership/store.go#MustParseMemberIDFromKey
    """
    return NodeID(id_from_string(posixpath.basename(key)))


def removed_member_store_key(id: NodeID) -> str:
    """The mark of an id that was removed. Go: etcdserver/api/membership/store.go#RemovedMemberStoreKey"""
    return f"{STORE_REMOVED_MEMBERS_PREFIX}/{id_string(id)}"

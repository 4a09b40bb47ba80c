"""What peers say of themselves over HTTP: who is a member, and which version they run.

Go: etcdserver/cluster_util.go
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import NamedTuple

import aiohttp

from minietcd.etcdserver.api.membership.cluster import RaftCluster, new_cluster_from_members
from minietcd.etcdserver.api.membership.errors import IDNotFoundError, MemberNotLearnerError
from minietcd.etcdserver.api.membership.member import Member
from minietcd.etcdserver.errors import LearnerNotReadyError
from minietcd.pkg import logutil
from minietcd.pkg.types import id_from_string, id_string
from minietcd.raft.raftpb import NodeID
from minietcd.version.version import MIN_CLUSTER_VERSION, VERSION, SemVer

log = logutil.get_logger("etcdserver")

_PEER_ERRORS = (aiohttp.ClientError, OSError, ValueError, KeyError, TypeError)
"""All that can come of asking somebody who may be no peer at all; timeouts are OSErrors."""


class Versions(NamedTuple):
    """What a member runs, and what its cluster agreed on. Go: version/version.go#Versions"""

    server: str
    cluster: str


async def is_member_bootstrapped(
    cl: RaftCluster, member: str, rt: aiohttp.ClientSession, timeout: float
) -> bool:
    """Whether the other members know this one as started: then its data is lost, not new.

    Go: etcdserver/cluster_util.go#isMemberBootstrapped
    """
    try:
        rcl = await get_cluster_from_remote_peers(get_remote_peer_urls(cl, member), rt, timeout, False)
    except ValueError:
        return False
    local = cl.member_by_name(member)
    known = rcl.member(local.id) if local else None
    return known is not None and bool(known.client_urls)


async def get_cluster_from_remote_peers(
    urls: list[str], rt: aiohttp.ClientSession, timeout: float = 10.0, logerr: bool = True
) -> RaftCluster:
    """The cluster as the first peer that answers knows it. Raises ValueError if none does.

    Go: etcdserver/cluster_util.go#GetClusterFromRemotePeers
    Go: etcdserver/cluster_util.go#getClusterFromRemotePeers
    """
    for url in urls:
        address = f"{url}/members"
        try:
            async with rt.get(address, timeout=aiohttp.ClientTimeout(timeout)) as resp:
                members = [Member.from_json(json.dumps(m)) for m in json.loads(await resp.text()) or []]
                id = NodeID(id_from_string(resp.headers["X-Etcd-Cluster-ID"]))
        except _PEER_ERRORS as err:
            if logerr:
                log.warning("failed to get cluster response", address=address, error=err)
            continue
        if not members:
            raise ValueError("failed to get raft cluster member(s) from the given URLs")
        return new_cluster_from_members("", id, members)
    raise ValueError("could not retrieve cluster information from the given URLs")


def get_remote_peer_urls(cl: RaftCluster, local: str) -> list[str]:
    """The others' peer URLs, sorted. Go: etcdserver/cluster_util.go#getRemotePeerURLs"""
    return sorted(url for m in cl.members() if m.name != local for url in m.peer_urls)


async def get_versions(
    cl: RaftCluster, local: NodeID, rt: aiohttp.ClientSession
) -> dict[NodeID, Versions | None]:
    """Each member's versions; None for one that did not say. Go: etcdserver/cluster_util.go#getVersions"""
    vers: dict[NodeID, Versions | None] = {}
    for m in cl.members():
        if m.id == local:
            vers[m.id] = Versions(VERSION, str(cl.version() or "not_decided"))
        else:
            vers[m.id] = await get_version(m, rt)
    return vers


def decide_cluster_version(vers: dict[NodeID, Versions | None]) -> SemVer | None:
    """The oldest server version; None if one is unknown.

    Go: etcdserver/cluster_util.go#decideClusterVersion
    """
    known = [v for v in vers.values() if v is not None]
    if len(known) < len(vers) or not known:
        return None
    try:
        return min(SemVer.parse(v.server) for v in known)
    except ValueError as err:
        log.warning("failed to parse server version of remote member", error=err)
        return None


async def is_compatible_with_cluster(cl: RaftCluster, local: NodeID, rt: aiohttp.ClientSession) -> bool:
    """Whether this member may join: it speaks what the cluster has agreed on.

    Go: etcdserver/cluster_util.go#isCompatibleWithCluster
    """
    min_v, max_v = SemVer.parse(MIN_CLUSTER_VERSION), SemVer.parse(VERSION)._replace(patch=0)
    return is_compatible_with_vers(await get_versions(cl, local, rt), local, min_v, max_v)


def is_compatible_with_vers(
    vers: dict[NodeID, Versions | None], local: NodeID, min_v: SemVer, max_v: SemVer
) -> bool:
    """Whether at least one other member says its cluster's version, and all that do are within bounds.

    Go: etcdserver/cluster_util.go#isCompatibleWithVers
    """
    ok = False
    for id, v in vers.items():
        if id == local or v is None:
            continue
        try:
            cluster_version = SemVer.parse(v.cluster)
        except ValueError:
            continue
        if not min_v <= cluster_version <= max_v:
            message = "cluster version of remote member is not compatible"
            log.warning(message, remote_member_id=id_string(id), remote_member_cluster_version=v.cluster)
            return False
        ok = True
    return ok


async def get_version(m: Member, rt: aiohttp.ClientSession) -> Versions | None:
    """What the first of its URLs that answers says. Go: etcdserver/cluster_util.go#getVersion"""
    for url in m.peer_urls:
        try:
            async with rt.get(f"{url}/version") as resp:
                answer = json.loads(await resp.text())
                return Versions(answer["etcdserver"], answer["etcdcluster"])
        except _PEER_ERRORS as err:
            log.warning("failed to get version", address=url, remote_member_id=id_string(m.id), error=err)
    return None


async def promote_member_http(url: str, id: NodeID, rt: aiohttp.ClientSession) -> list[Member] | None:
    """Ask the leader to promote a learner; the members then, None if another should be asked.

    Raises LearnerNotReadyError, MembershipError.

    Go: etcdserver/cluster_util.go#promoteMemberHTTP
    """
    try:
        async with rt.post(f"{url}/members/promote/{id}") as resp:
            text = await resp.text()
            if resp.status == HTTPStatus.PRECONDITION_FAILED and LearnerNotReadyError.message in text:
                raise LearnerNotReadyError
            if resp.status == HTTPStatus.PRECONDITION_FAILED and MemberNotLearnerError.text in text:
                raise MemberNotLearnerError
            if resp.status == HTTPStatus.NOT_FOUND:
                raise IDNotFoundError
            if resp.status == HTTPStatus.OK:
                return [Member.from_json(json.dumps(m)) for m in json.loads(text)]
    except _PEER_ERRORS as err:
        log.warning("failed to ask for a promotion", address=url, error=err)
    return None

"""Committed v2 requests: what members tell each other about themselves, and a v2 client's keys.

Go: etcdserver/apply_v2.go
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass

from minietcd.etcdserver.api.capability import update_capability
from minietcd.etcdserver.api.membership.cluster import RaftCluster
from minietcd.etcdserver.api.membership.member import Attributes
from minietcd.etcdserver.api.membership.store import (
    STORE_MEMBERS_PREFIX,
    must_parse_member_id_from_key,
    store_cluster_version_key,
)
from minietcd.etcdserver.api.v2error.error import V2Error
from minietcd.etcdserver.api.v2store.node import Event
from minietcd.etcdserver.api.v2store.store import Store, TTLOptionSet
from minietcd.etcdserver.errors import EtcdServerError, UnknownMethodError
from minietcd.proto.etcdserverpb.etcdserver_pb2 import Request
from minietcd.version.version import SemVer

STORE_MEMBER_ATTRIBUTE_REGEXP = re.compile(
    rf"{re.escape(STORE_MEMBERS_PREFIX)}/[0-9a-fA-F]{{1,16}}/attributes"
)


@dataclass(slots=True)
class Response:
    """What became of a v2 request. Go: etcdserver/server.go#Response"""

    event: Event | None = None
    err: V2Error | EtcdServerError | None = None


class ApplierV2store:
    """Changes the v2 tree; two kinds of path are the cluster's own.

    Go: etcdserver/apply_v2.go#applierV2store
    """

    def __init__(self, store: Store, cluster: RaftCluster) -> None:
        """Go: etcdserver/apply_v2.go#NewApplierV2"""
        self._store = store
        self._cluster = cluster

    def delete(self, r: Request) -> Response:
        """Remove a node, if it is as the request expects. Go: etcdserver/apply_v2.go#applierV2store.Delete"""
        if r.PrevIndex > 0 or r.PrevValue:
            return to_response(lambda: self._store.compare_and_delete(r.Path, r.PrevValue, r.PrevIndex))
        return to_response(lambda: self._store.delete(r.Path, r.Dir, r.Recursive))

    def post(self, r: Request) -> Response:
        """Add a file with a name of its own. Go: etcdserver/apply_v2.go#applierV2store.Post"""
        return to_response(lambda: self._store.create(r.Path, r.Dir, r.Val, True, ttl_options(r)))

    def put(self, r: Request) -> Response:
        """Write a file, if it is as the request expects; or a member's attributes, or the cluster's version.

        Go: etcdserver/apply_v2.go#applierV2store.Put
        """
        ttl, compares = ttl_options(r), r.PrevIndex > 0 or bool(r.PrevValue)
        if r.HasField("PrevExist") and not r.PrevExist:
            return to_response(lambda: self._store.create(r.Path, r.Dir, r.Val, False, ttl))
        if compares:
            swap = self._store.compare_and_swap
            return to_response(lambda: swap(r.Path, r.PrevValue, r.PrevIndex, r.Val, ttl))
        if r.PrevExist:
            return to_response(lambda: self._store.update(r.Path, r.Val, ttl))
        if STORE_MEMBER_ATTRIBUTE_REGEXP.fullmatch(r.Path):
            id = must_parse_member_id_from_key(posixpath.dirname(r.Path))
            self._cluster.update_attributes(id, Attributes.from_json(r.Val))
            return Response()
        if r.Path == store_cluster_version_key():
            self._cluster.set_version(SemVer.parse(r.Val), update_capability)
            return Response()
        return to_response(lambda: self._store.set(r.Path, r.Dir, r.Val, ttl))

    def qget(self, r: Request) -> Response:
        """Read a node, in its turn among the writes. Go: etcdserver/apply_v2.go#applierV2store.QGet"""
        return to_response(lambda: self._store.get(r.Path, r.Recursive, r.Sorted))

    def sync(self, r: Request) -> Response:
        """Drop what has expired by the leader's clock. Go: etcdserver/apply_v2.go#applierV2store.Sync"""
        self._store.delete_expired_keys(r.Time)
        return Response()

    def apply_v2_request(self, r: Request) -> Response:
        """Do what ``r`` says, and answer with its event or its error.

        Go: etcdserver/apply_v2.go#EtcdServer.applyV2Request
        """
        method = {
            "POST": self.post,
            "PUT": self.put,
            "DELETE": self.delete,
            "QGET": self.qget,
            "SYNC": self.sync,
        }.get(r.Method)
        return method(r) if method else Response(err=UnknownMethodError())


def ttl_options(r: Request) -> TTLOptionSet:
    """When what ``r`` writes expires. Go: etcdserver/apply_v2.go#RequestV2.TTLOptions"""
    return TTLOptionSet(r.Expiration, r.Refresh)


def to_response(action: Callable[[], Event]) -> Response:
    """What ``action`` answers, or the V2Error that it raises. Go: etcdserver/apply_v2.go#toResponse"""
    try:
        return Response(event=action())
    except V2Error as err:
        return Response(err=err)

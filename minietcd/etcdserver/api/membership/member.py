"""One member: what raft must know of it, what clients want to know, and its id.

Go: etcdserver/api/membership/member.go
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from typing import Any, Self

from minietcd.pkg.strconv import go_json
from minietcd.pkg.types import URLs
from minietcd.raft.raftpb import NodeID


@dataclass(slots=True)
class RaftAttributes:
    """What is changed through raft's configuration. Go: etcdserver/api/membership/member.go#RaftAttributes"""

    peer_urls: list[str] = field(default_factory=list)
    is_learner: bool = False

    def to_json(self) -> str:
        """The text that etcd keeps."""
        return go_json(_raft_fields(self))

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The inverse of ``to_json``. Raises ValueError."""
        return cls(*_raft_values(json.loads(text)))


@dataclass(slots=True)
class Attributes:
    """What a member publishes of itself once it runs. Go: etcdserver/api/membership/member.go#Attributes"""

    name: str = ""
    client_urls: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """As etcd's log shows it."""
        return f"{{Name:{self.name} ClientURLs:[{' '.join(self.client_urls)}]}}"

    def to_json(self) -> str:
        """The text that etcd keeps and proposes."""
        return go_json(_other_fields(self))

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The inverse of ``to_json``. Raises ValueError."""
        return cls(*_other_values(json.loads(text)))


@dataclass(slots=True)
class Member:
    """A member with all its attributes (Go embeds the two structs; here they are properties).

    Go: etcdserver/api/membership/member.go#Member
    """

    id: NodeID
    peer_urls: list[str] = field(default_factory=list)
    is_learner: bool = False
    name: str = ""
    client_urls: list[str] = field(default_factory=list)

    @property
    def raft_attributes(self) -> RaftAttributes:
        """A copy of that half; assign to change it."""
        return RaftAttributes(list(self.peer_urls), self.is_learner)

    @raft_attributes.setter
    def raft_attributes(self, attr: RaftAttributes) -> None:
        self.peer_urls, self.is_learner = list(attr.peer_urls), attr.is_learner

    @property
    def attributes(self) -> Attributes:
        """A copy of that half; assign to change it."""
        return Attributes(self.name, list(self.client_urls))

    @attributes.setter
    def attributes(self, attr: Attributes) -> None:
        self.name, self.client_urls = attr.name, list(attr.client_urls)

    def clone(self) -> Member:
        """A copy that shares nothing. Go: etcdserver/api/membership/member.go#Member.Clone"""
        return replace(self, peer_urls=list(self.peer_urls), client_urls=list(self.client_urls))

    def is_started(self) -> bool:
        """Whether it ever published its name. Go: etcdserver/api/membership/member.go#Member.IsStarted"""
        return bool(self.name)

    def to_json(self) -> str:
        """The text that etcd keeps and proposes."""
        return go_json(self._fields())

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The inverse of ``to_json``. Raises ValueError."""
        saved = json.loads(text)
        return cls(NodeID(saved["id"]), *_raft_values(saved), *_other_values(saved))

    def _fields(self) -> dict[str, Any]:
        return {"id": self.id} | _raft_fields(self) | _other_fields(self)


def new_member(
    name: str, peer_urls: URLs, cluster_name: str, now: float | None, is_learner: bool = False
) -> Member:
    """A member whose id is made of its peer URLs, the cluster's token and, unless None, the time (in s).

    Go: etcdserver/api/membership/member.go#NewMember
    Go: etcdserver/api/membership/member.go#newMember
    """
    urls = sorted(peer_urls)
    seed = "".join(urls) + cluster_name + ("" if now is None else str(int(now)))
    digest = hashlib.sha1(seed.encode()).digest()
    return Member(NodeID(int.from_bytes(digest[:8])), urls, is_learner, name)


def new_member_as_learner(name: str, peer_urls: URLs, cluster_name: str, now: float | None) -> Member:
    """The same, but it learns before it votes. Go: etcdserver/api/membership/member.go#NewMemberAsLearner"""
    return new_member(name, peer_urls, cluster_name, now, is_learner=True)


def _raft_fields(m: Member | RaftAttributes) -> dict[str, Any]:
    return {"peerURLs": m.peer_urls} | ({"isLearner": True} if m.is_learner else {})


def _other_fields(m: Member | Attributes) -> dict[str, Any]:
    fields = {"name": m.name, "clientURLs": m.client_urls}
    return {name: value for name, value in fields.items() if value}


def _raft_values(saved: dict[str, Any]) -> tuple[list[str], bool]:
    return saved.get("peerURLs") or [], saved.get("isLearner", False)


def _other_values(saved: dict[str, Any]) -> tuple[str, list[str]]:
    return saved.get("name", ""), saved.get("clientURLs") or []

"""A file or a directory of the tree, and how it looks from outside.

Times are nanoseconds since 1970; ``PERMANENT`` means that a node does not expire.

Go: etcdserver/api/v2store/node.go
Go: etcdserver/api/v2store/node_extern.go
Go: etcdserver/api/v2store/event.go
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from minietcd.etcdserver.api.v2error.error import Ecode, V2Error

PERMANENT = 0
_SECOND = 10**9
_GO_ZERO_TIME = "0001-01-01T00:00:00Z"


@dataclass(slots=True)
class NodeExtern:
    """A node as it is shown to a client. Go: etcdserver/api/v2store/node_extern.go#NodeExtern"""

    key: str = ""
    value: str | None = None
    dir: bool = False
    expiration: int | None = None
    ttl: int = 0
    nodes: list[NodeExtern] = field(default_factory=list)
    modified_index: int = 0
    created_index: int = 0

    def load_internal_node(self, n: Node, recursive: bool, sorted: bool, now: int) -> None:
        """Show what ``n`` holds. Go: etcdserver/api/v2store/node_extern.go#NodeExtern.loadInternalNode"""
        if n.is_dir():
            self.dir = True
            self.nodes = [c.repr(recursive, sorted, now) for c in n.list() if not c.is_hidden()]
            if sorted:
                self.nodes.sort(key=lambda shown: shown.key)
        else:
            self.value = n.value
        self.expiration, self.ttl = n.expiration_and_ttl(now)


@dataclass(slots=True)
class Event:
    """What an action did to a node. Go: etcdserver/api/v2store/event.go#Event"""

    action: str
    node: NodeExtern
    prev_node: NodeExtern | None = None

    def is_created(self) -> bool:
        """Whether there was nothing before. Go: etcdserver/api/v2store/event.go#Event.IsCreated"""
        return self.action == "create" or (self.action == "set" and self.prev_node is None)


def new_event(action: str, key: str, modified_index: int, created_index: int) -> Event:
    """An event that says nothing yet but what happened, where and when.

    Go: etcdserver/api/v2store/event.go#newEvent
    """
    return Event(action, NodeExtern(key, modified_index=modified_index, created_index=created_index))


@dataclass(slots=True, eq=False)
class Node:
    """A file, or a directory: then ``children`` is not None. Go: etcdserver/api/v2store/node.go#node"""

    path: str
    created_index: int
    modified_index: int
    parent: Node | None = None
    expire_time: int = PERMANENT
    value: str = ""
    children: dict[str, Node] | None = None

    @property
    def name(self) -> str:
        """The last part of the path."""
        return posixpath.basename(self.path)

    def is_hidden(self) -> bool:
        """Whether listings leave it out. Go: etcdserver/api/v2store/node.go#node.IsHidden"""
        return self.name.startswith("_")

    def is_permanent(self) -> bool:
        """Whether it never expires. Go: etcdserver/api/v2store/node.go#node.IsPermanent"""
        return self.expire_time == PERMANENT

    def is_dir(self) -> bool:
        """Whether it is a directory. Go: etcdserver/api/v2store/node.go#node.IsDir"""
        return self.children is not None

    def write(self, value: str, index: int) -> None:
        """Give a file another value; a directory only takes the index of a refresh, as none here.

        Go: etcdserver/api/v2store/node.go#node.Write
        """
        if not self.is_dir():
            self.value, self.modified_index = value, index

    def expiration_and_ttl(self, now: int) -> tuple[int | None, int]:
        """When it expires, and in how many seconds, rounded up.

        Go: etcdserver/api/v2store/node.go#node.expirationAndTTL
        """
        if self.is_permanent():
            return None, 0
        return self.expire_time, -((now - self.expire_time) // _SECOND)

    def list(self) -> list[Node]:
        """The nodes of a directory. Go: etcdserver/api/v2store/node.go#node.List"""
        assert self.children is not None, self.path
        return list(self.children.values())

    def add(self, child: Node) -> None:
        """Take ``child`` into this directory. Go: etcdserver/api/v2store/node.go#node.Add"""
        assert self.children is not None and child.name not in self.children, child.path
        self.children[child.name] = child

    def remove(self, dir: bool, recursive: bool, index: int, callback: Callable[[str], None] | None) -> None:
        """Leave the tree, with everything below; ``callback`` is told each path that went.

        Raises V2Error when this is a directory and not meant, or not empty.

        Go: etcdserver/api/v2store/node.go#node.Remove
        """
        if self.children is not None:
            if not dir:
                raise V2Error(Ecode.NotFile, self.path, index)
            if self.children and not recursive:
                raise V2Error(Ecode.DirNotEmpty, self.path, index)
            for child in self.list():
                child.remove(True, True, index, callback)
        if self.parent is not None and self.parent.children is not None:
            self.parent.children.pop(self.name, None)
        if callback:
            callback(self.path)

    def repr(self, recursive: bool, sorted: bool, now: int) -> NodeExtern:
        """How it looks from outside. Go: etcdserver/api/v2store/node.go#node.Repr"""
        shown = NodeExtern(self.path, modified_index=self.modified_index, created_index=self.created_index)
        if recursive or not self.is_dir():
            shown.load_internal_node(self, recursive, sorted, now)
        else:
            shown.dir = True
            shown.expiration, shown.ttl = self.expiration_and_ttl(now)
        return shown

    def compare(self, prev_value: str, prev_index: int) -> str:
        """Empty if both match (what is not given does), else which does not, as etcd says it.

        Go: etcdserver/api/v2store/node.go#node.Compare
        Go: etcdserver/api/v2store/store.go#getCompareFailCause
        """
        value_matches = prev_value in ("", self.value)
        index_matches = prev_index in (0, self.modified_index)
        values, indexes = f"[{prev_value} != {self.value}]", f"[{prev_index} != {self.modified_index}]"
        if value_matches:
            return "" if index_matches else indexes
        return values if index_matches else f"{values} {indexes}"

    def to_json(self) -> dict[str, Any]:
        """The form in a snapshot."""
        return {
            "Path": self.path,
            "CreatedIndex": self.created_index,
            "ModifiedIndex": self.modified_index,
            "ExpireTime": format_time(self.expire_time),
            "Value": self.value,
            "Children": self.children
            if self.children is None
            else {name: child.to_json() for name, child in sorted(self.children.items())},
        }

    @classmethod
    def from_json(cls, saved: dict[str, Any], parent: Node | None = None) -> Node:
        """A node and everything below, out of a snapshot.

        Go: etcdserver/api/v2store/node.go#node.recoverAndclean
        """
        node = cls(saved["Path"], saved["CreatedIndex"], saved["ModifiedIndex"], parent)
        node.expire_time, node.value = parse_time(saved["ExpireTime"]), saved["Value"]
        if saved["Children"] is not None:
            node.children = {name: cls.from_json(child, node) for name, child in saved["Children"].items()}
        return node


def new_kv(path: str, value: str, created_index: int, parent: Node | None, expire_time: int) -> Node:
    """A file. Go: etcdserver/api/v2store/node.go#newKV"""
    return Node(path, created_index, created_index, parent, expire_time, value)


def new_dir(path: str, created_index: int, parent: Node | None, expire_time: int) -> Node:
    """An empty directory. Go: etcdserver/api/v2store/node.go#newDir"""
    return Node(path, created_index, created_index, parent, expire_time, children={})


def format_time(ns: int) -> str:
    """RFC 3339 with as many digits as needed, as Go writes a time; ``PERMANENT`` is Go's zero time."""
    if ns == PERMANENT:
        return _GO_ZERO_TIME
    seconds, fraction = divmod(ns, _SECOND)
    digits = f".{fraction:09}".rstrip("0").rstrip(".")
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}{digits}Z"


def parse_time(text: str) -> int:
    """The inverse of ``format_time``; other time zones are understood too."""
    if text == _GO_ZERO_TIME:
        return PERMANENT
    whole, _, rest = text.partition(".")
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    zone = rest[len(digits) :] if rest else ""
    return int(datetime.fromisoformat(whole + zone).timestamp()) * _SECOND + int(digits.ljust(9, "0") or 0)

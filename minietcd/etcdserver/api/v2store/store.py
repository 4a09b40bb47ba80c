"""The tree of nodes, and the actions on it.

Left out: the event history and its watchers, and what else an event says, because only v2 clients read them;
snapshots hold an empty history.

Go: etcdserver/api/v2store/store.go
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from minietcd.etcdserver.api.v2error.error import Ecode, V2Error
from minietcd.etcdserver.api.v2store.node import PERMANENT, Event, Node, new_dir, new_event, new_kv
from minietcd.pkg.strconv import go_json

_DEFAULT_VERSION = 2
_HISTORY_CAPACITY = 1000
_MIN_EXPIRE_TIME = 946_684_800 * 10**9  # the year 2000: what expires before was meant to be permanent


@dataclass(slots=True, frozen=True)
class TTLOptionSet:
    """When a node shall expire (ns since 1970), and whether only that is to change.

    Go: etcdserver/api/v2store/store.go#TTLOptionSet
    """

    expire_time: int = PERMANENT
    refresh: bool = False


NO_TTL = TTLOptionSet()


class Store:
    """A tree whose every change raises ``current_index`` by one.

    Go: etcdserver/api/v2store/store.go#store
    """

    def __init__(self, *namespaces: str, clock: Callable[[], float] = lambda: 0.0) -> None:
        """With an empty directory for each of ``namespaces``; ``clock`` tells seconds since 1970, for TTLs.

        Go: etcdserver/api/v2store/store.go#New
        Go: etcdserver/api/v2store/store.go#newStore
        """
        self.root = new_dir("/", 0, None, PERMANENT)
        for namespace in namespaces:
            self.root.add(new_dir(namespace, 0, self.root, PERMANENT))
        self.current_index = 0
        self.current_version = _DEFAULT_VERSION
        self._clock = clock
        self._readonly = {"/", *namespaces}

    def get(self, node_path: str, recursive: bool, sorted: bool) -> Event:
        """The node at ``node_path`` and what is in it. Raises V2Error if there is none.

        Go: etcdserver/api/v2store/store.go#store.Get
        """
        n = self.internal_get(node_path)
        e = new_event("get", node_path, n.modified_index, n.created_index)
        e.node.load_internal_node(n, recursive, sorted, self._now())
        return e

    def create(
        self, node_path: str, dir: bool, value: str, unique: bool, expire_opts: TTLOptionSet = NO_TTL
    ) -> Event:
        """Add a node where none is; ``unique`` adds it below ``node_path``, named by the index.

        Go: etcdserver/api/v2store/store.go#store.Create
        """
        return self.internal_create(node_path, dir, value, unique, False, expire_opts.expire_time, "create")

    def set(self, node_path: str, dir: bool, value: str, expire_opts: TTLOptionSet = NO_TTL) -> Event:
        """Put a node in place of the file that is there, if one is.

        Go: etcdserver/api/v2store/store.go#store.Set
        """
        if expire_opts.refresh:
            value = self.internal_get(node_path).value
        return self.internal_create(node_path, dir, value, False, True, expire_opts.expire_time, "set")

    def compare_and_swap(
        self, node_path: str, prev_value: str, prev_index: int, value: str, expire_opts: TTLOptionSet = NO_TTL
    ) -> Event:
        """Write a file that still has that value and that index (empty and 0: any).

        Go: etcdserver/api/v2store/store.go#store.CompareAndSwap
        """
        n = self._compared(self._writable(node_path), prev_value, prev_index)
        return self._write(n, "compareAndSwap", value, expire_opts)

    def delete(self, node_path: str, dir: bool, recursive: bool) -> Event:
        """Remove a file, an empty directory (``dir``) or all below one (``recursive``).

        Go: etcdserver/api/v2store/store.go#store.Delete
        """
        n = self.internal_get(self._writable(node_path))
        return self._remove(n, "delete", dir or recursive, recursive)

    def compare_and_delete(self, node_path: str, prev_value: str, prev_index: int) -> Event:
        """Remove a file that still has that value and that index (empty and 0: any).

        Go: etcdserver/api/v2store/store.go#store.CompareAndDelete
        """
        n = self._compared(_clean(node_path), prev_value, prev_index)
        return self._remove(n, "compareAndDelete", False, False)

    def update(self, node_path: str, new_value: str, expire_opts: TTLOptionSet = NO_TTL) -> Event:
        """Write a file that exists, or change when a directory expires. Raises V2Error.

        Go: etcdserver/api/v2store/store.go#store.Update
        """
        node_path = self._writable(node_path)
        n = self.internal_get(node_path)
        if n.is_dir() and new_value:
            raise V2Error(Ecode.NotFile, node_path, self.current_index)
        return self._write(n, "update", new_value, expire_opts)

    def internal_create(
        self,
        node_path: str,
        dir: bool,
        value: str,
        unique: bool,
        replace: bool,
        expire_time: int,
        action: str,
    ) -> Event:
        """Add a node, with the directories above it; ``replace`` takes the place of a file. Raises V2Error.

        Go: etcdserver/api/v2store/store.go#store.internalCreate
        """
        next_index = self.current_index + 1
        node_path = self._writable(f"{node_path}/{next_index:020}" if unique else node_path)
        if expire_time < _MIN_EXPIRE_TIME:
            expire_time = PERMANENT
        parent = self._directory(posixpath.dirname(node_path))
        assert parent.children is not None, parent.path
        e = new_event(action, node_path, next_index, next_index)
        if old := parent.children.get(posixpath.basename(node_path)):
            if not replace:
                raise V2Error(Ecode.NodeExist, node_path, self.current_index)
            if old.is_dir():
                raise V2Error(Ecode.NotFile, node_path, self.current_index)
            e.prev_node = old.repr(False, False, self._now())
            old.remove(False, False, self.current_index, None)
        if dir:
            n = new_dir(node_path, next_index, parent, expire_time)
        else:
            n = new_kv(node_path, value, next_index, parent, expire_time)
            e.node.value = value
        e.node.dir = dir
        parent.add(n)
        e.node.expiration, e.node.ttl = n.expiration_and_ttl(self._now())
        self.current_index = next_index
        return e

    def internal_get(self, node_path: str) -> Node:
        """The node at ``node_path``. Raises V2Error. Go: etcdserver/api/v2store/store.go#store.internalGet"""
        current = self.root
        for name in _components(node_path):
            if current.children is None:
                raise V2Error(Ecode.NotDir, current.path, self.current_index)
            if name not in current.children:
                raise V2Error(Ecode.KeyNotFound, posixpath.join(current.path, name), self.current_index)
            current = current.children[name]
        return current

    def delete_expired_keys(self, cutoff: int) -> list[Event]:
        """Remove what expires up to ``cutoff``, the first to expire first.

        Go: etcdserver/api/v2store/store.go#store.DeleteExpiredKeys
        """
        expired = [n for n in _walk(self.root) if not n.is_permanent() and n.expire_time <= cutoff]
        expired.sort(key=lambda n: n.expire_time)
        return [self._remove(n, "expire", True, True) for n in expired if self._holds(n)]

    def check_dir(self, parent: Node, dir_name: str) -> Node:
        """The directory of that name in ``parent``, made if it is not there.

        Go: etcdserver/api/v2store/store.go#store.checkDir
        """
        assert parent.children is not None, parent.path
        if node := parent.children.get(dir_name):
            if not node.is_dir():
                raise V2Error(Ecode.NotDir, node.path, self.current_index)
            return node
        path = posixpath.join(parent.path, dir_name)
        parent.add(made := new_dir(path, self.current_index + 1, parent, PERMANENT))
        return made

    def save_no_copy(self) -> bytes:
        """Everything as etcd's JSON. Go: etcdserver/api/v2store/store.go#store.SaveNoCopy"""
        queue = {"Events": [None] * _HISTORY_CAPACITY, "Size": 0, "Front": 0, "Back": 0}
        queue["Capacity"] = _HISTORY_CAPACITY
        state = {
            "Root": self.root.to_json(),
            "WatcherHub": {"EventHistory": {"Queue": queue, "StartIndex": 0, "LastIndex": 0}},
            "CurrentIndex": self.current_index,
            "Stats": {},
            "CurrentVersion": self.current_version,
        }
        return go_json(state).encode()

    def recovery(self, state: bytes) -> None:
        """Become what ``save`` wrote. Raises ValueError when this is something else.

        Go: etcdserver/api/v2store/store.go#store.Recovery
        """
        saved: dict[str, Any] = json.loads(state)
        self.root = Node.from_json(saved["Root"])
        self.current_index, self.current_version = saved["CurrentIndex"], saved["CurrentVersion"]

    def has_ttl_keys(self) -> bool:
        """Whether anything will expire. Go: etcdserver/api/v2store/store.go#store.HasTTLKeys"""
        return any(not n.is_permanent() for n in _walk(self.root))

    def _now(self) -> int:
        return int(self._clock() * 10**9)

    def _writable(self, node_path: str) -> str:
        node_path = _clean(node_path)
        if node_path in self._readonly:
            raise V2Error(Ecode.RootROnly, "/", self.current_index)
        return node_path

    def _directory(self, dir_path: str) -> Node:
        """The directory at that path, made with those above it.

        Go: etcdserver/api/v2store/store.go#store.walk
        """
        current = self.root
        for name in _components(dir_path):
            current = self.check_dir(current, name)
        return current

    def _compared(self, node_path: str, prev_value: str, prev_index: int) -> Node:
        n = self.internal_get(node_path)
        if n.is_dir():
            raise V2Error(Ecode.NotFile, node_path, self.current_index)
        if cause := n.compare(prev_value, prev_index):
            raise V2Error(Ecode.TestFailed, cause, self.current_index)
        return n

    def _write(self, n: Node, action: str, value: str, expire_opts: TTLOptionSet) -> Event:
        now = self._now()
        self.current_index += 1
        e = new_event(action, n.path, self.current_index, n.created_index)
        e.prev_node = n.repr(False, False, now)
        n.write(n.value if expire_opts.refresh else value, self.current_index)
        n.expire_time = expire_opts.expire_time
        e.node.dir = n.is_dir()
        e.node.value = None if n.is_dir() else n.value
        e.node.expiration, e.node.ttl = n.expiration_and_ttl(now)
        return e

    def _remove(self, n: Node, action: str, dir: bool, recursive: bool) -> Event:
        e = new_event(action, n.path, self.current_index + 1, n.created_index)
        e.prev_node = n.repr(False, False, self._now())
        e.node.dir = n.is_dir()
        n.remove(dir, recursive, self.current_index, None)
        self.current_index += 1
        return e

    def _holds(self, n: Node) -> bool:
        return (
            n.parent is not None
            and (n.parent.children or {}).get(n.name) is n
            and (n.parent is self.root or self._holds(n.parent))
        )


def _clean(node_path: str) -> str:
    return posixpath.normpath(f"/{node_path.lstrip('/')}")


def _components(node_path: str) -> list[str]:
    return [name for name in _clean(node_path).split("/") if name]


def _walk(n: Node) -> Iterator[Node]:
    yield n
    for child in (n.children or {}).values():
        yield from _walk(child)

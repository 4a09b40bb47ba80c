"""What the state must be after each entry of the log: the store as a dictionary, and its history."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from minietcd.proto.etcdserverpb import rpc_pb2 as pb
from minietcd.proto.etcdserverpb.raft_internal_pb2 import InternalRaftRequest
from minietcd.proto.mvccpb.kv_pb2 import KeyValue
from tests.sim.linearizability import Stored


@dataclass(slots=True, frozen=True)
class Item:
    """What stands under a key, and the revisions at which it was created and last written."""

    value: bytes
    version: int
    created: int
    modified: int

    @staticmethod
    def of(kv: KeyValue) -> tuple[bytes, Item]:
        """A key of the real store, and what stands under it."""
        return kv.key, Item(kv.value, kv.version, kv.create_revision, kv.mod_revision)

    def stored(self) -> Stored:
        """As clients tell it."""
        return self.value, self.version


@dataclass(slots=True)
class Model:
    """The store as of the last entry applied, with every write by its revision."""

    rev: int = 1
    items: dict[bytes, Item] = field(default_factory=dict)
    writes: dict[int, dict[bytes, Item | None]] = field(default_factory=dict)
    """What each revision put (None: deleted) under which keys."""

    def apply(self, r: InternalRaftRequest) -> None:
        """Take in a request. Only those that the workload makes, and those that change no key, are known."""
        changes: dict[bytes, Item | None] = {}
        if r.HasField("txn"):
            holds = all(self._compare(compare) for compare in r.txn.compare)
            for op in r.txn.success if holds else r.txn.failure:
                self._put_or_delete(op.request_put, op.request_delete_range, changes)
        else:
            self._put_or_delete(r.put, r.delete_range, changes)
        if changes:
            self.rev += 1
            self.writes[self.rev] = changes
            for key, item in changes.items():
                self.items.pop(key, None)
                if item is not None:
                    self.items[key] = item

    def at(self, key: bytes, rev: int) -> Stored:
        """What stood under ``key`` as of ``rev``."""
        for back in range(rev, 1, -1):
            if key in self.writes[back]:
                item = self.writes[back][key]
                return item.stored() if item else None
        return None

    def _put_or_delete(
        self, put: pb.PutRequest, delete: pb.DeleteRangeRequest, changes: dict[bytes, Item | None]
    ) -> None:
        if put.key:
            before, rev = self.items.get(put.key), self.rev + 1
            version, created = (before.version + 1, before.created) if before else (1, rev)
            changes[put.key] = Item(put.value, version, created, rev)
        if delete.key in self.items:
            changes[delete.key] = None

    def _compare(self, compare: pb.Compare) -> bool:
        """Only for equality: of the value, or of the version with 0, which is that of no key."""
        assert compare.result == pb.Compare.EQUAL, compare
        item = self.items.get(compare.key)
        if compare.target == pb.Compare.VERSION:
            return compare.version == (item.version if item else 0)
        assert compare.target == pb.Compare.VALUE, compare
        return item is not None and compare.value == item.value


def items_of(kvs: Iterable[KeyValue]) -> dict[bytes, Item]:
    """The keys of the real store as those of the model."""
    return dict(map(Item.of, kvs))

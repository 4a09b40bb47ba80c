"""Who holds which lease, and which keys hang on it.

Left out: expiry and renewal, because nothing asks for them yet; a lease lasts until it is revoked.

Go: lease/lessor.go
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NewType, Protocol

from minietcd.lease.errors import LeaseExistsError, LeaseNotFoundError, LeaseTTLTooLargeError
from minietcd.mvcc.backend.backend import Backend
from minietcd.proto.leasepb import lease_pb2

LeaseID = NewType("LeaseID", int)
LeaseItem = NewType("LeaseItem", bytes)
"""A key that is attached to a lease."""

NO_LEASE = LeaseID(0)
MAX_LEASE_TTL = 9_000_000_000

_LEASE_BUCKET_NAME = b"lease"


class TxnDelete(Protocol):
    """A write transaction of the store, as far as a lessor needs one.

    Go: lease/lessor.go#TxnDelete
    """

    def delete_range(self, key: bytes, end: bytes) -> tuple[int, int]:
        """Delete a key: how many there were, and the revision now. Go: lease/lessor.go#TxnDelete"""

    def end(self) -> None:
        """Let it all be seen. Go: lease/lessor.go#TxnDelete"""


type RangeDeleter = Callable[[], TxnDelete]


@dataclass(slots=True)
class Lease:
    """A lease of ``ttl`` seconds and what is attached to it.

    Go: lease/lessor.go#Lease
    """

    id: LeaseID
    ttl: int
    remaining_ttl: int = 0
    item_set: set[LeaseItem] = field(default_factory=set)

    def persist_to(self, b: Backend) -> None:
        """Write the lease to the backend, not the keys. Go: lease/lessor.go#Lease.persistTo"""
        lpb = lease_pb2.Lease(ID=self.id, TTL=self.ttl, RemainingTTL=self.remaining_ttl)
        with b.batch_tx() as tx:
            tx.unsafe_put(_LEASE_BUCKET_NAME, _int64_to_bytes(self.id), lpb.SerializeToString())

    def keys(self) -> list[bytes]:
        """The attached keys. Go: lease/lessor.go#Lease.Keys"""
        return list(self.item_set)


class Lessor:
    """Grants and revokes leases, and remembers what is attached to them.

    Go: lease/lessor.go#lessor
    """

    def __init__(self, b: Backend, min_lease_ttl: int = 0) -> None:
        """Go: lease/lessor.go#newLessor"""
        self.min_lease_ttl = min_lease_ttl
        self.rd: RangeDeleter | None = None
        self.recover(b, None)

    def set_range_deleter(self, rd: RangeDeleter) -> None:
        """By what transaction to delete the keys of a revoked lease.

        Go: lease/lessor.go#lessor.SetRangeDeleter
        """
        self.rd = rd

    def grant(self, id: LeaseID, ttl: int) -> Lease:
        """A new lease. Raises LeaseError. Go: lease/lessor.go#lessor.Grant"""
        if id == NO_LEASE:
            raise LeaseNotFoundError
        if ttl > MAX_LEASE_TTL:
            raise LeaseTTLTooLargeError
        if id in self.lease_map:
            raise LeaseExistsError
        lease = self.lease_map[id] = Lease(id, max(ttl, self.min_lease_ttl))
        lease.persist_to(self.b)
        return lease

    def revoke(self, id: LeaseID) -> None:
        """End a lease, and delete its keys in one transaction. Raises LeaseNotFoundError.

        Go: lease/lessor.go#lessor.Revoke
        """
        lease = self._must_lookup(id)
        if self.rd is None:
            return
        txn = self.rd()
        # Sorted, so that every member deletes in the same order and their hashes agree.
        for key in sorted(lease.keys()):
            txn.delete_range(key, b"")
        del self.lease_map[id]
        self.b.batch_tx().unsafe_delete(_LEASE_BUCKET_NAME, _int64_to_bytes(id))
        txn.end()

    def checkpoint(self, id: LeaseID, remaining_ttl: int) -> None:
        """Remember how long a lease still had, for a leader to come. Go: lease/lessor.go#lessor.Checkpoint"""
        if lease := self.lease_map.get(id):
            lease.remaining_ttl = remaining_ttl

    def lookup(self, id: LeaseID) -> Lease | None:
        """The lease of this id, if there is one. Go: lease/lessor.go#lessor.Lookup"""
        return self.lease_map.get(id)

    def leases(self) -> list[Lease]:
        """All of them. Go: lease/lessor.go#lessor.Leases"""
        return list(self.lease_map.values())

    def attach(self, id: LeaseID, items: Iterable[LeaseItem]) -> None:
        """Hang keys on a lease. Raises LeaseNotFoundError. Go: lease/lessor.go#lessor.Attach"""
        lease = self._must_lookup(id)
        for item in items:
            lease.item_set.add(item)
            self.item_map[item] = id

    def get_lease(self, item: LeaseItem) -> LeaseID:
        """The lease that a key hangs on, or NO_LEASE. Go: lease/lessor.go#lessor.GetLease"""
        return self.item_map.get(item, NO_LEASE)

    def detach(self, id: LeaseID, items: Iterable[LeaseItem]) -> None:
        """Take keys off a lease. Raises LeaseNotFoundError. Go: lease/lessor.go#lessor.Detach"""
        lease = self._must_lookup(id)
        for item in items:
            lease.item_set.discard(item)
            self.item_map.pop(item, None)

    def recover(self, b: Backend, rd: RangeDeleter | None) -> None:
        """Hold the leases that ``b`` has; the store attaches the keys.

        Go: lease/lessor.go#lessor.Recover
        Go: lease/lessor.go#lessor.initAndRecover
        """
        self.b, self.rd = b, rd
        self.lease_map: dict[LeaseID, Lease] = {}
        self.item_map: dict[LeaseItem, LeaseID] = {}
        with b.batch_tx() as tx:
            tx.unsafe_create_bucket(_LEASE_BUCKET_NAME)
            tx.unsafe_for_each(_LEASE_BUCKET_NAME, self._recover_lease)
        b.force_commit()

    def _must_lookup(self, id: LeaseID) -> Lease:
        if lease := self.lease_map.get(id):
            return lease
        raise LeaseNotFoundError

    def _recover_lease(self, key: bytes, value: bytes) -> None:
        lpb = lease_pb2.Lease.FromString(value)
        id = LeaseID(lpb.ID)
        self.lease_map[id] = Lease(id, max(lpb.TTL, self.min_lease_ttl), lpb.RemainingTTL)


def _int64_to_bytes(n: int) -> bytes:
    return n.to_bytes(8, signed=True)

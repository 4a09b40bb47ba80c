"""Leases and what is attached to them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from minietcd.lease.errors import LeaseExistsError, LeaseNotFoundError, LeaseTTLTooLargeError
from minietcd.lease.lessor import MAX_LEASE_TTL, NO_LEASE, LeaseID, LeaseItem, Lessor
from minietcd.mvcc.backend.backend import Backend
from minietcd.mvcc.kvstore import Store

ID = LeaseID(7)


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[Backend]:
    backend = Backend(tmp_path / "db")
    yield backend
    backend.close()


def test_a_lease_is_found_until_it_is_revoked(backend: Backend) -> None:
    lessor = Lessor(backend, min_lease_ttl=5)
    assert lessor.lookup(ID) is None
    assert lessor.grant(ID, 1).ttl == 5
    assert lessor.lookup(ID) in lessor.leases()
    with pytest.raises(LeaseExistsError, match="lease already exists"):
        lessor.grant(ID, 1)


@pytest.mark.parametrize(
    ("id", "ttl", "error"),
    [(NO_LEASE, 1, LeaseNotFoundError), (ID, MAX_LEASE_TTL + 1, LeaseTTLTooLargeError)],
)
def test_what_is_no_lease_is_refused(backend: Backend, id: LeaseID, ttl: int, error: type[Exception]) -> None:
    with pytest.raises(error):
        Lessor(backend).grant(id, ttl)


def test_an_unknown_lease_takes_and_gives_nothing(backend: Backend) -> None:
    lessor = Lessor(backend)
    for call in (lessor.attach, lessor.detach):
        with pytest.raises(LeaseNotFoundError, match="lease not found"):
            call(ID, [LeaseItem(b"a")])
    with pytest.raises(LeaseNotFoundError):
        lessor.revoke(ID)


def test_a_key_hangs_on_one_lease(backend: Backend) -> None:
    lessor = Lessor(backend)
    lessor.grant(ID, 10)
    item = LeaseItem(b"a")
    assert lessor.get_lease(item) == NO_LEASE
    lessor.attach(ID, [item])
    assert lessor.get_lease(item) == ID
    lessor.detach(ID, [item])
    assert lessor.get_lease(item) == NO_LEASE


def test_leases_and_their_keys_come_back_after_a_restart(tmp_path: Path) -> None:
    backend = Backend(tmp_path / "db")
    lessor = Lessor(backend)
    store = Store(backend, lessor, None)
    for id in (-3, 7, 8):
        lessor.grant(LeaseID(id), 60)
    store.put(b"kept", b"", ID)
    store.put(b"kept too", b"", LeaseID(-3))
    store.put(b"left it", b"", ID)
    store.put(b"left it", b"")
    store.put(b"deleted", b"", ID)
    store.delete_range(b"deleted", b"")
    lessor.revoke(LeaseID(8))
    lessor.checkpoint(ID, 30)
    lessor.checkpoint(LeaseID(8), 30)
    assert [lease.remaining_ttl for lease in lessor.leases()] == [0, 30]
    backend.close()

    backend = Backend(tmp_path / "db")
    lessor = Lessor(backend)
    Store(backend, lessor, None)
    assert {lease.id: (lease.ttl, lease.keys()) for lease in lessor.leases()} == {
        7: (60, [b"kept"]),
        -3: (60, [b"kept too"]),
    }
    backend.close()

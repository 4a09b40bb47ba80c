"""The auth store, as long as auth is disabled."""

from __future__ import annotations

from pathlib import Path

import pytest

from minietcd.auth.errors import InvalidAuthTokenError
from minietcd.auth.store import AuthInfo, AuthStore
from minietcd.mvcc.backend.backend import Backend
from minietcd.pkg.context import BACKGROUND, Context


def test_everything_is_permitted_while_auth_is_disabled(tmp_path: Path) -> None:
    backend = Backend(tmp_path / "db")
    store = AuthStore(backend)
    nobody = AuthInfo()
    assert not store.is_auth_enabled()
    store.is_put_permitted(nobody, b"a")
    store.is_range_permitted(nobody, b"a", b"\0")
    store.is_delete_range_permitted(nobody, b"a", b"\0")
    store.is_admin_permitted(None)
    backend.close()


def test_the_revision_begins_at_one_and_is_kept(tmp_path: Path) -> None:
    for _ in range(2):
        backend = Backend(tmp_path / "db")
        assert AuthStore(backend).revision() == 1
        backend.close()


def test_a_token_that_nobody_was_given_is_refused(tmp_path: Path) -> None:
    backend = Backend(tmp_path / "db")
    store = AuthStore(backend)
    assert store.auth_info_from_ctx(BACKGROUND) is None
    with pytest.raises(InvalidAuthTokenError, match="auth: invalid auth token"):
        store.auth_info_from_ctx(Context({"token": "x.1"}))
    backend.close()

"""Users, roles and their permissions, and the question whether something is permitted.

Left out: enabling it, because there are no users yet; while auth is disabled, all is permitted.

Go: auth/store.go
"""

from __future__ import annotations

from dataclasses import dataclass

from minietcd.auth.errors import InvalidAuthTokenError, PermissionDeniedError, UserEmptyError
from minietcd.mvcc.backend.backend import Backend
from minietcd.mvcc.backend.batch_tx import BatchTx
from minietcd.pkg.context import Context
from minietcd.proto.authpb.auth_pb2 import Permission

_AUTH_BUCKET_NAME = b"auth"
_AUTH_USERS_BUCKET_NAME = b"authUsers"
_AUTH_ROLES_BUCKET_NAME = b"authRoles"
_ENABLE_FLAG_KEY = b"authEnabled"
_AUTH_ENABLED = b"\1"
_REVISION_KEY = b"authRevision"

_TOKEN_FIELD_NAMES = ("token", "authorization")
"""Where gRPC clients and HTTP clients put the token."""


@dataclass(slots=True)
class AuthInfo:
    """Who asks, and the revision of the auth store that it was known at; 0 if nobody.

    Go: auth/store.go#AuthInfo
    """

    username: str = ""
    revision: int = 0


class AuthStore:
    """Users, roles and permissions, as the backend holds them. Go: auth/store.go#authStore"""

    def __init__(self, be: Backend) -> None:
        """Go: auth/store.go#NewAuthStore"""
        with be.batch_tx() as tx:
            for bucket in (_AUTH_BUCKET_NAME, _AUTH_USERS_BUCKET_NAME, _AUTH_ROLES_BUCKET_NAME):
                tx.unsafe_create_bucket(bucket)
            self._load(be, tx)
            if self.revision() == 0:
                self.commit_revision(tx)
        be.force_commit()

    def recover(self, be: Backend) -> None:
        """Become the auth store that ``be`` holds. Go: auth/store.go#authStore.Recover"""
        with be.batch_tx() as tx:
            self._load(be, tx)

    def _load(self, be: Backend, tx: BatchTx) -> None:
        self.be = be
        self.enabled = tx.unsafe_range(_AUTH_BUCKET_NAME, _ENABLE_FLAG_KEY)[1] == [_AUTH_ENABLED]
        self.revision_ = get_revision(tx)

    def close(self) -> None:
        """Nothing to let go of yet. Go: auth/store.go#authStore.Close"""

    def is_op_permitted(
        self, user_name: str, revision: int, key: bytes, range_end: bytes, perm_type: Permission.Type
    ) -> None:
        """Raise AuthError unless the user may do that. Go: auth/store.go#authStore.isOpPermitted"""
        if not self.is_auth_enabled():
            return
        raise UserEmptyError if revision == 0 else PermissionDeniedError

    def is_put_permitted(self, auth_info: AuthInfo, key: bytes) -> None:
        """Raise AuthError unless the user may write it. Go: auth/store.go#authStore.IsPutPermitted"""
        self.is_op_permitted(auth_info.username, auth_info.revision, key, b"", Permission.WRITE)

    def is_range_permitted(self, auth_info: AuthInfo, key: bytes, range_end: bytes) -> None:
        """Raise AuthError unless the user may read it all. Go: auth/store.go#authStore.IsRangePermitted"""
        self.is_op_permitted(auth_info.username, auth_info.revision, key, range_end, Permission.READ)

    def is_delete_range_permitted(self, auth_info: AuthInfo, key: bytes, range_end: bytes) -> None:
        """Raise AuthError unless the user may write it all.

        Go: auth/store.go#authStore.IsDeleteRangePermitted
        """
        self.is_op_permitted(auth_info.username, auth_info.revision, key, range_end, Permission.WRITE)

    def is_admin_permitted(self, auth_info: AuthInfo | None) -> None:
        """Raise AuthError unless the user has the role root. Go: auth/store.go#authStore.IsAdminPermitted"""
        if not self.is_auth_enabled():
            return
        raise PermissionDeniedError if auth_info and auth_info.username else UserEmptyError

    def has_role(self, user: str, role: str) -> bool:
        """Whether the user has the role. Go: auth/store.go#authStore.HasRole"""
        return False

    def is_auth_enabled(self) -> bool:
        """Whether anything is checked at all. Go: auth/store.go#authStore.IsAuthEnabled"""
        return self.enabled

    def commit_revision(self, tx: BatchTx) -> None:
        """The users or roles have changed. Go: auth/store.go#authStore.commitRevision"""
        self.revision_ += 1
        tx.unsafe_put(_AUTH_BUCKET_NAME, _REVISION_KEY, self.revision_.to_bytes(8))

    def revision(self) -> int:
        """Counts the changes of users and roles. Go: auth/store.go#authStore.Revision"""
        return self.revision_

    def auth_info_from_ctx(self, ctx: Context) -> AuthInfo | None:
        """Who sent this request; None if it has no token. Raises InvalidAuthTokenError.

        Go: auth/store.go#authStore.AuthInfoFromCtx
        """
        if not any(name in ctx.metadata for name in _TOKEN_FIELD_NAMES):
            return None
        raise InvalidAuthTokenError

    def auth_info_from_tls(self, ctx: Context) -> AuthInfo | None:
        """Who the client's certificate says it is. Go: auth/store.go#authStore.AuthInfoFromTLS"""
        return None


def get_revision(tx: BatchTx) -> int:
    """The saved revision; 0 before the first. Go: auth/store.go#getRevision"""
    saved = tx.unsafe_range(_AUTH_BUCKET_NAME, _REVISION_KEY)[1]
    return int.from_bytes(saved[0]) if saved else 0

"""What the auth store refuses; texts as etcd's.

    AuthError
    ├─ UserEmptyError           the request names no user
    ├─ PermissionDeniedError    the user may not do that
    ├─ InvalidAuthTokenError    nobody was given this token
    └─ AuthOldRevisionError     users or roles have changed while the request was under way

Go: auth/store.go
"""

from __future__ import annotations


class AuthError(Exception):
    """Base of what the auth store refuses."""

    text = ""

    def __init__(self) -> None:
        super().__init__(self.text)


class UserEmptyError(AuthError):
    """etcd's ``ErrUserEmpty``."""

    text = "auth: user name is empty"


class PermissionDeniedError(AuthError):
    """etcd's ``ErrPermissionDenied``."""

    text = "auth: permission denied"


class InvalidAuthTokenError(AuthError):
    """etcd's ``ErrInvalidAuthToken``."""

    text = "auth: invalid auth token"


class AuthOldRevisionError(AuthError):
    """etcd's ``ErrAuthOldRevision``."""

    text = "auth: revision in header is old"

"""Codes and texts of what can go wrong in the v2 tree.

Left out: the codes that only v2's HTTP handlers give.

Go: etcdserver/api/v2error/error.go
"""

from __future__ import annotations

from enum import IntEnum


class Ecode(IntEnum):
    """What went wrong, in the numbers that v2 clients know. Go: etcdserver/api/v2error/error.go"""

    KeyNotFound = 100
    TestFailed = 101
    NotFile = 102
    NotDir = 104
    NodeExist = 105
    RootROnly = 107
    DirNotEmpty = 108


errors = {
    Ecode.KeyNotFound: "Key not found",
    Ecode.TestFailed: "Compare failed",
    Ecode.NotFile: "Not a file",
    Ecode.NotDir: "Not a directory",
    Ecode.NodeExist: "Key already exists",
    Ecode.RootROnly: "Root is read only",
    Ecode.DirNotEmpty: "Directory not empty",
}


class V2Error(Exception):
    """A v2 request that could not be done. Go: etcdserver/api/v2error/error.go#Error"""

    def __init__(self, error_code: Ecode, cause: str, index: int = 0) -> None:
        """Go: etcdserver/api/v2error/error.go#NewError"""
        super().__init__(f"{errors[error_code]} ({cause})")
        self.error_code, self.message, self.cause, self.index = error_code, errors[error_code], cause, index

"""Codes and texts of the v2 API's errors.

Go: etcdserver/api/v2error/error.go
"""

from __future__ import annotations

import json
from enum import IntEnum
from http import HTTPStatus


class Ecode(IntEnum):
    """What went wrong, in the numbers that v2 clients know. Go: etcdserver/api/v2error/error.go"""

    KeyNotFound = 100
    TestFailed = 101
    NotFile = 102
    NotDir = 104
    NodeExist = 105
    RootROnly = 107
    DirNotEmpty = 108
    Unauthorized = 110
    PrevValueRequired = 201
    TTLNaN = 202
    IndexNaN = 203
    InvalidField = 209
    InvalidForm = 210
    RefreshValue = 211
    RefreshTTLRequired = 212
    RaftInternal = 300
    LeaderElect = 301
    WatcherCleared = 400
    EventIndexCleared = 401


errors = {
    Ecode.KeyNotFound: "Key not found",
    Ecode.TestFailed: "Compare failed",
    Ecode.NotFile: "Not a file",
    Ecode.NotDir: "Not a directory",
    Ecode.NodeExist: "Key already exists",
    Ecode.RootROnly: "Root is read only",
    Ecode.DirNotEmpty: "Directory not empty",
    Ecode.Unauthorized: "The request requires user authentication",
    Ecode.PrevValueRequired: "PrevValue is Required in POST form",
    Ecode.TTLNaN: "The given TTL in POST form is not a number",
    Ecode.IndexNaN: "The given index in POST form is not a number",
    Ecode.InvalidField: "Invalid field",
    Ecode.InvalidForm: "Invalid POST form",
    Ecode.RefreshValue: "Value provided on refresh",
    Ecode.RefreshTTLRequired: "A TTL must be provided on refresh",
    Ecode.RaftInternal: "Raft Internal Error",
    Ecode.LeaderElect: "During Leader Election",
    Ecode.WatcherCleared: "watcher is cleared due to etcd recovery",
    Ecode.EventIndexCleared: "The event in requested index is outdated and cleared",
}

error_status = {
    Ecode.KeyNotFound: HTTPStatus.NOT_FOUND,
    Ecode.NotFile: HTTPStatus.FORBIDDEN,
    Ecode.DirNotEmpty: HTTPStatus.FORBIDDEN,
    Ecode.Unauthorized: HTTPStatus.UNAUTHORIZED,
    Ecode.TestFailed: HTTPStatus.PRECONDITION_FAILED,
    Ecode.NodeExist: HTTPStatus.PRECONDITION_FAILED,
    Ecode.RaftInternal: HTTPStatus.INTERNAL_SERVER_ERROR,
    Ecode.LeaderElect: HTTPStatus.INTERNAL_SERVER_ERROR,
}


class V2Error(Exception):
    """A v2 request that could not be done. Go: etcdserver/api/v2error/error.go#Error"""

    def __init__(self, error_code: Ecode, cause: str, index: int = 0) -> None:
        """Go: etcdserver/api/v2error/error.go#NewError"""
        super().__init__(f"{errors[error_code]} ({cause})")
        self.error_code, self.message, self.cause, self.index = error_code, errors[error_code], cause, index

    def to_json_string(self) -> str:
        """The body of the HTTP answer. Go: etcdserver/api/v2error/error.go#Error.toJsonString"""
        fields: dict[str, object] = {"errorCode": int(self.error_code), "message": self.message}
        if self.cause:
            fields["cause"] = self.cause
        return json.dumps(fields | {"index": self.index}, separators=(",", ":"))

    def status_code(self) -> int:
        """The status of the HTTP answer. Go: etcdserver/api/v2error/error.go#Error.StatusCode"""
        return error_status.get(self.error_code, HTTPStatus.BAD_REQUEST)

"""Requests as a log shows them: on one line, and of values, which may be long or secret, only the sizes.

Go: etcdserver/etcdserverpb/raft_internal_stringer.go
"""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.text_encoding import CEscape

from minietcd.proto.etcdserverpb.raft_internal_pb2 import InternalRaftRequest
from minietcd.proto.etcdserverpb.rpc_pb2 import RequestOp, TxnRequest

_SECRETS = {"password", "hashedPassword"}


def internal_raft_string(r: InternalRaftRequest) -> str:
    """Its header, and what it asks for.

    Go: etcdserver/etcdserverpb/raft_internal_stringer.go#InternalRaftStringer.String
    """
    fields = ((field.name, value) for field, value in r.ListFields())
    name, request = next((name, value) for name, value in fields if name not in ("header", "ID"))
    header = f"header:<{compact_text(r.header)}>"
    match name:
        case "lease_grant":
            return f"{header} {name}:<ttl:{request.TTL}-second id:{request.ID:016x}>"
        case "lease_revoke":
            return f"{header} {name}:<id:{request.ID:016x}>"
        case "put" | "txn":
            return f"{header} {name}:<{loggable_string(request)}>"
    return f"{header} {name}:<{compact_text(request)}> "


def loggable_string(m: Message) -> str:
    """A transaction branch by branch, anything else field by field.

    Go: etcdserver/etcdserverpb/raft_internal_stringer.go#txnRequestStringer.String
    """
    if not isinstance(m, TxnRequest):
        return compact_text(m)
    branches = (" ".join(map(_op_text, ops)) for ops in (m.success, m.failure))
    return "compare:<{}> success:<{}> failure:<{}>".format(" ".join(map(compact_text, m.compare)), *branches)


def compact_text(m: Message) -> str:
    """The fields of ``m``, each with a space behind it: protobuf's text format as Go writes it."""
    return "".join(
        _field_text(field, each)
        for field, value in m.ListFields()
        if field.name not in _SECRETS
        for each in (value if field.is_repeated else [value])
    )


def _op_text(op: RequestOp) -> str:
    """Go: etcdserver/etcdserverpb/raft_internal_stringer.go#requestOpStringer.String"""
    kind = op.WhichOneof("request")
    if kind in ("request_put", "request_txn"):
        return f"{kind}:<{loggable_string(getattr(op, kind))}>"
    return compact_text(op)


def _field_text(field: FieldDescriptor, value: Any) -> str:
    if field.message_type:
        return f"{field.name}:<{compact_text(value)}> "
    if field.enum_type:
        return f"{field.name}:{field.enum_type.values_by_number[value].name} "
    if field.name == "value":
        return f"value_size:{len(value)} "
    if isinstance(value, str | bytes):
        data = value if isinstance(value, bytes) else value.encode()
        text = CEscape(data, as_utf8=False).replace("\\'", "'")
        return f'{field.name}:"{text}" '
    return f"{field.name}:{str(value).lower()} "

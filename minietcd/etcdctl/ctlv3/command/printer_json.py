"""A response as Go's encoding/json writes it: fields in the order of the .proto file, zeros left out.

Go: etcdctl/ctlv3/command/printer_json.go
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, TextIO

from google.protobuf.descriptor import FieldDescriptor

from minietcd.pkg.strconv import go_json

if TYPE_CHECKING:
    from google.protobuf.message import Message


def print_json(out: TextIO, v: Message) -> None:
    """The message in one line. Go: etcdctl/ctlv3/command/printer_json.go#printJSON"""
    print(go_json(_object(v)), file=out)


def _object(message: Message) -> dict[str, Any]:
    # In proto3 a field that is zero counts as not set, which is just what omitempty leaves out.
    return {field.name: _value(field, value) for field, value in message.ListFields()}


def _value(field: FieldDescriptor, value: Any) -> Any:
    if field.is_repeated:
        return [_item(field, item) for item in value]
    return _item(field, value)


def _item(field: FieldDescriptor, value: Any) -> Any:
    if field.message_type is not None:
        return _object(value)
    return base64.b64encode(value).decode() if field.type == FieldDescriptor.TYPE_BYTES else value

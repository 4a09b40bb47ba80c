"""Messages to bytes and back, counted on the way.

Go: etcdserver/api/v3rpc/codec.go
"""

from __future__ import annotations

from typing import Any

from google.protobuf.message import DecodeError
from grpclib.const import Status
from grpclib.encoding.proto import ProtoCodec
from grpclib.exceptions import GRPCError

from minietcd.etcdserver.api.v3rpc.metrics import received_bytes, sent_bytes


class Codec(ProtoCodec):
    """Protobuf, up to ``max_recv_msg_size`` bytes a message. Go: etcdserver/api/v3rpc/codec.go#codec"""

    def __init__(self, max_recv_msg_size: int) -> None:
        self.max_recv_msg_size = max_recv_msg_size

    def encode(self, message: Any, message_type: type[Any]) -> bytes:
        """The message as bytes, which are counted. Go: etcdserver/api/v3rpc/codec.go#codec.Marshal"""
        data: bytes = message.SerializeToString()
        sent_bytes.inc(len(data))
        return data

    def decode(self, data: bytes, message_type: type[Any]) -> Any:
        """The message in ``data``. Raises GRPCError: RESOURCE_EXHAUSTED if it is too large, INTERNAL if it is
        none.

        Go: etcdserver/api/v3rpc/codec.go#codec.Unmarshal
        """
        received_bytes.inc(len(data))
        if len(data) > self.max_recv_msg_size:
            text = f"grpc: received message larger than max ({len(data)} vs. {self.max_recv_msg_size})"
            raise GRPCError(Status.RESOURCE_EXHAUSTED, text)
        try:
            return message_type.FromString(data)
        except DecodeError as err:
            raise GRPCError(Status.INTERNAL, f"grpc: error unmarshalling request: {err}") from err

"""The messages are etcd's: their bytes, their numbers, and modules generated from the files as they stand."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf.message import Message

from minietcd.proto.authpb import auth_pb2
from minietcd.proto.etcdserverpb import etcdserver_pb2, raft_internal_pb2, rpc_pb2
from minietcd.proto.mvccpb import kv_pb2
from minietcd.proto.raftpb import raft_pb2
from minietcd.proto.snappb import snap_pb2
from minietcd.proto.walpb import record_pb2

ROOT = Path(__file__).resolve().parents[2]


def test_committed_modules_are_what_the_proto_files_generate(tmp_path: Path) -> None:
    pytest.importorskip("grpc_tools", reason="grpcio-tools is a tool of development")
    environment = os.environ | {"PYTHON": sys.executable}
    subprocess.run([ROOT / "scripts" / "proto", tmp_path], check=True, env=environment)
    fresh = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*_pb2.py*"))
    assert fresh == sorted(path.relative_to(ROOT) for path in (ROOT / "minietcd/proto").rglob("*_pb2.py*"))
    stale = [str(path) for path in fresh if (tmp_path / path).read_text() != (ROOT / path).read_text()]
    assert stale == [], "run `make proto`"


@pytest.mark.parametrize(
    ("message", "wire"),
    [
        (rpc_pb2.PutRequest(key=b"foo", value=b"bar"), "0a03666f6f1203626172"),
        (rpc_pb2.Compare(key=b"k", version=0, range_end=b"l"), "1a016b20008204016c"),
        (
            raft_internal_pb2.InternalRaftRequest(
                header=raft_internal_pb2.RequestHeader(ID=1), put=rpc_pb2.PutRequest(key=b"a", value=b"b")
            ),
            "22060a0161120162a206020801",
        ),
        (raft_pb2.Entry(Type=raft_pb2.EntryNormal, Term=0, Index=3), "080010001803"),
        (raft_pb2.HardState(term=1, vote=0, commit=300), "0801100018ac02"),
        (record_pb2.Record(type=2, crc=0, data=b"x"), "080210001a0178"),
        (snap_pb2.snapshot(crc=1, data=b""), "08011200"),
        (etcdserver_pb2.Metadata(NodeID=1, ClusterID=2), "08011002"),
        (
            kv_pb2.Event(type=kv_pb2.Event.DELETE, kv=kv_pb2.KeyValue(key=b"k", mod_revision=4)),
            "080112050a016b1804",
        ),
        (auth_pb2.Role(name=b"r", keyPermission=[auth_pb2.Permission(permType=2)]), "0a017212020802"),
    ],
    ids=lambda value: value.DESCRIPTOR.full_name if isinstance(value, Message) else None,
)
def test_a_message_has_etcds_bytes(message: Message, wire: str) -> None:
    assert message.SerializeToString().hex() == wire


def test_services_are_etcds_and_in_its_order() -> None:
    services = {
        name: [method.name for method in service.methods]
        for name, service in rpc_pb2.DESCRIPTOR.services_by_name.items()
    }
    assert list(services) == ["KV", "Watch", "Lease", "Cluster", "Maintenance", "Auth"]
    assert services["KV"] == ["Range", "Put", "DeleteRange", "Txn", "Compact"]
    assert [len(methods) for methods in services.values()] == [5, 1, 5, 5, 7, 16]


def test_raft_log_requests_keep_their_numbers() -> None:
    fields = raft_internal_pb2.InternalRaftRequest.DESCRIPTOR.fields_by_name
    names = ["header", "put", "txn", "lease_checkpoint", "auth_enable"]
    assert [fields[name].number for name in names] == [100, 4, 6, 11, 1000]

"""What the log shows of a request: the texts are etcd's, which it wrote for the same requests."""

from __future__ import annotations

from typing import Any

import pytest

from minietcd.proto.etcdserverpb import rpc_pb2 as pb
from minietcd.proto.etcdserverpb.raft_internal_pb2 import InternalRaftRequest
from minietcd.proto.etcdserverpb.raft_internal_stringer import internal_raft_string, loggable_string

PUT = pb.PutRequest(key=b"x", value=b"y")
TXN = pb.TxnRequest(
    compare=[pb.Compare(key=b"a", target=pb.Compare.VALUE, value=b"xyz")],
    success=[pb.RequestOp(request_put=PUT), pb.RequestOp(request_range=pb.RangeRequest(key=b"a"))],
    failure=[pb.RequestOp(request_txn=pb.TxnRequest(success=[pb.RequestOp(request_put=PUT)]))],
)


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        ({"put": pb.PutRequest(key=b"a", value=b"1", lease=119)}, 'put:<key:"a" value_size:1 lease:119 >'),
        (
            {"put": pb.PutRequest(key=b"\xff\n'\"", prev_kv=True)},
            r'put:<key:"\377\n' "'" r'\"" prev_kv:true >',
        ),
        ({"compaction": pb.CompactionRequest(revision=100)}, "compaction:<revision:100 > "),
        ({"delete_range": pb.DeleteRangeRequest(key=b"a")}, 'delete_range:<key:"a" > '),
        (
            {"lease_grant": pb.LeaseGrantRequest(TTL=5, ID=119)},
            "lease_grant:<ttl:5-second id:0000000000000077>",
        ),
        ({"lease_revoke": pb.LeaseRevokeRequest(ID=119)}, "lease_revoke:<id:0000000000000077>"),
        (
            {"txn": TXN},
            'txn:<compare:<target:VALUE key:"a" value_size:3 > '
            'success:<request_put:<key:"x" value_size:1 > request_range:<key:"a" > > '
            'failure:<request_txn:<compare:<> success:<request_put:<key:"x" value_size:1 >> failure:<>>>>',
        ),
    ],
)
def test_a_request_is_one_line_without_its_values(request_: dict[str, Any], text: str) -> None:
    r = InternalRaftRequest(header={"ID": 7}, **request_)
    assert internal_raft_string(r) == f"header:<ID:7 > {text}"


def test_a_password_is_not_shown() -> None:
    r = InternalRaftRequest(auth_user_add=pb.AuthUserAddRequest(name="u", password="secret"))
    assert "secret" not in internal_raft_string(r)


def test_a_read_is_shown_without_a_header() -> None:
    assert loggable_string(pb.RangeRequest(key=b"a", revision=100)) == 'key:"a" revision:100 '

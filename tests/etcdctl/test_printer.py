"""Each format, as etcdctl 3.4.23 prints it."""

from __future__ import annotations

import io
from typing import Any

import pytest

from minietcd.etcdctl.ctlv3.command.error import CommandError
from minietcd.etcdctl.ctlv3.command.printer import Printer, new_printer
from minietcd.etcdctl.ctlv3.command.printer_json import print_json
from minietcd.proto.etcdserverpb import rpc_pb2

HEADER = rpc_pb2.ResponseHeader(cluster_id=2**64 - 1, member_id=2, revision=9, raft_term=3)
KV = {"key": b"k\n", "value": b"v\xff", "create_revision": 4, "mod_revision": 9, "version": 2, "lease": 7}
GET = rpc_pb2.RangeResponse(header=HEADER, kvs=[KV, {"key": b"empty"}], more=True, count=5)
PUT = rpc_pb2.PutResponse(header=HEADER, prev_kv=KV)
DELETE = rpc_pb2.DeleteRangeResponse(header=HEADER, deleted=1, prev_kvs=[KV])


N1 = {
    "ID": 0x3C99AA98D7A51C49,
    "name": "n1",
    "peerURLs": ["http://h:2380", "http://i:2380"],
    "clientURLs": ["http://h:2379"],
}
N2 = {"ID": 0xBEF12CE744D570, "peerURLs": ["http://127.0.0.1:1"], "isLearner": True}
ADD = rpc_pb2.MemberAddResponse(header=HEADER, member=N2, members=[N1, N2])
LIST = rpc_pb2.MemberListResponse(header=HEADER, members=[N1, N2])
REMOVE = rpc_pb2.MemberRemoveResponse(header=HEADER, members=[N1])
UPDATE = rpc_pb2.MemberUpdateResponse(header=HEADER, members=[N1])
PROMOTE = rpc_pb2.MemberPromoteResponse(header=HEADER, members=[N1])


def printed(how: str, what: Any) -> str:
    out = io.StringIO()
    printer: Printer | None = new_printer(how, False, out)
    assert printer is not None
    match what:
        case rpc_pb2.RangeResponse():
            printer.get(what)
        case rpc_pb2.PutResponse():
            printer.put(what)
        case rpc_pb2.DeleteRangeResponse():
            printer.del_(what)
        case rpc_pb2.MemberListResponse():
            printer.member_list(what)
        case rpc_pb2.MemberAddResponse():
            printer.member_add(what)
        case rpc_pb2.MemberRemoveResponse():
            printer.member_remove(7, what)
        case rpc_pb2.MemberUpdateResponse():
            printer.member_update(7, what)
        case rpc_pb2.MemberPromoteResponse():
            printer.member_promote(7, what)
    return out.getvalue()


def test_simple_output_is_keys_and_values_as_they_are() -> None:
    assert printed("simple", GET) == "k\n\nv\udcff\nempty\n\n"
    assert printed("simple", PUT) == "OK\nk\n\nv\udcff\n"
    assert printed("simple", DELETE) == "1\nk\n\nv\udcff\n"
    out = io.StringIO()
    printer = new_printer("simple", True, out)
    assert printer is not None
    printer.get(GET)
    assert out.getvalue().splitlines() == [r"\x6b\x0a", r"\x76\xff", r"\x65\x6d\x70\x74\x79", ""]


def test_json_output_is_gos() -> None:
    header = '{"cluster_id":18446744073709551615,"member_id":2,"revision":9,"raft_term":3}'
    kv = '{"key":"awo=","create_revision":4,"mod_revision":9,"version":2,"value":"dv8=","lease":7}'
    assert printed("json", GET) == (
        f'{{"header":{header},"kvs":[{kv},{{"key":"ZW1wdHk="}}],"more":true,"count":5}}\n'
    )
    assert printed("json", PUT) == f'{{"header":{header},"prev_kv":{kv}}}\n'
    assert printed("json", DELETE) == f'{{"header":{header},"deleted":1,"prev_kvs":[{kv}]}}\n'
    assert printed("json", rpc_pb2.PutResponse(header=rpc_pb2.ResponseHeader())) == '{"header":{}}\n'


def test_json_text_is_safe_in_a_web_page_as_gos_is() -> None:
    out = io.StringIO()
    print_json(out, rpc_pb2.AuthRoleListResponse(roles=["<é&\u2028>"]))
    assert out.getvalue() == '{"roles":["\\u003cé\\u0026\\u2028\\u003e"]}\n'


def test_fields_output_is_a_line_for_each() -> None:
    header = '"ClusterID" : 18446744073709551615\n"MemberID" : 2\n"Revision" : 9\n"RaftTerm" : 3\n'
    kv = (
        '"{0}Key" : "k\\n"\n"{0}CreateRevision" : 4\n"{0}ModRevision" : 9\n"{0}Version" : 2\n'
        '"{0}Value" : "v\\xff"\n"{0}Lease" : 7\n'
    )
    assert printed("fields", GET).startswith(header + kv.format(""))
    assert printed("fields", GET).endswith('"Lease" : 0\n"More" : true\n"Count" : 5\n')
    assert printed("fields", PUT) == header + kv.format("Prev")
    assert printed("fields", DELETE) == header + '"Deleted" : 1\n' + kv.format("Prev")


def test_protobuf_output_is_the_message_itself() -> None:
    assert printed("protobuf", GET).encode("utf-8", "surrogateescape") == GET.SerializeToString()


def test_a_table_is_refused_and_an_unknown_format_has_no_printer() -> None:
    with pytest.raises(CommandError, match="table not supported as output format") as raised:
        printed("table", GET)
    assert raised.value.code == 4
    assert new_printer("xml", False, io.StringIO()) is None


def test_members_are_listed_in_lines_for_people() -> None:
    assert printed("simple", LIST) == (
        "3c99aa98d7a51c49, started, n1, http://h:2380,http://i:2380, http://h:2379, false\n"
        "bef12ce744d570, unstarted, , http://127.0.0.1:1, , true\n"
    )
    assert printed("simple", ADD) == "Member   bef12ce744d570 added to cluster ffffffffffffffff\n"
    assert [printed("simple", what) for what in (REMOVE, UPDATE, PROMOTE)] == [
        f"Member {7:16} {done} cluster ffffffffffffffff\n"
        for done in ("removed from", "updated in", "promoted in")
    ]


def test_members_are_listed_in_a_table() -> None:
    assert (
        printed("table", LIST)
        == """\
+------------------+-----------+------+-----------------------------+---------------+------------+
|        ID        |  STATUS   | NAME |         PEER ADDRS          | CLIENT ADDRS  | IS LEARNER |
+------------------+-----------+------+-----------------------------+---------------+------------+
| 3c99aa98d7a51c49 |   started |   n1 | http://h:2380,http://i:2380 | http://h:2379 |      false |
|   bef12ce744d570 | unstarted |      |          http://127.0.0.1:1 |               |       true |
+------------------+-----------+------+-----------------------------+---------------+------------+
"""
    )


def test_members_are_listed_field_by_field() -> None:
    header = '"ClusterID" : 18446744073709551615\n"MemberID" : 2\n"Revision" : 9\n"RaftTerm" : 3\n'
    assert printed("fields", LIST) == header + (
        '"ID" : 4366708887142079561\n"Name" : "n1"\n'
        '"PeerURL" : "http://h:2380"\n"PeerURL" : "http://i:2380"\n"ClientURL" : "http://h:2379"\n'
        '"IsLearner" : false\n\n'
        '"ID" : 53745420735927664\n"Name" : ""\n"PeerURL" : "http://127.0.0.1:1"\n"IsLearner" : true\n\n'
    )


def test_members_in_json_leave_out_what_is_not_so() -> None:
    assert printed("json", ADD).endswith(
        '"member":{"ID":53745420735927664,"peerURLs":["http://127.0.0.1:1"],"isLearner":true},"members":['
        '{"ID":4366708887142079561,"name":"n1","peerURLs":["http://h:2380","http://i:2380"],'
        '"clientURLs":["http://h:2379"]},'
        '{"ID":53745420735927664,"peerURLs":["http://127.0.0.1:1"],"isLearner":true}]}\n'
    )
    assert [printed("json", what).count("members") for what in (REMOVE, UPDATE, PROMOTE)] == [1, 1, 1]


@pytest.mark.parametrize("how", ["fields", "table"])
def test_a_change_of_members_has_neither_fields_nor_a_table(how: str) -> None:
    for what in (ADD, REMOVE, UPDATE, PROMOTE):
        with pytest.raises(CommandError, match=f"{how} not supported as output format"):
            printed(how, what)

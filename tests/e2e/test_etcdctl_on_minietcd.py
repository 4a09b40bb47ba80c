"""The real etcdctl has the same conversation with members of ours as with the real etcd."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.processes import MINIETCD, Cluster, cluster, ctl, http_get

pytestmark = pytest.mark.e2e

CONVERSATION = r"""
put foo bar
put foo bar2 --prev-kv
put foo/1 one
put foo/2 "two words"
put -w json foo/3 ""
get foo
get nothing
get foo --prefix
get foo --prefix --rev 3
get foo --rev 99
get foo --consistency=s
get foo --consistency=l -w json
get foo --prefix --keys-only --order=DESCEND --sort-by=MODIFY
get foo --prefix --limit 2 -w json
get "" --from-key -w simple
get foo/ foo/3 -w fields
get foo --print-value-only --hex
put foo again --ignore-value
put foo again --ignore-lease --prev-kv
put fresh thing --ignore-value
put foo --ignore-value
put foo bar --lease=abc
del foo/1 --prev-kv -w json
del foo --prefix --prev-kv
del foo --prefix -w fields
get "" --prefix
put "" x
get ""
del ""
-w json put k v
get k --write-out=nonsense
"""


def lines(text: str) -> list[str]:
    return text.strip().split("\n")


def comparable(done: subprocess.CompletedProcess[str]) -> tuple[int, str, str]:
    """What was said, without what differs between clusters: ids, terms, times and the client's own log."""
    ids = r'("?(?:cluster_id|member_id|raft_term|ClusterID|MemberID|RaftTerm)"? ?: ?)\d+'
    stderr = re.sub(r'^\{"level".*\n', "", done.stderr, flags=re.MULTILINE)
    return done.returncode, re.sub(ids, r"\1ID", done.stdout), stderr


@pytest.fixture(scope="module", params=[1, 3], ids=["one member", "three members"])
def pair(
    request: pytest.FixtureRequest, etcd_bin: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Cluster, Cluster]]:
    theirs, ours = tmp_path_factory.mktemp("theirs"), tmp_path_factory.mktemp("ours")
    with (
        cluster([str(etcd_bin)], theirs, request.param) as real,
        cluster(MINIETCD, ours, request.param) as mini,
    ):
        yield real, mini


def test_the_same_words_have_the_same_answers(pair: tuple[Cluster, Cluster], etcdctl_bin: Path) -> None:
    real, mini = pair
    for number, line in enumerate(lines(CONVERSATION)):
        words = shlex.split(line)
        theirs = ctl([etcdctl_bin], real.members[number % len(real.members)].endpoint, *words)
        ours = ctl([etcdctl_bin], mini.members[number % len(mini.members)].endpoint, *words)
        assert comparable(ours) == comparable(theirs), line


def test_transactions_and_compaction_say_the_same(pair: tuple[Cluster, Cluster], etcdctl_bin: Path) -> None:
    steps = [
        (["put", "t", "1"], ""),
        (["txn"], 'value("t") = "1"\n\nput t 2\nget t\n\ndel t\n\n'),
        (["txn", "-w", "json"], 'mod("t") = "1"\n\nput t 3\n\ndel u\nget t\n\n'),
        (["txn"], "\nput t 1\nput t 2\n\n\n"),
        (["txn"], '\nput "" x\n\n\n'),
        (["compaction", "2"], ""),
        (["compaction", "2", "--physical"], ""),
        (["compaction", "99999"], ""),
        (["get", "t", "--rev", "1"], ""),
    ]
    for words, stdin in steps:
        theirs, ours = (ctl([etcdctl_bin], c.endpoints, *words, stdin=stdin) for c in pair)
        assert comparable(ours) == comparable(theirs), (words, stdin)


@pytest.mark.parametrize("size", [1536 * 1024 - 100, 1536 * 1024, 2 * 1024 * 1024 - 20, 2 * 1024 * 1024])
def test_a_value_too_large_is_refused_in_the_same_words(
    pair: tuple[Cluster, Cluster], etcdctl_bin: Path, size: int
) -> None:
    real, mini = pair
    theirs, ours = (ctl([etcdctl_bin], c.endpoints, "put", "large", stdin="x" * size) for c in (real, mini))
    assert comparable(ours) == comparable(theirs)


@pytest.mark.parametrize("line", ["get k --command-timeout=0s", "put k v --command-timeout=1ns"])
def test_a_deadline_that_has_passed_is_told_in_the_same_words(
    pair: tuple[Cluster, Cluster], etcdctl_bin: Path, line: str
) -> None:
    real, mini = pair
    theirs, ours = (ctl([etcdctl_bin], c.endpoints, *shlex.split(line)) for c in (real, mini))
    assert comparable(ours) == comparable(theirs)


def test_a_member_that_died_and_came_back_says_what_the_others_say(tmp_path: Path, etcdctl_bin: Path) -> None:
    with cluster(MINIETCD, tmp_path, 3) as c:
        follower = c.follower()
        assert ctl([etcdctl_bin], c.endpoints, "put", "a", "1").stdout == "OK\n"
        follower.kill()
        others = ",".join(member.endpoint for member in c.members if member is not follower)
        assert ctl([etcdctl_bin], others, "put", "a", "2").stdout == "OK\n"
        follower.start()
        follower.wait_ready()
        assert ctl([etcdctl_bin], follower.endpoint, "get", "a").stdout == "a\n2\n"
        assert ctl([etcdctl_bin], follower.endpoint, "put", "b", "3").stdout == "OK\n"
        for member in c.members:
            assert ctl([etcdctl_bin], member.endpoint, "get", "b", "--print-value-only").stdout == "3\n"


def test_values_larger_than_any_window_come_back_whole(
    pair: tuple[Cluster, Cluster], etcdctl_bin: Path
) -> None:
    _, mini = pair
    value = "0123456789abcdef" * 60_000
    for number in range(8):
        assert ctl([etcdctl_bin], mini.endpoints, "put", f"large/{number}", stdin=value).stdout == "OK\n"
    got = ctl([etcdctl_bin], mini.endpoints, "get", "large/", "--prefix", "--print-value-only").stdout
    assert got.split() == [value] * 8


def test_a_full_backend_refuses_in_the_same_words(
    etcd_bin: Path, etcdctl_bin: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    def conversation(program: Sequence[str]) -> list[tuple[int, str, str]]:
        with cluster(program, tmp_path_factory.mktemp("full"), flags=["--quota-backend-bytes=20000"]) as c:
            said = [
                comparable(ctl([etcdctl_bin], c.endpoints, *words))
                for words in (["put", "k", "v" * 20_000], ["get", "k"], ["del", "k"])
            ]
            assert http_get(f"http://{c.endpoints}/health") == ""
            assert http_get(f"http://{c.endpoints}/health?exclude=NOSPACE") == '{"health":"true"}'
        return said

    assert conversation(MINIETCD) == conversation([str(etcd_bin)])

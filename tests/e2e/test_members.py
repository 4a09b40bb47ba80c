"""Members come, learn, vote and go: etcdctl and ours, etcd and ours, have the same conversation about it."""

from __future__ import annotations

import asyncio
import io
import re
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path

import pytest

from minietcd.etcdctl.cobra import Surroundings
from minietcd.etcdctl.main import run
from tests.e2e.test_mixed_cluster import mixed
from tests.processes import (
    MINIETCD,
    START_SECONDS,
    Member,
    cluster,
    ctl,
    free_ports,
    http_get,
    wait_until,
)

pytestmark = pytest.mark.e2e

BEFORE = r"""
member list
member list extra words
member list -w json
member list -w fields
member list -w table
member remove 77
member promote 77
member promote {n1}
member update 77 --peer-urls=http://127.0.0.1:1
member update {n1} --peer-urls={n1_url},http://127.0.0.1:2
member update {n1} --peer-urls={n1_url} -w json
member list
"""

WRONG = r"""
member
member frob
member add
member add a b
member add a http://127.0.0.1:1 HTTPS://h:2
member add a
member add a --peer-urls=
member add a --peer-urls=127.0.0.1:1
member add a --peer-urls=http://127.0.0.1
member add a --peer-urls=ftp://127.0.0.1:1
member add a --peer-urls=http://127.0.0.1:1,http://127.0.0.1:1/path
member add a --peer-urls=,
member add a --learner=maybe
member remove
member remove 1 2
member remove zz
member remove 0x1
member remove 11111111111111111
member remove -1
member update
member update 77
member update zz --peer-urls=http://127.0.0.1:1
member update 77 --peer-urls=nonsense
member promote
member promote zz
member promote --learner 77
member list --bogus
mem li -w nonsense
member -h
member add -h
member remove --help
member update --help
member list --help
member promote --help
help member
help member promote
"""

ADDED = r"""
member add n2 --learner --peer-urls={n2_url}
member add n3 --learner --peer-urls=http://127.0.0.1:3
member add n3 --peer-urls=http://127.0.0.1:3,{n2_url}
member update {n1} --peer-urls={n2_url}
member list
member list -w json
member list -w fields
member list -w table
member promote {n2}
"""

LEARNING = r"""
member list
member promote {n2}
member add n3 --peer-urls=http://127.0.0.1:3
put foo bar
get foo
get foo --consistency=s
"""

VOTES = r"""
member promote {n2}
member list
member list -w json
put foo bar
"""

REMOVED = r"""
member list
member remove {n2}
member update {n2} --peer-urls=http://127.0.0.1:3
member promote {n2}
"""


def lines(text: str) -> list[str]:
    return text.strip().split("\n")


type Answer = tuple[int, list[str], list[str]]


@dataclass
class Talk:
    """One etcdctl (without a program: ours, here) talks with one cluster; ids and addresses are named."""

    program: Sequence[str | Path]
    endpoint: str
    words: dict[str, str]
    said: list[tuple[str, Answer]] = field(default_factory=list)

    def ask(self, line: str, endpoint: str = "") -> str:
        """Say ``line``, and keep the answer; as it was printed it is returned."""
        done = self.run(line, endpoint)
        answer = done.returncode, self.plain(done.stdout), self.plain(done.stderr)
        self.said.append((line, answer))
        return done.stdout

    def run(self, line: str, endpoint: str = "") -> subprocess.CompletedProcess[str]:
        endpoint, words = endpoint or self.endpoint, shlex.split(line.format(**self.words))
        if self.program:
            return ctl(self.program, endpoint, *words)
        out, err = io.StringIO(), io.StringIO()
        args = ["--endpoints", endpoint, *words]
        code = asyncio.run(run(args, Surroundings(io.StringIO(), out, err, {})))
        return subprocess.CompletedProcess(args, code, out.getvalue(), err.getvalue())

    def ask_until(self, line: str, refusal: str) -> None:
        """Say ``line`` until it is refused for no such reason any more; the last answer is kept."""

        def accepted() -> bool:
            self.ask(line)
            if any(refusal in text for text in self.said[-1][1][2]):
                self.said.pop()
                return False
            return True

        wait_until(accepted, line)

    def learn_ids(self) -> None:
        """Look the members' ids up."""
        for text in self.run("member list").stdout.splitlines():
            id, _, _, urls, *_ = text.split(", ")
            self.words |= {name[:2]: id for name, url in self.words.items() if url == urls}

    def plain(self, text: str) -> list[str]:
        """The lines, sorted, as members come by their ids, which are made of the time, too."""
        text = text.replace("minietcdctl", "etcdctl")
        text = re.sub(r'^\{"level".*\n', "", text, flags=re.MULTILINE)
        for name, url in self.words.items():
            text = text.replace(url, f"<{name}>") if "url" in name else text
        text = re.sub(r"\b(?=[0-9a-f]*\d)[0-9a-f]{14,20}\b", "ID", text)
        text = re.sub(" *ID *", " ID ", text)  # as wide as its digits are many, and a table's column with it
        text = re.sub(r"^\+-+", "+", text, flags=re.MULTILINE)
        text = re.sub(r'("?raft_?term"?) ?: ?\d+', r"\1 TERM", text, flags=re.IGNORECASE)
        text = re.sub(r'"members":\[(.*)\]', lambda m: str(sorted(re.findall(r"\{.*?\}", m[1]))), text)
        text = re.sub('L_CLUSTER="(.*)"', lambda m: f"L_CLUSTER={sorted(m[1].split(','))}", text)
        return sorted(text.split("\n"))


def joining(printed: str, program: Sequence[str], directory: Path, ports: Sequence[int]) -> Member:
    """A member that is told what ``member add`` printed."""
    told = dict(re.findall(r'^(ETCD_\w+)="(.*)"$', printed, re.MULTILINE))
    assert told["ETCD_INITIAL_CLUSTER_STATE"] == "existing"
    member = Member(told["ETCD_NAME"], program, directory, *ports, joins=True)
    assert member.peer_url == told["ETCD_INITIAL_ADVERTISE_PEER_URLS"]
    member.initial_cluster = told["ETCD_INITIAL_CLUSTER"]
    return member


def ending(member: Member) -> tuple[str, Answer]:
    """How the process of a member ends that nobody tells to."""
    assert member.process is not None
    code = member.process.wait(START_SECONDS)
    member.process = None
    return f"{member.name} ends", (code, [], [])


def conversation(program: Sequence[str | Path], server: Sequence[str], directory: Path) -> Talk:
    """A member is added to one, learns, votes, goes, tries to come back, and comes anew."""
    ports = free_ports(2)
    with cluster(server, directory) as c, ExitStack() as stack:
        n1 = c.members[0]
        urls = {"n1_url": n1.peer_url, "n1_client_url": f"http://{n1.endpoint}"}
        urls |= {"n2_url": f"http://127.0.0.1:{ports[1]}", "n2_client_url": f"http://127.0.0.1:{ports[0]}"}
        talk = Talk(program, n1.endpoint, urls)
        talk.learn_ids()
        for line in lines(BEFORE) + lines(WRONG):
            talk.ask(line)
        printed = talk.ask(lines(ADDED)[0])
        talk.learn_ids()
        for line in lines(ADDED)[1:]:
            talk.ask(line)

        n2 = joining(printed, server, directory, ports)
        stack.callback(n2.kill)
        n2.start()
        wait_until(lambda: bool(http_get(f"http://{n2.endpoint}/version")), "n2 takes calls")
        for line in lines(LEARNING):
            talk.ask(line, n2.endpoint)
        talk.ask_until("member promote {n2}", "in sync with leader")
        for line in lines(VOTES):
            talk.ask(line)
        n2.wait_ready()
        talk.ask("get foo", n2.endpoint)

        talk.ask_until("member remove {n2}", "unhealthy cluster")
        talk.said.append(ending(n2))
        for line in lines(REMOVED):
            talk.ask(line)
        n2.start()
        talk.said.append(ending(n2))

        shutil.rmtree(n2.data_dir)
        n2 = joining(talk.ask("member add n2 --peer-urls={n2_url}"), server, directory, ports)
        stack.callback(n2.kill)
        n2.start()
        n2.wait_ready()
        for line in ("member list", "get foo"):
            talk.ask(line, n2.endpoint)
    return talk


@pytest.fixture(scope="module")
def as_etcd(etcd_bin: Path, etcdctl_bin: Path, tmp_path_factory: pytest.TempPathFactory) -> Talk:
    return conversation([etcdctl_bin], [str(etcd_bin)], tmp_path_factory.mktemp("etcd"))


def test_etcdctl_hears_from_members_of_ours_what_etcd_says(
    as_etcd: Talk, etcdctl_bin: Path, tmp_path: Path
) -> None:
    ours = conversation([etcdctl_bin], MINIETCD, tmp_path)
    for said, expected in zip(ours.said, as_etcd.said, strict=True):
        assert said == expected


def test_our_client_says_what_etcdctl_says(as_etcd: Talk, etcd_bin: Path, tmp_path: Path) -> None:
    ours = conversation([], [str(etcd_bin)], tmp_path)
    for said, expected in zip(ours.said, as_etcd.said, strict=True):
        assert said == expected


@pytest.mark.parametrize("ours", ["", "n1", "n1 n2 n3"], ids=["etcd", "mixed", "minietcd"])
def test_whoever_is_asked_has_the_leader_decide_on_a_promotion(
    etcd_bin: Path, etcdctl_bin: Path, tmp_path: Path, ours: str
) -> None:
    with mixed(etcd_bin, tmp_path, ours) as c:
        ports = free_ports(2)
        talk = Talk([etcdctl_bin], c.endpoints, {"n4_url": f"http://127.0.0.1:{ports[1]}"})
        talk.ask_until("member add n4 --learner --peer-urls={n4_url}", "unhealthy cluster")
        assert talk.said[-1][1][0] == 0, talk.said
        talk.learn_ids()
        for member in c.members:
            for line, refusal in PROMOTIONS.items():
                assert refusal in talk.run(line, member.endpoint).stderr, (member.name, line)
        n4 = Member("n4", c.members[0].program, tmp_path, *ports, joins=True)
        n4.initial_cluster = f"{c.members[0].initial_cluster},n4={n4.peer_url}"
        try:
            n4.start()
            talk.endpoint = c.follower().endpoint
            talk.ask_until("member promote {n4}", "in sync with leader")
            assert talk.said[-1][1][0] == 0, talk.said
            assert "promoted in cluster" in talk.said[-1][1][1][1]
            n4.wait_ready()
        finally:
            n4.kill()


PROMOTIONS = {
    "member promote {n4}": "etcdserver: can only promote a learner member which is in sync with leader",
    "member promote 77": "etcdserver: member not found",
}


@pytest.mark.parametrize("kind", ["etcd", "minietcd"])
def test_nobody_comes_or_goes_while_a_quorum_may_be_lost_by_it(
    etcd_bin: Path, etcdctl_bin: Path, tmp_path: Path, kind: str
) -> None:
    program = [str(etcd_bin)] if kind == "etcd" else MINIETCD
    with cluster(program, tmp_path, 3) as c:
        c.follower().kill()
        alive = [member for member in c.members if member.process]
        talk = Talk([etcdctl_bin], alive[0].endpoint, {f"{m.name}_url": m.peer_url for m in c.members})
        talk.learn_ids()
        unhealthy = "Error: etcdserver: unhealthy cluster\n"
        for line in (
            "add n4 --peer-urls=http://127.0.0.1:4",
            "add n4 --learner --peer-urls=http://127.0.0.1:4",
        ):
            assert talk.run(f"member {line}").stderr.endswith(unhealthy), line
        assert talk.run(f"member remove {{{alive[1].name}}}").stderr.endswith(unhealthy)
        dead = next(member for member in c.members if not member.process)
        assert talk.run(f"member remove {{{dead.name}}}").returncode == 0


ASKED_OF_A_PEER = [
    ("GET", "/members/promote/1"),
    ("POST", "/members/promote/zz"),
    ("POST", "/members/promote/77"),
    ("POST", "/members/promote/18446744073709551616"),
    ("POST", "/members/promote/"),
    ("POST", "/members/promote/1/2"),
    ("POST", "/members"),
]


def answers_to_peers(
    program: Sequence[str], directory: Path
) -> list[tuple[int, str | None, str | None, str]]:
    """Status, kind, methods allowed and text of each answer."""
    said = []
    with cluster(program, directory) as c:
        for method, path in ASKED_OF_A_PEER:
            connection = HTTPConnection("127.0.0.1", c.members[0].peer_port, timeout=START_SECONDS)
            connection.request(method, path)
            answer = connection.getresponse()
            kind, allow = answer.getheader("Content-Type"), answer.getheader("Allow")
            said.append((answer.status, kind, allow, answer.read().decode()))
            connection.close()
    return said


def test_a_peer_that_asks_for_a_promotion_is_refused_in_the_same_words(
    etcd_bin: Path, tmp_path: Path
) -> None:
    for name in ("theirs", "ours"):
        (tmp_path / name).mkdir()
    theirs = answers_to_peers([str(etcd_bin)], tmp_path / "theirs")
    ours = answers_to_peers(MINIETCD, tmp_path / "ours")
    for asked, our, their in zip(ASKED_OF_A_PEER, ours, theirs, strict=True):
        assert our == their, asked

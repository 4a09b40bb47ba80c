"""What a member makes of damaged files: it repairs them or refuses in one line, and never guesses."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest

from minietcd.proto.etcdserverpb import rpc_pb2 as pb
from tests.processes import MINIETCD, MINIETCDCTL, Member, cluster, ctl, wait_until

pytestmark = pytest.mark.e2e

KEYS = [f"k{number:02}" for number in range(35)]
SNAPSHOTS = ("--snapshot-count", "10")


def put_all(endpoints: str) -> None:
    """Each of ``KEYS``, acknowledged."""
    with grpc.insecure_channel(endpoints.split(",")[0]) as channel:
        put = channel.unary_unary(
            "/etcdserverpb.KV/Put", pb.PutRequest.SerializeToString, pb.PutResponse.FromString
        )
        for key in KEYS:
            put(pb.PutRequest(key=key.encode(), value=b"v" * 40), timeout=10)


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Member:
    """A member that was killed with a log, three snapshots and a database; tests work on copies."""
    with cluster(MINIETCD, tmp_path_factory.mktemp("killed"), 1, SNAPSHOTS) as c:
        put_all(c.endpoints)
        # At every snapshot the database is written, and mostly sooner: it holds something.
        wait_until(lambda: len(snaps(c.members[0])) > 2, "three snapshots")
        c.members[0].kill()
    return c.members[0]


@pytest.fixture
def member(killed: Member, tmp_path: Path) -> Iterator[Member]:
    """The killed member's second life, in a copy of its directory."""
    shutil.copytree(killed.data_dir, tmp_path / killed.data_dir.name)
    copy = Member(killed.name, killed.program, tmp_path, killed.client_port, killed.peer_port, killed.flags)
    copy.initial_cluster = killed.initial_cluster
    yield copy
    copy.kill()


def wal(member: Member) -> Path:
    return max((member.data_dir / "member/wal").glob("*.wal"))


def snaps(member: Member) -> list[Path]:
    return sorted((member.data_dir / "member/snap").glob("*.snap"))


def db(member: Member) -> Path:
    return member.data_dir / "member/snap/db"


def written(path: Path) -> int:
    """Where the zeros begin that a log is preallocated with."""
    return len(path.read_bytes().rstrip(b"\0"))


def flip(path: Path, offset: int) -> None:
    """Turn one bit over."""
    data = bytearray(path.read_bytes())
    data[offset] ^= 8
    path.write_bytes(data)


def digests(directory: Path) -> dict[str, str]:
    """What is in each file, but for LMDB's own lock, which holds no data."""
    files = [path for path in directory.rglob("*") if path.is_file() and path.name != "db-lock"]
    return {str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def refusal(member: Member) -> str:
    """The one line with which the member refuses to start; it changes no file."""
    before = digests(member.data_dir)
    member.start()
    assert member.process is not None
    assert member.process.wait(30) == 1
    text = member.log.read_text()
    assert "Traceback" not in text
    complaints = [line for line in text.splitlines() if line[27:30] in ("C |", "E |")]
    assert len(complaints) == 1, text
    assert digests(member.data_dir) == before
    return complaints[0].split(" | ", 1)[1]


def keys(member: Member) -> list[str]:
    """The keys that the member itself has, after it has started."""
    member.start()
    member.wait_ready()
    return ctl(MINIETCDCTL, member.endpoint, "get", "k", "--prefix", "--keys-only").stdout.split()


def test_a_torn_last_record_is_cut_off_and_kept_beside(member: Member) -> None:
    torn = wal(member)
    os.truncate(torn, written(torn) - 3)
    before = torn.read_bytes()
    found = keys(member)
    assert found in (KEYS, KEYS[:-1])  # the record may have been a put or only what was committed
    assert torn.with_name(torn.name + ".broken").read_bytes() == before
    assert ctl(MINIETCDCTL, member.endpoint, "put", "after", "it").stdout == "OK\n"


def test_after_a_power_failure_a_follower_gets_back_what_was_torn_off(tmp_path: Path) -> None:
    with cluster(MINIETCD, tmp_path, 3) as c:
        put_all(c.endpoints)
        follower = c.follower()
        last = ("get", KEYS[-1], "--consistency=s", "--keys-only")
        wait_until(lambda: KEYS[-1] in ctl(MINIETCDCTL, follower.endpoint, *last).stdout, "it has all")
        follower.kill()
        os.truncate(wal(follower), written(wal(follower)) - 3)
        # A leader that remembers what the follower acknowledged does not send it again.
        follower.start()
        assert follower.process is not None
        assert follower.process.wait(30) == 1
        assert "Was the raft log corrupted, truncated, or lost?" in follower.log.read_text().splitlines()[-1]
        for member in c.members:
            member.kill()
        for member in c.members:
            member.start()
        for member in c.members:
            member.wait_ready()
        words = ("get", "k", "--prefix", "--keys-only")
        assert ctl(MINIETCDCTL, follower.endpoint, *words).stdout.split() == KEYS
        assert wal(follower).with_name(wal(follower).name + ".broken").exists()


@pytest.mark.parametrize("part", [0.0, 0.3, 0.5, 0.9])
def test_a_flipped_bit_in_the_log_is_refused_with_file_and_offset(member: Member, part: float) -> None:
    flip(wal(member), int(written(wal(member)) * part))
    said = refusal(member)
    assert f"{wal(member)} at offset " in said
    assert said.startswith("etcdmain: wal: ")
    assert int(said.rpartition(" ")[2]) <= written(wal(member)) * part


def test_a_damaged_snapshot_is_set_aside_and_an_older_one_used(member: Member) -> None:
    newest = snaps(member)[-1]
    flip(newest, newest.stat().st_size // 2)
    damaged = newest.read_bytes()
    assert keys(member) == KEYS
    assert newest.with_name(newest.name + ".broken").read_bytes() == damaged
    assert f"error: snap: crc mismatch: {newest}" in member.log.read_text()


def test_without_any_snapshot_that_can_be_read_the_log_tells_all(member: Member) -> None:
    for number, path in enumerate(snaps(member)):
        if number:
            os.truncate(path, 0)
        else:
            path.unlink()
    assert keys(member) == KEYS


def cut(member: Member) -> None:
    os.truncate(db(member), db(member).stat().st_size // 2)


def flip_header(member: Member) -> None:
    flip(db(member), 16)


def write_text(member: Member) -> None:
    db(member).write_text("my notes\n" * 1000)


def write_bbolt(member: Member) -> None:
    db(member).write_bytes(bytes(16) + bytes.fromhex("edda0ced") + bytes(40_000))


def lengthen_a_name(member: Member) -> None:
    """LMDB has no checksums; but it can tell that a bucket's name is too long."""
    data = db(member).read_bytes()
    db(member).write_bytes(re.sub(rb"..(members_removed)", b"\xff\x7f\\1", data, flags=re.DOTALL))


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (cut, "truncated: its last "),
        (flip_header, "not a database of minietcd"),
        (write_text, "not a database of minietcd"),
        (write_bbolt, "a bbolt file, written by etcd itself; use another data directory"),
        (lengthen_a_name, "damaged"),
    ],
)
def test_a_damaged_database_is_refused_and_left_as_it_is(
    member: Member, damage: Callable[[Member], None], reason: str
) -> None:
    damage(member)
    assert f"database {db(member)}: {reason}" in refusal(member)


def test_without_its_database_a_member_with_snapshots_says_what_is_missing(member: Member) -> None:
    db(member).unlink()
    before = digests(member.data_dir)
    member.start()
    assert member.process is not None
    assert member.process.wait(30) == 1
    said = member.log.read_text().splitlines()[-1]
    assert f"C | etcdmain: database {db(member)} is missing or older than the snapshot at index " in said
    assert before.items() <= digests(member.data_dir).items()


def test_without_its_database_a_member_without_snapshots_makes_it_anew_from_the_log(member: Member) -> None:
    for path in snaps(member):
        path.unlink()
    db(member).unlink()
    assert keys(member) == KEYS


def test_a_database_without_its_log_is_refused(member: Member) -> None:
    shutil.rmtree(member.data_dir / "member/wal")
    said = refusal(member)
    assert said.startswith(f"etcdmain: the log in {member.data_dir}/member/wal is missing, but {db(member)} ")


def test_a_directory_of_the_real_etcd_is_refused_and_left_as_it_is(etcd_bin: Path, tmp_path: Path) -> None:
    with cluster([str(etcd_bin)], tmp_path, 1) as c:
        foreign = c.members[0]
        assert ctl(MINIETCDCTL, foreign.endpoint, "put", "a", "b").stdout == "OK\n"
        foreign.kill()
    foreign.program = MINIETCD
    foreign.log.unlink()
    expected = (
        f"etcdmain: database {db(foreign)}: a bbolt file, written by etcd itself; use another data directory"
    )
    assert refusal(foreign) == expected
    foreign.program = [str(etcd_bin)]
    assert keys_of_real(foreign) == "a\nb\n"
    foreign.kill()


def keys_of_real(member: Member) -> str:
    """What the real etcd finds in its directory afterwards."""
    member.start()
    member.wait_ready()
    return ctl(MINIETCDCTL, member.endpoint, "get", "a").stdout

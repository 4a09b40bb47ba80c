"""minietcdctl and etcdctl, each on a fresh etcd of its own, say the same to the same words."""

from __future__ import annotations

import contextlib
import fcntl
import io
import json
import os
import re
import shlex
import signal
import subprocess
import termios
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from minietcd.etcdctl.cobra import Surroundings
from minietcd.etcdctl.main import run
from minietcd.proto.etcdserverpb import rpc_pb2
from tests.processes import MINIETCDCTL, cluster, wait_until

pytestmark = pytest.mark.e2e

CONVERSATION = r"""
put foo bar
put foo bar2 --prev-kv
put a b c d
put -- -k -v
put k2 -- -v
get -- -k
get foo --hex
--hex get -- -k
get -- -k --hex
get '' --prefix
get '' --from-key --keys-only
get a z
get f --prefix --print-value-only
get '' --prefix --sort-by=modify --order=descend --limit 2
get '' --prefix --sort-by VALUE --order ASCEND
get '' --prefix --sort-by key --order DESCEND -w json
get foo --rev=2
get foo --rev=0x2
get foo --consistency=s
get foo -wjson
get foo -w=json --keys-only
get nothing -w json
get nothing
-w json put foo bar3 --prev-kv
-w json put new thing
-w json del new --prev-kv
-w json del new
-w fields put foo "b\"é" --prev-kv
-w fields get foo
-w fields get '' --prefix
-w fields del k2 --prev-kv
put nokey v --ignore-lease
put nokey --ignore-value
put foo --ignore-value --prev-kv
ge foo
del foo --prev-kv
del foo
del '' --prefix
del '' --from-key
version
version extra words
"""

COMPLAINTS = r"""
put
put foo
put '' x
put a b --lease=zz
put a b --lease=0x12
put a b --lease=99999999999999999999
put a b --lease=12
put a b --lease=0
put a b --ignore-value
put a b --ignore-lease --lease=1
get
get ''
get a b --prefix
get a --prefix --from-key
get a --consistency=q
get a --order=q
get a --sort-by=q
get foo --rev 100
get foo --rev -1
get a -w table
get a -w xx
get a -w json --print-value-only
get a --command-timeout=0
get a --dial-timeout=0
get a --dial-timeout=1ns
get a --dial-timeout=-1s
del
del a b c
del a b --prefix
del a --prefix --from-key
put a b -w table
"""

USAGE = r"""
get --bogus
get -x
get -hw
get --=x
get ---x
get a --limit=x
get a --limit
get a --limit=99999999999999999999
get a --prefix=maybe
get a --prefix=0
get --lim 1 a
get -h=x
-w
--endpoints
--dial-timeout 5 get foo
--dial-timeout=1s5 get foo
--dial-timeout=1q get foo
--dial-timeout=- get foo
--hex=q get foo
put --help
get -h
get --hex --limit=3 -h
del --help
version --help
--help
help
help get
help help
help bogus words
bogus
"" get
--debug
-h get
--help get foo
-wjson -h
put -h=false
frobnicate get
"""


def lines(text: str) -> list[str]:
    return text.strip().split("\n")


def same_name(text: str) -> str:
    """Leave out what may differ: the program's name, who answers, times, the log, commands not built yet."""
    text = text.replace("minietcdctl", "etcdctl")
    text = re.sub(r'("(?:cluster_id|member_id|raft_term)":)\d+', r"\1ID", text)
    text = re.sub(r'("(?:ClusterID|MemberID|RaftTerm)" : )\d+', r"\1ID", text)
    text = re.sub(r"^\d{4}-\d\d-\d\d [\d:.]+ ", "TIME ", text, flags=re.MULTILINE)
    text = re.sub(r"COMMANDS:\n(\t.*\n)*", "", text)
    return re.sub(r'^\{"level".*\n', "", text, flags=re.MULTILINE)


def environment(more: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("ETCD")} | dict(more)


class Pair:
    """etcdctl and ours, each with its etcd."""

    def __init__(self, etcdctl: Path, theirs: str, ours: str) -> None:
        self.etcdctl, self.theirs, self.ours = etcdctl, theirs, ours

    def their_answer(self, args: list[str], env: Mapping[str, str], stdin: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [self.etcdctl, *args],
            input=stdin.encode("utf-8", "surrogateescape"),
            capture_output=True,
            env=environment(env),
            timeout=60,
            check=False,
        )
        out, err = (s.decode("utf-8", "surrogateescape") for s in (done.stdout, done.stderr))
        return done.returncode, same_name(out), same_name(err)

    async def our_answer(self, args: list[str], env: Mapping[str, str], stdin: str) -> tuple[int, str, str]:
        out, err = io.StringIO(), io.StringIO()
        surroundings = Surroundings(io.StringIO(stdin), out, err, environment(env))
        code = await run(args, surroundings)
        return code, same_name(out.getvalue()), same_name(err.getvalue())

    async def compare(self, words: list[str], env: Mapping[str, str] | None = None, stdin: str = "") -> None:
        theirs = self.their_answer([f"--endpoints={self.theirs}", *words], env or {}, stdin)
        ours = await self.our_answer([f"--endpoints={self.ours}", *words], env or {}, stdin)
        assert ours == theirs, words


@pytest.fixture(scope="module")
def pair(etcd_bin: Path, etcdctl_bin: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    theirs, ours = tmp_path_factory.mktemp("theirs"), tmp_path_factory.mktemp("ours")
    with cluster([str(etcd_bin)], theirs) as one, cluster([str(etcd_bin)], ours) as other:
        yield Pair(etcdctl_bin, one.endpoints, other.endpoints)


async def test_a_conversation_goes_the_same_way(pair: Pair) -> None:
    for line in lines(CONVERSATION):
        await pair.compare(shlex.split(line))


@pytest.mark.parametrize("line", lines(COMPLAINTS))
async def test_a_complaint_has_the_same_words_and_exit_code(pair: Pair, line: str) -> None:
    await pair.compare(shlex.split(line))


@pytest.mark.parametrize("line", lines(USAGE))
async def test_usage_and_help_are_the_same_pages(pair: Pair, line: str) -> None:
    await pair.compare(shlex.split(line))


@pytest.mark.parametrize(
    "env",
    [
        {"ETCDCTL_WRITE_OUT": "json"},
        {"ETCDCTL_HEX": "true"},
        {"ETCDCTL_COMMAND_TIMEOUT": "soon"},
        {"ETCDCTL_FOO": "1"},
        {"ETCDCTL_ENDPOINTS": "127.0.0.1:1"},
        {"ETCDCTL_API": "3"},
        {"ETCDCTL_API": "4"},
        {"ETCDCTL_DEBUG": ""},
    ],
    ids=str,
)
async def test_variables_of_the_environment_mean_the_same(pair: Pair, env: dict[str, str]) -> None:
    await pair.compare(["put", "env", "v"], env)
    await pair.compare(["get", "env"], env)


@pytest.mark.parametrize("value", ["one line\n", "two\r\nlines", "no utf-8: \udcff\udc80", "x" * 100_000])
async def test_a_value_from_standard_input_keeps_every_byte(pair: Pair, value: str) -> None:
    await pair.compare(["put", "stdin"], stdin=value)
    await pair.compare(["get", "stdin", "--print-value-only"])
    await pair.compare(["get", "stdin", "-w", "fields"])


async def test_protobuf_output_is_the_response(pair: Pair) -> None:
    await pair.our_answer([f"--endpoints={pair.ours}", "put", "proto", "\udcff"], {}, "")
    words = [f"--endpoints={pair.ours}", "get", "proto", "-w", "protobuf"]
    ours, theirs = await pair.our_answer(words, {}, ""), pair.their_answer(words, {}, "")
    assert ours == theirs
    response = rpc_pb2.RangeResponse.FromString(ours[1].encode("utf-8", "surrogateescape"))
    assert response.kvs[0].value == b"\xff"


@pytest.mark.parametrize(
    "endpoints",
    [
        *("127.0.0.1:1", "127.0.0.1:1,[::1]:1", "127.0.0.1:99999", "nonsense::::", "nonsense", ""),
        *("unix:///nowhere", "ftp://127.0.0.1:1", "http://[::1"),
    ],
)
async def test_an_endpoint_that_cannot_be_reached_ends_the_same_way(pair: Pair, endpoints: str) -> None:
    words = [f"--endpoints={endpoints}", "--command-timeout=300ms", "get", "foo"]
    assert await pair.our_answer(words, {}, "") == pair.their_answer(words, {}, "")


async def test_one_living_endpoint_is_enough(pair: Pair) -> None:
    for endpoints in (f"127.0.0.1:1,{pair.ours}", f"http://{pair.ours}", f" {pair.ours} "):
        words = ["--endpoints", endpoints, "put", "foo", "bar"]
        assert await pair.our_answer(words, {}, "") == pair.their_answer(words, {}, "") == (0, "OK\n", "")


def program(*words: str, **more: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen([*MINIETCDCTL, *words], env=environment({}), **more)


def test_the_program_warns_in_the_same_words_before_it_fails(pair: Pair) -> None:
    words = ["put", "", "x"]
    ours = program("--endpoints", pair.ours, *words, stderr=subprocess.PIPE)
    theirs = subprocess.run(
        [pair.etcdctl, "--endpoints", pair.theirs, *words],
        capture_output=True,
        env=environment({}),
        check=False,
    )
    our_warning, our_error = ours.communicate(timeout=60)[1].decode().splitlines()
    their_warning, their_error = theirs.stderr.decode().splitlines()
    assert (ours.returncode, our_error) == (theirs.returncode, their_error)
    fields = ("level", "msg", "attempt", "error")
    assert [json.loads(our_warning)[f] for f in fields] == [json.loads(their_warning)[f] for f in fields]


def test_the_program_passes_bytes_through(pair: Pair) -> None:
    value = bytes(range(256)) + b"\r\n"
    put = program("--endpoints", pair.ours, "put", b"k\xff", stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # type: ignore[arg-type]
    assert put.communicate(value, timeout=60)[0] == b"OK\n"
    get = program("--endpoints", pair.ours, "get", b"k\xff", stdout=subprocess.PIPE)  # type: ignore[arg-type]
    assert get.communicate(timeout=60)[0] == b"k\xff\n" + value + b"\n"


def test_a_reader_that_leaves_early_ends_the_program_quietly(pair: Pair) -> None:
    put = program("--endpoints", pair.ours, "put", "long", stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    put.communicate(b"x" * 1_000_000, timeout=60)
    get = program("--endpoints", pair.ours, "get", "long", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert get.stdout is not None and get.stderr is not None
    assert get.stdout.read(5) == b"long\n"
    get.stdout.close()
    assert get.stderr.read() == b""
    get.stderr.close()
    assert get.wait(60) == 128 + signal.SIGPIPE


def test_a_full_disk_is_said_and_not_passed_over(pair: Pair) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")
    with Path("/dev/full").open("wb") as full:
        get = program("--endpoints", pair.ours, "version", stdout=full, stderr=subprocess.PIPE)
        assert get.communicate(timeout=60)[1] == b"Error: cannot write the output: No space left on device\n"
    assert get.returncode == 6


def test_ctrl_c_ends_the_program_as_it_ends_etcdctl() -> None:
    put = program("put", "waits", stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    assert put.stdin is not None and put.stderr is not None
    stdin = put.stdin
    stdin.write(b"the first of many bytes")
    stdin.flush()
    wait_until(lambda: fcntl.ioctl(stdin, termios.FIONREAD, b"\0\0\0\0") == b"\0\0\0\0", "it reads its input")
    put.send_signal(signal.SIGINT)
    assert put.wait(60) == -signal.SIGINT
    assert put.stderr.read() == b""
    with contextlib.suppress(BrokenPipeError):
        stdin.close()
    put.stderr.close()

"""What the three programs say to what they cannot do: one line, etcd's exit code, and nothing left behind."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest

from minietcd.proto.etcdserverpb import rpc_pb2 as pb
from tests.processes import MINIETCD, MINIETCDCTL, Cluster, Member, cluster, ctl, free_ports, wait_until

pytestmark = pytest.mark.e2e

TRACER = (sys.executable, "-m", "tracer")
FAST = ("--heartbeat-interval", "20", "--election-timeout", "200")
NOWHERE = "127.0.0.1:1"


@dataclass(frozen=True)
class Ended:
    """A program that has ended: by a signal counts as a shell counts it."""

    code: int
    output: str
    errors: str

    @property
    def complaint(self) -> str:
        """The only line of the log, or of all that was said, that tells what was wrong."""
        lines = [line for line in self.errors.splitlines() if line[27:30] in ("C |", "E |")]
        lines = lines or self.errors.splitlines()
        assert len(lines) == 1, self.errors
        return lines[0].partition(" | ")[2] or lines[0]


def begin(
    command: Sequence[str | Path], env: Mapping[str, str] | None = None, **how: object
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own, by which its children are found."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ETCD")}
    environment |= {"ETCDCTL_API": "3", "PYTHONPATH": str(Path(__file__).parents[2])} | dict(env or {})
    streams: dict[str, object] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE} | how
    return subprocess.Popen(  # type: ignore[call-overload, no-any-return]
        [str(word) for word in command],
        start_new_session=True,
        env=environment,
        **{"stderr": subprocess.PIPE} | streams,
    )


def end(process: subprocess.Popen[bytes], seconds: float = 30) -> Ended:
    """Wait for the end; nobody of its session is left, and nothing it said is a traceback."""
    try:
        output, errors = process.communicate(timeout=seconds)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    assert not session(process.pid), "it left processes behind"
    code = 128 - process.returncode if process.returncode < 0 else process.returncode
    ended = Ended(code, (output or b"").decode(errors="replace"), (errors or b"").decode(errors="replace"))
    assert "Traceback" not in ended.errors + ended.output, ended.errors
    return ended


def run(*command: str | Path, env: Mapping[str, str] | None = None, **how: object) -> Ended:
    return end(begin(command, env, **how))


def session(leader: int) -> list[int]:
    """The processes of the session that ``leader`` began."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, _, sid = stat.read_text().rpartition(")")[2].split()[:4]
            if int(sid) == leader and state != "Z":
                found.append(int(stat.parent.name))
    return found


def send_when_it_said(process: subprocess.Popen[bytes], what: bytes, signum: signal.Signals) -> Ended:
    """Read its stderr up to ``what``, then send the signal."""
    assert process.stderr is not None
    said = b""
    while what not in said:
        line = process.stderr.readline()
        assert line, said.decode()
        said += line
    process.send_signal(signum)
    ended = end(process)
    return Ended(ended.code, ended.output, said.decode() + ended.errors)


def urls(client: int, peer: int) -> list[str]:
    """Flags for a member on these ports."""
    return [
        *(
            f"--listen-client-urls=http://127.0.0.1:{client}",
            f"--advertise-client-urls=http://127.0.0.1:{client}",
        ),
        *(
            f"--listen-peer-urls=http://127.0.0.1:{peer}",
            f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}",
        ),
        f"--initial-cluster=default=http://127.0.0.1:{peer}",
    ]


# Interrupted while it loads: the import of a module is the moment.
INTERRUPTED = """
import os, signal, sys
class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == os.environ["AT_IMPORT_OF"]:
            os.kill(os.getpid(), int(os.environ["WITH_SIGNAL"]))
sys.meta_path.insert(0, Interrupt())
"""


@pytest.mark.parametrize(
    ("program", "module"),
    [
        (MINIETCD, "asyncio"),
        (MINIETCD, "minietcd.etcdserver.server"),
        (MINIETCDCTL, "asyncio"),
        (MINIETCDCTL, "minietcd.clientv3.client"),
        (TRACER, "click"),
        (TRACER, "tracer.cluster"),
    ],
)
def test_an_interruption_while_it_loads_is_quiet(tmp_path: Path, program: Sequence[str], module: str) -> None:
    (tmp_path / "sitecustomize.py").write_text(INTERRUPTED)
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2])])
    env = {"AT_IMPORT_OF": module, "WITH_SIGNAL": str(int(signal.SIGINT)), "PYTHONPATH": path}
    assert run(*program, "put", "a", "b", env=env) == Ended(130, "", "")


# --- minietcd ---


@pytest.mark.parametrize("which", [0, 1], ids=["client port", "peer port"])
def test_a_busy_port_is_named_as_etcd_names_it(etcd_bin: Path, tmp_path: Path, which: int) -> None:
    ports = free_ports(2)
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", ports[which]))
        busy.listen()
        flags = [*urls(*ports), f"--data-dir={tmp_path}/d"]
        theirs, ours = run(etcd_bin, *flags), run(*MINIETCD, *flags)
    assert ours.complaint == theirs.complaint
    assert ours.complaint == f"etcdmain: listen tcp 127.0.0.1:{ports[which]}: bind: address already in use"
    assert ours.code == theirs.code == 1


@pytest.mark.parametrize(
    "line",
    [
        "--initial-cluster=nonsense",
        "--initial-cluster=default=nonsense",
        "--initial-cluster=default=http://127.0.0.1",
        "--initial-cluster=",
        "--initial-cluster==http://127.0.0.1:1",
        "--initial-cluster=other=http://127.0.0.1:1",
        "--name=foo --initial-cluster=default=http://127.0.0.1:1",
        "--initial-cluster=default=http://127.0.0.1:1,b=http://127.0.0.1:1",
        "--listen-client-urls=http://127.0.0.1:99999",
        "--max-request-bytes=99999999999999999999",
        "--quota-backend-bytes=9999999999999999999",
        "--heartbeat-interval=0",
    ],
)
def test_malformed_values_are_refused_as_etcd_refuses_them(etcd_bin: Path, tmp_path: Path, line: str) -> None:
    flags = [*urls(*free_ports(2)), *shlex.split(line)]

    def refusal(program: Sequence[str | Path], name: str) -> tuple[int, str]:
        ended = run(*program, *flags, f"--data-dir={tmp_path / name}")
        logged = [each for each in ended.errors.splitlines() if each[27:30] in ("C |", "E |")]
        assert len(logged) < 2
        said = (logged or ended.errors.splitlines())[0]
        said = (said.partition(" | ")[2] or said).partition(" (resolved urls")[0]
        return ended.code, said.replace("'minietcd ", "'etcd ")

    assert refusal(MINIETCD, "ours") == refusal([etcd_bin], "theirs")


def test_a_data_dir_below_a_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ended = run(*MINIETCD, *urls(*free_ports(2)), f"--data-dir={tmp_path}/file/d")
    assert f"{tmp_path}/file/d" in ended.complaint
    assert "not a directory" in ended.complaint
    assert ended.code == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_data_dir_without_permission_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir(0o500)
    ended = run(*MINIETCD, *urls(*free_ports(2)), f"--data-dir={tmp_path}/d")
    assert f"{tmp_path}/d" in ended.complaint
    assert "permission denied" in ended.complaint
    assert ended.code == 1


@pytest.mark.parametrize(
    ("said", "signum"),
    [
        (b"etcdmain: Git SHA", signal.SIGINT),
        (b"embed: name =", signal.SIGTERM),
        (b"raft: ", signal.SIGINT),
    ],
)
def test_a_signal_while_it_starts_ends_it(tmp_path: Path, said: bytes, signum: signal.Signals) -> None:
    process = begin([*MINIETCD, *urls(*free_ports(2)), f"--data-dir={tmp_path}/d"])
    assert send_when_it_said(process, said, signum).code == 128 + signum


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_under_load_ends_it_and_keeps_what_was_acknowledged(
    tmp_path: Path, signum: signal.Signals
) -> None:
    with cluster(MINIETCD, tmp_path, 1) as c:
        member = c.members[0]
        acknowledged = []
        with grpc.insecure_channel(member.endpoint) as channel:
            put = channel.unary_unary(
                "/etcdserverpb.KV/Put", pb.PutRequest.SerializeToString, pb.PutResponse.FromString
            )
            calls = [put.future(pb.PutRequest(key=b"k%04d" % n, value=b"v"), timeout=20) for n in range(500)]
            calls[0].result()
            assert member.signal(signum) == -signum
            acknowledged = [n for n, call in enumerate(calls) if call.exception() is None]
        assert "Traceback" not in member.log.read_text()
        member.start()
        member.wait_ready()
        found = set(ctl(MINIETCDCTL, member.endpoint, "get", "k", "--prefix", "--keys-only").stdout.split())
        assert {f"k{n:04}" for n in acknowledged} <= found


@pytest.mark.parametrize("closed", ["pipe", "descriptor"])
def test_it_serves_on_when_nobody_reads_its_log(tmp_path: Path, closed: str) -> None:
    client, peer = free_ports(2)
    command = [*MINIETCD, *urls(client, peer), f"--data-dir={tmp_path}/d"]
    read, write = os.pipe()
    os.close(read)
    if closed == "pipe":
        process = begin(command, stderr=write)
    else:
        process = begin(["sh", "-c", 'exec "$@" 0<&- 1>&- 2>&-', "sh", *command], stderr=None)
    os.close(write)
    try:
        endpoint = f"127.0.0.1:{client}"
        words = ("put", "a", "b", "--command-timeout=1s")
        wait_until(lambda: ctl(MINIETCDCTL, endpoint, *words).stdout == "OK\n", "it serves")
    finally:
        process.send_signal(signal.SIGTERM)
        assert end(process).code == 128 + signal.SIGTERM


def test_help_that_nobody_reads_to_its_end_is_no_error() -> None:
    read, write = os.pipe()
    os.close(read)
    process = begin([*MINIETCD, "--help"], stdout=write)
    os.close(write)
    ended = end(process)
    assert (ended.code, "rror" in ended.errors) == (128 + signal.SIGPIPE, False)


# --- without a quorum ---


@dataclass
class Pair:
    """A cluster of theirs and one of ours of which two members of three are dead, and the one that lives."""

    theirs: Member
    ours: Member


@pytest.fixture(scope="module")
def survivors(etcd_bin: Path, etcdctl_bin: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with (
        cluster([str(etcd_bin)], tmp_path_factory.mktemp("theirs"), 3, FAST) as theirs,
        cluster(MINIETCD, tmp_path_factory.mktemp("ours"), 3, FAST) as ours,
    ):
        yield Pair(survivor(theirs, etcdctl_bin), survivor(ours, etcdctl_bin))


def survivor(c: Cluster, etcdctl_bin: Path) -> Member:
    """Put something everywhere, and kill all but one follower."""
    left = c.follower()
    assert ctl([etcdctl_bin], c.endpoints, "put", "there", "before").stdout == "OK\n"
    get = ("get", "there", "--consistency=s", "--print-value-only")
    wait_until(lambda: ctl([etcdctl_bin], left.endpoint, *get).stdout == "before\n", "it is everywhere")
    for member in c.members:
        if member is not left:
            member.kill()
    return left


def test_without_a_quorum_a_put_is_given_up_in_etcds_words(survivors: Pair, etcdctl_bin: Path) -> None:
    asked = [
        begin([etcdctl_bin, "--endpoints", member.endpoint, "put", "a", "b", "--command-timeout=20s"])
        for member in (survivors.theirs, survivors.ours)
    ]
    for ended in [end(process) for process in asked]:
        assert ended.code == 1
        # Which of the reasons it gives depends on how long ago the leader was lost.
        reason = "(, possibly due to (previous leader failure|connection lost))?"
        assert re.search(rf"Error: etcdserver: request timed out{reason}\n$", ended.errors)


def test_without_a_quorum_a_linearizable_read_waits_as_long_as_the_client(
    survivors: Pair, etcdctl_bin: Path
) -> None:
    for member in (survivors.theirs, survivors.ours):
        words = ("--endpoints", member.endpoint, "get", "there", "--command-timeout=1s")
        ended = run(etcdctl_bin, *words)
        assert (ended.code, ended.output) == (1, "")
        assert ended.errors.endswith("context deadline exceeded\n")


def test_without_a_quorum_our_client_gives_up_in_time(survivors: Pair) -> None:
    endpoint = ("--endpoints", survivors.ours.endpoint)
    ended = run(*MINIETCDCTL, *endpoint, "put", "a", "b", "--command-timeout=500ms")
    assert ended.code == 1
    assert ended.errors.endswith("Error: context deadline exceeded\n")


def test_without_a_quorum_a_serializable_read_is_answered(survivors: Pair) -> None:
    words = ("get", "there", "--consistency=s", "--print-value-only")
    assert run(*MINIETCDCTL, "--endpoints", survivors.ours.endpoint, *words) == Ended(0, "before\n", "")


def test_a_member_that_waits_for_its_first_quorum_makes_clients_wait(tmp_path: Path) -> None:
    ports = free_ports(4)
    member = Member("n1", MINIETCD, tmp_path, ports[0], ports[1], FAST)
    others = [f"n{n}=http://127.0.0.1:{port}" for n, port in enumerate(ports[2:], 2)]
    member.initial_cluster = ",".join([f"n1={member.peer_url}", *others])
    member.start()
    try:
        wait_until(lambda: "listening for peers" in member.log.read_text(), "the peer port")
        ended = run(*MINIETCDCTL, "--endpoints", member.endpoint, "put", "a", "b", "--command-timeout=300ms")
        assert ended.code == 1
        assert ended.errors.endswith("Error: context deadline exceeded\n")
        assert member.signal(signal.SIGINT) == -signal.SIGINT
    finally:
        member.kill()


# --- minietcdctl ---


@pytest.mark.parametrize(
    "words",
    [
        f"--endpoints={NOWHERE} get k --command-timeout=200ms",
        f"--endpoints={NOWHERE} put k v --command-timeout=200ms",
        "--endpoints= get k",
        "--endpoints=nonsense:port get k --command-timeout=200ms",
        "--command-timeout=5 get k",
        "get",
        "put",
        "put k v --lease=zz",
        "get k --limit=abc",
        "get k --order=FOO",
        "get k --nope",
        "nope",
    ],
)
def test_the_client_refuses_what_etcdctl_refuses_in_its_words(etcdctl_bin: Path, words: str) -> None:
    def said(program: Sequence[str | Path]) -> tuple[int, list[str]]:
        ended = run(*program, *shlex.split(words))
        lines = [line for line in ended.errors.splitlines() if line.startswith("Error")]
        assert lines
        return ended.code, [line.replace('"minietcdctl"', '"etcdctl"') for line in lines]

    assert said(MINIETCDCTL) == said([etcdctl_bin])


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Member]:
    """One member with more than a pipe holds."""
    with cluster(MINIETCD, tmp_path_factory.mktemp("alone"), 1) as c:
        for number in range(4):
            assert ctl(MINIETCDCTL, c.endpoints, "put", f"k{number}", stdin="x" * 200_000).stdout == "OK\n"
        yield c.members[0]


@pytest.mark.parametrize(
    "words", ["put '' v", "put k v --lease=123", "get '' --rev=99", "put nope --ignore-value"]
)
def test_what_the_server_refuses_is_told_in_etcdctls_words(
    alone: Member, etcdctl_bin: Path, words: str
) -> None:
    def said(program: Sequence[str | Path]) -> tuple[int, str]:
        ended = run(*program, "--endpoints", alone.endpoint, *shlex.split(words))
        return ended.code, ended.errors.splitlines()[-1]

    assert said(MINIETCDCTL) == said([etcdctl_bin])


def test_a_key_too_large_is_told_in_etcdctls_words(alone: Member, etcdctl_bin: Path, tmp_path: Path) -> None:
    """No argument can be that long, but a value can come from a file."""
    large = tmp_path / "large"
    large.write_bytes(b"x" * 1_600_000)

    def said(program: Sequence[str | Path]) -> tuple[int, str]:
        with large.open("rb") as file:
            ended = run(*program, "--endpoints", alone.endpoint, "put", "k", stdin=file)
        return ended.code, ended.errors.splitlines()[-1]

    assert said(MINIETCDCTL) == said([etcdctl_bin]) == (1, "Error: etcdserver: request is too large")


def test_bytes_that_are_no_text_pass_unchanged(alone: Member, etcdctl_bin: Path) -> None:
    key = os.fsdecode(b"bin\xff\x80")
    assert (
        run(*MINIETCDCTL, "--endpoints", alone.endpoint, "put", key, os.fsdecode(b"\xfe\n")).output == "OK\n"
    )
    for program in (MINIETCDCTL, [etcdctl_bin]):
        done = subprocess.run(
            [*map(str, program), "--endpoints", alone.endpoint, "get", key],
            capture_output=True,
            env={**os.environ, "ETCDCTL_API": "3"},
            check=True,
        )
        assert done.stdout == b"bin\xff\x80\n\xfe\n\n"


@pytest.mark.parametrize("command", ["get k", "put k v"])
def test_an_interruption_while_it_waits_ends_the_client(tmp_path: Path, command: str) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        silent.settimeout(30)
        endpoint = f"127.0.0.1:{silent.getsockname()[1]}"
        process = begin([*MINIETCDCTL, "--endpoints", endpoint, *command.split()])
        connection, _ = silent.accept()
        with connection:
            process.send_signal(signal.SIGINT)
            assert end(process) == Ended(130, "", "")


@pytest.mark.parametrize(
    "program",
    [(*MINIETCDCTL, "get", "k", "--prefix"), (*TRACER, "put", "foo", "bar", "-d2")],
    ids=["ctl", "tracer"],
)
def test_a_reader_who_has_seen_enough_ends_it_quietly(
    alone: Member, tmp_path: Path, program: Sequence[str]
) -> None:
    endpoint = ["--endpoints", alone.endpoint] if "get" in program else []
    process = begin([*program, *endpoint], env={"TMPDIR": str(tmp_path)})
    assert process.stdout is not None
    assert process.stdout.readline() in (b"k0\n", b"OK\n")
    process.stdout.close()
    process.stdout = None
    ended = end(process)
    assert (ended.code, ended.errors) == (128 + signal.SIGPIPE, "")
    assert not list(tmp_path.iterdir())


def test_closed_streams_are_no_fault_of_the_clients(alone: Member) -> None:
    for redirection, code in (("<&-", 0), (">&-", 0), ("2>&-", 0), ("<&- >&- 2>&-", 0)):
        shell = ["sh", "-c", f'exec "$@" {redirection}', "sh"]
        ended = run(*shell, *MINIETCDCTL, "--endpoints", alone.endpoint, "put", "closed", "v")
        assert (ended.code, ended.errors) == (code, ""), redirection


# --- tracer ---


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("nope", 1, 'unknown command "nope" for "minietcdctl" (try tracer --help)'),
        ("", 2, "say what to trace"),
        ("--nope", 1, "unknown flag: --nope (try tracer --help)"),
        ("put --nope", 1, "unknown flag: --nope (try tracer help put)"),
        ("help nope", 1, "unknown command"),
        ("-d 7 put a b", 2, "7 is not in the range"),
        ("--members=0 put a b", 2, "0 is not in the range"),
        ("--members=x put a b", 2, "'x' is not a valid"),
        ("--to nobody put a b", 1, "there is no nobody among n1, n2, n3"),
        ("put", 128, "Error: put command needs 1 argument and input from stdin or 2 arguments"),
        ("get k --order=FOO", 4, "Error: bad sort order FOO"),
        ("put a b --lease=zz", 128, "Error: bad lease ID"),
        ("show", 2, "show needs the name of one file"),
        ("show missing.json", 1, "missing.json: no such file"),
        ("show open.json", 1, "open.json: not a trace"),
        ("show other.json", 1, "other.json: not a trace"),
        ("show .", 1, ".: is a directory"),
        ("run missing.py", 1, "missing.py: no such file"),
        ("run syntax.py", 1, "syntax.py:2: '(' was never closed"),
        ("run imports.py", 1, "imports.py:1: ModuleNotFoundError: No module named 'nowhere'"),
        ("run divides.py", 1, "divides.py:3: ZeroDivisionError: "),
        ("run raises.py", 1, "raises.py:3: ValueError: on purpose"),
        ("run storyless.py", 1, "storyless.py: there is no 'async def story(cluster)'"),
        ("run crowd.py", 1, "crowd.py: MEMBERS is 'many', which is no number from 1 to 9"),
        ("--svg=x.svg put a b", 1, "--svg needs the program dot: install Graphviz"),
        ("--dot=no/such/x.dot show good.json", 2, "there is no directory no/such"),
        ("--dot=/dev/full show good.json", 1, "/dev/full: No space left on device"),
        ("--member=n9 show good.json", 1, "there is no n9 among client, n1"),
        ("--module=nope show good.json", 1, "nothing is left to tell: see --member and --module"),
    ],
)
def test_the_tracer_says_in_one_line_what_was_wrong(
    scripts: Path, tmp_path: Path, words: str, code: int, said: str
) -> None:
    env = {"PATH": "/nonexistent", "TMPDIR": str(tmp_path)}
    ended = run(*TRACER, *shlex.split(words), env=env, cwd=scripts)
    assert said in ended.errors
    assert ended.errors.count("\n") == 1, ended.errors
    assert ended.code == code
    assert not list(tmp_path.iterdir()), "it left files behind"


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scripts and traces of which only one is any good."""
    directory = tmp_path_factory.mktemp("scripts")
    story = "async def story(cluster):\n"
    for name, text in {
        "open.json": "{",
        "other.json": '{"a": [1]}',
        "syntax.py": "x = 1\ny = (\n",
        "imports.py": "import nowhere\n",
        "divides.py": "\n\nx = 1 / 0\n",
        "raises.py": f'{story}    await cluster.ctl("put", "a", "b")\n    raise ValueError("on purpose")\n',
        "storyless.py": "def story(cluster):\n    pass\n",
        "crowd.py": f'MEMBERS = "many"\n{story}    pass\n',
    }.items():
        (directory / name).write_text(text)
    (directory / "good.json").write_text(run(*TRACER, "--members=1", "--json", "put", "foo", "bar").output)
    return directory


@pytest.mark.parametrize("depth", ["1", "2"])
def test_no_line_is_wider_than_the_terminal(scripts: Path, depth: str) -> None:
    ended = run(*TRACER, "show", "good.json", "-d", depth, env={"COLUMNS": "60"}, cwd=scripts)
    assert ended.code == 0
    assert ended.output
    assert max(map(len, ended.output.splitlines())) <= 60


def test_plain_text_is_the_same_from_run_to_run() -> None:
    first, second = (run(*TRACER, "--plain", "put", "foo", "bar") for _ in range(2))
    assert first.code == 0
    assert "\x1b" not in first.output
    assert first == second


INTERRUPTING = """
import os, signal
async def story(cluster):
    await cluster.ctl("put", "a", "b")
    os.kill(os.getpid(), signal.SIGINT)
    await cluster.ctl("put", "a", "c")
"""


def test_an_interruption_of_a_run_leaves_nothing_behind(tmp_path: Path) -> None:
    script, temporary = tmp_path / "story.py", tmp_path / "tmp"
    script.write_text(INTERRUPTING)
    temporary.mkdir()
    assert run(*TRACER, "run", script, env={"TMPDIR": str(temporary)}) == Ended(130, "", "")
    assert not list(temporary.iterdir())


def test_an_interruption_while_members_start_leaves_nothing_behind(tmp_path: Path) -> None:
    process = begin([*TRACER, "put", "a", "b"], env={"TMPDIR": str(tmp_path)})
    wait_until(lambda: bool(list(tmp_path.rglob("*.wal"))), "a member has its log")
    process.send_signal(signal.SIGINT)
    assert end(process) == Ended(130, "", "")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not shutil.which("unshare"), reason="no unshare here to mount a small disk with")
def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    mount = f'mount -t tmpfs -o size=64k none {tmp_path} && exec "$@"'
    private = ("unshare", "--mount", "--map-root-user", "sh", "-c", mount, "sh")
    if run(*private, "true").code:
        pytest.skip("nothing can be mounted here")
    ended = run(*private, *TRACER, "put", "a", "b", env={"TMPDIR": str(tmp_path)})
    assert ended.code == 1
    assert ended.complaint.endswith(".wal: No space left on device")

"""The ``tracer`` program as a user meets it: what it prints, and how it ends."""

from __future__ import annotations

import fcntl
import json
import mmap
import os
import re
import signal
import struct
import subprocess
import sys
import termios
from pathlib import Path
from typing import IO

import pytest

from tracer.render import json as traces

ROOT = Path(__file__).parents[2]


def tracer(*words: str, given: str | None = None, **environ: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "COLUMNS": "100", **environ}
    command = [sys.executable, "-m", "tracer", *words]
    return subprocess.run(
        command, input=given, capture_output=True, text=True, env=env, cwd=ROOT, timeout=60, check=False
    )


def test_a_put_is_told_station_by_station() -> None:
    done = tracer("put", "foo", "bar", "--plain")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "OK" and re.fullmatch(r"put foo bar   3 members, n\d leads", lines[1])
    told = [line.split()[1] for line in lines if line[:5].strip().isdigit()]
    stations = [station for station in told if station != "tick"]  # a busy machine ticks meanwhile
    assert stations[:20] == [
        *("command", "client", "call", "handler", "server", "propose", "node.step"),
        *("raft.Step", "role", "Ready", "peers", "WAL", "role", "WAL", "peers", "commit"),
        *("apply", "MVCC", "answer", "reply"),
    ]
    assert {"apply", "MVCC", "on"} <= set(stations[20:])
    assert {"  ⇓ propc", "  ⇓ readyc", "  ⇓ wait", "  ⇓ readyc → applyc → fifo.pendings"} <= set(lines)
    assert "\x1b" not in done.stdout
    assert " ms" not in done.stdout


@pytest.mark.parametrize("words", [("get", "foo", "--plain"), ("put", "foo", 50 * "1 ", "--members", "5")])
def test_sixty_columns_are_enough(words: tuple[str, ...]) -> None:
    done = tracer(*words, "--seed", "1", COLUMNS="60")
    assert done.returncode == 0
    assert max(len(line) for line in done.stdout.splitlines()) <= 60


def test_a_story_is_utf8_whatever_the_locale() -> None:
    done = tracer("put", "foo", "bär", "--seed", "1", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert "⇓ gRPC" in done.stdout
    assert "KVClient.put foo=bär" in done.stdout


def test_what_cannot_be_printed_is_escaped_or_counted() -> None:
    done = tracer("put", "a\x1b[1m\n", "--seed", "1", "--json", given="1\n2\n")
    args = [value for span in json.loads(done.stdout)["spans"] for value in span["args"].values()]
    assert done.returncode == 0
    assert json.loads(done.stdout)["command"] == ["put", r"a\x1b[1m\n"]
    assert r"1\n2\n" in args
    assert r"=1\n2\n" in args  # a key that is no text is not shown
    assert all(str(each).isprintable() for each in args)
    done = tracer("put", "foo", "--seed", "1", given="\x01\x02")
    assert "KVClient.put foo=2 bytes" in done.stdout


@pytest.mark.parametrize("letter", ["x", "键"])
def test_of_a_long_value_is_shown_that_it_goes_on(letter: str) -> None:
    done = tracer("put", "foo", 99 * letter, "--seed", "1", COLUMNS="250")
    assert f"KVClient.put foo={39 * letter}…" in done.stdout


def test_options_may_stand_before_or_after_the_words() -> None:
    done = tracer("--members", "1", "--plain", "put", "foo", "bar", "--prev-kv", "-d", "2", "--module", "wal")
    assert done.returncode == 0
    assert "put foo bar --prev-kv   1 member, n1 leads" in done.stdout
    assert "WAL.save" in done.stdout
    assert "put_command_func" not in done.stdout


def test_after_two_dashes_everything_is_the_commands() -> None:
    done = tracer("put", "foo", "--members", "1", "--", "--plain")
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "OK")
    assert "foo=--plain" in done.stdout


def test_a_trace_can_be_saved_and_shown(tmp_path: Path) -> None:
    saved = tracer("put", "foo", "bar", "--to", "follower", "--json")
    assert (saved.returncode, saved.stderr) == (0, "OK\n")
    data = json.loads(saved.stdout)
    assert (data["schema"], data["etcd"], data["command"]) == (1, "v3.4.23", ["put", "foo", "bar"])
    parts = ["kind", "name", "from", "to", "label", "keys", "critical", "at", "order"]
    assert list(data["edges"][0]) == parts
    assert list(data["edges"][0]["from"]) == ["span", "member", "task", "turn"]
    assert list(data["members"]) == ["n1", "n2", "n3"]
    roles = sorted(member["role"] for member in data["members"].values())
    assert roles == ["follower", "follower", "leader"]
    assert {edge["kind"] for edge in data["edges"]} >= {"chan", "wire", "rpc", "wait", "timer"}
    assert traces.dump(traces.load(saved.stdout)) == saved.stdout
    path = tmp_path / "put.json"
    path.write_text(saved.stdout)
    shown = tracer("show", str(path), "--plain")
    assert shown.returncode == 0
    assert "⇓ streamWriter.msgc → TCP stream → peer.propc → propc" in shown.stdout


def test_a_picture_has_ids_and_follows_the_page(tmp_path: Path) -> None:
    svg, dot = tmp_path / "put.svg", tmp_path / "put.dot"
    done = tracer("put", "foo", "bar", "--svg", str(svg), "--dot", str(dot))
    assert done.returncode == 0
    text = svg.read_text()
    assert text.startswith('<svg class="trace"')
    assert "var(--trace-text" in text
    assert text.count('class="node') <= 40
    assert 'class="edge handoff critical"' in text
    assert dot.read_text().startswith("digraph trace")


def test_a_lost_message_is_drawn_from_who_sent_it_and_leads_nowhere(tmp_path: Path) -> None:
    svg, dot = tmp_path / "dies.svg", tmp_path / "dies.dot"
    done = tracer("run", "examples/leader_dies.py", "--seed", "1", "--svg", str(svg), "--dot", str(dot))
    assert done.returncode == 0
    lines, text = dot.read_text().splitlines(), svg.read_text()
    (vote,) = [line.split()[0] for line in lines if '"✗"' in line and 'tooltip="MsgVote n2→n1"' in line]
    (sent,) = [line.split()[0] for line in lines if f"-> {vote} " in line]
    (sender,) = [line for line in lines if line.strip().startswith(f"{sent} [")]
    assert "Node.report_unreachable" in sender
    assert f'class="edge handoff lost" data-from="{sent}" data-to="{vote}"' in text
    assert 'xlink:href=""' not in text


def test_three_puts_of_which_two_share_a_write() -> None:
    done = tracer("run", "examples/three_puts_one_fsync.py", "--plain")
    assert (done.returncode, done.stderr) == (0, "")
    writes = [line.split()[2:-1] for line in done.stdout.splitlines() if " WAL  " in line]
    alone, together = ["WAL.sync"], ["WAL.sync", "shared", "by", "2"]
    assert writes[0] == alone
    assert writes.count(alone) >= 2 <= writes.count(together)
    assert len(writes) == writes.count(alone) + writes.count(together)
    awaited, _, rest = done.stdout.partition("what no answer waited for")
    assert all(f"client  request {number}" in awaited for number in (1, 2, 3))
    assert "client" not in rest


def test_one_of_three_puts_is_told_without_the_others() -> None:
    for request, saved in (("1", ["WAL.sync"]), ("2", ["WAL.sync", "shared", "by", "2"])):
        done = tracer("run", "examples/three_puts_one_fsync.py", "--plain", "--request", request)
        writes = [line.split()[2:-1] for line in done.stdout.splitlines() if " WAL  " in line]
        assert len(writes) >= 2
        assert all(write == saved for write in writes)
        assert "what the answer did not wait for" in done.stdout


def test_of_what_was_saved_without_its_lines_that_is_said_where_they_are_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "put.json"
    path.write_text(tracer("put", "a", "b", "--members", "1", "--json").stdout)
    said = f"tracer: {path} has no lines that ran: -d 3 --json saves them, too\n"
    for words, errors in ((("-d", "2"), ""), (("-d", "3"), said), (("--html", str(tmp_path / "x")), said)):
        done = tracer("show", str(path), *words)
        assert (done.returncode, done.stderr) == (0, errors)
    path.write_text(tracer("put", "a", "b", "--members", "1", "--json", "-d", "3").stdout)
    assert tracer("show", str(path), "-d", "3").stderr == ""


def test_a_module_is_not_one_whose_name_begins_alike() -> None:
    done = tracer("put", "a", "b", "--seed", "1", "-d", "2", "--module", "raft", COLUMNS="200")
    shown = {line.split("#")[0].split()[-1] for line in done.stdout.splitlines() if ".go#" in line}
    assert "raft/raft.go" in shown
    assert not [each for each in shown if "rafthttp" in each]


def test_what_etcdctl_says_by_itself_takes_no_cluster_and_no_arrows() -> None:
    for words, said in ((("help",), "minietcdctl - "), (("help", "put"), "put - Puts the given key")):
        done = tracer(*words)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(f"NAME:\n\t{said}")
    assert "⇓" not in tracer("version", "--seed", "1").stdout


def test_a_command_may_stand_after_two_dashes() -> None:
    done = tracer("--seed", "1", "--members", "1", "--", "put", "foo", "bar")
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "OK")


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "examples").glob("*.py")))
def test_the_examples_run(name: str) -> None:
    done = tracer("run", f"examples/{name}.py", "--plain")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(name.replace("_", " "))


def test_an_election_and_a_transfer_are_commands_and_the_same_each_time() -> None:
    for words in (("election",), ("transfer",), ("election", "--pre-vote")):
        done = tracer(*words, "--plain")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(f"{words[0]}   3 members, n2 leads")
        assert "⇓ what led to the end" in done.stdout
        assert tracer(*words, "--plain").stdout == done.stdout
    assert "✗ TCP stream  MsgPreVote n2→n1, never read" in done.stdout


def test_the_calls_of_level_two_and_the_lines_of_level_three_are_there() -> None:
    done = tracer("put", "foo", "bar", "-d", "3", "--plain", "--member", "n1", "--module", "raft.raft")
    assert done.returncode == 0
    assert "Raft.append_entry" in done.stdout
    assert "self.maybe_commit()" in done.stdout
    assert "last=9" in done.stdout


@pytest.mark.parametrize(
    ("words", "code", "complaint"),
    [
        (("frobnicate",), 1, 'tracer: unknown command "frobnicate" for "minietcdctl"'),
        (("put", "a", "b", "--to", "n9"), 1, "tracer: there is no n9 among n1, n2, n3"),
        (("put", "a", "b", "--members", "0"), 2, "tracer: Invalid value for '--members'"),
        (("show", "nowhere.json"), 1, "tracer: nowhere.json: no such file"),
        (("show", "README.md"), 1, "tracer: README.md: not a trace"),
        (("run", "pyproject.toml"), 1, "tracer: pyproject.toml"),
        (("run",), 2, "tracer: run needs the name of one file"),
        (("election", "now"), 2, "tracer: election takes no further words"),
        (("put", "a", "b", "--request", "7"), 1, "tracer: there is no request 7: 1 were made"),
        (("put",), 128, "Error: put command needs 1 argument"),
    ],
)
def test_a_mistake_is_told_in_one_line(words: tuple[str, ...], code: int, complaint: str) -> None:
    done = tracer(*words)
    assert done.returncode == code
    assert done.stderr.startswith(complaint)
    assert done.stderr.count("\n") == 1


def test_a_command_that_fails_ends_the_story_unless_it_is_caught(tmp_path: Path) -> None:
    script = tmp_path / "story.py"
    script.write_text('async def story(cluster):\n    await cluster.ctl("get", "foo", "--rev", "99")\n')
    done = tracer("run", str(script), "--members", "1")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr == f"tracer: {script}:2: etcdserver: mvcc: required revision is a future revision\n"
    script.write_text(
        "from tracer.cluster import CommandError\n"
        "async def story(cluster):\n    try:\n"
        '        await cluster.ctl("get", "foo", "--rev", "99")\n    except CommandError:\n        pass\n'
    )
    done = tracer("run", str(script), "--members", "1", "--plain")
    assert (done.returncode, done.stderr, done.stdout[:5]) == (0, "", "story")


_TELL = "async def story(cluster):\n    "


@pytest.mark.parametrize(
    ("text", "code", "complaint"),
    [
        (_TELL + "assert cluster == 1", 1, ":2: AssertionError: assert cluster == 1"),
        (_TELL + 'raise ValueError("two\\nlines")', 1, ":2: ValueError: two lines"),
        (_TELL + 'raise ExceptionGroup("", [KeyError("a"), KeyError("b")])', 1, ":2: KeyError: 'a'"),
        (_TELL + 'await cluster.together(cluster.ctl("put", "a"))', 128, ":2: put command needs 1"),
        (_TELL + 'await cluster.ctl("get", "a", to="n4")', 1, ":2: there is no n4 among n1, n2, n3"),
        ("SEED = 1\n" + _TELL + 'cluster.crash("n4")', 1, ":3: there is no n4 among n1, n2, n3"),
        (_TELL + "await cluster.crash('n1')", 1, ":2: members can only be made to fail"),
        ("async def story(): pass", 1, ": there is no 'async def story(cluster)'"),
        ("def before(cluster): pass\n" + _TELL + "pass", 1, ": there is no 'async def before(cluster)'"),
        ("MEMBERS = 0\n" + _TELL + "pass", 1, ": MEMBERS is 0, which is no number from 1 to 9"),
        ("SEED = '1'\n" + _TELL + "pass", 1, ": SEED is '1', which is no number from 0 on"),
        ("CONFIG = 1\n" + _TELL + "pass", 1, ": CONFIG is 1, which is no dict"),
    ],
)
def test_what_is_wrong_in_a_script_is_told_in_one_line(
    tmp_path: Path, text: str, code: int, complaint: str
) -> None:
    script = tmp_path / "story.py"
    script.write_text(text)
    done = tracer("run", str(script))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (code, "", 1)
    assert done.stderr.startswith(f"tracer: {script}{complaint}")


def test_what_a_script_prints_is_not_among_the_json_and_its_commands_are_told_apart(tmp_path: Path) -> None:
    script = tmp_path / "story.py"
    puts = 'cluster.ctl("put", "a", "1"), cluster.ctl("put", "b", "2")'
    script.write_text(f"SEED = 1\n{_TELL}print('both:')\n    await cluster.together({puts})")
    done = tracer("run", str(script), "--json")
    assert (done.returncode, done.stderr) == (0, "both:\n")
    assert json.loads(done.stdout)["command"] == ["story"]
    told = tracer("run", str(script), "--plain").stdout.splitlines()
    assert told[0] == "both:"
    assert {"client  main", "client  main #2"} <= set(told)


@pytest.mark.parametrize("seed", ["", "SEED = 1\n"])
def test_a_fault_in_a_members_own_loop_is_told_instead_of_what_came_of_it(tmp_path: Path, seed: str) -> None:
    script = tmp_path / "story.py"
    fault = (
        "from minietcd.etcdserver.server import EtcdServer\n"
        "def apply_entry_normal(self, e):\n    assert b'foo' not in e.data\n"
        "async def before(cluster):\n    EtcdServer.apply_entry_normal = apply_entry_normal\n"
    )
    script.write_text(f"{seed}{fault}{_TELL}await cluster.ctl('put', 'foo', 'bar')")
    done = tracer("run", str(script), "--members", "1")
    at = f"{script}:{3 + bool(seed)}: AssertionError: assert b'foo' not in e.data"
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"tracer: {at} (n1: apply scheduler (fifo.run) died of it)\n"


def test_a_setting_that_no_member_has_is_refused(tmp_path: Path) -> None:
    script = tmp_path / "story.py"
    script.write_text(f"CONFIG = {{'speed': 1}}\n{_TELL}pass")
    done = tracer("run", str(script))
    assert (done.returncode, done.stderr) == (1, "tracer: CONFIG: a member has no setting 'speed'\n")


def test_a_story_ends_though_nobody_can_lead_any_more(tmp_path: Path) -> None:
    script = tmp_path / "story.py"
    two_die = 'SEED = 1\nasync def story(cluster):\n    for name in ("n1", "n3"): cluster.crash(name)\n'
    put = '    try: await cluster.ctl("put", "a", "b", to="n2")\n    except Exception: pass\n'
    script.write_text(two_die + put)
    done = tracer("run", str(script))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("story   3 members, nobody leads")
    script.write_text(two_die + "    await cluster.led()\n")
    done = tracer("run", str(script))
    assert done.stderr == f"tracer: {script}:4: what is waited for did not come within 10 s\n"


def test_a_script_may_have_modules_beside_it_and_the_command_line_decides_its_size(tmp_path: Path) -> None:
    (tmp_path / "helpers.py").write_text("KEY = 'from beside'")
    script = tmp_path / "story.py"
    script.write_text(f"import helpers\nMEMBERS = 3\n{_TELL}await cluster.ctl('put', helpers.KEY, '1')")
    done = tracer("run", str(script), "--members", "1", "--seed", "1")
    assert done.stdout.startswith("story   1 member, n1 leads")
    assert "KVClient.put from beside=1" in done.stdout


def test_a_script_says_itself_what_its_commands_read(tmp_path: Path) -> None:
    script = tmp_path / "story.py"
    script.write_text(
        "from tracer.cluster import CommandError\n"
        "async def story(cluster):\n"
        '    await cluster.ctl("put", "foo", stdin="bar")\n'
        '    assert (await cluster.ctl("get", "foo")).output == "foo\\nbar\\n"\n'
        "    try:\n"
        '        await cluster.ctl("put", "foo")\n'
        "    except CommandError as error:\n"
        '        assert "and input from stdin" in error.outcome.errors\n'
    )
    with _started("run", str(script), "--members", "1", stdin=subprocess.PIPE) as waiting:
        assert waiting.wait(30) == 0  # although nobody closes its standard input


def test_a_command_reads_standard_input_as_in_a_shell() -> None:
    done = tracer("put", "foo", "--seed", "1", "--plain", given="bar")
    assert done.returncode == 0
    assert "StoreTxnWrite.put_ foo bar" in done.stdout


def test_without_graphviz_a_picture_is_refused_before_anything_is_started() -> None:
    done = tracer("put", "a", "b", "--svg", "x.svg", PATH="/nonexistent")
    assert (done.returncode, done.stdout) == (1, "")
    assert "install Graphviz" in done.stderr


_PIPE_HOLDS = 65_536  # bytes, unless somebody changed it


def _started(*words: str, stdin: int | None = None) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tracer", *words]
    return subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT)


def _unread(pipe: IO[bytes]) -> int:
    return struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))[0]  # type: ignore[no-any-return]


def _asleep(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "S"


def test_a_closed_pipe_ends_it_quietly() -> None:
    with _started("put", "a", "b", "-d", "2") as closed:
        assert closed.stdout is not None and closed.stderr is not None
        closed.stdout.close()
        assert closed.wait(30) == 128 + signal.SIGPIPE
        assert closed.stderr.read() == b""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("at", ["while it records", "while it waits for a reader"])
def test_an_interrupt_ends_it_quietly(at: str, number: signal.Signals) -> None:
    with _started("put", "a", "b", "-d", "3") as stopped:  # which is more than a pipe holds
        assert stopped.stdout is not None and stopped.stderr is not None
        assert stopped.stdout.readline() == b"OK\n"
        if at == "while it waits for a reader":
            while _unread(stopped.stdout) < _PIPE_HOLDS - mmap.PAGESIZE or not _asleep(stopped.pid):
                pass
        stopped.send_signal(number)
        assert stopped.wait(30) == 128 + number
        assert stopped.stderr.read() == b""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("seed", ["", "SEED = 1\n"])
def test_a_signal_in_the_middle_leaves_no_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: str, number: signal.Signals
) -> None:
    script, temporary = tmp_path / "story.py", tmp_path / "temporary"
    temporary.mkdir()
    script.write_text(
        f"import os\n{seed}{_TELL}os.kill(os.getpid(), {number:d})\n    await cluster.healthy()"
    )
    monkeypatch.setenv("TMPDIR", str(temporary))
    with _started("run", str(script)) as stopped:
        assert stopped.wait(30) == 128 + number
        assert stopped.stderr is not None
        assert stopped.stderr.read() == b""
    assert not list(temporary.iterdir())

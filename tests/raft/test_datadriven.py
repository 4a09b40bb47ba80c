"""The scripts' grammar, and what becomes of scripts that are wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.raft import confchange_env, interaction, quorum_env
from tests.raft.datadriven import Arg, Block, Script, ScriptError, parse_directive, replay, rewrite

ROOT = Path(__file__).parents[2]
README = ROOT / "tests/testdata/raft/README.md"


def script(tmp_path: Path, text: str) -> Script:
    path = tmp_path / "script.txt"
    path.write_text(text)
    return Script.read(path)


def tell(block: Block) -> str:
    """A directive that tells how it was read."""
    return f"{block.cmd} {[(arg.key, *arg.vals) for arg in block.args]} {block.input!r}"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("campaign 1", [Arg("campaign"), Arg("1")]),
        ("a  b=c d=(1,2, 3)", [Arg("a"), Arg("b", ("c",)), Arg("d", ("1", "2", "3"))]),
        ("a b=(1 2 3) c=()", [Arg("a"), Arg("b", ("1 2 3",)), Arg("c", ("",))]),
        ('propose 1 "ü\\x"', [Arg("propose"), Arg("1"), Arg('"ü\\x"')]),
    ],
)
def test_a_directive_is_words_and_values(line: str, expected: list[Arg]) -> None:
    assert parse_directive(line) == expected


def test_blanks_part_values_as_commas_do() -> None:
    assert Arg("voters", ("1", "2 3")).uints() == [1, 2, 3]


@pytest.mark.parametrize("line", ["a b=(1,2", "a (1)", "a b=", "a =b"])
def test_a_directive_that_cannot_be_read_says_from_where(line: str) -> None:
    with pytest.raises(ScriptError, match="cannot read the directive from here on"):
        parse_directive(line)


def test_comments_continued_lines_input_and_empty_lines_are_read(tmp_path: Path) -> None:
    text = "# a comment\n\n  # another\na 1 \\\n  b=2\nsome\n\ninput\n----\nout\n\n"
    text += "b\n----\n----\n\none\n\n----\n----\nc\n----\n"
    blocks = list(script(tmp_path, text).blocks())
    assert [(block.line, block.cmd, block.input, block.expected) for block in blocks] == [
        (4, "a", "some\n\ninput", "out\n"),
        (12, "b", "", "\none\n\n"),
        (20, "c", "", ""),
    ]
    assert blocks[0].args == [Arg("1"), Arg("b", ("2",))]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("\na\n", ":2: no ---- after a"), ("a\n----\n----\nx\n----\n", ":3: no second pair of ----")],
)
def test_a_block_without_its_dashes_says_so(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(ScriptError, match=complaint):
        list(script(tmp_path, text).blocks())


def test_a_script_is_text(tmp_path: Path) -> None:
    (tmp_path / "script.txt").write_bytes(b"propose 1 \xff\n")
    with pytest.raises(ScriptError, match="can't decode byte 0xff"):
        Script.read(tmp_path / "script.txt")


def test_the_first_difference_is_shown_with_its_place(tmp_path: Path) -> None:
    wrong = script(tmp_path, "a\n----\na [] ''\n\nb 1\n----\nb [] ''\n\nc\n----\nneither\n")
    lines = replay(wrong, tell).splitlines()
    assert lines[0] == f"{wrong.path}:5: b came out otherwise"
    assert lines[-2:] == ["-b [] ''", "+b [('1',)] ''"]


def test_what_comes_out_is_put_into_the_file_and_nothing_else_is_touched(tmp_path: Path) -> None:
    before = script(tmp_path, "# why\n\na 1\ninput\n----\nwrong\n\n\n# then\nb\n----\n")
    rewrite(before, lambda block: "one\n\ntwo" if block.cmd == "b" else tell(block))
    expected = (
        "# why\n\na 1\ninput\n----\na [('1',)] 'input'\n\n\n# then\nb\n----\n----\none\n\ntwo\n----\n----\n"
    )
    assert before.path.read_text() == expected
    assert not replay(
        Script.read(before.path), lambda block: "one\n\ntwo" if block.cmd == "b" else tell(block)
    )


def run(*lines: str) -> str:
    """The outcome of the last line, in an environment of its own."""
    env, outcome = interaction.InteractionEnv(), ""
    for line in lines:
        first, _, input = line.partition("\n")
        cmd, *args = parse_directive(first)
        outcome = env.handle(Block(1, cmd.key, args, input))
    return outcome


THREE = ("log-level none", "add-nodes 3 voters=(1,2,3) index=10", "campaign 1", "settle")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["fly 1"], "unknown command"),
        (["log-level loud"], "log levels must be either of [DEBUG INFO WARN ERROR FATAL NONE]"),
        (["add-nodes 1 voters=(1)"], "index must be specified as > 1 due to bootstrap"),
        (["add-nodes 1 voters=(1) index=1"], "index must be specified as > 1 due to bootstrap"),
        ([*THREE, "raft-state"], "ok (quiet)"),
        ([*THREE, "propose 2 x"], "ok"),
        ([*THREE, "compact 1 10"], "requested index is unavailable due to compaction"),
        ([*THREE, "compact 1 x"], 'strconv.ParseUint: parsing "x": invalid syntax'),
        ([*THREE, "deliver-msgs 1"], "ok (quiet)"),
        ([*THREE, "log-level info", "deliver-msgs 1"], "no messages\n"),
        ([*THREE, "propose-conf-change 1 v2=true"], "unknown command v2"),
        ([*THREE, "propose-conf-change 1 v1=maybe"], 'strconv.ParseBool: parsing "maybe": invalid syntax'),
        ([*THREE, "log-level info", "_breakpoint"], "ok"),
        (["add-nodes 1", "log-level info", "raft-log 1"], "log is empty: first index=1, last index=0"),
    ],
)
def test_errors_and_silence_are_told_in_etcds_words(lines: list[str], expected: str) -> None:
    assert run(*lines) == expected


def test_what_was_proposed_is_shown_as_go_quotes_it() -> None:
    log = run(*THREE, 'propose 1 "ü\\x\u2028', "settle", "log-level info", "raft-log 1")
    assert log.splitlines()[-1] == '1/12 EntryNormal "\\"ü\\\\x\\u2028"'


def test_an_error_of_a_step_stands_where_etcd_writes_it_without_a_line_of_its_own() -> None:
    drops = run(
        *THREE,
        "propose 2 a",
        "propose 2 b",
        "process-ready 2",
        "restart 1",
        "log-level warn",
        "deliver-msgs 1",
    )
    assert drops.splitlines()[1] == (
        'raft proposal dropped2->1 MsgProp Term:0 Log:0/0 Entries:[0/0 EntryNormal "b"]'
    )


def test_messages_are_delivered_and_lost_in_the_order_given() -> None:
    out = run(*THREE, "tick-heartbeat 1", "process-ready 1", "log-level info", "deliver-msgs drop=(3) 2")
    assert [line.split()[:2] for line in out.splitlines()] == [["dropped:", "1->3"], ["1->2", "MsgHeartbeat"]]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("campaign", "campaign wants the id of a member"),
        ("campaign x", 'strconv.ParseUint: parsing "x": invalid syntax'),
        ("campaign 4", "there is no member 4, there are 3"),
        ("add-nodes 1 colour=red", "add-nodes has no argument colour; it has voters, learners, index"),
        (
            "add-nodes 1 voters=(4) index=5 read-only=never",
            "read-only is one of safe, lease-based, not never",
        ),
        ("add-nodes 1 voters=(4) index=5 prevote=perhaps", "prevote: strconv.ParseBool"),
        ("deliver-msgs 1 drop=(1)", "can't both deliver and drop msgs to 1"),
        ("deliver-msgs 1 type=MsgHello", "type is one of MsgHup"),
        ("propose 1", "propose wants a member and one word to propose"),
        ("propose 1 a=b", "propose wants a member and one word to propose"),
        ("propose-conf-change 1 v1=true", "a v1 conf change wants one operation"),
        ("transfer-leadership from=1", "transfer-leadership wants from=… and to=…"),
        ("report-snapshot 1 2", "status wants a value"),
    ],
)
def test_what_cannot_be_done_is_one_line(line: str, complaint: str) -> None:
    with pytest.raises(ScriptError, match=complaint) as error:
        run(*THREE, line)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("count cfg=(1)", "unknown directive count; there are committed, vote"),
        ("vote cfg=(1) votes=(x)", "unknown vote: x"),
        ("vote cfg=(1) vote=(y)", "vote has no argument vote"),
        ("committed cfg=(1) idx=(0)", "cannot use 0 as idx"),
        ("committed cfg=(1) cfgj=(zero,2) idx=(1,2)", "cannot mix 'zero' into configuration"),
    ],
)
def test_a_question_about_quorums_that_makes_no_sense_is_one_line(line: str, complaint: str) -> None:
    cmd, *args = parse_directive(line)
    with pytest.raises(ScriptError, match=complaint):
        quorum_env.QuorumEnv().handle(Block(1, cmd.key, args))


def test_a_wrong_alternative_shows_in_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quorum_env, "_alternative_committed_index", lambda config, acks: 7)
    cmd, *args = parse_directive("committed cfg=(1) idx=(9)")
    answer = quorum_env.QuorumEnv().handle(Block(1, cmd.key, args))
    assert answer.splitlines()[-2:] == ["7 <-- via alternative computation", "9"]


def test_the_readme_has_every_directive() -> None:
    text = README.read_text()
    for directives in (interaction.DIRECTIVES, confchange_env.DIRECTIVES, quorum_env.DIRECTIVES):
        for name in directives:
            assert f"`{name}" in text, name
    for option in interaction.OPTIONS:
        assert f"`{option}`" in text, option


def pytest_says(*arguments: str | Path) -> str:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "tests/raft/test_scripts.py",
        *arguments,
    ]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode != 0
    return result.stdout + result.stderr


def test_a_directory_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    said = pytest_says("--scripts", tmp_path / "nowhere")
    assert said.strip() == f"ERROR: --scripts: there is no directory {tmp_path / 'nowhere'}"


def test_a_directory_without_scripts_is_one_line(tmp_path: Path) -> None:
    said = pytest_says("--scripts", tmp_path)
    assert said.strip() == f"ERROR: --scripts: {tmp_path} has no *.txt in interaction, confchange, quorum"


def test_scripts_of_another_directory_are_replayed_and_never_rewritten(tmp_path: Path) -> None:
    path = tmp_path / "quorum" / "wrong.txt"
    path.parent.mkdir()
    path.write_text("vote cfg=(1) votes=(y)\n----\nVoteLost\n")
    said = pytest_says("--scripts", tmp_path, "--rewrite", "-k", "wrong.txt")
    assert f"{path}:1: vote came out otherwise" in said
    assert path.read_text().endswith("VoteLost\n")

"""Flags and variables, read as the real etcd reads them."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from minietcd.embed.config import (
    DEFAULT_INITIAL_CLUSTER,
    Config,
    ConfigError,
    UnsetAdvertiseClientURLsFlagError,
)
from minietcd.etcdmain.config import FLAGS, UNSUPPORTED, FlagError, MainConfig
from minietcd.etcdmain.etcd import DirType, identify_data_dir


def parsed(*arguments: str, **environ: str) -> Config:
    cfg = MainConfig()
    cfg.parse(list(arguments), environ)
    return cfg.ec


@pytest.mark.parametrize(
    "arguments", [("--name", "x"), ("--name=x",), ("-name", "x"), ("-name=x", "--"), ("--name=y", "--name=x")]
)
def test_a_flag_may_be_written_in_any_of_gos_ways(arguments: tuple[str, ...]) -> None:
    assert parsed(*arguments).name == "x"


def test_a_boolean_flag_needs_no_value_and_takes_none_from_the_next_word() -> None:
    assert parsed("--pre-vote", "--name", "x").pre_vote
    assert not parsed("--pre-vote=false").pre_vote
    with pytest.raises(FlagError, match="'false' is not a valid flag"):
        parsed("--pre-vote", "false")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--nope"], "flag provided but not defined: -nope"),
        (["--name"], "flag needs an argument: -name"),
        (["---name"], "bad flag syntax: ---name"),
        (["--=x"], "bad flag syntax: --=x"),
        (["--heartbeat-interval", "x"], 'invalid value "x" for flag -heartbeat-interval: parse error'),
        (["--snapshot-count", "-3"], 'invalid value "-3" for flag -snapshot-count: parse error'),
        (
            ["--backend-batch-interval", "3"],
            'invalid value "3" for flag -backend-batch-interval: parse error',
        ),
        (["--pre-vote=maybe"], 'invalid boolean value "maybe" for -pre-vote: parse error'),
        (
            ["--initial-cluster-state=foo"],
            'invalid value "foo" for flag -initial-cluster-state: invalid value',
        ),
        (
            ["--cors=foo"],
            'invalid value "foo" for flag -cors: URL scheme must be http, https, unix, or unixs: foo',
        ),
        (
            ["--max-snapshots=18446744073709551616"],
            'invalid value "18446744073709551616" for flag -max-snapshots: value out of range',
        ),
        (
            ["--listen-client-urls=127.0.0.1"],
            'invalid value "127.0.0.1" for flag -listen-client-urls: '
            "URL scheme must be http, https, unix, or unixs: 127.0.0.1",
        ),
    ],
)
def test_what_is_no_flag_is_refused_in_gos_words_with_code_2(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        parsed(*arguments)
    assert capsys.readouterr().err.startswith(f"{complaint}\nUsage:\n")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--heartbeat-interval=0"], "--heartbeat-interval must be >0 (set to 0ms)"),
        (
            ["--heartbeat-interval=500"],
            "--election-timeout[1000ms] should be at least as 5 times as --heartbeat-interval[500ms]",
        ),
        (
            ["--election-timeout=50001"],
            "--election-timeout[50001ms] is too long, and should be set less than 50000ms",
        ),
        (["--listen-peer-urls=http://foo:3"], "expected IP in URL for binding (http://foo:3)"),
        (["--logger=foo"], 'unknown logger option "foo"'),
        (
            ["--log-outputs=a"],
            'unknown log-output "a" (only supports "default", "stderr", "stdout")',
        ),
        (
            ["--log-outputs=stdout,stderr"],
            """--logger=capnslog supports only 1 value in '--log-outputs', got ["stderr" "stdout"]""",
        ),
        (
            ["--logger=zap", "--log-outputs=default,stdout"],
            'multi logoutput for "default" is not supported yet',
        ),
        (
            ["--initial-advertise-peer-urls=http://:1"],
            '--initial-advertise-peer-urls "http://:1" must be "host:port" '
            "(unexpected empty host (http://:1))",
        ),
    ],
)
def test_what_contradicts_itself_is_refused_in_etcds_words(arguments: list[str], complaint: str) -> None:
    with pytest.raises(ValueError) as refused:
        parsed(*arguments)
    assert str(refused.value) == complaint


def test_who_listens_elsewhere_must_say_how_clients_reach_it() -> None:
    with pytest.raises(UnsetAdvertiseClientURLsFlagError):
        parsed("--listen-client-urls=http://127.0.0.1:1")


@pytest.mark.parametrize("name", sorted(UNSUPPORTED))
def test_a_flag_not_supported_yet_is_accepted_at_its_default_only(name: str) -> None:
    parsed(f"--{name}={UNSUPPORTED[name]}")
    with pytest.raises(FlagError, match=f"--{name} is a flag of etcd's that minietcd does not support yet"):
        parsed(f"--{name}=true1")


def test_a_variable_stands_for_its_flag(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        assert parsed(ETCD_NAME="x", ETCD_FOO="1", OTHER="1").name == "x"
    assert caplog.messages == [
        "recognized and used environment variable ETCD_NAME=x",
        "unrecognized environment variable ETCD_FOO=1",
    ]


def test_a_variable_that_a_flag_shadows_ends_it_all(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(SystemExit, match="1"):
        parsed("--name=x", ETCD_NAME="y")
    assert 'conflicting environment variable "ETCD_NAME" is shadowed' in caplog.text


def test_a_variable_with_a_bad_value_is_named() -> None:
    with pytest.raises(FlagError, match='invalid value "xx" for ETCD_PRE_VOTE: parse error'):
        parsed(ETCD_PRE_VOTE="xx")


def test_values_are_read_as_go_reads_them() -> None:
    assert parsed("--snapshot-count=0x10").snapshot_count == 16
    assert parsed("--backend-batch-interval=1h15m").backend_batch_interval == 4500
    assert parsed("--host-whitelist=b,a,b").host_whitelist == {"a", "b"}
    assert parsed("--cors=http://b:1,http://a:1").cors == {"http://a:1", "http://b:1"}
    assert parsed("--cors=*").cors == {"*"}
    zap = parsed("--logger=zap", "--log-outputs=stdout,f,stdout")
    assert zap.log_outputs == ("f", "stdout")


def test_every_flag_fills_a_field_that_there_is_and_help_names_it(capsys: pytest.CaptureFixture[str]) -> None:
    defaults = Config()
    with pytest.raises(SystemExit, match="0"):
        parsed("--help")
    shown = capsys.readouterr().out
    for name, flag in FLAGS.items():
        assert f"  --{name} '" in shown
        assert not flag.field or hasattr(defaults, flag.field)


def test_a_name_alone_makes_a_cluster_of_that_name() -> None:
    cfg = parsed("--name=x")
    cfg.update_default_cluster_from_name(DEFAULT_INITIAL_CLUSTER)
    assert cfg.initial_cluster == "x=http://localhost:2380"


def test_an_unknown_cluster_state_is_refused_when_embedded_too() -> None:
    with pytest.raises(ConfigError, match='unexpected clusterState "old"'):
        Config(cluster_state="old").validate()


def test_a_data_dir_is_told_by_what_is_in_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert identify_data_dir(str(tmp_path / "none")) is DirType.EMPTY
    (tmp_path / "member").mkdir()
    (tmp_path / "stranger").touch()
    assert identify_data_dir(str(tmp_path)) is DirType.MEMBER
    assert "found invalid file/dir stranger" in caplog.text
    (tmp_path / "proxy").mkdir()
    with pytest.raises(FlagError, match="Both member and proxy"):
        identify_data_dir(str(tmp_path))
    with pytest.raises(FlagError, match="error listing data dir"):
        identify_data_dir(str(tmp_path / "stranger"))

"""Words become commands and flags by the rules that etcdctl's users know."""

from __future__ import annotations

from typing import Any

import pytest

from minietcd.etcdctl.cobra import Command, Flag, UsageError


def tree() -> Command:
    async def run(cmd: Command, args: list[str]) -> None: ...

    root = Command("tool", "A tool")
    root.persistent_flag("endpoints", ["here"], "whom to call")
    root.persistent_flag("write-out", "simple", "format", "w")
    root.persistent_flag("hex", False, "in hex")
    get, grant = Command("get <key>", "Reads", run=run), Command("grant <ttl>", "Grants", run=run)
    get.flag("limit", 0, "how many", "l")
    get.flag("wait", 1.5, "how long")
    get.flag("prefix", False, "all with this prefix", "p")
    lease = Command("lease", "Leases")
    lease.add_command(grant)
    root.add_command(get, Command("put", "Writes", run=run), lease)
    return root


def parse(line: str) -> tuple[Command, list[str]]:
    cmd, rest = tree().find(line.split())
    return cmd, cmd.parse_flags(rest)


@pytest.mark.parametrize(
    ("line", "path", "words"),
    [
        ("get a b", "tool get", ["a", "b"]),
        ("--hex get a", "tool get", ["a"]),
        ("-w json get a", "tool get", ["a"]),
        ("--endpoints x get get", "tool get", ["get"]),
        ("g a", "tool get", ["a"]),
        ("lease grant 10", "tool lease grant", ["10"]),
        ("le gr 10", "tool lease grant", ["10"]),
        ("lease frob", "tool lease", ["frob"]),
        ("get -- -k --hex", "tool get", ["-k", "--hex"]),
        ("get a -", "tool get", ["a", "-"]),
        ("", "tool", []),
        ("-- get", "tool", ["get"]),
    ],
)
def test_the_command_is_the_first_word_that_is_no_flag(line: str, path: str, words: list[str]) -> None:
    cmd, rest = parse(line)
    assert (cmd.path, rest) == (path, words)


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("get --limit 3", "limit", 3),
        ("get --limit=0x10", "limit", 16),
        ("get -l3", "limit", 3),
        ("get -l=3", "limit", 3),
        ("get -pl 3", "limit", 3),
        ("get --prefix", "prefix", True),
        ("get --prefix=false", "prefix", False),
        ("get -p=f", "prefix", False),
        ("get --wait 2m", "wait", 120.0),
        ("-wjson get", "write-out", "json"),
        ("get -w=", "write-out", ""),
        ("get", "endpoints", ["here"]),
        ("--endpoints a,b get --endpoints c", "endpoints", ["a", "b", "c"]),
        ("--endpoints= get", "endpoints", []),
    ],
)
def test_a_flag_takes_its_value(line: str, name: str, value: Any) -> None:
    cmd, _ = parse(line)
    assert cmd.get(name, type(value)) == value
    assert cmd.flags()[name].changed == (line != "get")


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("get --nope", "unknown flag: --nope"),
        ("get -px", "unknown shorthand flag: 'x' in -x"),
        ("get --limit", "flag needs an argument: --limit"),
        ("get -pl", "flag needs an argument: 'l' in -l"),
        (
            "get --limit many",
            'invalid argument "many" for "-l, --limit" flag: strconv.ParseInt: parsing "many": ',
        ),
        ("get --=x", "bad flag syntax: --=x"),
        ("frobnicate", 'unknown command "frobnicate" for "tool"'),
        ("pot", 'unknown command "pot" for "tool"\n\nDid you mean this?\n\tget\n\tput\n'),
    ],
)
def test_what_makes_no_command_is_refused(line: str, complaint: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse(line)
    assert str(raised.value).startswith(complaint)


def test_every_command_shares_the_surroundings_of_the_root() -> None:
    root = tree()
    grant, _ = root.find(["lease", "grant"])
    assert grant.path == "tool lease grant" and grant.surroundings is root.root_surroundings


def test_a_flag_remembers_its_default_for_the_help_page() -> None:
    flag = Flag("wait", "", 90.0, "how long")
    flag.set("2s")
    assert (flag.default, str(flag)) == ("1m30s", "2s")
    assert [str(Flag("f", "", value, "")) for value in (True, ["a", "b"], 7, "x")] == [
        "true",
        "[a,b]",
        "7",
        "x",
    ]  # type: ignore[arg-type]

"""What the program says before it calls anybody."""

from __future__ import annotations

import io

import pytest

from minietcd.etcdctl.cobra import Surroundings
from minietcd.etcdctl.main import run


async def said(*words: str, stdin: str = "", **environ: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    code = await run(list(words), Surroundings(io.StringIO(stdin), out, err, environ))
    return code, out.getvalue(), err.getvalue()


async def test_the_first_page_lists_the_commands() -> None:
    code, out, err = await said()
    assert (code, err) == (0, "")
    assert out.startswith(
        "NAME:\n\tminietcdctl - A simple command line client for etcd3.\n\n"
        "USAGE:\n\tminietcdctl [flags]\n\nVERSION:\n\t3.4.23\n\nAPI VERSION:\n\t3.4\n\n\nCOMMANDS:\n"
    )
    assert "\n\tput\t\tPuts the given key into the store\n" in out
    assert '\n  -w, --write-out="simple"\t\t\tset the output format' in out


async def test_version_says_which_etcdctl_this_equals() -> None:
    assert await said("version") == (0, "etcdctl version: 3.4.23\nAPI version: 3.4\n", "")


async def test_a_wrong_flag_is_named_before_and_after_the_help_page() -> None:
    code, out, err = await said("get", "--bogus")
    assert (code, err) == (1, "Error: unknown flag: --bogus\n\nError: unknown flag: --bogus\n")
    assert out.startswith("NAME:\n\tget - Gets the key or a range of keys\n\nUSAGE:\n\tminietcdctl get ")


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (["--cacert=ca.pem"], "TLS is not supported yet (--cacert)"),
        (["--insecure-transport=false"], "TLS is not supported yet (--insecure-transport=false)"),
        (["--endpoints", "https://h:1"], "https://h:1: TLS is not supported yet"),
        (["--user", "root:pw"], "logging in is not supported yet (--user)"),
        (["-d", "example.com"], "discovery by DNS is not supported yet (--discovery-srv)"),
    ],
)
async def test_what_is_not_built_yet_is_said_in_one_line(flags: list[str], complaint: str) -> None:
    assert await said(*flags, "get", "k") == (4, "", f"Error: {complaint}\n")


async def test_the_v2_api_is_not_there_yet() -> None:
    assert await said("ls", ETCDCTL_API="2") == (1, "", "the v2 API is not supported yet\n")


async def test_a_variable_that_a_flag_contradicts_ends_the_command() -> None:
    code, out, err = await said("--endpoints", "h:1", "get", "k", ETCDCTL_ENDPOINTS="h:2")
    assert (code, out) == (1, "")
    assert 'C | pkg/flags: conflicting environment variable "ETCDCTL_ENDPOINTS" is shadowed' in err


async def test_debug_shows_the_flags_as_variables() -> None:
    _, _, err = await said("--debug", "--endpoints=", "get", "k", ETCDCTL_DIAL_TIMEOUT="1m")
    assert "ETCDCTL_DEBUG=true\nETCDCTL_DIAL_TIMEOUT=1m0s\nETCDCTL_DISCOVERY_SRV=\n" in err
    assert err.endswith("Error: etcdclient: no available endpoints\n")

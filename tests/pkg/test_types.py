"""What etcd 3.4.23 was seen to answer to ``--initial-cluster a=<url>``, word for word."""

from __future__ import annotations

import pytest

from minietcd.pkg.types import URLError, id_from_string, id_string, new_urls, new_urls_map, parse
from minietcd.version.version import SemVer


@pytest.mark.parametrize(
    ("url", "answer"),
    [
        ("127.0.0.1:2380", 'parse "127.0.0.1:2380": first path segment in URL cannot contain colon'),
        ("localhost:2380", "URL scheme must be http, https, unix, or unixs: localhost:2380"),
        ("http://a", 'URL address does not have the form "host:port": http://a'),
        ("http://a:1/x", "URL must not contain a path: http://a:1/x"),
        ("http://a:1/", "URL must not contain a path: http://a:1/"),
        ("ftp://a:1", "URL scheme must be http, https, unix, or unixs: ftp://a:1"),
        ("http://a:b", 'parse "http://a:b": invalid port ":b" after host'),
        ("", "URL scheme must be http, https, unix, or unixs: "),
        (":80", 'parse ":80": missing protocol scheme'),
        ("http://a b:80", 'parse "http://a b:80": invalid character " " in host name'),
        ("http://::1:80", 'URL address does not have the form "host:port": http://::1:80'),
        ("http:a", 'URL address does not have the form "host:port": http:a'),
    ],
)
def test_a_url_that_nobody_can_listen_on_is_refused_in_etcds_words(url: str, answer: str) -> None:
    with pytest.raises(URLError) as refused:
        new_urls([url])
    assert str(refused.value) == answer


@pytest.mark.parametrize("url", ["http://[::1]:80", "http://a:1?x=1", "http://a:", "unix://run:0"])
def test_a_url_that_etcd_takes_is_taken(url: str) -> None:
    assert new_urls([f" {url} "]) == (url,)


def test_no_url_is_not_enough() -> None:
    with pytest.raises(URLError, match="no valid URLs given"):
        new_urls([])


def test_urls_are_sorted_and_the_scheme_is_lower_case() -> None:
    assert str(new_urls(["HTTP://b:1", "http://a:2", "http://a:10"])) == "http://a:10,http://a:2,http://b:1"


def test_initial_cluster_gathers_the_urls_of_each_name() -> None:
    cluster = new_urls_map("n2=http://b:1,n1=http://a:2,n1=http://a:1,")
    assert cluster == {"n1": ("http://a:1", "http://a:2"), "n2": ("http://b:1",)}
    assert str(cluster) == "n1=http://a:1,n1=http://a:2,n2=http://b:1"
    assert cluster.urls() == ["http://a:1", "http://a:2", "http://b:1"]


def test_a_key_without_a_value_has_the_empty_one() -> None:
    assert parse("a,b=c=d,,a=1") == {"a": ["", "1"], "b": ["c=d"]}


def test_ids_are_read_as_they_are_written() -> None:
    assert id_string(0xD429DCAE4C55E226) == "d429dcae4c55e226"
    assert id_from_string("d429dcae4c55e226") == 0xD429DCAE4C55E226
    assert id_from_string("0A") == 10


@pytest.mark.parametrize("text", ["", "x", "-1", "1_0", " 1", "d429dcae4c55e2260"])
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="invalid syntax"):
        id_from_string(text)


def test_versions_compare_as_numbers() -> None:
    assert SemVer.parse("3.10.0") > SemVer.parse("3.4.23") > SemVer.parse("3.4.0-rc.1")
    assert str(SemVer.parse("3.4.23+git")) == "3.4.23"
    assert SemVer.parse("3.4.23").cluster() == "3.4"
    with pytest.raises(ValueError, match="dotted-tri"):
        SemVer.parse("3.4")

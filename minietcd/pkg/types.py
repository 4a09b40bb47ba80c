"""Member and cluster ids as text, and the URLs that members listen on.

Left out: the threadsafe and unsafe sets, because Python has them.

Go: pkg/types/id.go
Go: pkg/types/urls.go
Go: pkg/types/urlsmap.go
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import SplitResult, urlsplit


class URLError(ValueError):
    """This is not a URL that a member can listen on; the text is etcd's."""


def id_string(id: int) -> str:
    """An id as everybody writes it: hexadecimal, nothing in front. Go: pkg/types/id.go#ID.String"""
    return f"{id:x}"


def id_from_string(s: str) -> int:
    """The inverse of ``id_string``. Raises ValueError. Go: pkg/types/id.go#IDFromString"""
    if not re.fullmatch(r"[0-9a-fA-F]{1,16}|0+[0-9a-fA-F]{16}", s):
        raise ValueError(f'strconv.ParseUint: parsing "{s}": invalid syntax')
    return int(s, 16)


class URLs(tuple[str, ...]):
    """URLs of one member, sorted. Go: pkg/types/urls.go#URLs"""

    __slots__ = ()

    def __str__(self) -> str:
        """Go: pkg/types/urls.go#URLs.String"""
        return ",".join(self)

    def string_slice(self) -> list[str]:
        """The URLs as a list. Go: pkg/types/urls.go#URLs.StringSlice"""
        return list(self)


def new_urls(strs: Iterable[str]) -> URLs:
    """Check and sort the URLs. Raises URLError with etcd's text at the first that will not do.

    Go: pkg/types/urls.go#NewURLs
    """
    urls = sorted(map(_checked, strs))
    if not urls:
        raise URLError("no valid URLs given")
    return URLs(urls)


class URLsMap(dict[str, URLs]):
    """The URLs of each member, by its name. Go: pkg/types/urlsmap.go#URLsMap"""

    def __str__(self) -> str:
        """Go: pkg/types/urlsmap.go#URLsMap.String"""
        return ",".join(sorted(f"{name}={url}" for name, urls in self.items() for url in urls))

    def urls(self) -> list[str]:
        """All of them, sorted. Go: pkg/types/urlsmap.go#URLsMap.URLs"""
        return sorted(url for urls in self.values() for url in urls)


def new_urls_map(s: str) -> URLsMap:
    """Read ``n1=http://10.0.0.1:2380,n1=http://…,n2=http://…``. Raises URLError.

    Go: pkg/types/urlsmap.go#NewURLsMap
    """
    return URLsMap({name: new_urls(urls) for name, urls in parse(s).items()})


def parse(s: str) -> dict[str, list[str]]:
    """The values given for each key of ``k=v,k=w``. Go: pkg/types/urlsmap.go#parse"""
    values: dict[str, list[str]] = {}
    for pair in filter(None, s.split(",")):
        key, _, value = pair.partition("=")
        values.setdefault(key, []).append(value)
    return values


def _checked(text: str) -> str:
    text = text.strip()
    url = _parse_url(text)
    if url.scheme not in ("http", "https", "unix", "unixs"):
        raise URLError(f"URL scheme must be http, https, unix, or unixs: {text}")
    if not re.fullmatch(r"(\[[^\[\]]*\]|[^\[\]:]*):[^\[\]:]*", url.netloc.rpartition("@")[2]):
        raise URLError(f'URL address does not have the form "host:port": {text}')
    if url.path:
        raise URLError(f"URL must not contain a path: {text}")
    return url.geturl()


def _parse_url(text: str) -> SplitResult:
    """As Go's ``url.Parse``, which is stricter than Python's about what stands before the first slash."""
    if not re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*:", text) and ":" in text.split("/")[0]:
        reason = "first path segment in URL cannot contain colon"
        raise URLError(f'parse "{text}": {"missing protocol scheme" if text[0] == ":" else reason}')
    host = re.match(r"[^/]*//([^/?#]*)", text)
    if host and (bad := re.search(r"[ \"<>]", host[1])):
        raise URLError(f'parse "{text}": invalid character "{bad[0]}" in host name')
    if match := re.match(r"[^/]*//[^/?#]*(:[^:/?#\]]*[^0-9:/?#\]][^:/?#]*)$", text):
        raise URLError(f'parse "{text}": invalid port "{match[1]}" after host')
    return urlsplit(text)

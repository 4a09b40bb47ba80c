"""Which of a peer's URLs to use: the one that worked, until it does not.

Go: etcdserver/api/rafthttp/urlpick.go
"""

from __future__ import annotations

from minietcd.pkg.types import URLs


class URLPicker:
    """A peer's URLs, and which of them is in use. Go: etcdserver/api/rafthttp/urlpick.go#urlPicker"""

    def __init__(self, urls: URLs) -> None:
        """Go: etcdserver/api/rafthttp/urlpick.go#newURLPicker"""
        self.urls = urls
        self.picked = 0

    def update(self, urls: URLs) -> None:
        """It has other URLs now. Go: etcdserver/api/rafthttp/urlpick.go#urlPicker.update"""
        self.urls, self.picked = urls, 0

    def pick(self) -> str:
        """The URL to use. Go: etcdserver/api/rafthttp/urlpick.go#urlPicker.pick"""
        return self.urls[self.picked]

    def unreachable(self, u: str) -> None:
        """Turn to the next one. Go: etcdserver/api/rafthttp/urlpick.go#urlPicker.unreachable"""
        if u == self.urls[self.picked]:
            self.picked = (self.picked + 1) % len(self.urls)

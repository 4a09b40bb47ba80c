"""The version that peers, clients and the data directory are told.

Go: version/version.go
"""

from __future__ import annotations

from typing import NamedTuple, Self


class SemVer(NamedTuple):
    """A version as its three numbers, so that they compare as numbers do."""

    major: int
    minor: int
    patch: int = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``3.4.23``, with or without ``-rc.1`` or ``+git``. Raises ValueError for anything else."""
        numbers = text.split("+")[0].split("-")[0].split(".")
        if len(numbers) != 3 or not all(n.isascii() and n.isdigit() for n in numbers):
            raise ValueError(f"{text} is not in dotted-tri format")
        return cls(*map(int, numbers))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"

    def cluster(self) -> str:
        """What members agree on: ``3.4``. Go: version/version.go#Cluster"""
        return f"{self.major}.{self.minor}"


MIN_CLUSTER_VERSION = "3.0.0"
"""The oldest cluster that this version can be part of."""
VERSION = "3.4.23"
API_VERSION = "3.4"
GIT_SHA = "Not provided (use ./build instead of go build)"

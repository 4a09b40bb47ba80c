"""HPACK with a memory: call after call, a client sends the same headers and gets the same.

To know a block again takes a tenth of the time of coding it. What a block means depends on the table of
headers that both sides keep, so all is forgotten when that changes; it stops changing after the first calls.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import hpack
from hpack.table import HeaderTable

_MOST = 256
"""Blocks to remember: a client may also send none twice."""


class Decoder(hpack.Decoder):
    """From blocks to headers."""

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[tuple[bytes | None, bool], tuple[Any, ...]] = {}

    def decode(self, data: bytes, raw: bool = False) -> Iterable[Any]:
        """The headers in a block."""
        headers = self._known.get((data, raw))
        if headers is None:
            before = _state(self.header_table)
            headers = tuple(super().decode(data, raw))
            if _state(self.header_table) != before or len(self._known) >= _MOST:
                self._known.clear()
            else:
                self._known[data, raw] = headers
        return headers

    def known(self, data: bytes | None) -> tuple[Any, ...] | None:
        """The raw headers in a block, if it came before and means the same again."""
        return self._known.get((data, True))


class Encoder(hpack.Encoder):
    """From headers to blocks."""

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[tuple[Any, ...], bytes] = {}

    def encode(self, headers: Iterable[Any], huffman: bool = True) -> bytes:
        """The block that says ``headers``."""
        headers = tuple(headers)
        if self.header_table.resized:
            self._known.clear()
        block = self._known.get(headers)
        if block is None:
            before = _state(self.header_table)
            block = super().encode(headers, huffman)
            if _state(self.header_table) != before or len(self._known) >= _MOST:
                self._known.clear()
            else:
                self._known[headers] = block
        return block


def _state(table: HeaderTable) -> tuple[Any, ...]:
    return table.maxsize, *table.dynamic_entries

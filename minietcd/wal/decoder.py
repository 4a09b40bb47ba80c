"""Bytes to records, and the one question on which all depends: torn by a crash, or damaged?

A crash may leave the last write half done. Disks write sectors; a sector that did not arrive is still the
zeros of the preallocated file, and a file that was not preallocated ends early. So a record is *torn* if it
is in the last segment, its checksum is wrong or it does not decode, and part of it is a whole sector of zeros
or is not there at all. Everything else is *damage*: then something was lost that had been promised.

Damage must not pass for a torn record, because that is cut off, with all that follows. So three things that
etcd lets pass are damage here; no torn write can cause them, while a single flipped bit can:

- a length field that is not the one that its own length gives;
- a length of zero, which means the end of what was written, with other bytes behind it in the same sector;
- a length that contradicts the one inside the record, if that is there to be read.

What cannot be told, here as in etcd: a record that was given a whole sector of zeros to keep, in the last
segment, passes for torn once any of it is damaged.

Go: wal/decoder.go
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import google_crc32c
from google.protobuf.message import DecodeError

from minietcd.pkg.fileutil import File
from minietcd.proto.walpb.record_pb2 import Record
from minietcd.raft.raftpb import Entry, EntryType, HardState
from minietcd.wal.encoder import MIN_SECTOR_SIZE, encode_frame_size
from minietcd.wal.errors import (
    CorruptRecordError,
    CRCMismatchError,
    MaxWALEntrySizeLimitExceededError,
    UnexpectedEOFError,
    WALError,
)

METADATA_TYPE, ENTRY_TYPE, STATE_TYPE, CRC_TYPE, SNAPSHOT_TYPE = range(1, 6)

FRAME_SIZE_BYTES = 8
MAX_WAL_ENTRY_SIZE_LIMIT = 10 * 1024 * 1024

_READ_BYTES = 256 * 1024
_HEADER = re.compile(
    rb"\x08[\x80-\xff]*[\0-\x7f]\x10[\x80-\xff]*[\0-\x7f]\x1a([\x80-\xff]*[\0-\x7f])", re.DOTALL
)


class Decoder:
    """Reads the records of ``files``, which follow one another, up to the end of the last.

    ``last_valid_off`` is where the last good record of the current file ends.

    Go: wal/decoder.go#decoder
    """

    def __init__(self, files: Sequence[File]) -> None:
        """Go: wal/decoder.go#newDecoder"""
        self.opened = files
        self.files = list(files)
        self.file = files[0]
        self.frame_off = 0
        self.last_valid_off = 0
        self.crc = 0
        self._buffer = b""
        self._position = 0

    def __iter__(self) -> Iterator[Record]:
        while (record := self.decode()) is not None:
            yield record

    def decode(self) -> Record | None:
        """The next record, or None after the last one.

        Raises UnexpectedEOFError if the log is torn here, CorruptRecordError if it is damaged.

        Go: wal/decoder.go#decoder.decode
        """
        while self.files:
            self.file, self.frame_off = self.files[0], self.last_valid_off
            field = self.read(FRAME_SIZE_BYTES)
            if 0 < len(field) < FRAME_SIZE_BYTES:
                raise self.error(UnexpectedEOFError if self.in_last_file() else CorruptRecordError)
            if any(field):
                return self.decode_record(int.from_bytes(field, "little"))
            self.check_preallocated()
            self.next_file()
        return None

    def decode_record(self, length_field: int) -> Record:
        """The record of this length, when it and the chain up to it are whole.

        Here, not in every reader as in etcd, a crc record is checked and takes the chain on.

        Go: wal/decoder.go#decoder.decodeRecord
        Go: wal/walpb/record.go#Record.Validate
        """
        rec_bytes, pad_bytes = decode_frame_size(length_field)
        if rec_bytes >= MAX_WAL_ENTRY_SIZE_LIMIT - pad_bytes:
            raise self.error(MaxWALEntrySizeLimitExceededError)
        if encode_frame_size(rec_bytes) != (length_field, pad_bytes):
            raise self.error(CorruptRecordError)
        data = self.read(rec_bytes + pad_bytes)
        if len(data) < rec_bytes + pad_bytes:
            raise self.torn_or(CorruptRecordError, data, rec_bytes)
        try:
            record = Record.FromString(data[:rec_bytes])
        except DecodeError:
            raise self.torn_or(CorruptRecordError, data, rec_bytes) from None
        if record.type == CRC_TYPE:
            crc = self.crc or record.crc
        else:
            crc = google_crc32c.extend(self.crc, record.data)
        if record.crc != crc:
            raise self.torn_or(CRCMismatchError, data, rec_bytes)
        self.crc = crc
        self.last_valid_off += FRAME_SIZE_BYTES + rec_bytes + pad_bytes
        return record

    def check_preallocated(self) -> None:
        """Nothing may stand in the sector after a length of zero: then it is the length that is damaged.

        Sectors behind it may hold something, of a write whose first sector did not arrive.
        """
        sector_end = -(self.frame_off + FRAME_SIZE_BYTES) % MIN_SECTOR_SIZE
        if any(self.read(sector_end)):
            raise self.error(CorruptRecordError)

    def next_file(self) -> None:
        """Go on at the head of the next segment, if there is one."""
        del self.files[0]
        self._buffer, self._position = b"", 0
        if self.files:
            self.last_valid_off = 0

    def read(self, size: int) -> bytes:
        """The next ``size`` bytes of the current file, or what there is. Go: wal/decoder.go#readInt64"""
        while len(self._buffer) - self._position < size and (more := self.file.read(_READ_BYTES)):
            self._buffer = self._buffer[self._position :] + more
            self._position = 0
        data = self._buffer[self._position : self._position + size]
        self._position += len(data)
        return data

    def close(self) -> None:
        """Let go of every file, read or not."""
        for file in self.opened:
            file.close()

    def in_last_file(self) -> bool:
        """Only what was written last can be torn."""
        return len(self.files) == 1

    def error(self, kind: type[WALError]) -> WALError:
        """An error of this kind at the record that was read last, or would have been."""
        return kind(self.file.name, self.frame_off)

    def torn_or(self, kind: type[CorruptRecordError], data: bytes, rec_bytes: int) -> WALError:
        """The error for a frame that is not good: ``kind``, unless a crash explains it."""
        return self.error(UnexpectedEOFError if self.is_torn_entry(data, rec_bytes) else kind)

    def is_torn_entry(self, data: bytes, rec_bytes: int) -> bool:
        """Whether this is a record of ``rec_bytes`` of which a part never reached the disk.

        Not the first of a segment: it was synced before the segment got its name.

        Go: wal/decoder.go#decoder.isTornEntry
        """
        if not self.frame_off or not self.in_last_file():
            return False
        first = MIN_SECTOR_SIZE - (self.frame_off + FRAME_SIZE_BYTES) % MIN_SECTOR_SIZE
        starts = [0, *range(first, len(data), MIN_SECTOR_SIZE)]
        missing = (start for start, end in pairwise([*starts, len(data)]) if not any(data[start:end]))
        arrived = data[: next(missing, len(data))]
        if len(arrived) >= rec_bytes + -rec_bytes % 8:
            return False
        header = _HEADER.match(arrived)
        return header is None or header.end() + _varint(header[1]) == rec_bytes

    def must_unmarshal_entry(self, data: bytes) -> Entry:
        """The entry in a record. A state taken for one by its type would have no data.

        Go: wal/decoder.go#mustUnmarshalEntry
        """
        entry = self.unmarshal(Entry.unmarshal, data)
        if not entry.data and (entry.type == EntryType.EntryConfChange or entry.marshal() != data):
            raise self.error(CorruptRecordError)
        return entry

    def must_unmarshal_state(self, data: bytes) -> HardState:
        """The hard state in a record. An entry taken for one by its type would have no term, or data.

        Go: wal/decoder.go#mustUnmarshalState
        """
        state = self.unmarshal(HardState.unmarshal, data)
        if not state.term or state.marshal() != data:
            raise self.error(CorruptRecordError)
        return state

    def unmarshal[T](self, unmarshal: Callable[[bytes], T], data: bytes) -> T:
        """The message in a record. The checksum covers it, but not what type of record it is.

        Go: pkg/pbutil/pbutil.go#MustUnmarshal
        """
        try:
            return unmarshal(data)
        except DecodeError:
            raise self.error(CorruptRecordError) from None


def decode_frame_size(length_field: int) -> tuple[int, int]:
    """How long the record is, and its padding. Go: wal/decoder.go#decodeFrameSize"""
    rec_bytes = length_field & ~(0xFF << 56)
    return rec_bytes, length_field >> 56 & 0x7 if length_field >> 63 else 0


def _varint(data: bytes) -> int:
    return sum((byte & 0x7F) << 7 * i for i, byte in enumerate(data))

"""Records to bytes: framed, checksummed, and gathered until the next flush.

Go: wal/encoder.go
Go: pkg/ioutil/pagewriter.go
"""

from __future__ import annotations

import google_crc32c

from minietcd.pkg.fileutil import File
from minietcd.proto.walpb.record_pb2 import Record

MIN_SECTOR_SIZE = 512
WAL_PAGE_BYTES = 8 * MIN_SECTOR_SIZE
DEFAULT_BUFFER_BYTES = 128 * 1024


class Encoder:
    """Appends records to ``file`` from ``offset`` on; ``crc`` is that of all data since the log began.

    Go: wal/encoder.go#encoder
    """

    __slots__ = ("buffer", "crc", "file", "offset")

    def __init__(self, file: File, prev_crc: int, offset: int) -> None:
        """``file`` stands at ``offset``. Go: wal/encoder.go#newFileEncoder"""
        self.file = file
        self.crc = prev_crc
        self.offset = offset
        self.buffer = bytearray()

    def encode(self, type: int, data: bytes | None = None) -> None:
        """Frame a record, carrying the checksum on over its data. It is not in the file before ``flush``.

        Go: wal/encoder.go#encoder.encode
        """
        if data is not None:
            self.crc = google_crc32c.extend(self.crc, data)
        record = Record(type=type, crc=self.crc, data=data).SerializeToString()
        length_field, pad_bytes = encode_frame_size(len(record))
        self.buffer += length_field.to_bytes(8, "little") + record + bytes(pad_bytes)
        if len(self.buffer) > DEFAULT_BUFFER_BYTES:
            self.write_pages()

    def flush(self) -> None:
        """Hand everything to the file, in one write. Go: wal/encoder.go#encoder.flush"""
        if self.buffer:
            self.write(len(self.buffer))

    def write_pages(self) -> None:
        """Make room, by whole pages: a page written twice is a page that can tear.

        Go: pkg/ioutil/pagewriter.go#PageWriter.Write
        """
        self.write(len(self.buffer) - (self.offset + len(self.buffer)) % WAL_PAGE_BYTES)

    def write(self, size: int) -> None:
        """Hand the first ``size`` bytes to the file, once: nobody knows how much a failed write has written,
        and its data written again behind that would look like damage.

        Go: pkg/ioutil/pagewriter.go#PageWriter.flush
        """
        data = self.buffer[:size]
        del self.buffer[:size]
        self.file.write(data)
        self.offset += size


def encode_frame_size(data_bytes: int) -> tuple[int, int]:
    """The length field of a record of so many bytes, and the zeros that align the next frame to eight.

    The length stands in the lower seven bytes; the highest says how much is padding, if any is.

    Go: wal/encoder.go#encodeFrameSize
    """
    pad_bytes = -data_bytes % 8
    return data_bytes | ((0x80 | pad_bytes) << 56 if pad_bytes else 0), pad_bytes

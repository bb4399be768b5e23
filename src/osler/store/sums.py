"""Checksums of the batches of a segment, in a file beside it: ``scalars-000007.sums``.

Each batch has one entry that stands for itself: where it begins, its length, its rows, its checksum, and a
checksum of the entry. What has no sound entry was not acknowledged and is not read.
"""

from __future__ import annotations

import struct
from binascii import crc32
from collections.abc import Iterator
from dataclasses import dataclass

ENTRY = struct.Struct("<QIII")
OWN = struct.Struct("<I")
SIZE = ENTRY.size + OWN.size


@dataclass(frozen=True, slots=True)
class Sum:
    """Where one batch is and what it must look like.

    Attributes:
        start: offset of its first byte in the segment.
        length: bytes.
        rows: records in it.
        crc: CRC-32 of its bytes.
    """

    start: int
    length: int
    rows: int
    crc: int

    def fits(self, data: bytes) -> bool:
        """Whether these bytes are the batch."""
        return len(data) == self.length and crc32(data) == self.crc


def to_entry(start: int, data: bytes, rows: int) -> bytes:
    """The entry of a batch."""
    entry = ENTRY.pack(start, len(data), rows, crc32(data))
    return entry + OWN.pack(crc32(entry))


def entries(data: bytes) -> Iterator[Sum | None]:
    """The complete entries of a file, None for a damaged one."""
    for at in range(0, len(data) - SIZE + 1, SIZE):
        entry = data[at : at + ENTRY.size]
        own: int = OWN.unpack_from(data, at + ENTRY.size)[0]
        yield Sum(*ENTRY.unpack(entry)) if crc32(entry) == own else None

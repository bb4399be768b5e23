"""Read Arrow IPC messages of fixed-width columns without trusting a byte of them.

Every offset is checked before it is used, and nothing is handed to a library that believes it.
Format: https://arrow.apache.org/docs/format/Columnar.html#serialization-and-interprocess-communication-ipc
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

CONTINUATION = 0xFFFFFFFF
RECORD_BATCH = 3
"""``MessageHeader.RecordBatch`` of the format's Message.fbs."""

MESSAGE_HEADER_TYPE, MESSAGE_HEADER, MESSAGE_BODY_LENGTH = 1, 2, 3
BATCH_LENGTH, BATCH_BUFFERS, BATCH_COMPRESSION = 0, 2, 3
"""Positions of fields in the tables ``Message`` and ``RecordBatch``."""


class BadFrame(ValueError):
    """The bytes are no message of the expected form."""


@dataclass(frozen=True, slots=True)
class Field:
    """A column of fixed width.

    Attributes:
        buffer: position of its data among the buffers of a batch.
        type: of its numbers.
        width: numbers per row.
    """

    buffer: int
    type: str
    width: int = 1


SCALARS = (Field(1, "<u4"), Field(3, "<i8"), Field(5, "<f8"))
HISTOGRAMS = (
    Field(1, "<u4"),
    Field(3, "<i8"),
    Field(6, "<u4", 64),
    *(Field(n, "<u4") for n in (8, 10, 12, 14)),
)
"""Data buffers of the schemas in `arrow`; those between hold validity, which is not used."""

Columns = tuple[NDArray[Any], ...]


def batches(data: bytes, schema: tuple[Field, ...]) -> Iterator[Columns]:
    """The record batches in these bytes, as copies; other messages are passed over.

    Raises:
        BadFrame: something else is in between.
    """
    at = 0
    while at < len(data):
        try:
            marker, size = struct.unpack_from("<Ii", data, at)
            if marker != CONTINUATION or size < 0:
                raise BadFrame("no message begins here")
            header = data[at + 8 : at + 8 + size]
            at += 8 + size
            if size == 0:  # the end of the stream
                continue
            table = root(header)
            body_length = scalar(header, table, MESSAGE_BODY_LENGTH, "<q")
            body = data[at : at + body_length]
            if not 0 <= body_length <= len(data) - at:
                raise BadFrame("a body that is longer than the file")
            at += body_length
            if scalar(header, table, MESSAGE_HEADER_TYPE, "<B") == RECORD_BATCH:
                yield columns(header, follow(header, table, MESSAGE_HEADER), body, schema)
        except (struct.error, ValueError, OverflowError) as error:
            raise BadFrame(str(error)) from error


def columns(header: bytes, batch: int, body: bytes, schema: tuple[Field, ...]) -> Columns:
    """The columns of one batch."""
    rows = scalar(header, batch, BATCH_LENGTH, "<q")
    if place(header, batch, BATCH_COMPRESSION) or not 0 <= rows <= len(body):
        raise BadFrame("a compressed batch or an impossible number of rows")
    vector = follow(header, batch, BATCH_BUFFERS)
    amount: int = struct.unpack_from("<I", header, vector)[0]
    found: list[NDArray[Any]] = []
    for field in schema:
        if field.buffer >= amount:
            raise BadFrame("too few columns")
        offset: int = struct.unpack_from("<q", header, vector + 4 + 16 * field.buffer)[0]
        if offset < 0:
            raise BadFrame("a column before its batch")
        values = np.frombuffer(body, field.type, rows * field.width, offset).copy()
        found.append(values.reshape(rows, field.width) if field.width > 1 else values)
    return tuple(found)


def root(header: bytes) -> int:
    """Where the outermost table begins."""
    return struct.unpack_from("<I", header, 0)[0]


def place(header: bytes, table: int, index: int) -> int:
    """Where a field of a table is; 0 if it is left out."""
    vtable = table - struct.unpack_from("<i", header, inside(table))[0]
    size: int = struct.unpack_from("<H", header, inside(vtable))[0]
    if 4 + 2 * index + 2 > size:
        return 0
    offset: int = struct.unpack_from("<H", header, vtable + 4 + 2 * index)[0]
    return table + offset if offset else 0


def scalar(header: bytes, table: int, index: int, form: str) -> int:
    """A number in a table; 0, the format's default, if it is left out."""
    at = place(header, table, index)
    return struct.unpack_from(form, header, at)[0] if at else 0


def follow(header: bytes, table: int, index: int) -> int:
    """Where the table or vector begins that a field points to."""
    at = place(header, table, index)
    if not at:
        raise BadFrame("a field is missing")
    return at + struct.unpack_from("<I", header, at)[0]


def inside(offset: int) -> int:
    """The offset if it does not lie before the beginning, which Python would count from the end."""
    if offset < 0:
        raise BadFrame("an offset before the beginning")
    return offset

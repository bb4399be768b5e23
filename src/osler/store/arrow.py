"""Records as Arrow IPC messages: the one place that knows nanoarrow, which is used for writing only.

Its reader is not for files from strangers (a changed byte can crash it), so `frames` reads them.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

from array import array
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import nanoarrow as na
from nanoarrow.ipc import StreamWriter

from osler.model.histogram import BINS


class Stream:
    """Encodes batches of one schema; what it returns one after the other is a valid Arrow IPC stream.

    Args:
        names: of the columns.
        types: of the columns, nanoarrow's; a fixed-size list holds one child.
    """

    def __init__(self, names: Sequence[str], types: Sequence[Any]) -> None:
        self._columns = [Kind(kind) for kind in types]
        self._schema = na.c_schema(na.struct(dict(zip(names, types, strict=True))))
        self._output = BytesIO()
        self._writer = StreamWriter.from_writable(self._output)

    def batch(self, rows: int, columns: Sequence[array[Any]]) -> bytes:
        """One batch; the first one brings the schema with it."""
        children = [kind.filled(rows, column) for kind, column in zip(self._columns, columns, strict=True)]
        self._writer.write_array(made(self._schema, rows, None, children))
        data = self._output.getvalue()
        self._output.seek(0)
        self._output.truncate()
        return data


class Kind:
    """One column's type, as nanoarrow's C library has it: asking for that each time is slow."""

    def __init__(self, kind: Any) -> None:
        is_list = kind.type is na.Type.FIXED_SIZE_LIST
        self._schema = na.c_schema(kind)
        self._items = na.c_schema(kind.value_type) if is_list else None
        self._width = kind.list_size if is_list else 1

    def filled(self, rows: int, column: array[Any]) -> Any:
        """An array of so many rows; a list's numbers follow each other in the column."""
        if self._items is None:
            return made(self._schema, rows, column)
        return made(self._schema, rows, None, [made(self._items, rows * self._width, column)])


def made(schema: Any, rows: int, data: array[Any] | None, children: Sequence[Any] = ()) -> Any:
    """An Arrow array without missing values."""
    buffers = [None] if data is None else [None, data]
    return na.c_array_from_buffers(
        schema, rows, buffers, null_count=0, children=children, validation_level="none", move=True
    )


def scalars() -> Stream:
    """Batches of ``(sid, step, value)``."""
    types = [na.uint32(nullable=False), na.int64(nullable=False), na.float64(nullable=False)]
    return Stream(("sid", "step", "value"), types)


def histograms() -> Stream:
    """Batches of ``(sid, step, bins, zeros, negatives, nans, infinities)``."""
    count = na.uint32(nullable=False)
    bins = na.fixed_size_list(count, BINS, nullable=False)
    names = ("sid", "step", "bins", "zeros", "negatives", "nans", "infinities")
    return Stream(names, [count, na.int64(nullable=False), bins, count, count, count, count])


def prepare() -> None:
    """Encode a record of each kind for nobody: the first one takes a hundred times as long as the others."""
    count, step = array("I", [0]), array("q", [0])
    scalars().batch(1, (count, step, array("d", [0.0])))
    histograms().batch(1, (count, step, array("I", [0] * BINS), count, count, count, count))

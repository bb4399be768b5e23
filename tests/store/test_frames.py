"""Arrow messages read without trust: what is sound comes back, everything else is one kind of error."""

import struct
from array import array
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osler.model.histogram import BINS
from osler.store.arrow import histograms, scalars
from osler.store.frames import CONTINUATION, HISTOGRAMS, SCALARS, BadFrame, Columns, Field, batches

few = settings(max_examples=40, deadline=None)
RECORDS = st.lists(
    st.tuples(st.integers(0, 2**32 - 1), st.integers(-(2**63), 2**63 - 1), st.floats()), max_size=5
)
END_OF_STREAM = struct.pack("<Ii", CONTINUATION, 0)


def written(stream: Any, records: list[tuple[int, int, float]]) -> bytes:
    columns = [array(code, (r[n] for r in records)) for n, code in enumerate("Iqd")]
    return stream.batch(len(records), columns)


STREAM = scalars()
FIRST = written(STREAM, [(0, 0, 0.5), (1, 0, 1.5)])
SECOND = written(STREAM, [(0, 1, 0.25)])
COUNTS = array("I", range(BINS))
HISTOGRAM = histograms().batch(
    1, (array("I", [4]), array("q", [9]), COUNTS, *[array("I", [n]) for n in (1, 2, 3, 4)])
)


def read(data: bytes, schema: tuple[Field, ...] = SCALARS) -> list[Columns]:
    return list(batches(data, schema))


@few
@given(st.lists(RECORDS, min_size=1, max_size=4))
def test_what_is_written_is_read(parts: list[list[tuple[int, int, float]]]) -> None:
    stream = scalars()
    found = read(b"".join(written(stream, part) for part in parts))
    again = [list(zip(*(c.tolist() for c in columns), strict=True)) for columns in found]
    assert repr(again) == repr(parts)


def test_a_batch_without_its_schema_is_read() -> None:
    """Each batch stands for itself: the first may be damaged."""
    (columns,) = read(SECOND)
    assert [c.tolist() for c in columns] == [[0], [1], [0.25]]


def test_a_histogram_keeps_its_bins_together() -> None:
    (columns,) = read(HISTOGRAM, HISTOGRAMS)
    assert columns[2].shape == (1, BINS)
    assert columns[2].tolist() == [COUNTS.tolist()]
    assert [c.tolist() for c in columns[3:]] == [[1], [2], [3], [4]]


def test_what_is_read_may_be_changed() -> None:
    """Copies: the bytes of the file need not stay."""
    (columns,) = read(SECOND)
    columns[2][0] = 7
    assert read(SECOND)[0][2].tolist() == [0.25]


@pytest.mark.parametrize("data", [b"", END_OF_STREAM, 3 * END_OF_STREAM])
def test_nothing_is_no_error(data: bytes) -> None:
    assert read(data) == []


def test_a_message_of_no_kind_is_passed_over() -> None:
    assert read(struct.pack("<Ii", CONTINUATION, 64) + bytes(64) + SECOND)[0][1].tolist() == [1]


def test_the_end_of_a_stream_is_passed_over() -> None:
    assert len(read(FIRST + END_OF_STREAM + SECOND)) == 2


@pytest.mark.parametrize(
    "data",
    [
        b"\0" * 8,
        b"{",
        b"PAR1" * 4,
        b"\xff" * 64,
        struct.pack("<Ii", CONTINUATION, -1),
        struct.pack("<Ii", CONTINUATION, 8),
        struct.pack("<Ii", CONTINUATION, 2**31 - 1),
        struct.pack("<Ii", CONTINUATION, 64) + b"\xff" * 64,
        FIRST[1:],
        SECOND + b"\0",
        b"\0" + SECOND,
    ],
    ids=[
        "zeros",
        "text",
        "Parquet",
        "ones",
        "a negative length",
        "no header",
        "a long header",
        "offsets of ones",
        "its first byte is gone",
        "a byte too many",
        "a byte before it",
    ],
)
def test_other_bytes_are_no_message(data: bytes) -> None:
    with pytest.raises(BadFrame):
        read(data)


@pytest.mark.parametrize("cut", [1, 8, 24, len(SECOND) // 2, len(SECOND) - 1])
def test_a_message_that_was_cut(cut: int) -> None:
    with pytest.raises(BadFrame):
        read(SECOND[:-cut])


def test_what_came_before_is_read() -> None:
    found = batches(FIRST + b"nonsense", SCALARS)
    assert len(next(found)[0]) == 2
    with pytest.raises(BadFrame):
        next(found)


@few
@given(st.data())
def test_whatever_is_changed_nothing_else_is_raised(data: st.DataObject) -> None:
    """And no more memory is asked for than the message has."""
    whole, schema = data.draw(st.sampled_from([(FIRST, SCALARS), (SECOND, SCALARS), (HISTOGRAM, HISTOGRAMS)]))
    changed = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(changed) - 1))
        changed[at] = data.draw(st.sampled_from([0, 1, 127, 128, 255]))
    try:
        found = read(bytes(changed), schema)
    except BadFrame:
        return
    assert sum(column.nbytes for columns in found for column in columns) <= 8 * len(changed)


def test_more_columns_than_there_are() -> None:
    with pytest.raises(BadFrame, match="too few columns"):
        read(SECOND, (*SCALARS, Field(99, "<f8")))


def test_columns_that_are_too_wide_for_their_batch() -> None:
    with pytest.raises(BadFrame):
        read(SECOND, (Field(1, "<u4", BINS),))


def test_numbers_have_one_order_of_bytes_everywhere() -> None:
    assert {np.dtype(f.type).str[0] for f in (*SCALARS, *HISTOGRAMS)} == {"<"}

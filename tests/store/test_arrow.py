"""Records as Arrow IPC: what another reader of the format finds in them."""

import math
from array import array
from collections.abc import Iterator
from typing import Any

import nanoarrow as na
import pytest
from nanoarrow.ipc import InputStream

from osler.model.histogram import BINS
from osler.store.arrow import Stream, histograms, scalars
from osler.store.frames import HISTOGRAMS, SCALARS, batches

LOSS = (array("I", [0, 0, 1]), array("q", [0, 1, 1]), array("d", [0.5, math.nan, -math.inf]))


def oracle(data: bytes) -> Any:
    """The stream as nanoarrow's own reader has it."""
    with InputStream.from_readable(data) as stream:
        return na.Array(na.ArrayStream(stream))


def rows(data: bytes) -> Iterator[tuple[Any, ...]]:
    return (tuple(row.values()) for row in oracle(data).to_pylist())


def test_scalars_are_three_columns() -> None:
    table = oracle(scalars().batch(3, LOSS))
    fields = [(f.name, f.type, f.nullable) for f in table.schema.fields]
    kinds = (("sid", na.Type.UINT32), ("step", na.Type.INT64), ("value", na.Type.DOUBLE))
    assert fields == [(name, kind, False) for name, kind in kinds]


def test_numbers_of_every_kind_come_through() -> None:
    assert repr(list(rows(scalars().batch(3, LOSS)))) == "[(0, 0, 0.5), (0, 1, nan), (1, 1, -inf)]"


def test_batches_one_after_the_other_are_one_stream() -> None:
    stream = scalars()
    parts = [stream.batch(1, (array("I", [0]), array("q", [n]), array("d", [n / 2]))) for n in range(4)]
    assert list(rows(b"".join(parts))) == [(0, n, n / 2) for n in range(4)]


def test_only_the_first_batch_brings_the_schema() -> None:
    stream = scalars()
    first, second, third = (stream.batch(3, LOSS) for _ in range(3))
    assert len(first) > len(second) == len(third)
    assert repr(list(rows(first + third))) == repr(list(rows(first + second)))


def test_each_stream_stands_for_itself() -> None:
    one, other = scalars(), scalars()
    one.batch(3, LOSS)
    assert other.batch(3, LOSS) == scalars().batch(3, LOSS)


def test_what_was_written_no_longer_needs_its_columns() -> None:
    """The arrays go on to be filled while the bytes wait for the disk."""
    columns = tuple(array(c.typecode, c) for c in LOSS)
    data = scalars().batch(3, columns)
    for column in columns:
        column[0] = 7
        column.append(1)
    assert next(rows(data)) == (0, 0, 0.5)


@pytest.mark.parametrize("step", [0, -1, 2**63 - 1, -(2**63)])
def test_steps_of_any_size(step: int) -> None:
    data = scalars().batch(1, (array("I", [2**32 - 1]), array("q", [step]), array("d", [5e-324])))
    assert list(rows(data)) == [(2**32 - 1, step, 5e-324)]


def test_a_histogram_is_one_row() -> None:
    bins = [array("I", range(n, n + BINS)) for n in (0, 100)]
    others = [array("I", [n, n + 1]) for n in (3, 5, 7, 9)]
    data = histograms().batch(2, (array("I", [4, 4]), array("q", [0, 10]), bins[0] + bins[1], *others))
    assert list(rows(data)) == [
        (4, 0, list(range(BINS)), 3, 5, 7, 9),
        (4, 10, list(range(100, 100 + BINS)), 4, 6, 8, 10),
    ]


def test_our_own_reader_finds_the_same() -> None:
    (read,) = batches(scalars().batch(3, LOSS), SCALARS)
    assert [column.tolist() for column in read[:2]] == [c.tolist() for c in LOSS[:2]]
    counts = array("I", [1])
    written = (array("I", [4]), array("q", [9]), array("I", range(BINS)), *[counts] * 4)
    (read,) = batches(histograms().batch(1, written), HISTOGRAMS)
    assert read[2].tolist() == [list(range(BINS))]
    assert [column.tolist() for column in (*read[:2], *read[3:])] == [[4], [9], *[[1]] * 4]


def test_an_empty_batch_is_a_batch() -> None:
    data = scalars().batch(0, (array("I"), array("q"), array("d")))
    assert list(rows(data)) == []
    (read,) = batches(data, SCALARS)
    assert [len(column) for column in read] == [0, 0, 0]


def test_the_columns_must_be_as_many_as_were_named() -> None:
    with pytest.raises(ValueError, match="zip"):
        scalars().batch(3, LOSS[:2])
    with pytest.raises(ValueError, match="zip"):
        Stream(("sid", "step"), [na.int64()])

"""What has no sound entry was not acknowledged: each batch has one that stands for itself."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osler.store.sums import SIZE, Sum, entries, to_entry

BATCHES = st.lists(st.tuples(st.binary(max_size=40), st.integers(0, 2**32 - 1)), max_size=6)
few = settings(max_examples=30, deadline=None)


def written(batches: list[tuple[bytes, int]]) -> tuple[bytes, list[Sum]]:
    """A file of sums, and what it should say."""
    data, expected, start = b"", list[Sum](), 0
    for batch, rows in batches:
        entry = to_entry(start, batch, rows)
        assert len(entry) == SIZE
        (known,) = entries(entry)
        assert known is not None
        assert (known.start, known.length, known.rows, known.fits(batch)) == (start, len(batch), rows, True)
        data, start = data + entry, start + len(batch)
        expected.append(known)
    return data, expected


@few
@given(BATCHES)
def test_what_is_written_is_read(batches: list[tuple[bytes, int]]) -> None:
    data, expected = written(batches)
    assert list(entries(data)) == expected


@few
@given(BATCHES, st.integers(1, SIZE - 1))
def test_an_entry_that_is_being_written_is_not_there_yet(batches: list[tuple[bytes, int]], cut: int) -> None:
    data, expected = written([*batches, (b"last", 1)])
    assert list(entries(data[:-cut])) == expected[:-1]


@few
@given(BATCHES.filter(bool), st.data())
def test_a_changed_entry_is_known_and_spoils_no_other(
    batches: list[tuple[bytes, int]], data: st.DataObject
) -> None:
    file, expected = written(batches)
    at = data.draw(st.integers(0, len(file) - 1))
    changed = bytearray(file)
    changed[at] ^= 1 << data.draw(st.integers(0, 7))
    assert list(entries(bytes(changed))) == [e if n != at // SIZE else None for n, e in enumerate(expected)]


@pytest.mark.parametrize("data", [b"", b"batcH", b"batch ", b"batc", b"hctab"])
def test_other_bytes_are_not_the_batch(data: bytes) -> None:
    (entry,) = entries(to_entry(100, b"batch", 5))
    assert entry is not None
    assert entry.fits(b"batch")
    assert not entry.fits(data)


def test_a_segment_may_be_larger_than_four_gigabytes() -> None:
    (entry,) = entries(to_entry(1 << 40, b"batch", 5))
    assert entry is not None
    assert entry.start == 1 << 40


def test_an_empty_file_has_no_entries() -> None:
    assert list(entries(b"")) == []
    assert list(entries(bytes(SIZE - 1))) == []


def test_a_file_of_zeros_acknowledges_nothing() -> None:
    """What some file systems leave after a loss of power."""
    assert not [entry for entry in entries(bytes(3 * SIZE)) if entry is not None and entry.rows]

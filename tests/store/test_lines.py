"""Each line stands for itself: a damaged one is known and spoils no other."""

import json
import math
from binascii import crc32
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osler.store.lines import from_line, to_line

TEXTS = st.sampled_from(["", "t", "crc", 'a"b', "\\", "\n", "\u2028", "é", "\ud800", "🙂", ',"crc":"', "}"])
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)
CONTENTS = st.dictionaries(TEXTS, PLAIN, min_size=1, max_size=3)
few = settings(max_examples=30, deadline=None)
SAMPLE: dict[str, Any] = {"t": "note", "value": {"loss": 0.1, "crc": "00000000"}}


def read(line: str) -> Any:
    return from_line(line.removesuffix("\n").encode())


@few
@given(CONTENTS)
def test_what_is_written_is_read(content: dict[str, Any]) -> None:
    line = to_line(content)
    assert line.count("\n") == 1
    assert line.isascii()
    assert read(line) == content


def test_a_line_is_json_for_everybody() -> None:
    assert to_line({"t": "end"}) == '{"t":"end","crc":"b5bc5d10"}\n'
    assert json.loads(to_line(SAMPLE)).keys() == {"t", "value", "crc"}


def test_the_checksum_is_not_part_of_the_content() -> None:
    assert read(to_line(SAMPLE)) == SAMPLE


@few
@given(CONTENTS, st.data())
def test_a_changed_line_is_none(content: dict[str, Any], data: st.DataObject) -> None:
    line = to_line(content).rstrip("\n").encode()
    at = data.draw(st.integers(0, len(line) - 1))
    changed = line[:at] + bytes([line[at] ^ (1 << data.draw(st.integers(0, 7)))]) + line[at + 1 :]
    assert from_line(changed) in (None, content)
    assert from_line(changed) is None or changed.lower() == line


@few
@given(CONTENTS, st.data())
def test_a_line_that_was_cut_is_none(content: dict[str, Any], data: st.DataObject) -> None:
    line = to_line(content).encode()
    assert from_line(line[: data.draw(st.integers(0, len(line) - 2))]) is None


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b"null",
        b'{"t":"end"}',
        b'{"t":"end","crc":""}',
        b'"crc":"00000000"}',
        b',"crc":"00000000"}',
        b"\xff" * 40,
    ],
)
def test_what_has_no_sound_checksum_is_none(line: bytes) -> None:
    assert from_line(line) is None


def forged(body: bytes) -> bytes:
    return body + b',"crc":"%08x"}' % crc32(body)


@pytest.mark.parametrize(
    "body", [b"[1", b'{"t":', b'{"t":1}', b"1", b"", b"[" * 100_000, b'{"n":' + b"9" * 5_000, b'{"t":"\xff"']
)
def test_a_sound_checksum_over_nonsense_is_none(body: bytes) -> None:
    assert from_line(forged(body)) is None


def test_two_lines_are_not_one() -> None:
    assert from_line((to_line(SAMPLE) + to_line(SAMPLE)).rstrip("\n").encode()) is None


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_lacks_are_refused_here(value: float) -> None:
    """They are given their names before: see `codec.finite`."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_line({"loss": value})

"""The records of a run as every target takes them."""

from collections.abc import Callable

import numpy as np
import pytest

from osler.store.export.parts import parts, written
from osler.store.reader import StoredRun
from osler.store.records import Series

State = Callable[[StoredRun], StoredRun]


def records(stored: StoredRun) -> list[tuple[str, str, int, float]]:
    return [
        (part.process, part.series[sid].name, step, value)
        for part in parts(stored)
        for sid, step, value in zip(
            part.sids.tolist(), part.steps.tolist(), part.values.tolist(), strict=True
        )
    ]


def of(found: list[tuple[str, str, int, float]], process: str, name: str) -> list[tuple[int, float]]:
    return [(step, value) for p, n, step, value in found if (p, n) == (process, name)]


def test_every_record_of_every_process_is_there_once(two: StoredRun, state: State) -> None:
    found = records(state(two))
    assert len(found) == 9
    assert repr(of(found, "r00000", "loss")) == "[(0, 0.1), (1, nan), (1, inf), (2, -1e+300)]"
    assert of(found, "r00001", "loss") == [(0, 0.75)]
    assert of(found, "r00001", "accuracy") == [(0, 0.5)]


def test_processes_come_one_after_the_other(two: StoredRun, state: State) -> None:
    names = [part.process for part in parts(state(two))]
    assert names == sorted(names)
    assert set(names) == {"r00000", "r00001"}


def test_columns_have_one_length_and_the_types_that_targets_count_on(stored: StoredRun, state: State) -> None:
    for part in parts(state(stored)):
        assert len(part.sids) == len(part.steps) == len(part.values)
        assert (part.sids.dtype, part.steps.dtype, part.values.dtype) == (np.uint32, np.int64, np.float64)


def test_a_series_keeps_what_it_is_about(stored: StoredRun) -> None:
    about = {series.name: series for part in parts(stored) for series in part.series.values()}
    assert about["loss"] == Series("loss", "loss", unit="nats")
    assert about["gradient_norm:fc,1"].subject == "fc,1"


def test_a_series_whose_line_was_lost_has_its_number_for_a_name(stored: StoredRun) -> None:
    (stored.main.folder / "facts.jsonl").write_bytes(b"")
    found = records(StoredRun(stored.path))
    assert {name for _, name, _, _ in found} == {"series 0", "series 1", "series 2"}


def test_nothing_recorded_is_no_record(empty: StoredRun) -> None:
    assert records(empty) == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [("\ud800", "\\ud800"), ("a\udcffb", "a\\udcffb"), ("é🙂", "é🙂"), ("\n\t\"'", "\n\t\"'"), ("", "")],
)
def test_half_a_character_is_spelled_out(text: str, shown: str) -> None:
    """From a file name that is no UTF-8; everything else stays as it is."""
    series = written(Series(text, text, text, text, text))
    assert series == Series(shown, shown, shown, shown, shown)
    series.name.encode("utf-8")

"""Parquet: the rows of the CSV file, typed and sorted by series."""

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from osler.errors import StoreError
from osler.store.export.parquet import write
from osler.store.reader import StoredRun

State = Callable[[StoredRun], StoredRun]
ODD = 'odd "name"\n\\ud800'


def read(path: Path, columns: str = "*") -> list[tuple[object, ...]]:
    with duckdb.connect() as connection:
        return connection.execute(f"select {columns} from read_parquet(?)", [str(path)]).fetchall()


def test_rows(stored: StoredRun, state: State, tmp_path: Path) -> None:
    path = tmp_path / "it's [odd].parquet"
    assert write(state(stored), path) == 7
    path = path.rename(tmp_path / "x.parquet")
    assert repr(read(path)) == repr(
        [
            ("loss", "loss", "", 0, 0.1, "nats", "r00000"),
            ("loss", "loss", "", 1, float("nan"), "nats", "r00000"),
            ("loss", "loss", "", 1, float("inf"), "nats", "r00000"),
            ("loss", "loss", "", 2, -1e300, "nats", "r00000"),
            ("gradient_norm:fc,1", "gradient_norm", "fc,1", 0, 0.5, "", "r00000"),
            ("gradient_norm:fc,1", "gradient_norm", "fc,1", 2, 1 / 3, "", "r00000"),
            (ODD, ODD, "", 7, 1.0, "", "r00000"),
        ]
    )


def test_processes_number_their_series_each_on_their_own(
    two: StoredRun, state: State, tmp_path: Path
) -> None:
    assert write(state(two), tmp_path / "x.parquet") == 9
    rows = read(tmp_path / "x.parquet", "process, series, value")
    assert rows[-2:] == [("r00001", "accuracy", 0.5), ("r00001", "loss", 0.75)]


def test_nothing_recorded(empty: StoredRun, tmp_path: Path) -> None:
    assert write(empty, tmp_path / "x.parquet") == 0
    assert read(tmp_path / "x.parquet") == []


def test_a_place_that_cannot_be_written(stored: StoredRun, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=f"cannot write {tmp_path}/no/x.parquet: IO Error"):
        write(stored, tmp_path / "no/x.parquet")

"""DuckDB writes and reads what it is given, wherever the file lies and whatever the numbers are."""

import math
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from osler.errors import StoreError
from osler.store.engine import Engine, Table, engine, literal, quoted

NUMBERS = [0.1, -0.0, 5e-324, 1e308, math.inf, -math.inf, math.nan]


def table(**columns: Any) -> Table:
    kinds = {"sid": np.uint32, "key": np.uint32, "step": np.int64, "value": np.float64}
    return {name: np.array(given, kinds.get(name)) for name, given in columns.items()}


def records(count: int = 3, sid: int = 0) -> Table:
    return table(sid=[sid] * count, step=list(range(count)), value=[step / 3 for step in range(count)])


def read(path: Path, sid: int | None = None) -> dict[str, list[Any]]:
    found = engine().select("sid, step, value", [path], sid)
    return {name: np.asarray(column).tolist() for name, column in found.items()}


@pytest.mark.parametrize(
    "name",
    [
        "a.parquet",
        "it's.parquet",
        "[a-z]*?.parquet",
        "a b%20;--.parquet",
        "ü🙂.parquet",
        '"x".parquet',
        "{a,b}.parquet",
        "$1.parquet",
    ],
)
def test_a_file_of_any_name(tmp_path: Path, name: str) -> None:
    """Beside others that its name would stand for, were it a pattern."""
    for other in ("b.parquet", "az.parquet"):
        engine().write(records(9), tmp_path / other)
    folder = tmp_path / f"runs of {name}"
    folder.mkdir()
    engine().write(records(), folder / name)
    assert read(folder / name)["step"] == [0, 1, 2]
    assert engine().count(folder / name) == 3


def test_every_number_comes_back_to_the_bit(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    engine().write(table(sid=[0] * 7, step=range(7), value=NUMBERS), path)
    assert struct.pack("7d", *read(path)["value"]) == struct.pack("7d", *NUMBERS)


def test_nan_is_a_number_and_not_a_missing_one(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    engine().write(table(sid=[0, 0], step=[0, 1], value=[math.nan, 1.0]), path)
    assert not np.ma.isMaskedArray(engine().select("value", [path])["value"])


@pytest.mark.parametrize("step", [0, -1, 2**63 - 1, -(2**63)])
def test_steps_of_any_size(tmp_path: Path, step: int) -> None:
    path = tmp_path / "x.parquet"
    engine().write(table(sid=[2**32 - 1], step=[step], value=[0.0]), path)
    assert read(path) == {"sid": [2**32 - 1], "step": [step], "value": [0.0]}


def test_rows_keep_their_order(tmp_path: Path) -> None:
    path, steps = tmp_path / "x.parquet", [5, 1, 1, 9, 0]
    engine().write(table(sid=[1, 0, 1, 0, 1], step=steps, value=range(5)), path)
    assert read(path)["step"] == steps
    assert read(path, 1) == {"sid": [1, 1, 1], "step": [5, 1, 0], "value": [0.0, 2.0, 4.0]}


def test_files_are_read_in_the_order_in_which_they_are_named(tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}.parquet" for name in "bca"]
    for sid, path in enumerate(paths):
        engine().write(records(2, sid), path)
    assert engine().select("sid", paths)["sid"].tolist() == [0, 0, 1, 1, 2, 2]


def test_what_is_not_there_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    engine().write(records(0), path)
    assert read(path) == read(path, 7) == {"sid": [], "step": [], "value": []}
    assert engine().count(path) == 0


def test_many_rows_are_compressed(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    engine().write(table(sid=[0] * 10_000, step=range(10_000), value=[0.5] * 10_000), path)
    assert path.stat().st_size < 60_000


# --- records beside the names of their series


COLUMNS = ("name", "step", "value", "unit")


def names() -> Table:
    return {
        "key": np.array([0, 1, 2], np.uint32),
        "name": np.array(["loss", 'it\'s "odd"\n', ""], object),
        "unit": np.array(["nats", "", "é"], object),
    }


def joined(path: Path) -> list[tuple[Any, ...]]:
    found = engine().select(", ".join(COLUMNS), [path])
    return list(zip(*(np.asarray(found[name]).tolist() for name in COLUMNS), strict=True))


def test_records_stand_beside_what_they_are_about(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    parts = [
        table(key=[1, 0], step=[0, 0], value=[1.5, math.nan]),
        table(key=[0, 1], step=[1, 0], value=[0.5, 2.5]),
    ]
    assert engine().write_joined(parts, names, COLUMNS, path) == 4
    assert repr(joined(path)) == repr(
        [
            ("loss", 0, math.nan, "nats"),
            ("loss", 1, 0.5, "nats"),
            ('it\'s "odd"\n', 0, 1.5, ""),
            ('it\'s "odd"\n', 0, 2.5, ""),
        ]
    )


def test_names_are_asked_for_when_all_records_were_seen(tmp_path: Path) -> None:
    """A series may turn up in the last part."""
    seen: list[str] = []

    def parts() -> Iterator[Table]:
        for _ in range(2):
            seen.append("part")
            yield table(key=[0], step=[0], value=[0.0])

    def asked() -> Table:
        seen.append("names")
        return names()

    engine().write_joined(parts(), asked, COLUMNS, tmp_path / "x.parquet")
    assert seen == ["part", "part", "names"]


def test_nothing_to_join_is_a_file_without_rows(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    assert engine().write_joined([], names, COLUMNS, path) == 0
    assert joined(path) == []


def test_one_export_leaves_nothing_to_the_next(tmp_path: Path) -> None:
    for _ in range(2):
        part = [table(key=[0], step=[0], value=[0.0])]
        assert engine().write_joined(part, names, COLUMNS, tmp_path / "x.parquet") == 1


# --- what goes wrong


@pytest.mark.parametrize("content", [None, b"", b"PAR1", b"PAR1" + bytes(40) + b"PAR1", b"step,value\n"])
def test_what_is_no_parquet_is_one_kind_of_error(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "x.parquet"
    if content is not None:
        path.write_bytes(content)
    for ask in (lambda: engine().count(path), lambda: engine().select("sid", [path])):
        with pytest.raises(StoreError, match=r"^cannot read sealed records: ") as caught:
            ask()
        assert "\n" not in str(caught.value)


def test_a_file_with_other_columns(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    engine().write(table(step=[1]), path)
    with pytest.raises(StoreError):
        read(path)


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / "gone" / "x.parquet"
    with pytest.raises(StoreError, match=r"^cannot write .*gone/x\.parquet: "):
        engine().write(records(), path)
    with pytest.raises(StoreError, match=r"^cannot write "):
        engine().write_joined([], names, COLUMNS, path)


def test_after_an_error_it_goes_on(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        engine().count(tmp_path / "gone.parquet")
    engine().write(records(), tmp_path / "x.parquet")
    assert engine().count(tmp_path / "x.parquet") == 3


# --- itself


def test_there_is_one() -> None:
    assert engine() is engine()


@pytest.mark.parametrize("setting", ["autoinstall_known_extensions", "autoload_known_extensions"])
def test_nothing_is_downloaded(setting: str) -> None:
    found = Engine()._connection.execute(f"select current_setting('{setting}')").fetchone()
    assert found == (False,)


@pytest.mark.parametrize(("path", "text"), [("/a/it's", "/a/it''s"), ("/a/b", "/a/b"), ("/''", "/''''")])
def test_a_path_in_quotes(path: str, text: str) -> None:
    assert quoted(Path(path)) == text


@pytest.mark.parametrize(
    ("path", "text"), [("/a/b", "/a/b"), ("/a*/b?", "/a[*]/b[?]"), ("/[a]", "/[[]a]"), ("/{a}", "/{a}")]
)
def test_a_path_that_is_no_pattern(path: str, text: str) -> None:
    assert literal(Path(path)) == text

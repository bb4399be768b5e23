"""What holds for every export target, found by walking the package like the targets themselves."""

import os
from pathlib import Path

import pytest

from osler.errors import StoreError
from osler.store.export.targets import exported, targets
from osler.store.reader import StoredRun

FILES = ("csv", "parquet")


def test_the_targets_that_the_manual_promises() -> None:
    assert {"csv", "parquet", "tensorboard"} <= set(targets())
    assert not {"parts", "targets"} & set(targets())


@pytest.mark.parametrize("name", targets())
def test_says_for_whom_it_is(name: str) -> None:
    target = targets()[name]
    assert len(target.__doc__.splitlines()[0].split()) > 5
    assert f".{name}" == target.SUFFIX


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_replaced(name: str, stored: StoredRun, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("old")
    assert exported(stored, targets()[name], path) == 7
    assert path.stat().st_size > 100
    assert [p.name for p in tmp_path.iterdir() if p.name != ".osler"] == ["x"]


@pytest.mark.parametrize("name", FILES)
def test_a_folder_is_not_replaced(name: str, stored: StoredRun, tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    with pytest.raises(StoreError) as caught:
        exported(stored, targets()[name], tmp_path / "x")
    assert str(caught.value) == f"cannot write {tmp_path}/x: Is a directory"
    assert caught.value.fix == "Choose another --output."
    assert [p.name for p in tmp_path.iterdir() if p.name != ".osler"] == ["x"]


def test_a_folder_that_holds_something_is_kept(stored: StoredRun, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    assert exported(stored, targets()["tensorboard"], tmp_path / "x") == 7
    with pytest.raises(StoreError, match="Directory not empty"):
        exported(stored, targets()["tensorboard"], tmp_path / "x")
    assert len(list((tmp_path / "x").iterdir())) == 1


@pytest.mark.parametrize("name", targets())
def test_no_such_folder(name: str, stored: StoredRun, tmp_path: Path) -> None:
    with pytest.raises(StoreError) as caught:
        exported(stored, targets()[name], tmp_path / "no/x")
    assert str(caught.value) == f"cannot write {tmp_path}/no/x: there is no such folder"
    assert caught.value.fix == f"Create {tmp_path}/no first."


def test_a_full_disk_leaves_what_was_there(stored: StoredRun, tmp_path: Path) -> None:
    class Full:
        SUFFIX = ".x"

        def write(self, stored: StoredRun, path: Path) -> int:
            path.write_text("half")
            raise OSError(28, os.strerror(28))

    (tmp_path / "x").write_text("old")
    with pytest.raises(StoreError, match="No space left on device"):
        exported(stored, Full(), tmp_path / "x")
    assert (tmp_path / "x").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir() if p.name != ".osler"] == ["x"]

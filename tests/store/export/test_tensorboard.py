"""TensorBoard: event files that its own reader loads."""

import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from osler.errors import UsageError
from osler.store.export.tensorboard import write
from osler.store.reader import StoredRun

State = Callable[[StoredRun], StoredRun]


@pytest.fixture
def load() -> Callable[[Path], Any]:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    return lambda folder: EventAccumulator(str(folder)).Reload()


def scalars(events: Any, tag: str) -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in events.Scalars(tag)]


def test_its_own_reader_loads_it(
    stored: StoredRun, state: State, tmp_path: Path, load: Callable[[Path], Any]
) -> None:
    assert write(state(stored), tmp_path / "x") == 7
    events = load(tmp_path / "x")
    assert set(events.Tags()["scalars"]) == {"loss", "gradient_norm/fc,1", 'odd "name"\n\\ud800'}
    assert scalars(events, "gradient_norm/fc,1") == [(0, 0.5), (2, pytest.approx(1 / 3))]
    assert repr(scalars(events, "loss")[1:]) == repr(
        [(1, float("nan")), (1, float("inf")), (2, float("-inf"))]  # 32 bits hold no -1e300
    )
    started = datetime.fromisoformat(stored.manifest.started).timestamp()
    assert {event.wall_time for event in events.Scalars("loss")} == {started}


def test_a_folder_for_each_process(two: StoredRun, tmp_path: Path, load: Callable[[Path], Any]) -> None:
    assert write(two, tmp_path / "x") == 9
    assert scalars(load(tmp_path / "x/r00001"), "loss") == [(0, 0.75)]
    assert len(scalars(load(tmp_path / "x/r00000"), "loss")) == 4


def test_torch_stays_unloaded(stored: StoredRun, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    before = "torch" in sys.modules
    write(stored, tmp_path / "x")
    assert ("torch" in sys.modules) == before


def test_where_it_is_not_installed(
    stored: StoredRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("osler.store.export.tensorboard.find_spec", lambda name: None)
    with pytest.raises(UsageError) as caught:
        write(stored, tmp_path / "x")
    assert str(caught.value) == "tensorboard is not installed, and its own writer makes these files"
    assert caught.value.fix == "Install it: python -m pip install tensorboard"
    assert not (tmp_path / "x").exists()

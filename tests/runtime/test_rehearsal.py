"""What takes long the first time is done before training, and leaves no trace."""

import pytest
import torch

from osler.model import Kind
from osler.runtime import rehearsal
from osler.runtime.measures import Taken, takers
from osler.runtime.measuring import Measuring
from osler.session import Session


def test_every_sampled_measure_of_tensors_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[str] = []
    keep = Measuring.keep

    def listen(self: Measuring, name: str, value: Taken) -> None:
        kept.extend([name] if value is not None else [])
        keep(self, name, value)

    monkeypatch.setattr(Measuring, "keep", listen)
    rehearsal.rehearse()
    kinds = (Kind.BATCH, Kind.LOSS, Kind.STEP)
    sampled = {t.name for kind in kinds for t in takers().by_kind[kind] if t.sampled}
    assert sampled <= set(kept)


def test_no_random_number_is_drawn_and_no_default_is_used() -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    with torch.device("meta"):
        rehearsal.rehearse()
    assert torch.equal(before, torch.get_rng_state())


def test_a_session_knows_nothing_of_it() -> None:
    session = Session()
    session.rehearse()
    assert not session.run.columns
    assert not session.run.turns
    assert session.watcher.seconds == 0


def test_a_fault_in_it_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(rehearsal, "rehearse", fail)
    told: list[str] = []
    session = Session(warn=told.append)
    session.rehearse()
    assert told == []

"""What is handed to `osler.watch()`, logged, printed and recorded: whatever people put there."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import osler
from osler.errors import StoreError, UnknownName
from osler.model import Diagnosis
from osler.session import print_report, print_warning
from osler.settings import Settings

torch.set_num_threads(1)


def train(steps: int = 5, model: nn.Module | None = None) -> nn.Module:
    model = model if model is not None else nn.Linear(3, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.mse_loss(model(torch.randn(8, 3)), torch.zeros(8, 2)).backward()
        optimizer.step()
    return model


# --- what is handed over

THINGS: dict[str, Callable[[], object]] = {
    "nothing": lambda: None,
    "a number": lambda: 3,
    "a text": lambda: "model",
    "a list of models": lambda: [nn.Linear(2, 2)],
    "a dict of models": lambda: {"a": nn.Linear(2, 2)},
    "a class": lambda: nn.Linear,
    "a tensor": lambda: torch.ones(2, requires_grad=True),
    "a parameter": lambda: nn.Parameter(torch.ones(2)),
    "a lazy layer": lambda: nn.LazyLinear(2),
    "an empty list of modules": lambda: nn.ModuleList(),
    "a model on no device": lambda: nn.Linear(2, 2, device="meta"),
    "a scripted model": lambda: torch.jit.script(nn.Linear(3, 2)),
    "a model of complex numbers": lambda: nn.Linear(2, 2, dtype=torch.cfloat),
    "a generator of parameters": lambda: nn.Linear(2, 2).parameters(),
    "a schedule": lambda: torch.optim.lr_scheduler.StepLR(torch.optim.SGD(nn.Linear(2, 2).parameters()), 1),
    "an optimizer with an empty group": lambda: torch.optim.SGD([{"params": []}], lr=0.1),
}


@pytest.mark.parametrize("make", THINGS.values(), ids=THINGS)
def test_whatever_is_handed_over_disturbs_nothing(make: Callable[[], object]) -> None:
    thing = make()
    with osler.watch(thing, thing, quiet=True) as session:
        train()
    assert session.run.steps == 5
    assert session.watcher.guard.failures == []
    assert session.diagnosis.headlines == ()


def test_models_that_are_handed_over_are_known_before_they_are_called() -> None:
    model, other = nn.Linear(3, 2), nn.Linear(4, 4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with osler.watch(model, other, optimizer, quiet=True) as session:
        assert [m.name for m in session.watcher.registry.models] == ["Linear", "Linear 2"]
        assert list(session.run.optimizers) == ["SGD"]
        train(model=model)
    assert session.run.steps == 5


# --- measures of one's own


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (1, 1.0),
        (True, 1.0),
        (0.5, 0.5),
        (np.float32(2), 2.0),
        (np.int64(3), 3.0),
        (torch.tensor(3.0), 3.0),
        (torch.tensor([4.0]), 4.0),
        (torch.tensor(5), 5.0),
        (float("inf"), float("inf")),
    ],
    ids=repr,
)
def test_numbers_of_every_kind_are_recorded(value: float, kept: float) -> None:
    with osler.watch(quiet=True) as session:
        train()
        session.log(score=value)
    assert list(session.run.columns["score"].history()[1]) == [kept]


@pytest.mark.parametrize("value", ["high", None, 1j, torch.ones(2), [1.0], {}], ids=repr)
def test_what_is_no_number_is_refused_and_the_block_goes_on(value: float) -> None:
    with osler.watch(quiet=True) as session:
        train()
        with pytest.raises((TypeError, ValueError)):
            session.log(score=value)
        train()
    assert "score" not in session.run.columns
    assert session.run.steps == 10


def test_measures_may_be_named_freely() -> None:
    names = ["größe", "a b", "val/acc", "self_", "损失"]
    with osler.watch(quiet=True) as session:
        train()
        session.log(**dict.fromkeys(names, 1.0))
    assert set(names) <= set(session.run.columns)


def test_a_measure_named_as_one_of_ours_joins_it() -> None:
    with osler.watch(quiet=True) as session:
        train(3)
        session.log(loss=0.25)
    assert session.run.columns["loss"].last == 0.25


# --- what is printed and recorded


def test_quiet_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with osler.watch(quiet=True):
        train()
    assert capsys.readouterr() == ("", "")


def test_without_a_stderr_nothing_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", None)
    print_report(Diagnosis())
    print_warning("something closed")


def test_a_warning_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    print_warning("stopped watching losses: LookupError: x (a.py:3)")
    assert capsys.readouterr().err == (
        "osler: stopped watching losses: LookupError: x (a.py:3); training goes on\n"
    )


def test_a_block_is_recorded_where_it_is_asked_for(tmp_path: Path) -> None:
    with osler.watch(quiet=True, run_dir=tmp_path / "run") as session:
        train()
    stored = osler.open_run(tmp_path / "run")
    assert stored.run.steps == 5
    assert osler.diagnose(stored).headlines == session.diagnosis.headlines


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("mine"), SystemExit(1)], ids=repr)
def test_a_record_is_whole_whatever_leaves_the_block(tmp_path: Path, error: BaseException) -> None:
    def train_and_leave() -> None:
        train()
        raise error

    session = osler.watch(quiet=True, run_dir=tmp_path / "run")
    with pytest.raises(type(error)), session:
        train_and_leave()
    stored = osler.open_run(tmp_path / "run")
    assert stored.run.steps == 5
    assert stored.run.cut == session.run.cut
    assert not stored.problems


def test_a_folder_that_holds_a_run_already_is_refused(tmp_path: Path) -> None:
    with osler.watch(quiet=True, run_dir=str(tmp_path / "run")):
        train()
    with pytest.raises(StoreError):
        osler.watch(quiet=True, run_dir=tmp_path / "run")
    with osler.watch(quiet=True):
        train()


def test_unknown_checks_are_refused_before_anything_is_watched() -> None:
    with pytest.raises(UnknownName, match="no check named 'loss-not-finit'") as caught:
        osler.watch(settings=Settings(select=("loss-not-finit",)))
    assert caught.value.fix == "Did you mean 'loss-not-finite'?"
    with osler.watch(quiet=True):
        pass


def test_a_part_that_was_called_alone_before_is_told_as_a_part() -> None:
    """As an encoder that is probed before the model around it is trained."""
    encoder, head = nn.Linear(4, 8), nn.Linear(8, 2)
    model = nn.Sequential(encoder, head)
    probe = nn.Linear(8, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    probing = torch.optim.SGD(probe.parameters(), lr=0.1)
    x, y = torch.randn(16, 4), torch.randint(0, 2, (16,))
    with osler.watch(quiet=True) as session:
        with torch.no_grad():
            features = encoder(x)
        for _ in range(12):
            probing.zero_grad()
            nn.functional.cross_entropy(probe(features), y).backward()
            probing.step()
        for _ in range(30):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
    facts = session.run.parameters
    assert [f.name for f in facts.values() if f.elements == 32] == ["0.weight"]
    assert all(f.reached for f in facts.values())
    assert session.diagnosis.headlines == ()

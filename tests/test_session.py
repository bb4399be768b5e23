"""One watched program from attaching to the verdict."""

from dataclasses import replace

import pytest
import torch
from torch import nn

import osler
from osler.engine.catalogue import catalogue
from osler.errors import UsageError
from osler.model import Finding, Severity
from osler.session import Session
from osler.settings import Settings
from osler.testing import place

torch.set_num_threads(1)
NEXT_TO_NOTHING = 1e-9


def classifier() -> tuple[nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    return model, torch.optim.SGD(model.parameters(), lr=0.1)


def train(steps: int, *, period: int = 1, clears: bool = True) -> None:
    model, optimizer = classifier()
    for step in range(steps * period):
        x, y = torch.randn(16, 4), torch.randint(0, 3, (16,))
        (nn.functional.cross_entropy(model(x), y) / period).backward()
        if (step + 1) % period == 0:
            optimizer.step()
            if clears:
                optimizer.zero_grad()


@pytest.mark.parametrize("period", [1, 2, 3, 4, 7])
def test_accumulation_is_silent_however_often_the_watcher_rests(period: int) -> None:
    with Session(Settings(overhead=NEXT_TO_NOTHING)) as session:
        train(90, period=period)
    assert session.diagnosis.headlines == ()
    assert session.run.steps == 90
    assert session.run.backwards == 90 * period


@pytest.mark.parametrize("overhead", [NEXT_TO_NOTHING, 1.0])
def test_a_fault_is_found_however_often_the_watcher_rests(overhead: float) -> None:
    with Session(Settings(overhead=overhead)) as session:
        train(90, clears=False)
    assert [f.check for f in session.diagnosis.headlines] == ["gradients-not-cleared"]


def test_every_loss_is_recorded_while_the_watcher_rests() -> None:
    columns = []
    for overhead in (NEXT_TO_NOTHING, 1.0):
        with Session(Settings(overhead=overhead)) as session:
            train(120)
        columns.append(session.run.columns["loss"])
    assert columns[0].history() == columns[1].history()
    assert len(columns[0]) == 120


def test_a_finding_is_announced_once_and_at_once() -> None:
    announced: list[tuple[str, int]] = []
    session = Session(on_finding=lambda f: announced.append((f.check, session.run.steps)))
    with session:
        train(40, clears=False)
    assert [name for name, _ in announced] == ["gradients-not-cleared"]
    assert announced[0][1] <= 6


def seen_by(session: Session, *found: Finding) -> str:
    """Why the session stops after these findings, empty if it does not."""
    session._announce(found)  # pyright: ignore[reportPrivateUsage]
    return session.watcher.stop_reason


def finding(check: str, severity: Severity) -> Finding:
    return replace(catalogue()[check].finding((place(3),), "Seen."), severity=severity)


@pytest.mark.parametrize("check", ["loss-diverges", "loss-not-finite"])
def test_an_error_below_a_warning_stops_as_it_would_alone(check: str) -> None:
    cause, symptom = finding("learning-rate-too-high", Severity.WARNING), finding(check, Severity.ERROR)
    assert seen_by(Session(Settings(stop_on=Severity.ERROR)), symptom) == "stop-on"
    session = Session(Settings(stop_on=Severity.ERROR))
    assert seen_by(session, cause) == ""
    assert seen_by(session, cause, symptom) == "stop-on", "although the cause was announced before"


def test_it_stops_once() -> None:
    session = Session(Settings(stop_on=Severity.ERROR))
    error = finding("loss-diverges", Severity.ERROR)
    assert seen_by(session, error) == "stop-on"
    session.watcher.stop_reason = ""
    assert seen_by(session, error) == ""


@pytest.mark.parametrize("stop_on", [None, Severity.ERROR])
def test_a_warning_alone_does_not_stop(stop_on: Severity | None) -> None:
    assert (
        seen_by(Session(Settings(stop_on=stop_on)), finding("no-better-than-baseline", Severity.WARNING))
        == ""
    )


@pytest.mark.parametrize(("ended_by", "cut"), [("", False), ("exception", False), ("max-steps", True)])
def test_a_run_that_was_stopped_is_cut(ended_by: str, cut: bool) -> None:
    with Session() as session:
        train(3)
    session.finish(ended_by=ended_by)
    assert session.run.cut == cut


def test_selected_checks_are_the_only_ones() -> None:
    with Session(Settings(select=("loss-not-finite",))) as session:
        train(10, clears=False)
    assert session.diagnosis.checked == ("loss-not-finite",)
    assert session.diagnosis.headlines == ()


def test_what_is_intended_is_kept_but_is_no_headline() -> None:
    with Session(Settings(intended={"gradients-not-cleared": ("SGD",)})) as session:
        train(40, clears=False)
    assert session.diagnosis.headlines == ()
    assert [f.suppressed for f in session.diagnosis.findings] == [True]


def test_own_measures_and_derived_ones_are_recorded() -> None:
    with Session() as session:
        train(20)
        session.log(accuracy_on_paper=0.5)
    assert list(session.run.columns["accuracy_on_paper"].history()[1]) == [0.5]
    assert 0 <= session.run.columns["accuracy"].history()[1][0] <= 1
    assert set(session.run.columns["learning_rate"].history()[1]) == {0.1}
    assert session.progress().steps == 20


def test_two_sessions_at_once_are_refused() -> None:
    with Session(), pytest.raises(UsageError, match="already being watched"):
        Session().attach()


def test_a_block_that_raises_is_judged_and_the_exception_passes() -> None:
    session = Session()

    def train_without_graph() -> None:
        with session:
            model, _ = classifier()
            with torch.no_grad():
                loss = model(torch.randn(8, 4)).sum()
            loss.backward()

    with pytest.raises(RuntimeError, match="does not require grad"):
        train_without_graph()
    assert [f.check for f in session.diagnosis.headlines] == ["graph-broken"]


def test_nothing_seen_is_no_verdict() -> None:
    with Session() as session:
        pass
    assert session.diagnosis.subject.steps == 0
    assert session.diagnosis.checked == ("monitor-blind",)


def test_watch_prints_the_diagnosis_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    with osler.watch():
        train(40)
    assert "no problem found in 40 steps" in capsys.readouterr().err


def test_watch_knows_what_was_built_before(capsys: pytest.CaptureFixture[str]) -> None:
    model, optimizer = classifier()
    head = torch.optim.SGD([next(model.parameters())], lr=0.1)
    with osler.watch(model, optimizer, head, quiet=True) as session:
        for _ in range(5):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(torch.randn(16, 4)), torch.randint(0, 3, (16,))).backward()
            optimizer.step()
    assert set(session.run.optimizers) == {"SGD", "SGD 2"}
    assert capsys.readouterr().err == ""


def test_the_public_names_are_few_and_real() -> None:
    assert len(osler.__all__) <= 15
    assert all(getattr(osler, name) for name in osler.__all__)
    with pytest.raises(AttributeError, match="no attribute 'wathc'"):
        _ = osler.wathc  # pyright: ignore

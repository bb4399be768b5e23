"""`with osler.watch()` as people use it: left in any way, once and again, and in threads."""

import threading
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import nn

import osler
from osler.errors import UsageError
from osler.model import Diagnosis, Severity
from osler.session import Session
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


# --- how a block is left


def left_by(error: BaseException, session: Session) -> Session:
    def train_and_leave() -> None:
        train()
        raise error

    with pytest.raises(type(error)), session:
        train_and_leave()
    return session


@pytest.mark.parametrize(
    ("error", "ended_by", "cut"),
    [
        (KeyboardInterrupt(), "interrupt", True),
        (SystemExit(0), "sys.exit", False),
        (SystemExit("enough"), "sys.exit", False),
        (ValueError("mine"), "exception", False),
        (StopIteration(), "exception", False),
        (AssertionError(), "exception", False),
        (ExceptionGroup("several", [ValueError("mine")]), "exception", False),
    ],
    ids=repr,
)
def test_what_leaves_a_block_is_passed_on_and_told(error: BaseException, ended_by: str, cut: bool) -> None:
    session = left_by(error, osler.watch(quiet=True))
    assert session.diagnosis.subject.ended_by == ended_by
    assert session.run.cut == cut
    assert (session.run.crash is not None) == (ended_by == "exception")
    assert session.diagnosis.headlines == ()
    assert session.run.steps == 5


def test_stopping_a_cell_of_a_notebook_is_no_crash(capsys: pytest.CaptureFixture[str]) -> None:
    left_by(KeyboardInterrupt(), osler.watch())
    assert capsys.readouterr().err.startswith("osler: the program was interrupted after 5 steps\n")


def test_leaving_a_block_by_sys_exit_is_no_crash(capsys: pytest.CaptureFixture[str]) -> None:
    left_by(SystemExit(0), osler.watch())
    assert capsys.readouterr().err.startswith("osler: no problem found in 5 steps")


def test_a_crash_is_told_with_its_line() -> None:
    crash = left_by(ValueError("mine"), osler.watch(quiet=True)).run.crash
    assert crash is not None
    assert (crash.kind, crash.message) == ("ValueError", "mine")
    assert [place.function for place in crash.site] == ["train_and_leave", "left_by"]


def test_a_block_that_was_to_take_a_few_steps_is_cut() -> None:
    session = osler.watch(quiet=True, settings=Settings(max_steps=3))
    behind = False
    with session:
        train(10)
        behind = True
    assert not behind
    assert session.diagnosis.subject.ended_by == "max-steps"
    assert session.run.steps == 3
    assert session.run.cut
    assert session.run.crash is None


def test_a_schedule_is_not_behind_in_a_block_that_was_cut() -> None:
    """It was planned for a hundred epochs; that a hundred batches have passed means nothing."""

    def train_with_a_schedule() -> None:
        model = nn.Linear(3, 2)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 100)
        for _ in range(100):
            for _ in range(20):
                optimizer.zero_grad()
                nn.functional.mse_loss(model(torch.randn(8, 3)), torch.zeros(8, 2)).backward()
                optimizer.step()
            schedule.step()

    session = osler.watch(quiet=True, settings=Settings(max_steps=100))
    with session:
        train_with_a_schedule()
    assert session.diagnosis.headlines == ()


def test_a_generator_that_is_closed_early_ends_its_block() -> None:
    def rounds() -> Iterator[Session]:
        with osler.watch(quiet=True) as session:
            for _ in range(3):
                train(2)
                yield session

    running = rounds()
    session = next(running)
    running.close()
    assert session.run.ended
    assert session.run.steps == 2
    with osler.watch(quiet=True):
        pass


def test_an_error_inside_that_is_caught_inside_is_none() -> None:
    with osler.watch(quiet=True) as session:
        try:
            raise ValueError("mine")
        except ValueError:
            train()
    assert session.run.crash is None
    assert session.diagnosis.subject.ended_by == ""


@pytest.mark.parametrize("stop_on", [Severity.ERROR, Severity.WARNING], ids=lambda s: s.label)
def test_a_block_ends_at_the_first_fault_if_it_is_to(stop_on: Severity) -> None:
    def train_without_clearing() -> None:
        model = nn.Linear(3, 2)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(200):
            nn.functional.mse_loss(model(torch.randn(8, 3)), torch.zeros(8, 2)).backward()
            optimizer.step()

    session = osler.watch(quiet=True, settings=Settings(stop_on=stop_on))
    with session:
        train_without_clearing()
    assert session.run.steps < 20
    assert session.diagnosis.subject.ended_by == "stop-on"
    assert [f.check for f in session.diagnosis.headlines] == ["gradients-not-cleared"]


# --- one block, one session


def test_a_session_watches_one_block() -> None:
    """The second would be seen by nobody, and told with the findings of the first."""
    session = osler.watch(quiet=True)
    with session:
        train()
    with pytest.raises(UsageError, match="this session has ended") as caught, session:
        train()
    assert caught.value.fix == "Begin another one with `osler.watch()`."
    with osler.watch(quiet=True) as other:
        train(3)
    assert (session.run.steps, other.run.steps) == (5, 3)


def test_a_session_cannot_be_nested_in_itself() -> None:
    session = osler.watch(quiet=True)
    with session, pytest.raises(UsageError, match="already being watched"), session:
        pass
    assert session.run.ended


def test_a_refused_inner_block_leaves_the_outer_one_watching() -> None:
    with osler.watch(quiet=True) as outer:
        train(2)
        with pytest.raises(UsageError, match="already being watched"), osler.watch(quiet=True):
            pytest.fail("two at once")
        train(3)
    assert outer.run.steps == 5


def test_a_session_may_pause() -> None:
    session = osler.watch(quiet=True)
    session.attach()
    train(2)
    session.detach()
    train(3)
    session.attach()
    train(4)
    session.detach()
    session.finish()
    assert session.run.steps == 6


def test_detaching_twice_and_without_having_attached_is_harmless() -> None:
    session = osler.watch(quiet=True)
    session.detach()
    session.attach()
    session.detach()
    session.detach()
    assert not session.run.ended


def test_detaching_one_that_does_not_watch_leaves_the_other_watching() -> None:
    with osler.watch(quiet=True) as session:
        osler.watch(quiet=True).detach()
        train()
    assert session.run.steps == 5


def test_finishing_twice_gives_the_same_diagnosis() -> None:
    with osler.watch(quiet=True) as session:
        train()
    assert session.finish() == session.finish()


def test_a_session_that_was_made_and_never_used_costs_nothing() -> None:
    session = osler.watch(nn.Linear(2, 2), quiet=True)
    assert session.progress().steps == 0
    assert session.progress().loss is None
    assert session.diagnosis == Diagnosis()
    train()
    assert session.run.steps == 0


def test_many_blocks_one_after_the_other() -> None:
    """As in a search over settings: none remembers what another has seen."""
    seen: list[tuple[int, list[str]]] = []
    for steps in (1, 4, 2):
        with osler.watch(quiet=True) as session:
            train(steps)
        seen.append((session.run.steps, list(session.run.optimizers)))
    assert seen == [(1, ["SGD"]), (4, ["SGD"]), (2, ["SGD"])]


# --- threads


def in_a_thread(work: Callable[[], None]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def test_a_block_in_another_thread() -> None:
    sessions: list[Session] = []

    def work() -> None:
        with osler.watch(quiet=True) as session:
            train()
        sessions.append(session)

    in_a_thread(work)
    assert sessions[0].run.steps == 5
    assert sessions[0].watcher.guard.failures == []


def test_a_block_that_another_thread_leaves() -> None:
    session = osler.watch(quiet=True)
    session.attach()
    train()
    in_a_thread(lambda: session.__exit__(None, None, None))
    assert session.diagnosis.subject.steps == 5
    with osler.watch(quiet=True):
        pass


def test_a_block_in_another_thread_is_refused_while_one_watches() -> None:
    refused: list[str] = []

    def work() -> None:
        try:
            with osler.watch(quiet=True):
                train()
        except UsageError as error:
            refused.append(str(error))

    with osler.watch(quiet=True) as session:
        in_a_thread(work)
        train()
    assert refused == ["this process is already being watched"]
    assert session.run.steps == 5

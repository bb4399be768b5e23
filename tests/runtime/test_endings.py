"""However a script ends, it is told once, in the process that started, and its exit code stands."""

import os
import threading

import pytest

from osler.runtime.endings import INTERRUPTED, TERMINATED, EndedBy, Ending, LastWord, how_ended
from osler.runtime.stopping import StopTraining

WELL = Ending(0, "")
CRASHED = Ending(1, "exception", ValueError("x"))


class Told:
    """Hears the endings, and answers with an exit code of its own."""

    def __init__(self, answer: int | None = None) -> None:
        self.endings: list[Ending] = []
        self._answer = answer

    def __call__(self, ending: Ending) -> int | None:
        self.endings.append(ending)
        return self._answer


def test_what_a_shell_reports_for_a_signal() -> None:
    assert (INTERRUPTED, TERMINATED) == (128 + 2, 128 + 15)


@pytest.mark.parametrize(
    "ending",
    [WELL, Ending(3, "sys.exit"), Ending(INTERRUPTED, "interrupt"), Ending(7, "os._exit"), CRASHED],
    ids=lambda e: e.ended_by or "its last line",
)
def test_the_ending_is_told_as_it_is(ending: Ending) -> None:
    told = Told()
    assert LastWord(told)(ending) == ending.exit_code
    assert told.endings == [ending]


@pytest.mark.parametrize(
    ("own", "answer", "left_with"),
    [(0, 10, 10), (0, None, 0), (0, 0, 0), (1, 10, 1), (3, None, 3), (TERMINATED, 10, TERMINATED)],
    ids=["it fails what was well", "no answer", "well", "a crash stays", "nothing", "death stays"],
)
def test_only_a_script_that_ended_well_gets_another_exit_code(
    own: int, answer: int | None, left_with: int
) -> None:
    assert LastWord(Told(answer))(Ending(own, "")) == left_with


def test_only_the_first_ending_is_told() -> None:
    """`os._exit` in a `finally:` after a crash, SIGTERM while the report is written."""
    told = Told(10)
    last_word = LastWord(told)
    assert last_word(CRASHED) == 1
    assert last_word(Ending(0, "os._exit")) == 0, "nobody is asked, so nothing is replaced"
    assert told.endings == [CRASHED]


def test_an_ending_inside_an_ending_is_not_told() -> None:
    endings: list[Ending] = []

    def interrupted(ending: Ending) -> None:
        endings.append(ending)
        assert last_word(Ending(TERMINATED, "SIGTERM")) == TERMINATED

    last_word = LastWord(interrupted)
    last_word(WELL)
    assert endings == [WELL]


def test_a_report_that_fails_is_not_tried_again() -> None:
    calls: list[Ending] = []

    def fail(ending: Ending) -> None:
        calls.append(ending)
        raise RuntimeError

    last_word = LastWord(fail)
    with pytest.raises(RuntimeError):
        last_word(WELL)
    assert last_word(WELL) == 0
    assert calls == [WELL]


def test_many_threads_that_leave_together_are_told_once() -> None:
    told = Told()
    last_word = LastWord(told)
    together = threading.Barrier(8)

    def leave() -> None:
        together.wait()
        last_word(Ending(0, "os._exit"))

    threads = [threading.Thread(target=leave) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told.endings) == 1


def test_a_forked_child_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    told = Told(10)
    last_word = LastWord(told)
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert last_word(WELL) == 0
    monkeypatch.undo()
    assert told.endings == []
    assert last_word(WELL) == 10, "its parent has still to be heard"


@pytest.mark.parametrize(
    ("ended_by", "told_as"),
    [("", "stopped"), ("exception", "exception"), ("sys.exit", "sys.exit"), ("SIGTERM", "SIGTERM")],
)
def test_a_training_thread_that_was_stopped(ended_by: EndedBy, told_as: str) -> None:
    """The script comes to its end as if all were well; what ended it otherwise is more telling."""
    told = Told()
    last_word = LastWord(told)
    last_word.training_stopped = True
    last_word(Ending(0, ended_by))
    assert [e.ended_by for e in told.endings] == [told_as]


@pytest.mark.parametrize(
    ("error", "told_as"),
    [
        (None, ""),
        (StopTraining("5 steps"), "stopped"),
        (SystemExit(0), "sys.exit"),
        (SystemExit("a message"), "sys.exit"),
        (KeyboardInterrupt(), "interrupt"),
        (ValueError("x"), "exception"),
        (GeneratorExit(), "exception"),
        (BaseExceptionGroup("several", [KeyboardInterrupt()]), "exception"),
    ],
    ids=repr,
)
def test_what_leaves_a_block_tells_how_it_ended(error: BaseException | None, told_as: str) -> None:
    assert how_ended(error) == told_as

"""Variables and numbers of the libraries that drive a loop are put back; what they train is left alone."""

import sys
from types import FrameType
from typing import Any

import pytest
from torch import nn

from osler.replay.drivers import Drivers, inside_script, is_plain, reached

LIBRARY = """
import enum

class Stage(enum.Enum):
    FIT = 1

class Progress:
    def __init__(self):
        self.ready, self.note = 0, "begun"

class Trainer:
    def __init__(self, ask):
        self.ask, self.progress, self.best, self.iterator = ask, [Progress()], 1.0, None
        self.stage, self.kind, self.history = Stage.FIT, Progress, []

    def fit(self, turns):
        step = 0
        while step < turns:
            self.ask()
            step += 1
            self.progress[0].ready += 1
            self.iterator = iter([])
            self.history.append(step)
        return step

    def nested(self, epochs, updates):
        found = []
        for epoch in range(epochs):
            for update in range(updates):
                found.append(self.ask())
        return found

    def over(self, items):
        return [self.ask() for _ in range(1)] + [x for x in self.each(items)]

    def each(self, items):
        for item in items:
            yield self.ask()
"""


def kind(frame: FrameType) -> int:
    """The library's code has a name of its own, all else is the script."""
    return 0 if frame.f_code.co_filename == "<library>" else 1


@pytest.fixture
def library() -> dict[str, Any]:
    space: dict[str, Any] = {"__name__": "trainerlib.loops"}
    exec(compile(LIBRARY, "<library>", "exec"), space)
    return space


def test_a_loop_that_counts_does_not_end(library) -> None:
    kept: list[Any] = []

    def ask() -> None:
        kept.append(Drivers(sys._getframe(1), kind) if not kept else kept[0])
        if len(kept) < 6:
            kept[0].restore()

    trainer = library["Trainer"](ask)
    assert trainer.fit(3) == 3
    assert len(kept) == 5 + 2
    assert trainer.progress[0].ready == 3, "numbers of what it holds are put back"
    assert trainer.history == [1, 1, 1, 1, 1, 2, 3], "lists are not"
    assert trainer.iterator is not None, "nor is what was no number any more"
    assert kept[0].packages == {"trainerlib"}


def test_frames_that_hand_batches_on_are_left_alone(library) -> None:
    drivers = Drivers(None, kind)
    drivers.narrow({})
    assert (list(drivers.values()), drivers.loop) == ([], False)


def asked(library, what: str, *args: Any) -> list[Any]:
    import linecache

    lines = LIBRARY.splitlines(keepends=True)
    linecache.cache["<library>"] = (len(LIBRARY), None, lines, "<library>")

    def ask() -> tuple[bool, int]:
        drivers = Drivers(sys._getframe(1), kind)
        return drivers.loop, drivers.turns if drivers.loop else 0

    trainer = library["Trainer"](ask)
    found = getattr(trainer, what)(*args)
    linecache.cache.pop("<library>")
    return found


def test_nested_ranges_are_multiplied(library) -> None:
    assert asked(library, "nested", 3, 4)[0] == (True, 12)


def test_what_is_no_range_does_not_tell(library) -> None:
    assert asked(library, "over", [1, 2])[-1] == (True, 2), "the length of a list is known"
    assert asked(library, "over", iter([1, 2]))[-1] == (True, -1)


def test_what_is_trained_and_classes_are_no_counters(library) -> None:
    class Net(nn.Module):
        pass

    Net.__module__ = "trainerlib"
    trainer = library["Trainer"](None)
    held = [trainer, Net(), library["Stage"].FIT, library["Progress"]]
    assert reached(held, lambda c: c.__module__.startswith("trainerlib")) == [trainer, trainer.progress[0]]


@pytest.mark.parametrize("value", [1, 0.5, True, "fit", None])
def test_plain_values(value: object) -> None:
    assert is_plain(value)


@pytest.mark.parametrize("value", [[1], {}, object(), nn.Linear(1, 1)])
def test_other_values(value: object) -> None:
    assert not is_plain(value)


def test_what_lies_around_the_script_is_not_its_loop() -> None:
    here = sys._getframe(0)
    assert inside_script(here, lambda f: 2 if f is here else 0) == [here]
    assert inside_script(here, lambda _: 0) == []

"""Reading variables leaves no trace: nothing lives longer, and what `locals()` returned stays as it was."""

# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false

import gc
import inspect
import sys
import weakref
from types import FrameType
from typing import Any

import pytest
import torch
from torch import nn

from osler.runtime.variables import variables_of
from osler.session import watch


class Thing:
    pass


def here() -> FrameType:
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return frame.f_back


def test_what_a_function_holds() -> None:
    def script(one: int) -> dict[str, Any]:
        two = one + 1
        read = variables_of(here())
        return {**read, "three": two}

    assert script(1) == {"one": 1, "two": 2, "three": 2}


def test_what_a_module_holds_are_its_globals() -> None:
    frame = sys._getframe()
    while frame.f_back is not None and frame.f_code.co_name != "<module>":
        frame = frame.f_back
    read = variables_of(frame)
    assert read == frame.f_globals
    assert read is not frame.f_globals


def test_nothing_lives_longer() -> None:
    thing = Thing()
    gone = weakref.ref(thing)
    variables_of(here())
    thing = None
    gc.collect()
    assert gone() is None
    assert thing is None


def test_a_function_that_asks_for_its_variables_is_left_alone() -> None:
    def script() -> dict[str, Any]:
        rate = 0.1
        kept = locals()
        depth = 2
        assert variables_of(here()) == (
            {} if sys.version_info < (3, 13) else {**kept, "kept": kept, "depth": 2}
        )
        return {**kept, "rate": rate, "seen": depth}

    assert script() == {"rate": 0.1, "seen": 2}


def test_unless_it_must_be_read() -> None:
    def script() -> None:
        rate = 0.1
        locals()
        assert variables_of(here(), always=True)["rate"] == rate

    script()


def test_what_somebody_else_holds_is_not_emptied() -> None:
    def script(number: int) -> dict[str, Any]:
        kept = sys._getframe().f_locals
        variables_of(sys._getframe())
        return {**kept, "same": number}

    assert script(3)["number"] == 3


def test_an_attribute_of_that_name_asks_for_nothing() -> None:
    def script(thing: Any) -> dict[str, Any]:
        read = variables_of(here())
        return read if thing else thing.locals()

    assert script(1) == {"thing": 1}


@pytest.mark.parametrize("debugged", [False, True])
def test_a_debugger_keeps_what_it_reads(debugged: bool) -> None:
    def script() -> int:
        number = 1
        frame = sys._getframe()
        frame.f_trace = (lambda *_: None) if debugged else None
        variables_of(frame)
        return number

    assert script() == 1


def train(steps: int, width: int = 4) -> dict[str, Any]:
    settings = locals()
    model = nn.Linear(width, 2)
    scale = torch.ones(2, requires_grad=True)
    optimizer = torch.optim.SGD([*model.parameters(), scale], lr=0.1)
    losses: list[torch.Tensor] = []  # which is a fault, and the variables are looked through for it
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (model(torch.randn(8, width)) * scale).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss)
    return settings


def test_a_script_that_keeps_its_settings_keeps_these_alone() -> None:
    with watch(quiet=True):
        settings = train(40)
    assert settings == {"steps": 40, "width": 4}


def losses_alive(steps: int) -> list[int]:
    """How many losses of a training are alive after each of its steps."""
    model = nn.Linear(4, 2)
    scale = torch.ones(2, requires_grad=True)
    optimizer = torch.optim.SGD([*model.parameters(), scale], lr=0.1)
    made: list[weakref.ref[torch.Tensor]] = []
    alive: list[int] = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (model(torch.randn(8, 4)) * scale).square().mean()
        made.append(weakref.ref(loss))
        loss.backward()
        optimizer.step()
        alive.append(sum(ref() is not None for ref in made))
    return alive


def test_no_batch_lives_longer_than_without() -> None:
    """The very first steps are looked at most closely: there what was read may live until the next one."""
    with watch(quiet=True):
        watched = losses_alive(60)
    assert watched[8:] == losses_alive(60)[8:]

"""The facts of source code: a state is certain only if no other is possible."""

import pytest

from osler.model import (
    Action,
    CallFact,
    ClipFact,
    Code,
    ForwardFact,
    GradientState,
    Kind,
    ModeState,
    Network,
    Optimizer,
    StepFact,
    Trace,
)
from osler.model.code import modes
from osler.testing import place

TRACE = Trace([], "", place(1))
STEP = Action(Kind.STEP, place(9))
FRESH, STALE, UNKNOWN = (GradientState(kind) for kind in ("fresh", "stale", "unknown"))


def cleared(line: int) -> GradientState:
    return GradientState("empty", Action(Kind.CLEAR, place(line)))


def stepped(*visits: set[GradientState]) -> StepFact:
    return StepFact(Optimizer("o"), STEP, TRACE, (), tuple(map(frozenset, visits)), (), ())


@pytest.mark.parametrize(
    ("visits", "is_certain"),
    [
        ([{STALE}], True),
        ([{FRESH}, {STALE}], True),
        ([{FRESH, STALE}], False),
        ([{STALE, UNKNOWN}], False),
        ([{FRESH}], False),
        ([set()], False),
        ([], False),
    ],
    ids=["only", "at one visit", "or fresh", "or unknown", "never", "never reached", "never visited"],
)
def test_a_step_is_always_in_a_state_if_at_some_visit_it_can_be_in_no_other(
    visits: list[set[GradientState]], is_certain: bool
) -> None:
    assert (stepped(*visits).always("stale") is not None) is is_certain
    clip = ClipFact(Optimizer("o"), STEP, (), tuple(map(frozenset, visits)))
    assert clip.always("stale") is is_certain


@pytest.mark.parametrize(
    ("visits", "is_possible"),
    [([{FRESH, STALE}], True), ([{FRESH}, {STALE}], True), ([{FRESH, UNKNOWN}], False), ([], False)],
)
def test_sometimes(visits: list[set[GradientState]], is_possible: bool) -> None:
    assert (stepped(*visits).sometimes("stale") is not None) is is_possible


def test_of_several_states_the_one_cleared_first_is_told() -> None:
    early, late = cleared(3), cleared(7)
    assert stepped({late, early}).always("empty") is early
    assert stepped({late, FRESH}, {early}).sometimes("empty") is early


def called(*visits: set[str]) -> ForwardFact:
    states = tuple(frozenset(map(ModeState, visit)) for visit in visits)
    return ForwardFact(Network("m"), Action(Kind.FORWARD, place(5)), TRACE, (), states)


@pytest.mark.parametrize(
    ("visits", "is_certain"),
    [
        ([{"train"}], True),
        ([{"train"}, {"train"}], True),
        ([{"train"}, {"eval"}], False),
        ([{"train", "unknown"}], False),
        ([{"eval"}], False),
    ],
)
def test_a_module_is_always_in_a_mode_if_it_is_at_every_visit(
    visits: list[set[str]], is_certain: bool
) -> None:
    assert called(*visits).always("train") is is_certain


def test_the_mode_before_the_first_call_is_none() -> None:
    forward = Action(Kind.FORWARD, place(5))
    states = [ModeState("eval"), ModeState("eval", forward=forward, was="train")]
    assert modes(states) == {"train"}
    assert modes(states[:1]) == set()


def test_actions_of_a_kind_from_all_ways_into_the_program() -> None:
    clear = Action(Kind.CLEAR, place(2))
    code = Code(traces=[Trace([clear, STEP], "", place(1)), Trace([STEP], "train", place(8))])
    assert list(code.actions(Kind.STEP)) == [STEP, STEP]
    assert list(code.actions(Kind.CLEAR)) == [clear]
    assert list(code.actions(Kind.BACKWARD)) == []


def test_calls_by_full_name() -> None:
    load, save = (CallFact(f"torch.{n}", place(1), {}) for n in ("load", "save"))
    code = Code(calls={"torch.load": [load], "torch.save": [save]})
    assert list(code.calls_of("torch.save", "torch.load")) == [save, load]
    assert list(code.calls_of("load")) == []

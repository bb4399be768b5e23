"""Measures are taken when their event happens; their values go into the columns of the run."""

import math
from pathlib import Path

import pytest
import torch
from torch import nn

from osler.model import Histogram, Kind, Place, Run
from osler.runtime.guard import Guard
from osler.runtime.many import Many
from osler.runtime.measuring import Measuring

torch.set_num_threads(1)


@pytest.fixture
def measuring() -> Measuring:
    guard = Guard(pytest.fail)
    guard.listen_here()
    guard.settled = True
    return Measuring(Run(), guard, 0.01, lambda _: "w")


def sgd() -> torch.optim.Optimizer:
    return torch.optim.SGD([nn.Parameter(torch.ones(4))], lr=0.5)


def values(measuring: Measuring, name: str) -> list[float]:
    columns = measuring._run.columns
    return list(columns[name].history()[1]) if name in columns else []


def test_values_are_added_at_the_current_step(measuring: Measuring) -> None:
    for step in (0, 1, 5):
        measuring._run.steps = step
        measuring.add("loss", float(step))
    assert list(measuring._run.columns["loss"].history()[0]) == [0, 1, 5]


def test_a_value_may_belong_to_an_earlier_step(measuring: Measuring) -> None:
    measuring._run.steps = 9
    measuring.add("loss", 1.0, step=3)
    assert list(measuring._run.columns["loss"].history()[0]) == [3]


def test_the_measures_of_an_event_are_taken(measuring: Measuring) -> None:
    measuring.moment.optimizer, measuring.moment.seconds = sgd(), 0.25
    measuring.take(Kind.STEP)
    assert (values(measuring, "learning_rate"), values(measuring, "step_seconds")) == ([0.5], [0.25])
    assert (values(measuring, "parameter_norm"), values(measuring, "parameter_norm:w")) == ([2.0], [2.0])


def test_a_measure_without_a_value_leaves_no_column(measuring: Measuring) -> None:
    measuring.take(Kind.LOSS)
    assert measuring._run.columns == {}


@pytest.mark.parametrize("kind", [Kind.MODE, Kind.CLEAR, Kind.PASS_END])
def test_events_without_measures_add_nothing(measuring: Measuring, kind: Kind) -> None:
    measuring.moment.seconds = 1.0
    measuring.take(kind)
    assert measuring._run.columns == {}


def test_costly_measures_are_taken_at_first_and_then_now_and_then(
    measuring: Measuring, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0]

    def later(by: int = 100_000) -> int:  # each look at the clock takes a tenth of a millisecond
        now[0] += by
        return now[0]

    monkeypatch.setattr("osler.runtime.measuring.perf_counter_ns", later)
    measuring.moment.scores, measuring.moment.targets = torch.eye(3), torch.arange(3)
    for turn in range(200):
        measuring._run.turns = turn
        later(50_000_000)
        measuring.arrived()
        measuring.take(Kind.LOSS)
    taken = values(measuring, "accuracy")
    assert 5 < len(taken) < 30
    assert set(taken) == {1.0}


def test_time_between_steps(measuring: Measuring) -> None:
    assert measuring.since_step(1_000_000_000) == 0
    assert measuring.since_step(2_500_000_000) == 1.5


def test_the_first_of_a_kind_needs_no_mention_and_others_have_series_of_their_own(
    measuring: Measuring,
) -> None:
    for name, loss in [("here.py:3", 1.0), ("here.py:9", 7.0), ("here.py:3", 2.0)]:
        measuring.at(Kind.BACKWARD, (Place(str(Path("/home/me") / name.split(":")[0]), int(name[-1])),))
        measuring.keep("loss", loss)
    assert values(measuring, "loss") == [1.0, 2.0]
    assert values(measuring, "loss:here.py:9") == [7.0]
    assert measuring.several == {Kind.BACKWARD}


def test_the_whole_of_many_belongs_to_the_subject(measuring: Measuring) -> None:
    measuring.about(Kind.STEP, "SGD")
    measuring.keep("gradient_norm", Many(("", "w"), torch.tensor([1.0, 1.0])))
    measuring.about(Kind.STEP, "SGD 2")
    measuring.keep("gradient_norm", Many(("", "v"), torch.tensor([3.0, 3.0])))
    assert values(measuring, "gradient_norm") == [1.0]
    assert values(measuring, "gradient_norm:SGD 2") == [3.0]
    assert values(measuring, "gradient_norm:v") == [3.0]


def test_at_rest_only_what_costs_little_is_taken_into_columns_that_exist(measuring: Measuring) -> None:
    moment = measuring.moment
    moment.optimizer, moment.seconds = sgd(), 0.25
    measuring.take(Kind.STEP)
    norms = len(values(measuring, "parameter_norm"))
    for _ in range(3):
        measuring._run.turns += 10**6
        measuring.recall(Kind.STEP, "SGD", 0.1, 0.25)
    assert values(measuring, "step_seconds") == [0.25] * 4
    assert len(values(measuring, "parameter_norm")) == norms


def test_at_rest_subjects_are_kept_apart_too(measuring: Measuring) -> None:
    for name, seconds in [("SGD", 0.25), ("Adam", 0.5)] * 2:
        measuring.about(Kind.STEP, name)
        measuring.moment.optimizer, measuring.moment.seconds = sgd(), seconds
        measuring.take(Kind.STEP)
        measuring.recall(Kind.STEP, name, 0.1, seconds)
    assert values(measuring, "step_seconds") == [0.25] * 4
    assert values(measuring, "step_seconds:Adam") == [0.5] * 4


def test_histograms_are_handed_on(measuring: Measuring) -> None:
    told: list[tuple[str, int, Histogram]] = []
    measuring.on_histogram = lambda *entry: told.append(entry)
    measuring.moment.scores = torch.tensor([[1.0, -2.0, math.nan]])
    measuring._run.steps = 5
    measuring.take(Kind.LOSS)
    (name, step, counts), (beside, _, below) = told
    assert (name, step, counts.nans, sum(counts.bins)) == ("loss_input", 5, 1, 2)
    assert (beside, below.negatives, sum(below.bins)) == ("loss_input_below", 1, 1)


def test_a_measure_that_fails_is_given_up_alone(
    measuring: Measuring, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    measuring._guard.warn = told.append
    monkeypatch.setattr("osler.runtime.measures.gradient_norm.norms", lambda _: 1 / 0)
    measuring.moment.optimizer = sgd()
    measuring.moment.optimizer.param_groups[0]["params"][0].grad = torch.ones(4)
    for turn in range(30):
        measuring._run.turns = turn
        measuring.take(Kind.STEP)
    (sentence,) = told
    assert sentence.startswith("stopped watching the measure gradient_norm: ZeroDivisionError: ")
    assert values(measuring, "parameter_norm")


def stepping(measuring: Measuring, optimizer: torch.optim.Optimizer) -> None:
    """A step as the probe of optimizers tells of it."""
    measuring.moment.optimizer = optimizer
    measuring.ahead(Kind.STEP)
    optimizer.step()
    measuring.take(Kind.STEP)


def test_what_is_copied_ahead_of_a_step_is_compared_after_it_and_let_go(measuring: Measuring) -> None:
    optimizer = sgd()
    optimizer.param_groups[0]["params"][0].grad = torch.full((4,), 0.2)
    stepping(measuring, optimizer)
    assert values(measuring, "update_ratio:w") == pytest.approx([0.1])
    assert measuring.moment.before == []


def test_nothing_is_copied_when_it_is_not_due(measuring: Measuring) -> None:
    stepping(measuring, optimizer := sgd())
    measuring._run.turns = 1
    measuring.moment.optimizer = optimizer
    measuring.ahead(Kind.STEP)
    assert measuring.moment.before == []
    measuring._run.turns = 10**6  # due by now, but nothing is known of the time before the step
    measuring.take(Kind.STEP)
    assert len(values(measuring, "update_ratio")) == 1


def test_the_losses_of_a_closure_leave_the_copies_alone(measuring: Measuring) -> None:
    measuring.moment.optimizer = sgd()
    measuring.ahead(Kind.STEP)
    measuring.take(Kind.LOSS)
    measuring.take(Kind.BACKWARD)
    assert len(measuring.moment.before) == 1


def test_the_copies_of_a_step_that_raised_are_not_compared_with_another(measuring: Measuring) -> None:
    measuring.moment.optimizer = sgd()
    measuring.ahead(Kind.STEP)
    measuring._run.turns = 1
    stepping(measuring, other := sgd())
    assert all(copied.parameter is not other for copied in measuring.moment.before)
    assert values(measuring, "update_ratio") == [0.0]


def test_copying_counts_as_cost(measuring: Measuring, monkeypatch: pytest.MonkeyPatch) -> None:
    now, told = iter(range(0, 10**12, 1_000)), list[int]()
    monkeypatch.setattr("osler.runtime.measuring.perf_counter_ns", lambda: next(now))
    took = measuring._sampling.took

    def noted(name: str, turn: int, cost: int, usual: float, *, unseen: bool) -> None:
        told.extend([cost] * (name == "update_ratio"))
        took(name, turn, cost, usual, unseen=unseen)

    monkeypatch.setattr(measuring._sampling, "took", noted)
    stepping(measuring, sgd())
    assert told == [2_000]  # a tick for the copies, one for comparing them


def test_copying_that_fails_is_given_up_alone(measuring: Measuring, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    measuring._guard.warn = told.append
    monkeypatch.setattr("osler.runtime.measures.update_ratio.stride", lambda *_: 1 / 0)
    for turn in range(3):
        measuring._run.turns = turn
        stepping(measuring, sgd())
    (sentence,) = told
    assert sentence.startswith("stopped watching the measure update_ratio: ZeroDivisionError: ")
    assert values(measuring, "parameter_norm")
    assert not values(measuring, "update_ratio")

"""What the probes share: stopping, measures, optimizers' gradients, close looks, and the end of a run."""

import gc
import sys
import threading
from typing import Any

import pytest
import torch
from torch import nn
from torch.overrides import _get_current_function_mode

from osler.model import Kind, Run
from osler.runtime.stopping import StopTraining
from osler.runtime.watcher import MOST_LOOKS, Watcher
from osler.session import Session
from osler.settings import Settings

torch.set_num_threads(1)


@pytest.fixture
def watcher() -> Watcher:
    return Watcher(pytest.fail)


def sgd(count: int = 2) -> torch.optim.Optimizer:
    return torch.optim.SGD([nn.Parameter(torch.ones(n + 1)) for n in range(count)], lr=0.5)


def values(run: Run, name: str) -> list[float]:
    return list(run.columns[name].history()[1]) if name in run.columns else []


# --- stopping


def test_training_is_not_stopped_unless_asked(watcher: Watcher) -> None:
    watcher.stop_if_asked()


def test_training_is_stopped_once_with_the_reason(watcher: Watcher) -> None:
    watcher.stop_reason = "5 steps were asked for"
    with pytest.raises(StopTraining, match="5 steps"):
        watcher.stop_if_asked()
    watcher.stop_if_asked()


# --- a loss that is not finite


@pytest.mark.parametrize("odd", [float("nan"), float("inf")])
def test_the_first_odd_loss_is_remembered_with_the_values_before(watcher: Watcher, odd: float) -> None:
    for value in (3.0, 2.0):
        watcher.measuring.add("loss", value)
    watcher.not_finite(odd, (), 2, 3)
    watcher.not_finite(float("nan"), (), 9, 9)
    fact = watcher.run.not_finite["loss"]
    assert (fact.step, fact.backward, fact.first_finite, fact.last_finite) == (2, 3, 3.0, 2.0)


def test_an_odd_loss_at_the_start_has_nothing_before_it(watcher: Watcher) -> None:
    watcher.not_finite(float("inf"), (), 0, 1)
    fact = watcher.run.not_finite["loss"]
    assert (fact.first_finite, fact.last_finite) == (None, None)


@pytest.mark.parametrize(("odd", "remembered"), [(float("inf"), False), (float("nan"), True)])
def test_a_scaled_loss_may_overflow_but_not_be_nan(watcher: Watcher, odd: float, remembered: bool) -> None:
    watcher.scaler_seen = True
    watcher.not_finite(odd, (), 0, 1)
    assert bool(watcher.run.not_finite) is remembered


# --- optimizers


def test_an_optimizer_is_written_down_when_it_is_met(watcher: Watcher) -> None:
    optimizer = sgd(3)
    line = sys._getframe().f_lineno + 1
    watcher.holder(optimizer, sys._getframe())
    fact = watcher.run.optimizers["SGD"]
    assert (fact.tensors, fact.elements, fact.site[0].line) == (3, 6, line)


def test_an_optimizer_has_one_state(watcher: Watcher) -> None:
    optimizer = sgd()
    assert watcher.holder(optimizer) is watcher.holder(optimizer)


def test_parameters_that_are_added_later_are_noticed(watcher: Watcher) -> None:
    optimizer = sgd(2)
    before = watcher.holder(optimizer, sys._getframe())
    site = watcher.run.optimizers["SGD"].site
    optimizer.add_param_group({"params": [nn.Parameter(torch.ones(9))]})
    assert watcher.holder(optimizer) is before
    fact = watcher.run.optimizers["SGD"]
    assert (fact.tensors, fact.site, len(before.parameters)) == (3, site, 3)


def test_states_of_dead_optimizers_are_dropped(watcher: Watcher) -> None:
    optimizers = [sgd(), sgd()]
    for optimizer in optimizers:
        watcher.holder(optimizer)
    assert len(watcher.all_holders()) == 2
    del optimizers[0], optimizer
    gc.collect()
    assert len(watcher.all_holders()) == 1


def test_models_and_optimizers_that_exist_already_can_be_met(watcher: Watcher) -> None:
    model = nn.Linear(2, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    watcher.meet([model, optimizer, "something else", None])
    assert [m.name for m in watcher.registry.models] == ["Linear"]
    assert list(watcher.run.optimizers) == ["SGD"]


# --- close looks


def test_no_look_is_taken_unless_wanted(watcher: Watcher) -> None:
    watcher.begin_look()
    assert watcher.look is None


def test_a_look_that_is_wanted_is_taken_and_its_mode_taken_off(watcher: Watcher) -> None:
    watcher.want_look()
    watcher.begin_look()
    assert watcher.look is not None
    assert _get_current_function_mode() is watcher.look
    watcher.end_look()
    assert watcher.look is None
    assert _get_current_function_mode() is None


def test_only_a_few_looks_are_taken(watcher: Watcher) -> None:
    taken = 0
    for _ in range(3 * MOST_LOOKS):
        watcher.want_look()
        watcher.begin_look()
        taken += watcher.look is not None
        watcher.end_look()
    assert taken == MOST_LOOKS


def test_compiled_code_is_not_looked_at(watcher: Watcher) -> None:
    watcher.compile_seen = True
    watcher.want_look()
    watcher.begin_look()
    assert watcher.look is None


def test_a_look_is_over_at_the_end_of_the_run(watcher: Watcher) -> None:
    watcher.want_look()
    watcher.begin_look()
    watcher.finish()
    assert _get_current_function_mode() is None


# --- the end


def test_the_end_closes_what_is_open(watcher: Watcher) -> None:
    done: list[str] = []
    watcher.at_finish.append(lambda: done.append("action"))
    watcher.ledger.batch("DataLoader", ())
    watcher.finish()
    assert (watcher.run.turns, watcher.run.ended, done) == (1, True, ["action"])


def test_what_could_not_be_watched_is_said_at_the_end() -> None:
    watcher = Watcher(lambda sentence: None)
    watcher.gate("losses").call(lambda: 1 / 0)
    watcher.guard.settled = True  # it is known who trains
    thread = threading.Thread(target=watcher.gate("losses").call, args=(lambda: None,))
    thread.start()
    thread.join()
    watcher.finish()
    assert [b.subject for b in watcher.run.blind] == ["other threads", "Osler"]
    assert "ZeroDivisionError" in watcher.run.blind[1].reason


def test_a_quiet_run_is_not_blind(watcher: Watcher) -> None:
    watcher.finish()
    assert watcher.run.blind == []


def test_time_of_training_is_without_oslers_own(watcher: Watcher) -> None:
    watcher.measuring.began, watcher.measuring.latest, watcher.guard.nanoseconds = (
        1_000_000_000,
        5_000_000_000,
        500_000_000,
    )
    assert (watcher.seconds, watcher.training_seconds) == (0.5, 3.5)


def test_before_anything_has_happened_no_time_has_passed(watcher: Watcher) -> None:
    assert (watcher.seconds, watcher.training_seconds) == (0, 0)


# --- whole programs


def traits_of_steps(program: Any) -> list[tuple[str, set[str], int]]:
    session = Session(Settings(overhead=1e9), warn=pytest.fail)
    with session:
        program()
    return [(e.subject, set(e.traits), p.count) for e, p in session.run.events(Kind.STEP)]


def test_an_optimizer_that_is_built_after_the_first_backward_is_no_hand() -> None:
    def program() -> None:
        torch.manual_seed(0)
        model = nn.Sequential(*(nn.Linear(3, 3) for _ in range(4)))
        x = torch.randn(2, 3)
        model(x).square().mean().backward()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(3):
            optimizer.step()
            optimizer.zero_grad()
            model(x).square().mean().backward()

    assert {subject for subject, *_ in traits_of_steps(program)} == {"SGD"}


def test_updates_by_hand_are_steps() -> None:
    def program() -> None:
        torch.manual_seed(0)
        w, x = torch.zeros(3, 1, requires_grad=True), torch.randn(8, 3)
        for _ in range(5):
            (x @ w - 1).square().mean().backward()
            assert w.grad is not None
            with torch.no_grad():
                w -= 0.1 * w.grad
            w.grad = None

    assert {(subject, *traits) for subject, traits, _ in traits_of_steps(program)} == {("by hand", "fresh")}


def test_watching_changes_no_number() -> None:
    def program() -> list[torch.Tensor]:
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.2), nn.Linear(4, 2))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        for _ in range(20):
            loss = nn.functional.cross_entropy(model(torch.randn(6, 3)), torch.randint(2, (6,)))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return [*(p.detach() for p in model.parameters()), *model.buffers(), torch.get_rng_state()]

    alone = program()
    with Session(Settings(), warn=pytest.fail):
        watched = program()
    assert all(torch.equal(a, b) for a, b in zip(alone, watched, strict=True))

"""Learning-rate schedules: when the script steps them, and only then."""

import warnings

import pytest
import torch
from torch.optim import lr_scheduler

from osler.model import Kind

FACTORIES = [
    lambda o: lr_scheduler.StepLR(o, 2),
    lambda o: lr_scheduler.OneCycleLR(o, 0.1, total_steps=9),
    lambda o: lr_scheduler.ReduceLROnPlateau(o, patience=0),
    lambda o: lr_scheduler.SequentialLR(
        o, [lr_scheduler.LinearLR(o, total_iters=2), lr_scheduler.ExponentialLR(o, 0.9)], [2]
    ),
    lambda o: lr_scheduler.ChainedScheduler([lr_scheduler.ConstantLR(o), lr_scheduler.ExponentialLR(o, 0.9)]),
]


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("make", FACTORIES)
def test_building_is_no_step(session, events, make):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    with session:
        make(optimizer)
    assert events(Kind.SCHEDULE) == []


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("make", FACTORIES)
def test_a_step_of_the_script_is_one_event(session, events, line_of, make):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    schedule = make(optimizer)
    with session:
        for _ in range(3):
            optimizer.step()
            schedule.step(*[1.0] * isinstance(schedule, lr_scheduler.ReduceLROnPlateau))
    (event,) = events(Kind.SCHEDULE)
    assert event.subject == type(schedule).__name__
    assert event.place.line == line_of("schedule.step(*[1.0]")
    assert sum(p.count * len(p.of(Kind.SCHEDULE)) for p in session.run.patterns) == 3


def test_the_learning_rate_is_recorded(session):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule = lr_scheduler.ExponentialLR(optimizer, 0.5)
    with session:
        for _ in range(3):
            optimizer.step()
            schedule.step()
    assert list(session.run.columns["learning_rate"].history()[1]) == [1.0, 0.5, 0.25]


def test_a_schedule_of_the_users_own(session, events):
    class Warmup(lr_scheduler.LRScheduler):
        def get_lr(self):
            return [0.1 * (self.last_epoch + 1) for _ in self.base_lrs]

    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    with session:
        schedule = Warmup(optimizer)
        optimizer.step()
        schedule.step()
    assert [e.subject for e in events(Kind.SCHEDULE)] == ["Warmup"]
    assert schedule.get_last_lr() == [0.2]


def test_a_warning_of_torch_is_about_the_scripts_line(session, line_of):
    weight = torch.nn.Parameter(torch.ones(2))
    schedule = lr_scheduler.StepLR(torch.optim.SGD([weight], lr=0.1), step_size=1)
    with session, warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        schedule.step()  # before the optimizer
    (warning,) = told
    assert (warning.filename, warning.lineno) == (__file__, line_of("# before the optimizer"))


def test_a_schedule_that_a_wrapper_moves_on_has_not_stood_still(session):
    """Wrappers of trainers count for the schedule, ask for its rates and set them themselves."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    with session, warnings.catch_warnings(action="ignore"):
        schedule = lr_scheduler.StepLR(optimizer, 2)
        still = lr_scheduler.StepLR(torch.optim.SGD([torch.zeros(1)], lr=1.0), 2)
        for _ in range(3):
            optimizer.step()
            schedule.last_epoch += 1
            optimizer.param_groups[0]["lr"] = schedule.get_lr()[0]
    session.finish()
    facts = session.run.schedules
    assert (facts["StepLR"].calls, facts["StepLR 2"].calls) == (3, 0)
    assert still.last_epoch == 0


def test_the_parts_of_a_schedule_are_moved_by_it(session):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    with session, warnings.catch_warnings(action="ignore"):
        parts = [lr_scheduler.LinearLR(optimizer, total_iters=2), lr_scheduler.ExponentialLR(optimizer, 0.9)]
        schedule = lr_scheduler.SequentialLR(optimizer, parts, [2])
        for _ in range(4):
            optimizer.step()
            schedule.step()
    session.finish()
    assert {f.kind: f.calls for f in session.run.schedules.values()} == {
        "LinearLR": 0, "ExponentialLR": 0, "SequentialLR": 4,
    }  # fmt: skip


def test_the_last_milestone_is_kept(session):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedules = [lr_scheduler.MultiStepLR(optimizer, [7, 3, 7]), lr_scheduler.StepLR(optimizer, 2)]
    schedules.append(lr_scheduler.MultiStepLR(optimizer, []))
    with session:
        optimizer.step()
        for schedule in schedules:
            schedule.step()
    assert [fact.last for fact in session.run.schedules.values()] == [7, 0, 0]

import torch
from torch import nn
from torch.optim import SGD
from torch.optim.lr_scheduler import ExponentialLR

from osler.model import Run
from osler.runtime.registry import Registry
from osler.runtime.restored_rates import RestoredRates, number, rates


def built(lr: float = 0.1) -> SGD:
    return SGD(nn.Linear(2, 2).parameters(), lr=lr)


def load(watch: RestoredRates, optimizer: SGD, lr: float) -> bool:
    watch.about(optimizer)
    optimizer.load_state_dict(built(lr).state_dict())
    return watch.loaded(optimizer, ())


def test_waits_for_the_step_that_follows() -> None:
    run, optimizer = Run(), built()
    watch = RestoredRates(run, Registry())
    assert load(watch, optimizer, 1e-6)
    assert watch.waits
    assert not run.restored_rates
    watch.stepping(optimizer)
    assert not watch.waits
    fact = run.restored_rates["SGD"]
    assert (fact.before, fact.after, fact.schedule) == (0.1, 1e-6, "")


def test_forgets_a_rate_that_does_not_stay() -> None:
    run, optimizer = Run(), built()
    watch = RestoredRates(run, Registry())
    load(watch, optimizer, 1e-6)
    optimizer.param_groups[0]["lr"] = 0.1
    watch.stepping(optimizer)
    assert not run.restored_rates
    load(watch, optimizer, 1e-6)
    watch.stepping(optimizer)
    load(watch, optimizer, 0.1)
    assert not run.restored_rates
    load(watch, optimizer, 1e-6)
    watch.stepping(optimizer)
    optimizer.param_groups[0]["lr"] = 0.1
    watch.finish()
    assert not run.restored_rates


def test_leaves_a_schedule_alone_that_has_counted() -> None:
    for counted, expected in ((0, {"ExponentialLR"}), (3, set[str]())):
        run, registry, optimizer = Run(), Registry(), built()
        watch = RestoredRates(run, registry)
        load(watch, optimizer, 1e-6)
        schedule = ExponentialLR(optimizer, 0.9)
        schedule.last_epoch = counted
        registry.schedule(schedule)
        watch.stepping(optimizer)
        assert {fact.schedule for fact in run.restored_rates.values()} == expected


def test_passes_over_rates_of_the_same_order() -> None:
    watch = RestoredRates(Run(), Registry())
    assert not load(watch, built(0.1), 0.01)
    assert not load(watch, built(0.0), 0.0)
    assert not load(watch, built(1e-6), 1e-6)


def test_reads_rates_where_there_are_some() -> None:
    optimizer = built(0.1)
    assert rates(optimizer) == [0.1]
    optimizer.param_groups[0]["lr"] = None
    assert rates(optimizer) == []
    assert number(torch.tensor(0.5)) == 0.5
    assert number("high") != number("high")

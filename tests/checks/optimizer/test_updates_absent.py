import pytest

from osler.checks.optimizer.updates_absent import check
from osler.model import Kind, OptimizerFact, Run, UpdateFact
from osler.testing import event, findings, place, run_of

BATCH = event(Kind.BATCH, "DataLoader", 10)
BACKWARD = event(Kind.BACKWARD, "", 13)
STEP = event(Kind.STEP, "SGD", 14, "fresh")
SCHEDULE = event(Kind.SCHEDULE, "LambdaLR", 15)


def run(*updates: UpdateFact) -> Run:
    built = [OptimizerFact("SGD", (place(5),), 2, 9)]
    return run_of([[BATCH, BACKWARD, STEP, SCHEDULE]] * 9, updates=list(updates), optimizers=built)


SILENT = {
    "every step changes the weights": run(UpdateFact("SGD", 5, 0)),
    "a warm-up starts at 0": run(UpdateFact("SGD", 5, 1)),
    "nothing but the last look": run(UpdateFact("SGD", 5, 4)),
    "too few looks": run(UpdateFact("SGD", 3, 3)),
    "nothing was compared": run(),
    "one step in many changes them": run(UpdateFact("SGD", 500, 499)),
    "two optimizers, and both move": run(UpdateFact("SGD", 9, 1), UpdateFact("Adam", 9, 0)),
    "a tiny rate that still moves": run(UpdateFact("SGD", 9, 8, 1e-12)),
}


@pytest.mark.parametrize("healthy", SILENT.values(), ids=SILENT.keys())
def test_stays_quiet(healthy: Run) -> None:
    assert findings(healthy, [check]) == ()


def test_says_what_was_seen() -> None:
    (found,) = findings(run(UpdateFact("SGD", 5, 5)), [check])
    assert found.message == (
        "`SGD` changed no weight at any of the 5 steps that were looked at, although the gradients were "
        "not zero; its learning rate was 0."
    )
    assert (found.place.line, found.place.subject) == (14, "SGD")
    assert [(r.place.line, r.label) for r in found.related] == [
        (5, "`SGD` is built here"),
        (15, "the learning rate is set here"),
    ]


def test_names_a_rate_that_is_lost_to_rounding() -> None:
    (found,) = findings(run(UpdateFact("SGD", 5, 5, 1e-12)), [check])
    assert found.message.endswith("its learning rate was 1e-12.")


def test_does_not_apply_without_comparison() -> None:
    assert check.applies(run()) == "no step with gradients was compared"
    assert check.applies(run(UpdateFact("SGD", 1, 0))) == ""

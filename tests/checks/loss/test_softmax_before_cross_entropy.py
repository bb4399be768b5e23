import pytest

from osler.checks.loss.softmax_before_cross_entropy import check
from osler.model import Event, Kind, LossInputFact, Run, Severity
from osler.testing import assert_silent, event, findings, place, run_of

BATCH = event(Kind.BATCH, "DataLoader", 10)
LOSS = event(Kind.LOSS, "cross_entropy", 12, "grad")
SCORE = event(Kind.LOSS, "cross_entropy", 12, "no-grad")
BACKWARD = event(Kind.BACKWARD, "", 13)
STEP = event(Kind.STEP, "SGD", 14, "fresh")
TRAINING = [BATCH, LOSS, BACKWARD, STEP]


def rows(
    *, probability: int = 0, log_probability: int = 0, total: int = 192, classes: int = 10, **more: object
) -> LossInputFact:
    """What was tested at the call in line 12; logits unless said otherwise."""
    known = {
        "function": "cross_entropy",
        "site": LOSS.site,
        "rows": total,
        "probability_rows": probability,
        "log_probability_rows": log_probability,
        "positive_rows": total,
        "classes": classes,
        "lowest": 0.0,
        "highest": 1.0,
        "sum_low": 0.9999,
        "sum_high": 1.0001,
    }
    return LossInputFact(**(known | more))


def run(fact: LossInputFact, turn: list[Event] = TRAINING) -> Run:
    return run_of([turn] * 12, losses=[fact])


SILENT = {
    "logits": run(rows()),
    "too few rows": run(rows(probability=31, total=31)),
    "one row is none": run(rows(probability=191)),
    "one row is no log-probability": run(rows(log_probability=191)),
    "a single class": run(rows(probability=192, classes=1)),
    "only computed without gradient": run(rows(probability=192), [BATCH, SCORE]),
    "never seen in a turn": run(rows(probability=192), [BATCH]),
    "another function": run(rows(probability=192, function="nll_loss")),
    "another call of it is trained": run(
        rows(probability=192), [BATCH, event(Kind.LOSS, "cross_entropy", 99, "grad"), BACKWARD, STEP]
    ),
}


@pytest.mark.parametrize("healthy", SILENT.values(), ids=SILENT.keys())
def test_stays_quiet(healthy: Run) -> None:
    assert findings(healthy, [check]) == ()


def test_says_what_was_seen() -> None:
    (found,) = findings(run(rows(probability=192)), [check])
    assert found.message == (
        "`cross_entropy` received probabilities: all 192 rows tested lie in [0, 1] and sum to 1 "
        "(0.9999 to 1.0001)."
    )
    assert found.severity is Severity.ERROR
    assert (found.place.line, found.place.step) == (12, 0)


def test_points_at_the_softmax_and_the_loss() -> None:
    made = rows(probability=192, made_at=(place(5), place(11)), made_by="softmax")
    (found,) = findings(run(made), [check])
    assert "probabilities from `softmax`" in found.message
    assert found.place.line == 5
    assert (found.related[0].place.line, found.related[0].label) == (12, "the loss is computed here")
    assert 11 in [r.place.line for r in found.related]


def test_tells_the_lowest_loss_that_can_be_reached() -> None:
    (found,) = findings(run(rows(probability=192)), [check])
    assert found.evidence[1].value == pytest.approx(1.4612, abs=1e-4)


def test_counts_steps_before_the_first_such_loss() -> None:
    warmup = [BATCH, BACKWARD, STEP]
    (found,) = findings(run_of([*[warmup] * 5, TRAINING, TRAINING], losses=[rows(probability=192)]), [check])
    assert found.place.step == 5


def test_log_probabilities_are_a_hint() -> None:
    log_softmax = run(rows(log_probability=192, made_by="log_softmax"))
    (found,) = findings(log_softmax, [check])
    assert found.severity is Severity.HINT
    assert "harmless but redundant" in found.message
    assert "changes nothing" in found.why
    assert_silent(log_softmax, [check])


def test_does_not_apply_without_the_function() -> None:
    assert check.applies(Run()) == "cross_entropy was not called"
    assert check.applies(run(rows())) == ""

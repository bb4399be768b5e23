import pytest

from osler.checks.loss.probabilities_passed_to_nll_loss import check
from osler.model import Event, Kind, LossInputFact, Run, Severity
from osler.testing import event, findings, place, run_of

BATCH = event(Kind.BATCH, "DataLoader", 10)
LOSS = event(Kind.LOSS, "nll_loss", 12, "grad")
SCORE = event(Kind.LOSS, "nll_loss", 12, "no-grad")
BACKWARD = event(Kind.BACKWARD, "", 13)
STEP = event(Kind.STEP, "SGD", 14, "fresh")
TRAINING = [BATCH, LOSS, BACKWARD, STEP]


def rows(*, probability: int = 0, total: int = 64, classes: int = 4, **more: object) -> LossInputFact:
    """What was tested at the call in line 12."""
    known = {
        "function": "nll_loss",
        "site": LOSS.site,
        "rows": total,
        "probability_rows": probability,
        "log_probability_rows": 0,
        "positive_rows": total,
        "classes": classes,
        "lowest": 0.01,
        "highest": 0.9,
        "sum_low": 1.0,
        "sum_high": 1.0,
    }
    return LossInputFact(**(known | more))


def run(fact: LossInputFact, turn: list[Event] = TRAINING) -> Run:
    return run_of([turn] * 12, losses=[fact])


SILENT = {
    "log-probabilities": run(rows(log_probability_rows=64, positive_rows=0)),
    "raw scores, which is another problem": run(rows()),
    "one row does not sum to 1": run(rows(probability=63)),
    "too few rows": run(rows(probability=31, total=31)),
    "a single class": run(rows(probability=64, classes=1)),
    "only computed without gradient": run(rows(probability=64), [BATCH, SCORE]),
    "another function": run(rows(probability=64, function="cross_entropy")),
}


@pytest.mark.parametrize("healthy", SILENT.values(), ids=SILENT.keys())
def test_stays_quiet(healthy: Run) -> None:
    assert findings(healthy, [check]) == ()


def test_says_what_was_seen() -> None:
    (found,) = findings(run(rows(probability=64)), [check])
    assert found.message == (
        "`nll_loss` received probabilities: all 64 rows tested lie in [0, 1] and sum to 1 (1.0000 to 1.0000)."
    )
    assert found.severity is Severity.ERROR
    assert (found.place.line, found.place.step) == (12, 0)


def test_points_at_the_softmax_and_the_loss() -> None:
    (found,) = findings(run(rows(probability=64, made_at=(place(5),), made_by="softmax")), [check])
    assert "probabilities from `softmax`" in found.message
    assert found.place.line == 5
    assert [(r.place.line, r.label) for r in found.related] == [(12, "the loss is computed here")]


def test_does_not_apply_without_the_function() -> None:
    assert check.applies(Run()) == "nll_loss was not called"
    assert check.applies(run(rows())) == ""

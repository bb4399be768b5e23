import pytest

from osler.checks.loss.logits_passed_to_nll_loss import check
from osler.model import Event, Kind, LossInputFact, Run, Severity
from osler.testing import event, findings, place, run_of

BATCH = event(Kind.BATCH, "DataLoader", 10)
LOSS = event(Kind.LOSS, "nll_loss", 12, "grad")
SCORE = event(Kind.LOSS, "nll_loss", 12, "no-grad")
BACKWARD = event(Kind.BACKWARD, "", 13)
STEP = event(Kind.STEP, "SGD", 14, "fresh")
TRAINING = [BATCH, LOSS, BACKWARD, STEP]


def rows(positive: int, *, total: int = 192, **more: object) -> LossInputFact:
    """What was tested at the call in line 12."""
    known = {
        "function": "nll_loss",
        "site": LOSS.site,
        "rows": total,
        "probability_rows": 0,
        "log_probability_rows": 0,
        "positive_rows": positive,
        "classes": 4,
        "lowest": -6.5,
        "highest": 7.31,
        "sum_low": -9.0,
        "sum_high": 11.0,
    }
    return LossInputFact(**(known | more))


def run(fact: LossInputFact, turn: list[Event] = TRAINING) -> Run:
    return run_of([turn] * 12, losses=[fact])


SILENT = {
    "log-probabilities": run(rows(0, log_probability_rows=192)),
    "log-probabilities that do not sum to 1": run(rows(0, highest=-0.2)),
    "log-probabilities rounded above 0": run(rows(120, log_probability_rows=192, highest=1e-7)),
    "some rows are log-probabilities": run(rows(180, log_probability_rows=12)),
    "probabilities, which is another problem": run(rows(192, probability_rows=192)),
    "only half of the rows are positive": run(rows(96)),
    "too few rows": run(rows(31, total=31)),
    "only computed without gradient": run(rows(192), [BATCH, SCORE]),
    "another function": run(rows(192, function="cross_entropy")),
}


@pytest.mark.parametrize("healthy", SILENT.values(), ids=SILENT.keys())
def test_stays_quiet(healthy: Run) -> None:
    assert findings(healthy, [check]) == ()


def test_says_what_was_seen() -> None:
    (found,) = findings(run(rows(180)), [check])
    assert found.message == (
        "`nll_loss` received values above 0 in 180 of 192 rows tested (highest 7.31): "
        "these are not log-probabilities."
    )
    assert found.severity is Severity.ERROR
    assert (found.place.line, found.place.step) == (12, 0)


def test_one_row_that_happens_to_be_normalized_changes_nothing() -> None:
    assert findings(run(rows(180, log_probability_rows=1)), [check])


def test_points_at_the_last_layer_and_the_loss() -> None:
    (found,) = findings(run(rows(180, made_at=(place(5),), made_by="linear")), [check])
    assert "above 0 from `linear` in 180" in found.message
    assert found.place.line == 5
    assert [(r.place.line, r.label) for r in found.related] == [(12, "the loss is computed here")]


def test_explains_the_loss_that_runs_away() -> None:
    assert {"loss-not-finite", "loss-diverges"} <= set(check.symptoms)


def test_does_not_apply_without_the_function() -> None:
    assert check.applies(Run()) == "nll_loss was not called"
    assert check.applies(run(rows(0))) == ""

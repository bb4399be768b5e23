"""A diagnosis sums up its groups."""

from dataclasses import replace

import pytest

from osler.model import Cost, Diagnosis, Finding, Group, Place, Severity


def found(check: str, severity: Severity = Severity.ERROR) -> Finding:
    return Finding(check, Place(), "Seen.", "expected", "Why.", "Fix.", severity)


CAUSE, SYMPTOM = found("cause"), found("symptom", Severity.WARNING)
WARNING, HINT = found("warning", Severity.WARNING), found("hint", Severity.HINT)
ACKNOWLEDGED = replace(found("acknowledged"), suppressed=True)
FULL = Diagnosis(groups=(Group(CAUSE, (SYMPTOM,)), Group(ACKNOWLEDGED), Group(WARNING), Group(HINT)))


def test_findings_come_with_causes_before_their_symptoms() -> None:
    assert FULL.findings == (CAUSE, SYMPTOM, ACKNOWLEDGED, WARNING, HINT)


def test_headlines_are_causes_above_hint_that_are_not_acknowledged() -> None:
    assert FULL.headlines == (CAUSE, WARNING)


def test_the_worst_is_that_of_the_groups_whose_causes_are_not_acknowledged() -> None:
    assert FULL.worst is Severity.ERROR
    assert Diagnosis(groups=(Group(ACKNOWLEDGED), Group(HINT))).worst is Severity.HINT
    assert Diagnosis(groups=(Group(ACKNOWLEDGED),)).worst is None


def test_a_symptom_that_is_not_acknowledged_makes_it_worse() -> None:
    assert Diagnosis(groups=(Group(WARNING, (CAUSE,)),)).worst is Severity.ERROR
    assert Diagnosis(groups=(Group(WARNING, (ACKNOWLEDGED,)),)).worst is Severity.WARNING
    assert Diagnosis(groups=(Group(ACKNOWLEDGED, (CAUSE,)),)).worst is None


def test_nothing_found() -> None:
    healthy = Diagnosis()
    assert (healthy.findings, healthy.headlines, healthy.worst) == ((), (), None)


@pytest.mark.parametrize(("seconds", "training", "share"), [(1.0, 200.0, 0.005), (1.0, 0.0, 0.0), (0, 0, 0)])
def test_the_cost_is_a_share_of_the_training(seconds: float, training: float, share: float) -> None:
    assert Cost(seconds=seconds, training_seconds=training).measured == share
    assert Cost(sampled_seconds=seconds, training_seconds=training).sampled == share

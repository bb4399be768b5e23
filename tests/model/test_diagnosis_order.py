"""Rules that hold for any findings: folding loses none, and headlines are what must be looked at."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from osler.engine.catalogue import catalogue
from osler.engine.fold import fold
from osler.model import Confidence, Diagnosis, Finding, Place, Severity

CHECKS = catalogue()
calm = settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
found = st.builds(
    Finding,
    check=st.sampled_from(sorted(CHECKS)),
    place=st.builds(
        Place,
        file=st.sampled_from(["", "/a.py", "/b.py"]),
        line=st.integers(0, 3),
        step=st.none() | st.integers(0, 2),
        subject=st.sampled_from(["", "SGD", "Net"]),
    ),
    message=st.just("Seen."),
    expected=st.just("expected"),
    why=st.just("Why."),
    fix=st.just("Fix."),
    severity=st.sampled_from(Severity),
    confidence=st.sampled_from(Confidence),
    suppressed=st.booleans(),
)
several = st.lists(
    found, max_size=8, unique_by=lambda f: (f.check, f.place.file, f.place.line, f.place.subject)
)
twice = st.lists(found, max_size=12, unique_by=lambda f: (f.check, f.place))


@given(several)
@calm
def test_each_finding_is_told_once(findings: list[Finding]) -> None:
    told = Diagnosis(groups=fold(findings, CHECKS)).findings
    assert sorted(map(repr, told)) == sorted(map(repr, findings))


@given(several | twice, st.randoms(use_true_random=False))
@calm
def test_the_order_in_which_findings_come_does_not_matter(findings: list[Finding], chance) -> None:
    shuffled = list(findings)
    chance.shuffle(shuffled)
    one, other = fold(findings, CHECKS), fold(shuffled, CHECKS)
    assert {g.cause for g in one} == {g.cause for g in other}
    assert {f for g in one for f in g.symptoms} == {f for g in other for f in g.symptoms}


@pytest.mark.parametrize("backwards", [False, True])
def test_of_what_is_told_once_the_surest_worst_and_earliest_is_told(backwards: bool) -> None:
    place = Place("/a.py", 3)
    one = Finding(min(CHECKS), place, "Seen.", "expected", "Why.", "Fix.", Severity.HINT, Confidence.LIKELY)
    likely = [
        replace(one, severity=Severity.WARNING, place=replace(place, step=4)),
        replace(one, severity=Severity.WARNING, place=replace(place, step=0)),
        replace(one, severity=Severity.WARNING),
        one,
    ]
    sure = replace(one, confidence=Confidence.CERTAIN)
    for given_, told in ((likely, likely[1]), ([*likely, sure], sure)):
        (group,) = fold(given_[::-1] if backwards else given_, CHECKS)
        assert group.findings == (told,)


@given(several)
@calm
def test_headlines_are_causes_that_nobody_has_acknowledged(findings: list[Finding]) -> None:
    diagnosis = Diagnosis(groups=fold(findings, CHECKS))
    causes = [g.cause for g in diagnosis.groups]
    assert set(diagnosis.headlines) <= set(causes)
    assert not any(h.suppressed or h.severity is Severity.HINT for h in diagnosis.headlines)
    assert diagnosis.worst is None or diagnosis.worst >= max(
        (h.severity for h in diagnosis.headlines), default=Severity.HINT
    )


@given(several)
@calm
def test_what_is_acknowledged_altogether_is_no_problem(findings: list[Finding]) -> None:
    silenced = [replace(f, suppressed=True) for f in findings]
    diagnosis = Diagnosis(groups=fold(silenced, CHECKS))
    assert (diagnosis.worst, diagnosis.headlines) == (None, ())


@given(several)
@calm
def test_what_was_found_alone_is_a_cause(findings: list[Finding]) -> None:
    for finding in findings:
        (group,) = fold([finding], CHECKS)
        assert (group.cause, group.symptoms) == (finding, ())


@given(several)
@calm
def test_folding_again_what_was_folded_changes_nothing(findings: list[Finding]) -> None:
    once = fold(findings, CHECKS)
    assert fold([f for g in once for f in g.findings], CHECKS) == once

"""One cause, one headline, its symptoms beneath."""

from dataclasses import replace
from itertools import permutations

import pytest

from osler.engine.catalogue import catalogue
from osler.engine.fold import explained, fold
from osler.model import Check, Confidence, Finding, Group, Severity
from osler.testing import place

CERTAIN, LIKELY, POSSIBLE = Confidence.CERTAIN, Confidence.LIKELY, Confidence.POSSIBLE
ERROR, WARNING, HINT = Severity.ERROR, Severity.WARNING, Severity.HINT


def graph(**symptoms: str) -> dict[str, Check]:
    """Checks by name, each with the names of what it explains."""
    return {
        name: Check(f"osler.checks.a.{name}", ERROR, "expected", "Why.", "Fix.", tuple(names.split()))
        for name, names in symptoms.items()
    }


CHAIN = graph(root="middle", middle="leaf", leaf="", other="")


def found(
    check: str,
    severity: Severity = ERROR,
    confidence: Confidence = CERTAIN,
    *,
    line: int = 1,
    step: int | None = None,
    subject: str = "",
) -> Finding:
    where = replace(place(line), step=step, subject=subject)
    return Finding(check, where, "Seen.", "expected", "Why.", "Fix.", severity, confidence)


def told(groups: tuple[Group, ...]) -> list[tuple[str, list[str]]]:
    """The names of causes with those of their symptoms."""
    return [(g.cause.check, [s.check for s in g.symptoms]) for g in groups]


def test_nothing_found() -> None:
    assert fold([], CHAIN) == ()


def test_a_finding_alone_is_its_own_cause() -> None:
    only = found("leaf")
    assert fold([only], CHAIN) == (Group(only),)


def test_a_symptom_stands_under_its_cause() -> None:
    assert told(fold([found("middle"), found("leaf")], CHAIN)) == [("middle", ["leaf"])]


def test_strangers_stand_side_by_side() -> None:
    assert dict(told(fold([found("middle"), found("other")], CHAIN))) == {"middle": [], "other": []}


def test_a_cause_explains_the_symptoms_of_its_symptoms() -> None:
    everything = [found("root"), found("middle"), found("leaf")]
    assert told(fold(everything, CHAIN)) == [("root", ["middle", "leaf"])]


def test_even_if_what_lies_between_was_not_found() -> None:
    assert told(fold([found("root"), found("leaf")], CHAIN)) == [("root", ["leaf"])]


def test_even_if_what_lies_between_is_no_check_yet() -> None:
    checks = graph(root="planned leaf", leaf="")
    assert told(fold([found("root"), found("leaf")], checks)) == [("root", ["leaf"])]


@pytest.mark.parametrize("order", list(permutations(["root", "middle", "leaf"])))
def test_the_order_of_the_findings_changes_nothing(order: tuple[str, ...]) -> None:
    assert told(fold([found(name) for name in order], CHAIN)) == [("root", ["middle", "leaf"])]


def test_the_cause_is_the_headline_even_if_the_symptom_is_worse_and_earlier() -> None:
    mild = found("root", WARNING, step=9)
    assert told(fold([found("leaf", ERROR, step=0), mild], CHAIN)) == [("root", ["leaf"])]


@pytest.mark.parametrize(
    ("cause", "symptom", "counts_as"),
    [
        (WARNING, ERROR, ERROR),
        (WARNING, WARNING, WARNING),
        (ERROR, WARNING, ERROR),
        (WARNING, HINT, WARNING),
        (HINT, HINT, HINT),
    ],
)
def test_a_cause_counts_as_much_as_what_it_explains_and_keeps_its_own_severity(
    cause: Severity, symptom: Severity, counts_as: Severity
) -> None:
    (group,) = fold([found("root", cause), found("leaf", symptom)], CHAIN)
    assert (group.severity, group.cause.severity, group.symptoms[0].severity) == (counts_as, cause, symptom)


def test_the_worst_of_several_symptoms_counts() -> None:
    (group,) = fold([found("root", WARNING), found("middle", WARNING), found("leaf", ERROR)], CHAIN)
    assert group.severity is ERROR


def test_a_symptom_that_is_intended_makes_nothing_worse() -> None:
    (group,) = fold([found("root", WARNING), replace(found("leaf", ERROR), suppressed=True)], CHAIN)
    assert group.severity is WARNING


def test_a_cause_that_is_intended_stays_so() -> None:
    (group,) = fold([replace(found("root", WARNING), suppressed=True), found("leaf", ERROR)], CHAIN)
    assert (group.cause.suppressed, group.severity) == (True, ERROR)


def test_only_the_own_symptoms_count() -> None:
    groups = fold([found("root", WARNING), found("other", ERROR)], CHAIN)
    assert {g.cause.check: g.severity for g in groups} == {"root": WARNING, "other": ERROR}


def test_a_cause_with_a_severe_symptom_comes_ahead_of_milder_ones() -> None:
    groups = fold([found("other", WARNING, step=0), found("root", WARNING, step=9), found("leaf")], CHAIN)
    assert [g.cause.check for g in groups] == ["root", "other"]


def test_all_findings_of_a_symptom_stand_under_the_cause() -> None:
    leaves = [found("leaf", line=n) for n in (1, 2, 3)]
    assert told(fold([*leaves, found("root")], CHAIN)) == [("root", ["leaf"] * 3)]


def test_two_findings_of_one_check_are_two_causes() -> None:
    assert told(fold([found("root", line=1), found("root", line=2)], CHAIN)) == [("root", []), ("root", [])]


TWO_CAUSES = graph(first="shared", second="shared", shared="")


@pytest.mark.parametrize(
    ("first", "second", "holder"),
    [
        (found("first", WARNING), found("second", ERROR), "second"),
        (found("first", ERROR, LIKELY), found("second", ERROR, CERTAIN), "second"),
        (found("first", step=5), found("second", step=2), "second"),
        (found("first", ERROR, POSSIBLE), found("second", WARNING, CERTAIN), "second"),
    ],
    ids=["the worse", "the surer", "the earlier", "the surer, though less bad"],
)
def test_a_symptom_of_two_causes_is_told_once(first: Finding, second: Finding, holder: str) -> None:
    groups = dict(told(fold([first, second, found("shared")], TWO_CAUSES)))
    assert groups == {"first": [], "second": []} | {holder: ["shared"]}


@pytest.mark.parametrize("doubt", [LIKELY, POSSIBLE])
def test_a_doubtful_cause_does_not_hide_what_is_certain(doubt: Confidence) -> None:
    groups = fold([found("middle", confidence=doubt), found("leaf")], CHAIN)
    assert sorted(told(groups)) == [("leaf", []), ("middle", [])]


def test_every_finding_is_told_exactly_once() -> None:
    findings = [found("shared"), found("first"), found("second"), found("shared", line=2)]
    groups = fold(findings, TWO_CAUSES)
    said = [f for g in groups for f in (g.cause, *g.symptoms)]
    assert sorted(said, key=id) == sorted(findings, key=id)


def test_headlines_are_ordered_by_severity_certainty_and_time() -> None:
    ranked = [
        found("e", ERROR, CERTAIN, step=1),
        found("d", ERROR, CERTAIN, step=7),
        found("c", ERROR, LIKELY, step=0),
        found("b", WARNING, CERTAIN, step=0),
        found("a", HINT, CERTAIN, step=0),
    ]
    checks = graph(a="", b="", c="", d="", e="")
    for order in permutations(ranked):
        assert [g.cause for g in fold(order, checks)] == ranked


def test_without_a_step_it_was_there_from_the_start() -> None:
    checks = graph(a="", b="")
    assert told(fold([found("a", step=1), found("b")], checks)) == [("b", []), ("a", [])]


def test_a_hint_explains_nothing_above_a_hint() -> None:
    assert told(fold([found("root", HINT), found("leaf", WARNING)], CHAIN)) == [("leaf", []), ("root", [])]


def test_a_hint_explains_a_hint() -> None:
    assert told(fold([found("root", HINT), found("leaf", HINT)], CHAIN)) == [("root", ["leaf"])]


def test_a_hint_between_is_no_obstacle() -> None:
    everything = [found("root"), found("middle", HINT), found("leaf")]
    assert told(fold(everything, CHAIN)) == [("root", ["middle", "leaf"])]


def test_without_the_root_the_next_cause_speaks() -> None:
    assert told(fold([found("root", HINT), found("middle"), found("leaf")], CHAIN)) == [
        ("middle", ["leaf"]),
        ("root", []),
    ]


def test_doubles_are_told_once_by_the_surest() -> None:
    doubles = [found("leaf", confidence=c) for c in (POSSIBLE, CERTAIN, LIKELY)]
    for order in permutations(doubles):
        assert fold(order, CHAIN) == (Group(doubles[1]),)


def test_the_first_of_equally_sure_doubles_is_kept() -> None:
    first, second = found("leaf", step=1), found("leaf", step=2)
    assert fold([first, second], CHAIN) == (Group(first),)


@pytest.mark.parametrize(
    "other",
    [found("leaf", line=2), found("leaf", subject="Net"), found("other")],
    ids=["another line", "another subject", "another check"],
)
def test_only_one_check_at_one_line_and_subject_is_double(other: Finding) -> None:
    assert len(fold([found("leaf"), other], CHAIN)) == 2


def test_a_check_does_not_explain_itself() -> None:
    assert "ring" not in explained("ring", graph(ring="round", round="ring"))


def test_rings_end_and_lose_nothing() -> None:
    checks = graph(ring="round", round="ring")
    groups = fold([found("ring"), found("round")], checks)
    assert len([f for g in groups for f in (g.cause, *g.symptoms)]) == 2


def test_a_finding_of_an_unknown_check_is_told() -> None:
    assert told(fold([found("root"), found("stranger")], CHAIN)) == [("root", []), ("stranger", [])]


@pytest.mark.parametrize("name", sorted(catalogue()))
def test_the_catalogue_holds_no_rings(name: str) -> None:
    checks = catalogue()
    assert not [other for other in explained(name, checks) if name in explained(other, checks)]


def test_the_catalogue_explains_what_a_cut_causes() -> None:
    checks = catalogue()
    findings = [found("parameters-without-gradient", WARNING), found("graph-broken")]
    assert told(fold(findings, checks)) == [("graph-broken", ["parameters-without-gradient"])]

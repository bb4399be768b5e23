"""Severities are ordered and have names."""

from osler.model import Confidence, Finding, Place, Severity


def test_severities_are_ordered() -> None:
    assert sorted([Severity.ERROR, Severity.HINT, Severity.WARNING]) == [
        Severity.HINT,
        Severity.WARNING,
        Severity.ERROR,
    ]


def test_severities_have_labels() -> None:
    assert [s.label for s in Severity] == ["hint", "warning", "error"]


def test_a_finding_is_certain_seen_in_the_run_and_not_acknowledged_unless_it_says_so() -> None:
    found = Finding("x", Place(), "Seen.", "expected", "Why.", "Fix.", Severity.ERROR)
    assert (found.confidence, found.seen_by, found.suppressed) == (Confidence.CERTAIN, ("run",), False)
    assert (found.related, found.evidence) == ((), ())


def test_confidence_is_written_as_its_word() -> None:
    assert [str(c) for c in Confidence] == ["certain", "likely", "possible"]

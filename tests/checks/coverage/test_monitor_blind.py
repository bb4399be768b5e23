import pytest

from osler.checks.coverage.monitor_blind import check
from osler.model import BlindFact, Kind, Run, Severity
from osler.testing import event, findings, run_of

STEP = event(Kind.STEP, "SGD", 14, "stale")
FORWARD = event(Kind.FORWARD, "Net", 11, "grad")
BACKWARD = event(Kind.BACKWARD, "", 13)
BATCH = event(Kind.BATCH, "DataLoader", 10)

INSIDE = "its inside is compiled"
THREADS = BlindFact("other threads", "only the thread that trains was watched")

SILENT = {
    "nothing at all": Run(ended=True),
    "everything is seen": run_of([[BATCH, FORWARD, BACKWARD, STEP]] * 9, ended=True),
    "two steps alone": run_of([[BATCH, STEP]] * 2),
    "forward is seen": run_of([[BATCH, FORWARD, STEP]] * 9),
    "backward is seen": run_of([[BATCH, BACKWARD, STEP]] * 9),
    "batches alone": run_of([[BATCH]] * 9),
}


@pytest.mark.parametrize("healthy", SILENT.values(), ids=SILENT.keys())
def test_stays_quiet(healthy: Run) -> None:
    assert findings(healthy, [check]) == ()


def test_says_what_was_not_seen() -> None:
    (found,) = findings(run_of(blind=[THREADS]), [check])
    assert (
        found.message
        == "Not everything about `other threads` was seen: only the thread that trains was watched."
    )
    assert found.severity is Severity.HINT
    assert found.place.subject == "other threads"


def test_says_that_steps_stand_alone() -> None:
    (found,) = findings(run_of([[BATCH, STEP]] * 3), [check])
    assert found.message == ("3 optimizer steps were seen, but neither a forward nor a backward call.")
    assert found.severity is Severity.WARNING
    assert (found.place.line, found.place.step) == (14, 0)


def blind(*facts: tuple[str, str]) -> list[BlindFact]:
    return [BlindFact(subject, reason) for subject, reason in facts]


GROUPS = {
    "one reason, several subjects": (
        blind(("A", INSIDE), ("B", INSIDE)),
        ["Not everything about `A`, `B` was seen: its inside is compiled."],
    ),
    "many subjects": (
        blind(*((name, INSIDE) for name in "ABCDE")),
        ["Not everything about `A`, `B`, `C`, `D` and 1 more was seen: its inside is compiled."],
    ),
    "several reasons, one subject": (
        blind(("A", INSIDE), ("A", "it ran in a graph.")),
        ["Not everything about `A` was seen: its inside is compiled; it ran in a graph."],
    ),
    "the same twice": (
        blind(("A", INSIDE), ("A", INSIDE)),
        ["Not everything about `A` was seen: its inside is compiled."],
    ),
    "different reasons": (
        blind(("A", INSIDE), ("B", "it ran in a graph")),
        [
            "Not everything about `A` was seen: its inside is compiled.",
            "Not everything about `B` was seen: it ran in a graph.",
        ],
    ),
    "no subject": (
        blind(("", INSIDE)),
        ["Not everything about `the program` was seen: its inside is compiled."],
    ),
}


@pytest.mark.parametrize(("facts", "messages"), GROUPS.values(), ids=GROUPS.keys())
def test_each_reason_is_told_once(facts: list[BlindFact], messages: list[str]) -> None:
    found = findings(run_of(blind=facts), [check])
    assert [f.message for f in found] == messages
    assert len({f.place.subject for f in found}) == len(found)


@pytest.mark.parametrize(("essential", "severity"), [(False, Severity.HINT), (True, Severity.WARNING)])
def test_only_what_is_essential_is_a_headline(essential: bool, severity: Severity) -> None:
    facts = [BlindFact("A", INSIDE), BlindFact("B", INSIDE, essential=essential)]
    assert [f.severity for f in findings(run_of(blind=facts), [check])] == [severity]


def test_a_run_in_which_nothing_was_seen_is_judged_too() -> None:
    assert check.applies(Run()) == ""
    assert findings(Run(blind=[THREADS]), [check])

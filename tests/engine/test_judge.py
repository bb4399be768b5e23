"""Every check is asked, and a fault in one harms no other."""

from collections.abc import Callable, Iterator

from osler.engine.judge import judge
from osler.model import Check, Finding, Kind, Run, Severity
from osler.testing import event, run_of

STEP = event(Kind.STEP, "SGD", 14, "fresh")


def check(name: str, *, reason: str = "", detector: bool = True) -> Check:
    """A check that tells the number of steps."""
    new = Check(f"osler.checks.a.{name}", Severity.ERROR, "expected", "Why.", "Fix.")

    def detect(run: Run) -> Iterator[Finding]:
        yield new.finding((), f"{name} saw {run.steps} steps by {run.context.optimizers}.")

    new.applies_when(lambda run: reason)
    if detector:
        new.in_run(detect)
    return new


def test_all_checks_are_asked_in_order() -> None:
    seen = judge(run_of([[STEP]] * 3), [check("b"), check("a")])
    assert [f.message for f in seen.findings] == [
        "b saw 3 steps by ('SGD',).",
        "a saw 3 steps by ('SGD',).",
    ]
    assert (seen.checked, seen.not_applicable, seen.failed) == (("b", "a"), {}, {})


def test_the_context_is_derived_first() -> None:
    run = run_of([[STEP]])
    run.context = Run().context
    judge(run, [])
    assert run.context.optimizers == ("SGD",)


def test_what_does_not_apply_is_told_with_the_reason() -> None:
    seen = judge(Run(), [check("a", reason="no step was seen"), check("b")])
    assert (seen.checked, seen.not_applicable) == (("b",), {"a": "no step was seen"})
    assert [f.check for f in seen.findings] == ["b"]


def test_a_check_without_a_detector_is_passed_over() -> None:
    seen = judge(Run(), [check("a", detector=False)])
    assert (seen.findings, seen.checked, seen.not_applicable, seen.failed) == ((), (), {}, {})


def test_a_check_that_failed_is_named_and_the_others_go_on() -> None:
    def guarded(ask: Callable[[], list[Finding]], name: str) -> list[Finding] | None:
        return None if name == "a" else ask()

    seen = judge(Run(), [check("a"), check("b")], guarded)
    assert seen.failed == {"a": "the check itself failed; please report it"}
    assert (seen.checked, [f.check for f in seen.findings]) == (("b",), ["b"])


def test_a_check_that_finds_nothing_was_checked() -> None:
    quiet = check("a")
    quiet.in_run(lambda run: iter(()))
    seen = judge(Run(), [quiet])
    assert (seen.findings, seen.checked) == ((), ("a",))

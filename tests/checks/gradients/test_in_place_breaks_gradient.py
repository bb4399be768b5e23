from dataclasses import replace

import pytest

from osler.checks.gradients.in_place_breaks_gradient import check
from osler.model import Confidence, CrashFact, InPlaceFact, Kind, Run
from osler.testing import event, findings, place, run_of

BACKWARD = event(Kind.BACKWARD, "", 13)
TEXT = "one of the variables needed for gradient computation has been modified by an inplace operation: …"
CRASH = CrashFact("RuntimeError", TEXT, (place(13),), "backward")
OTHER = CrashFact("RuntimeError", "CUDA out of memory", (place(13),), "backward")
ONE = InPlaceFact("sigmoid", ((place(8),),))
TWO = InPlaceFact("", ((place(8),), (place(9),)))


def run(fact: InPlaceFact | None, crash: CrashFact | None) -> Run:
    return run_of([[BACKWARD]], in_place=fact, crash=crash, ended=True)


SILENT = {
    "no crash": (None, None),
    "a crash of another kind": (None, OTHER),
    "the script went on and failed later": (ONE, OTHER),
    "the script caught it": (ONE, None),
    "nothing is known": (None, CRASH),
    "the forward failed": (
        None,
        CrashFact("RuntimeError", "a leaf Variable … in-place operation", (place(8),)),
    ),
    "another kind of exception": (ONE, CrashFact("ValueError", "modified", (place(13),), "backward")),
    "stopped by hand": (ONE, CrashFact("KeyboardInterrupt", "", (place(13),), "backward")),
}


@pytest.mark.parametrize(("fact", "crash"), SILENT.values(), ids=SILENT.keys())
def test_stays_quiet(fact: InPlaceFact | None, crash: CrashFact | None) -> None:
    assert findings(run(fact, crash), [check]) == ()


def test_says_what_was_seen() -> None:
    (found,) = findings(run(ONE, CRASH), [check])
    assert found.message == (
        "`backward()` failed because the result of `sigmoid` was changed in place after the forward had kept "
        "it for the gradient: this statement does that."
    )
    assert (found.place.line, found.confidence) == (8, Confidence.CERTAIN)
    assert [(r.place.line, r.label) for r in found.related] == [(13, "backward fails here")]


def test_a_view_is_called_a_view() -> None:
    (found,) = findings(run(replace(ONE, made_by="as_strided"), CRASH), [check])
    assert found.message.startswith("`backward()` failed because a view of a tensor was changed in place")


def test_several_statements_may_be_meant() -> None:
    (found,) = findings(run(TWO, CRASH), [check])
    assert found.message == (
        "`backward()` failed because a tensor was changed in place after the forward had kept "
        "it for the gradient."
    )
    assert (found.place.line, found.confidence) == (13, Confidence.LIKELY)
    assert [r.place.line for r in found.related] == [8, 9]


def test_applies_to_a_backward_that_failed() -> None:
    assert check.applies(run(None, OTHER)) == "no backward failed because of a change in place"
    assert check.applies(run(ONE, CRASH)) == ""

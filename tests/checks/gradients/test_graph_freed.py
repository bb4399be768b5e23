import pytest

from osler.checks.gradients.graph_freed import APART, DETACH, ONCE, check
from osler.model import CrashFact, Event, Kind
from osler.testing import event, findings, place, run_of

BATCH = event(Kind.BATCH, "DataLoader", 10)
FORWARD = event(Kind.FORWARD, "Net", 12, "grad")
BACKWARD = event(Kind.BACKWARD, "", 13)
SECOND = event(Kind.BACKWARD, "", 20)
STEP = event(Kind.STEP, "SGD", 14, "fresh")
TEXT = "Trying to backward through the graph a second time (or directly access saved tensors …)"


def crash(line: int, message: str = TEXT) -> CrashFact:
    return CrashFact("RuntimeError", message, (place(line),), "backward")


HEALTHY = [BATCH, FORWARD, BACKWARD, STEP]
SILENT = {
    "no crash": (None, [HEALTHY] * 3),
    "another exception": (crash(13, "CUDA out of memory"), [HEALTHY] * 3),
    "a change in place": (crash(13, "has been modified by an inplace operation"), [HEALTHY] * 3),
    "two backward calls that went well": (None, [[BATCH, FORWARD, BACKWARD, SECOND, STEP]] * 3),
    "a graph that was kept went well": (None, [[BATCH, FORWARD, BACKWARD, BACKWARD, STEP]] * 3),
    "no gradient at all": (crash(13, "element 0 of tensors does not require grad"), [HEALTHY] * 3),
    "no training": (None, []),
    "another exception in the second": (crash(20, "shape mismatch"), [[BATCH, FORWARD, BACKWARD, SECOND]]),
}


@pytest.mark.parametrize(("error", "turns"), SILENT.values(), ids=SILENT.keys())
def test_stays_quiet(error: CrashFact | None, turns: list[list[Event]]) -> None:
    run = run_of(turns, crash=error, ended=True)
    assert findings(run, [check]) == ()
    assert check.applies(run) == "no backward met a graph that was freed"


def test_twice_through_one_graph() -> None:
    run = run_of([[BATCH, FORWARD, BACKWARD, SECOND]], crash=crash(20), ended=True)
    (found,) = findings(run, [check])
    assert found.message == ("`backward()` in line 13 had already freed the graph that this one needs.")
    assert (found.place.line, found.fix) == (20, ONCE)
    assert [(r.place.line, r.label) for r in found.related] == [(13, "this backward freed the graph")]


def test_two_losses_that_share_a_part() -> None:
    run = run_of([[BATCH, FORWARD, BACKWARD, STEP, FORWARD, SECOND]], crash=crash(20), ended=True)
    (found,) = findings(run, [check])
    assert (found.place.line, found.fix) == (20, APART)


@pytest.mark.parametrize("last", [[BATCH, FORWARD, BACKWARD], [BATCH, FORWARD]])
def test_something_is_carried_from_turn_to_turn(last: list[Event]) -> None:
    (found,) = findings(run_of([HEALTHY, last], crash=crash(13), ended=True), [check])
    assert found.message == (
        "`backward()` went on into the graph of the turn before, which was freed there: something is carried "
        "from turn to turn with its graph."
    )
    assert (found.place.line, found.fix) == (13, DETACH)
    assert [(r.place.line, r.label) for r in found.related] == [(12, "it enters here")]


def test_nothing_is_known_of_the_loop() -> None:
    (found,) = findings(run_of([], crash=crash(13), ended=True), [check])
    assert found.related == ()

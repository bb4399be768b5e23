"""What authors of checks build on: a run made by hand is what the ledger would have recorded."""

from collections.abc import Iterator
from dataclasses import fields
from typing import get_origin, get_type_hints

import pytest

from osler.engine.context import derive
from osler.model import (
    BroadcastFact,
    Check,
    Context,
    Finding,
    GraphFact,
    Kind,
    LoaderFact,
    ModuleFact,
    OptimizerFact,
    ParameterFact,
    Run,
    Severity,
)
from osler.testing import (
    EXAMPLE,
    FILE,
    KEYS,
    PRELUDE,
    assert_silent,
    event,
    examine,
    findings,
    keyed,
    place,
    read,
    run_of,
)

BATCH = event(Kind.BATCH, "DataLoader", 10)
BACKWARD = event(Kind.BACKWARD, "", 13)
STEP = event(Kind.STEP, "SGD", 14, "fresh")
PASS_END = event(Kind.PASS_END, "DataLoader", 10)
TURN = [BATCH, BACKWARD, STEP]


def test_places_and_events_are_lines_of_one_script() -> None:
    assert (place(12).file, place(12).line) == (FILE, 12)
    assert BATCH.site == (place(10),)
    assert STEP.traits == {"fresh"}


def test_an_event_at_line_0_has_no_place() -> None:
    assert event(Kind.CLEAR, "SGD").site == ()


def test_turns_of_the_same_objects_are_one_pattern() -> None:
    run = run_of([TURN, TURN, [*TURN], [BATCH, BACKWARD], TURN])
    assert [(p.count, p.first, p.last, p.longest) for p in run.patterns] == [(4, 0, 4, 3), (1, 3, 3, 1)]


def test_an_event_made_anew_is_another_event() -> None:
    """As in the ledger, which hands out one object for what recurs."""
    assert len(run_of([[event(Kind.STEP, "SGD", 14)], [event(Kind.STEP, "SGD", 14)]]).patterns) == 2


def test_what_happens_is_counted() -> None:
    run = run_of([[BATCH, BACKWARD, BACKWARD, STEP], [BATCH, STEP, STEP], [PASS_END]])
    assert (run.turns, run.backwards, run.steps, run.passes) == (3, 2, 3, 1)
    assert [p.step for p in run.patterns] == [1, 3, 3], "steps finished when the turn was over"


def test_the_context_is_derived() -> None:
    run = run_of([TURN] * 3)
    assert run.context == derive(run) != Context()


def test_parameters_were_looked_at_after_the_last_step_unless_told_otherwise() -> None:
    weight = ParameterFact("fc.weight", "Net", 40)
    assert run_of([TURN] * 3, parameters=[weight]).parameters_step == 3
    assert run_of([TURN] * 3, parameters=[weight], parameters_step=1).parameters_step == 1
    assert run_of([TURN] * 3).parameters_step == -1


def test_facts_are_found_under_the_names_that_a_run_uses() -> None:
    graph = GraphFact((place(13),), ("MeanBackward0",), (), ())
    run = run_of(
        [],
        optimizers=[OptimizerFact("SGD", (place(5),), 2, 9), OptimizerFact("Adam", (place(6),), 2, 9)],
        parameters=[ParameterFact("fc.weight", "Net", 40)],
        modules=[ModuleFact("", "Net", "Net", 0), ModuleFact("fc", "Net", "Linear", 40)],
        graphs=[graph],
    )
    assert list(run.optimizers) == ["SGD", "Adam"]
    assert list(run.parameters) == ["Net.fc.weight"]
    assert list(run.modules) == ["Net", "Net.fc"]
    assert run.graphs == {(place(13),): graph}


def test_facts_may_bring_their_own_keys() -> None:
    loader = LoaderFact("DataLoader", 100, 10, 10, "random")
    assert run_of([], loaders={"train": loader}).loaders == {"train": loader}


MAPPINGS = {name for name, hint in get_type_hints(Run).items() if get_origin(hint) is dict} - {"columns"}


@pytest.mark.parametrize("name", sorted(MAPPINGS))
def test_every_mapping_of_facts_may_be_given_as_a_list(name: str) -> None:
    assert name in KEYS
    assert keyed(name, []) == {}


@pytest.mark.parametrize("name", sorted(f.name for f in fields(Run) if f.name not in MAPPINGS))
def test_what_is_no_mapping_is_taken_as_it_is(name: str) -> None:
    given = [1, 2]
    assert keyed(name, given) is given


def test_a_misspelt_fact_is_refused() -> None:
    with pytest.raises(AttributeError):
        run_of([], optimisers=[])


def complaining(severity: Severity) -> Check:
    """A check that finds something in every run."""
    check = Check("stub.loss.always_speaks", severity, "silence", "It disturbs.", "Be quiet.")

    @check.in_run
    def detect(run: Run) -> Iterator[Finding]:
        yield check.finding((place(7),), "3 words were said")

    return check


LOUD = complaining(Severity.WARNING)


def test_findings_are_those_of_the_given_checks() -> None:
    (finding,) = findings(run_of([TURN]), [LOUD])
    assert (finding.check, finding.place.line) == ("always-speaks", 7)
    assert findings(run_of([TURN]), []) == ()


def test_without_checks_the_whole_catalogue_looks() -> None:
    spread = BroadcastFact("mse_loss", (place(12),), (16, 1), (16,), (16, 16))
    assert [f.check for f in findings(run_of([TURN], broadcasts=[spread]))] == ["loss-shapes-broadcast"]


def test_silence_is_asserted() -> None:
    with pytest.raises(AssertionError, match=r"^always-speaks at line 7: 3 words were said"):
        assert_silent(run_of([TURN]), [LOUD])


def test_a_hint_is_no_noise() -> None:
    assert_silent(run_of([TURN]), [complaining(Severity.HINT)])


NO_CLEAR = """\
for x, y in loader:
    loss_fn(model(x), y).backward()
    optimizer.step()
"""


def test_an_example_is_read_after_the_prelude() -> None:
    (finding,) = read(NO_CLEAR).findings
    assert (finding.check, finding.place.file) == ("gradients-not-cleared", EXAMPLE)
    assert finding.place.line == len(PRELUDE.splitlines()) + 2 + 3


def test_only_the_given_checks_read() -> None:
    assert read(NO_CLEAR, []).findings == ()


def test_an_example_that_is_no_python_is_a_fault_of_the_test() -> None:
    with pytest.raises(AssertionError):
        read("for x in loader")


def test_the_prelude_alone_is_healthy() -> None:
    assert read("").findings == ()


def test_an_example_is_run_as_a_script() -> None:
    diagnosis = examine("assert __name__ == '__main__'\nassert __file__.endswith('example.py')")
    assert (diagnosis.findings, diagnosis.subject.steps) == ((), 0)


def test_an_example_may_end_in_the_error_that_it_explains() -> None:
    (finding,) = examine("loss_fn(model(torch.randn(4, 8)), torch.tensor([0, 1, 2, 4]))").headlines
    assert finding.check == "labels-out-of-range"


def test_any_other_error_is_a_fault_of_the_test() -> None:
    with pytest.raises(ZeroDivisionError):
        examine("1 / 0")

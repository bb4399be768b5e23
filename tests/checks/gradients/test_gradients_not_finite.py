from array import array
from dataclasses import replace
from math import inf, nan

import pytest

from osler.checks.gradients.gradients_not_finite import check
from osler.model import Column, Event, GraphFact, Kind, NotFiniteFact, Run
from osler.testing import event, findings, place, run_of

BATCH = event(Kind.BATCH, "DataLoader", 10)
LOSS = event(Kind.LOSS, "mse_loss", 12, "grad")
BACKWARD = event(Kind.BACKWARD, "", 13)
STEP = event(Kind.STEP, "SGD", 14, "fresh")
TRAIN = [BATCH, LOSS, BACKWARD, STEP]
GRAPH = GraphFact(
    BACKWARD.site,
    (
        "MseLossBackward0",
        "AddmmBackward0",
        "AccumulateGrad",
        "SqrtBackward0",
        "AddmmBackward0",
        "AccumulateGrad",
    ),
    ((0, 1), (1, 2), (1, 3), (3, 4), (4, 5)),
    ((2, "Net.head.bias"), (5, "Net.body.bias")),
)


def column(*values: float) -> Column:
    return Column(array("q", range(len(values))), array("d", values))


def weights(*names: str, step: int = 7) -> NotFiniteFact:
    return NotFiniteFact("weights", nan, step, step + 1, BACKWARD.site, 1.0, 2.0, names)


def run(*facts: NotFiniteFact, columns: dict[str, Column] | None = None, turn: list[Event] = TRAIN) -> Run:
    return run_of([turn] * 9, not_finite=list(facts), columns=columns or {}, graphs={BACKWARD.site: GRAPH})


LOSSES = {"loss": column(2.0, 1.0, 1.0)}
SILENT = {
    "everything is finite": run(columns=LOSSES | {"gradient_norm": column(1.0, 1.0, 1.0)}),
    "the loss broke first": run(
        columns={
            "loss": column(2.0, nan, nan),
            "gradient_norm": column(1.0, nan),
            "gradient_norm:a": column(1, nan),
        }
    ),
    "a norm overflows": run(columns=LOSSES | {"gradient_norm:a": column(1.0, inf, 1.0)}),
    "the loss is not known": run(columns={"gradient_norm:a": column(1.0, nan, 1.0)}),
    "another measure": run(columns=LOSSES | {"parameter_norm:a": column(1.0, nan, 1.0)}),
    "only the loss": run(NotFiniteFact("loss", nan, 7, 8, BACKWARD.site)),
    "an activation": run(NotFiniteFact("activations", nan, 7, 8, BACKWARD.site)),
    "nothing was measured": run(),
    "norms of every parameter": run(
        columns=LOSSES | {f"gradient_norm:{n}": column(1.0, 2.0, 3.0) for n in "abc"}
    ),
}


@pytest.mark.parametrize("healthy", SILENT.values(), ids=SILENT.keys())
def test_stays_quiet(healthy: Run) -> None:
    assert findings(healthy, [check]) == ()


def test_says_what_was_seen() -> None:
    (found,) = findings(run(weights("body.bias")), [check])
    assert found.message == (
        "At step 6 the loss was finite, but the gradient of `body.bias` was not; "
        "on the way to it lies `sqrt`."
    )
    assert (found.place.line, found.place.step, found.place.subject) == (13, 6, "body.bias")
    assert [(r.place.line, r.label) for r in found.related] == [(14, "this step writes it into the weights")]


def test_names_the_lines_on_the_way() -> None:
    graph = replace(GRAPH, places=(place(30), place(31)), called=((0, 1), (3, 0)))
    seen = run_of([TRAIN] * 9, not_finite=[weights("body.bias")], graphs={BACKWARD.site: graph})
    (found,) = findings(seen, [check])
    assert [(r.place.line, r.label) for r in found.related] == [
        (30, "sqrt is computed here"),
        (14, "this step writes it into the weights"),
    ]


def test_names_the_parameter_nearest_to_the_loss() -> None:
    (found,) = findings(run(weights("body.bias", "head.bias")), [check])
    assert found.message == (
        "At step 6 the loss was finite, but the gradient of `head.bias` and that of 1 more parameter was not."
    )


def test_reads_the_norms_that_were_taken() -> None:
    columns = LOSSES | {"gradient_norm": column(1.0, nan), "gradient_norm:body.bias": column(1.0, nan)}
    (found,) = findings(run(columns=columns), [check])
    assert found.message.startswith("At step 1 the loss was finite, but the gradient of `body.bias` was not")


def test_does_not_apply_without_steps() -> None:
    assert check.applies(Run()) == "no step followed a backward"
    assert check.applies(run()) == ""

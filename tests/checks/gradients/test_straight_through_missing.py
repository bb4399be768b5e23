from dataclasses import replace

import pytest

from osler.checks.gradients.straight_through_missing import check
from osler.model import Column, GraphFact, Kind, ModelFact, OptimizerFact, ParameterFact, Place, Run
from osler.testing import event, findings, place, run_of

TURN = [
    event(Kind.BATCH, "DataLoader", 10),
    event(Kind.FORWARD, "Net", 12, "grad"),
    event(Kind.BACKWARD, "", 14),
    event(Kind.STEP, "SGD", 15, "fresh"),
]
SGD = OptimizerFact("SGD", (place(5),), 4, 100)
NET = ModelFact("Net", 100, 100, 5)
BODY = ParameterFact("body.weight", "Net", 90, optimizers=("SGD",))
HEAD = ParameterFact("head.weight", "Net", 110, optimizers=("SGD",))

GATE, PLAIN = "RoundBackward0", "MulBackward0"
LEAF_NODE = "AccumulateGrad"


def drawn(*operations: str, edges: tuple[tuple[int, int], ...], complete: bool = True) -> GraphFact:
    """A graph of one line; its last two nodes are `body.weight` and `head.weight`."""
    last = len(operations)
    return GraphFact(
        site=(place(14),),
        operations=(*operations, LEAF_NODE, LEAF_NODE),
        edges=edges,
        parameters=((last, "Net.body.weight"), (last + 1, "Net.head.weight")),
        complete=complete,
        places=(place(9),),
        called=tuple((n, 0) for n in range(last)),
    )


def series(*values: float) -> Column:
    column = Column()
    for step, value in enumerate(values):
        column.add(step, value)
    return column


ROUNDED = drawn("MseLossBackward0", GATE, edges=((0, 1), (0, 3), (1, 2)))
ZEROS = {
    "gradient_norm:body.weight": series(0.0, 0.0, 0.0),
    "gradient_norm:head.weight": series(1.0, 1.0, 1.0),
}
MOVING = {**ZEROS, "gradient_norm:body.weight": series(0.0, 0.0, 1e-9)}


def flat(*graphs: GraphFact, columns: dict[str, Column] = ZEROS, body: ParameterFact = BODY) -> Run:
    lines = {replace_line(g, 14 + n): g for n, g in enumerate(graphs)}
    return run_of(
        [TURN] * 5, models=[NET], optimizers=[SGD], parameters=[body, HEAD], columns=columns, graphs=lines
    )


def replace_line(graph: GraphFact, line: int) -> tuple[Place, ...]:
    return tuple(replace(p, line=line) for p in graph.site)


def test_a_gradient_of_nothing_but_zeros_is_told_with_the_operation() -> None:
    (found,) = findings(flat(ROUNDED), [check])
    assert found.message == (
        "The derivative of `round` is 0 everywhere, so every gradient of 1 trainable parameter before it "
        "is 0: `body.weight`. That is 45.0% of the trainable elements of `Net`."
    )
    assert found.place.line == 9
    assert "straight through" in found.fix


FREE = {
    "another way around it": flat(drawn("MulBackward0", GATE, edges=((0, 1), (0, 2), (0, 3), (1, 2)))),
    "another loss that reaches it": flat(ROUNDED, drawn("MulBackward0", edges=((0, 1), (0, 2)))),
    "a gradient that is small": flat(ROUNDED, columns=MOVING),
    "gradients that nobody measured": flat(ROUNDED, columns={}),
    "too few gradients": flat(ROUNDED, columns={"gradient_norm:body.weight": series(0.0)}),
    "a graph that is not known to its end": flat(replace(ROUNDED, complete=False)),
    "frozen": flat(ROUNDED, body=replace(BODY, trainable=False)),
    "in no optimizer": flat(ROUNDED, body=replace(BODY, optimizers=())),
    "an operation with a derivative": flat(drawn(PLAIN, PLAIN, edges=((0, 1), (0, 3), (1, 2)))),
}


@pytest.mark.parametrize("run", FREE.values(), ids=FREE)
def test_gradients_that_pass_are_no_problem(run: Run) -> None:
    assert findings(run, [check]) == ()

"""Whose an operation is, and where data meets, from the names that torch gives."""

import pytest

from osler.model.architecture import GraphFact
from osler.report.page.wiring import flow, spelled, wiring

LEAF = "torch::autograd::AccumulateGrad"


def graph(*operations: str, edges: str, parameters: dict[int, str]) -> GraphFact:
    pairs = tuple((int(a), int(b)) for a, b in (edge.split(">") for edge in edges.split()))
    return GraphFact((), operations, pairs, tuple(parameters.items()))


LINEAR = graph(
    "MseLossBackward0",
    "AddmmBackward0",
    LEAF,
    "TBackward0",
    LEAF,
    edges="0>1 1>2 1>3 3>4",
    parameters={2: "Net.fc.bias", 4: "Net.fc.weight"},
)


def test_a_weight_and_what_turns_it_round_are_no_operations() -> None:
    drawn = wiring(LINEAR)
    assert drawn.operations == {0: "MseLoss", 1: "Addmm"}
    assert drawn.owners == {1: "Net.fc"}
    assert drawn.parameters == {1: ["Net.fc.bias", "Net.fc.weight"]}
    assert drawn.edges == ((1, 0),)


def test_a_layer_without_bias_does_not_belong_to_the_next_one() -> None:
    drawn = wiring(
        graph(
            "NativeBatchNormBackward0",
            "ConvolutionBackward0",
            LEAF,
            LEAF,
            LEAF,
            edges="0>1 0>2 0>3 1>4",
            parameters={2: "N.bn.weight", 3: "N.bn.bias", 4: "N.conv.weight"},
        )
    )
    assert drawn.owners == {0: "N.bn", 1: "N.conv"}
    assert flow(drawn, {"N.conv": 0, "N.bn": 1}).edges == {("N.conv", "N.bn")}


def test_an_input_that_needs_a_gradient_is_nobodys_parameter() -> None:
    drawn = wiring(graph("MulBackward0", LEAF, edges="0>1", parameters={1: ""}))
    assert (drawn.operations, drawn.owners) == ({0: "Mul"}, {})


def test_what_one_source_feeds_is_part_of_the_way() -> None:
    drawn = wiring(
        graph(
            "MmBackward0",
            LEAF,
            "ReluBackward0",
            "MulBackward0",
            "MmBackward0",
            LEAF,
            edges="0>1 0>2 2>3 3>4 4>5",
            parameters={1: "N.b.weight", 5: "N.a.weight"},
        )
    )
    assert flow(drawn, {"N.a": 0, "N.b": 1}).edges == {("N.a", "N.b")}


def test_a_sum_of_two_is_a_place_inside_the_module_of_the_later() -> None:
    drawn = wiring(
        graph(
            "AddBackward0",
            "MmBackward0",
            "MmBackward0",
            LEAF,
            LEAF,
            edges="0>1 0>2 1>3 2>4",
            parameters={3: "N.x.a.weight", 4: "N.y.b.weight"},
        )
    )
    found = flow(drawn, {"N.x.a": 0, "N.y.b": 1})
    assert found.joins == {"N.y.Add": "Add"}
    assert found.edges == {("N.x.a", "N.y.Add"), ("N.y.b", "N.y.Add")}


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("AddmmBackward0", "Addmm"),
        (LEAF, "AccumulateGrad"),
        ("Backward", "Backward"),
        ("MyFunctionBackward", "MyFunction"),
    ],
)
def test_operations_are_named_without_ornament(kind: str, name: str) -> None:
    assert spelled(kind) == name


def test_a_deep_graph_is_walked_without_recursion() -> None:
    depth = 20_000
    edges = " ".join(f"{n}>{n + 1}" for n in range(depth))
    deep = graph(*(["MulBackward0"] * depth), LEAF, edges=edges, parameters={depth: "N.a.weight"})
    assert flow(wiring(deep), {"N.a": 0}).edges == set()

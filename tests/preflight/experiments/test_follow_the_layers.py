"""Tensors are followed from layer to layer; what else uses them is seen."""

import pytest

from osler.model import Diagnosis, HandoverFact, PartFact, PartsFact
from osler.testing import PRELUDE, try_out

START = PRELUDE.count("\n") + 2
"""Lines before the example."""

LOOP = """
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn({call}, y).backward()
        optimizer.step()
"""

NET = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(8, 6), nn.Linear(6, 6)
        self.seen = None
        {more}

    def forward(self, x):
        h = self.first(x)
        {between}
        return (self.second(h){after})[:, :4]

    def features(self, x):
        return {features}

model = Net()
"""


def tried(code: str, call: str = "model(x)") -> Diagnosis:
    return try_out(code + LOOP.format(call=call), "follow-the-layers")


def facts(code: str, call: str = "model(x)") -> PartsFact:
    diagnosis = tried(code, call)
    (fact,) = diagnosis.setup.all(PartsFact)
    return fact


def handover(
    between: str = "pass", after: str = "", features: str = "x", more: str = "pass"
) -> list[HandoverFact]:
    code = NET.format(between=between, after=after, features=features, more=more)
    return list(facts(code).handovers)


def parts(code: str) -> dict[str, PartFact]:
    return {part.name: part for part in facts(code).parts}


def names(pairs: list[HandoverFact]) -> list[tuple[str, str, bool]]:
    return [(p.giver.name, p.taker.name, p.alone) for p in pairs]


def test_one_layer_straight_into_the_next() -> None:
    (pair,) = handover()
    assert names([pair]) == [("first", "second", True)]
    assert (pair.giver.inputs, pair.giver.outputs, pair.taker.outputs) == ((16, 8), (16, 6), (16, 6))
    assert (pair.giver.elements, pair.giver.calls, pair.giver.is_free) == (54, 1, True)
    assert [line.line - START for line in (pair.giver.built[0], pair.giver.site[0])] == [5, 10]
    assert pair.taker.site[0].line - START == 12


OTHERS = ("h = torch.relu(h)", "h = h + 1", "h = h.view(16, 6)", "torch.relu_(h)", "h *= 2", "h = h.clone()")


@pytest.mark.parametrize("between", OTHERS)
def test_anything_in_between_ends_the_trail(between: str) -> None:
    assert handover(between) == []


def test_layers_in_between_have_their_own_part() -> None:
    code = NET.format(between="h = self.act(h)", after="", features="x", more="self.act = nn.{layer}")
    relu = facts(code.replace("{layer}", "ReLU(inplace=True)"))
    assert names(list(relu.handovers)) == [("first", "act", False), ("act", "second", False)], (
        "what relu overwrites went to two layers"
    )
    nothing = facts(code.replace("{layer}", "Identity()"))
    assert ("first", "second", False) in names(list(nothing.handovers)), "two layers were given it"


@pytest.mark.parametrize(
    ("between", "after", "features", "more"),
    [
        ("pass", " + h", "x", "pass"),
        ("pass", " + h.mean()", "x", "pass"),
        ("self.seen = h", "", "x", "pass"),
        ("self.seen = [{'h': h}]", "", "x", "pass"),
        ("pass", "", "self.first(x)", "pass"),
        ("if not self.training: return h", "", "x", "pass"),
        ("if not self.training: h = h.relu()", "", "x", "pass"),
        ("pass", "", "x", "self.first.register_forward_hook(lambda m, a, h: None)"),
    ],
)
def test_what_is_used_elsewhere_is_not_for_the_next_layer_alone(
    between: str, after: str, features: str, more: str
) -> None:
    pairs = handover(between, after, features, more)
    assert [alone for *_, alone in names(pairs)] == [False]


def test_an_output_of_the_model_is_used_elsewhere() -> None:
    code = NET.format(between="pass", after="", features="x", more="pass").replace("[:, :4]", "[:, :4], h")
    assert names(list(facts(code, "model(x)[0]").handovers)) == [("first", "second", False)]


def test_what_layers_are() -> None:
    found = parts(
        "model = nn.Sequential(nn.Linear(8, 6), nn.BatchNorm1d(6, 0.8, 0.99), nn.Dropout(0.3),"
        " nn.BatchNorm1d(6, momentum=None), nn.BatchNorm1d(6, momentum=0.9, track_running_stats=False),"
        " nn.Linear(6, 4))\nmodel[5].weight.requires_grad = False\n"
    )
    assert [p.kind for p in found.values()] == [
        "Linear", "BatchNorm1d", "Dropout", "BatchNorm1d", "BatchNorm1d", "Linear",
    ]  # fmt: skip
    assert [p.rate for p in found.values()] == [0, 0, 0.3, 0, 0, 0]
    assert [(p.eps, p.momentum, p.keeps_statistics) for p in found.values()] == [
        (0, 0, False), (0.8, 0.99, True), (0, 0, False), (1e-5, 0, True), (1e-5, 0, False), (0, 0, False),
    ]  # fmt: skip
    assert [p.is_free for p in found.values()] == [True] * 5 + [False]


def test_the_same_layer_in_two_places_of_a_list() -> None:
    found = parts(
        "class Net(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.rows = nn.ModuleList([nn.Linear(8, 8)] * 3)\n"
        "        self.other, self.head = self.rows[0], nn.Linear(8, 4)\n"
        "    def forward(self, x):\n"
        "        for row in self.rows:\n"
        "            x = row(x).relu()\n"
        "        return self.head(x)\n"
        "model = Net()\n"
    )
    rows = found["rows.0"]
    assert (rows.again, rows.calls, rows.is_free) == (("rows.1", "rows.2"), 3, False)
    assert found["head"].again == ()


def test_the_same_block_in_two_places_of_a_list() -> None:
    found = parts(
        "block = nn.Sequential(nn.Linear(8, 8), nn.Tanh())\n"
        "model = nn.Sequential(*(block for _ in range(3)), nn.Linear(8, 4))\n"
    )
    assert found["0.0"].again == ("1.0", "2.0")
    assert found["3"].again == ()


def test_weights_that_two_layers_share_are_not_free() -> None:
    found = parts(
        "model = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 4))\n"
        "model[2].weight = model[0].weight\n"
    )
    assert [found[name].is_free for name in ("0", "2", "4")] == [False, False, True]


def test_layers_of_ones_own_are_no_parts_but_end_a_trail() -> None:
    fact = facts(
        "class Twice(nn.Module):\n"
        "    def forward(self, x):\n"
        "        return x * 2\n"
        "model = nn.Sequential(nn.Linear(8, 6), Twice(), nn.Linear(6, 4))\n"
    )
    assert [p.name for p in fact.parts] == ["0", "2"]
    assert fact.handovers == ()


def test_the_answer() -> None:
    (answer,) = tried("model = nn.Sequential(nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 4))\n").experiments
    assert answer.answer == "2 of 3 layers: most often Linear to ReLU, ReLU to Linear"
    assert dict(answer.values) == {"layers": 3, "handovers": 2}
    (answer,) = tried("model = nn.Linear(8, 4)\n").experiments
    assert answer.answer == "0 of 1 layer"


def test_compiled_code_is_not_asked() -> None:
    code = "model = nn.Sequential(nn.Linear(8, 4))\nmodel.compile(backend='eager')\n"
    (answer,) = tried(code).experiments
    assert answer.skipped == "compiled code hides the layers"


def test_loaded_weights_are_known() -> None:
    code = "model = nn.Linear(8, 4)\nmodel.load_state_dict(nn.Linear(8, 4).state_dict())\n"
    assert facts(code).pretrained
    assert not facts("model = nn.Linear(8, 4)\n").pretrained

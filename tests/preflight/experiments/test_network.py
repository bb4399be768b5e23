"""The table of the network is that of the real forward: lines, shapes, parameters, where the time goes."""

import time
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from osler.model import Diagnosis, LayerFact, NetworkFact
from osler.preflight.experiments.network import QUESTION, reason
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


def tried(code: str, call: str = "model(x)") -> Diagnosis:
    return try_out(code + LOOP.format(call=call), "network")


def network(code: str, call: str = "model(x)") -> NetworkFact:
    (fact,) = tried(code, call).setup.all(NetworkFact)
    return fact


def line(layer: LayerFact) -> int:
    return layer.site[0].line - START


SEVERAL = """
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.left, self.right = nn.Linear(8, 6), nn.Linear(8, 6, bias=False)
        self.right.weight = nn.Parameter(self.left.weight.detach().clone(), requires_grad=False)
        self.head = nn.Sequential(nn.Dropout(0.1), nn.Linear(6, 4))
        self.unused = nn.Linear(3, 3)

    def forward(self, x, scale, beside=None):
        h = self.left(x)
        h = h + self.right(beside * scale)
        h = self.left(x) + h
        return self.head(h)

model = Model()
"""


def test_layers_of_a_forward_with_several_arguments() -> None:
    fact = network(SEVERAL, "model(x, 2.0, beside=x)")
    assert (fact.model, fact.elements, fact.trainable) == ("Model", 54 + 48 + 28 + 12, 54 + 28 + 12)
    rows = {layer.name: layer for layer in fact.layers}
    assert [n for n in rows if n not in ("", "head")] == ["left", "right", "head.0", "head.1"]
    left, right, last = rows["left"], rows["right"], rows["head.1"]
    assert (left.kind, left.outputs, left.elements, left.trainable) == ("Linear", ((16, 6),), 54, 54)
    assert (left.calls, right.calls) == (2, 1)
    assert (right.elements, right.trainable, right.shared) == (48, 0, 0)
    assert (last.outputs, last.elements) == (((16, 4),), 28)
    assert [line(layer) for layer in (left, right, last)] == [11, 12, 14], (
        "the first call, and the container's"
    )
    assert fact.site[0].line - START == 22
    assert fact.seconds > 0
    assert 0.9 < sum(layer.share for layer in fact.layers) <= 1 + 1e-9


def test_layers_of_torch_alone_are_called_where_the_model_is() -> None:
    fact = network("model = nn.Sequential(nn.Linear(8, 6), nn.BatchNorm1d(6), nn.Linear(6, 4))\n")
    assert {line(layer) for layer in fact.layers} == {7}
    assert [layer.kind for layer in fact.layers if layer.elements] == ["Linear", "BatchNorm1d", "Linear"]


def test_what_two_layers_share_counts_once() -> None:
    tied = "model = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 8), nn.Linear(8, 4))\n"
    fact = network(tied + "model[2].weight = model[0].weight\n")
    assert [layer.shared for layer in fact.layers if layer.elements] == [0, 64, 0]
    assert fact.elements == 72 + 8 + 36


def test_the_time_is_that_of_the_layer_which_takes_it() -> None:
    slow = """
import time
class Slow(nn.Module):
    def forward(self, x):
        time.sleep(0.02)
        return x

class Outer(nn.Module):
    def __init__(self):
        super().__init__()
        self.slow, self.head = Slow(), nn.Linear(8, 4)

    def forward(self, x):
        return self.head(self.slow(x))

model = nn.Sequential(Outer())
"""
    diagnosis = tried(slow)
    (answer,) = diagnosis.experiments
    assert answer.answer.startswith(("most of it in 0.slow 9", "most of it in 0.slow 100%")), answer.answer
    assert answer.answer.endswith("36 parameters, all trainable")
    assert answer.values["seconds"] == pytest.approx(0.02, rel=0.5)
    shares = {layer.name: layer.share for layer in diagnosis.setup.all(NetworkFact)[0].layers}
    assert shares["0.slow"] > 0.9
    assert shares.get("0", 0.0) < 0.1, "without the time of its parts"


def test_each_model_has_a_table() -> None:
    facts = tried(
        "model = nn.Linear(8, 6)\nhead = nn.Sequential(nn.ReLU(), nn.Linear(6, 4))\n", "head(model(x))"
    ).setup.all(NetworkFact)
    assert [fact.model for fact in facts] == ["Linear", "Sequential"]
    assert [layer.name for layer in facts[0].layers] == [""]


def test_a_frozen_model_says_how_much_is_trained() -> None:
    frozen = "model = Net()\nmodel.body.requires_grad_(False)\n"
    (answer,) = tried(frozen).experiments
    assert answer.question == QUESTION
    assert answer.answer.endswith("212 parameters, 68 trainable")
    assert answer.values["trainable"] == 68


def bench(*models: nn.Module) -> SimpleNamespace:
    return SimpleNamespace(models=list(models))


def test_when_it_is_not_asked() -> None:
    plain, inner = nn.Linear(2, 2), nn.Sequential(nn.Linear(2, 2))
    assert reason(bench()) == "no model was called in the first turn"
    assert reason(bench(plain)) == ""
    inner[0].compile(backend="eager")
    assert reason(bench(plain, inner)) == "compiled code hides the layers"
    assert reason(bench(torch.compile(plain, backend="eager"))) == "compiled code hides the layers"


def test_it_leaves_nothing_behind() -> None:
    hooks = nn.modules.module._global_forward_hooks
    before, start = len(hooks), time.perf_counter()
    network("model = nn.Linear(8, 4)\n")
    assert len(hooks) == before
    assert time.perf_counter() - start < 60

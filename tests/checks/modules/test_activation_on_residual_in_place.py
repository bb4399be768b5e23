import pytest

from osler.checks.modules.activation_on_residual_in_place import check
from osler.model import Severity
from osler.testing import read

CODE = """
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.act = {layer}
        self.body = nn.Linear(8, 8)

    def forward(self, x):
        h = self.act(x)
        return {out}


Block()
"""


def test_says_what_was_seen() -> None:
    code = CODE.format(layer="nn.ReLU(inplace=True)", out="self.body(h) + x")
    (found,) = read(code, [check]).findings
    assert found.message == "an activation overwrites the tensor that is added as the residual in line 42."
    assert found.severity is Severity.ERROR
    assert [(r.place.line, r.label) for r in found.related] == [
        (42, "the overwritten tensor is added here"),
        (37, "the layer is built in place here"),
    ]


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        ("nn.ReLU(True)", 1),
        ("nn.ELU(1.0, True)", 1),
        ("nn.Hardtanh(-1, 1, inplace=True)", 1),
        ("nn.Sequential(nn.SiLU(inplace=True))", 1),
        ("nn.ReLU(False)", 0),
        ("nn.ELU(True)", 0),
        ("nn.Tanh()", 0),
        ("nn.Dropout(0.1, inplace=True)", 0),
        ("nn.Sequential(nn.Linear(8, 8), nn.ReLU(True))", 0),
    ],
)
def test_layers_that_overwrite_what_they_get(layer: str, said: int) -> None:
    assert len(read(CODE.format(layer=layer, out="self.body(h) + x"), [check]).findings) == said


@pytest.mark.parametrize(
    ("out", "said"),
    [
        ("x + self.body(h)", 1),
        ("self.body(h).add_(x)", 1),
        ("torch.add(self.body(h), x, alpha=0.5)", 1),
        ("self.body(h) + h", 0),
        ("self.body(h) * x", 0),
        ("torch.cat([self.body(h), x])", 0),
        ("torch.relu(self.body(h) + x)", 0),
        ("self.act(self.body(h) + x)", 0),
        ("(self.body(h) + x).relu()", 0),
    ],
)
def test_what_the_overwritten_tensor_is_for(out: str, said: int) -> None:
    assert len(read(CODE.format(layer="nn.ReLU(True)", out=out), [check]).findings) == said


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings

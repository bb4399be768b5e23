"""Tensors that a module keeps as plain attributes."""

import ast

import pytest

from osler.static.plain_tensors import is_made, plain_tensors

TABLE = {"table": ast.parse("torch.ones(8)", mode="eval").body}


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("torch.zeros(3)", True),
        ("torch.zeros(n, m).unsqueeze(0)", True),
        ("torch.tensor([1, 2])", True),
        ("torch.FloatTensor(3, 4)", True),
        ("torch.sin(table / 100)", True),
        ("-table", True),
        ("1 - table", True),
        ("table[:, None]", True),
        ("torch.from_numpy(array)", True),
        ("torch.tensor(2.0)", False),
        ("torch.zeros([])", False),
        ("torch.zeros(*shape)", False),
        ("torch.zeros(3, device='cuda')", False),
        ("torch.zeros(3, **options)", False),
        ("torch.zeros(3).cuda()", False),
        ("torch.sum(table)", False),
        ("table.max()", False),
        ("table[0]", False),
        ("torch.sin(angle)", False),
        ("torch.nn.Linear(3, 4)", False),
        ("other", False),
    ],
)
def test_what_is_a_tensor_with_axes(text: str, made: bool) -> None:
    assert is_made(ast.parse(text, mode="eval").body, TABLE) is made


MODULE = """
class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        base = torch.rand(8)
        self.table = base * 2
        self.other = torch.ones(8)

    def forward(self, x):
        return x * self.table + self.other


Scaled()
"""


def test_what_is_left_out_of_the_buffers(code) -> None:
    found = {t.name: t for t in plain_tensors(code(MODULE))}
    assert sorted(found) == ["other", "table"]
    assert [found[n].is_random for n in ("table", "other")] == [True, False]
    assert [found[n].place.line for n in ("table", "other")] == [6, 7]
    assert found["table"].used.line == 10


@pytest.mark.parametrize(
    "changed",
    [
        ("self.table = base", "self.register_buffer('table', base); self.table = base"),
        ("def forward", "def to(self, device):\n        return self\n\n    def forward"),
        ("class Scaled(nn.Module)", "class Scaled"),
        ("return x", "self.table = base\n        return x"),
        ("forward(self, x)", "scaled(self, x)"),
        ("forward(self, x)", "forward(self, x: int)"),
        ("forward(self, x)", "forward(self, x=2.0)"),
    ],
)
def test_what_is_not(code, changed: tuple[str, str]) -> None:
    assert "table" not in {t.name for t in plain_tensors(code(MODULE.replace(*changed)))}

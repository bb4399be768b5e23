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


USED = """
class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 8)
        {start}

    def forward(self, x):
        {forward}


scaled = Scaled()
{end}
"""
ONES = "self.t = torch.ones(8)"


def kept(code, forward: str, start: str = ONES, end: str = "") -> list[str]:
    return [t.name for t in plain_tensors(code(USED.format(start=start, forward=forward, end=end)))]


@pytest.mark.parametrize(
    "forward",
    [
        "return x * self.t",
        "return self.t * x",
        "return x.mul(self.t)",
        "return torch.add(x, self.t)",
        "return torch.cat([x, self.t[None]])",
        "t = self.t\n        return x * t",
        "return x * self.t[None, :]",
        "return x * (1 - self.t)",
        "return self.fc(x) * self.t",
        "return x + self.t.unsqueeze(0)",
        "y = x * 2\n        return y - self.t",
        "if self.training:\n            return x * self.t\n        return x",
    ],
)
def test_it_meets_the_inputs(code, forward: str) -> None:
    assert kept(code, forward) == ["t"]


@pytest.mark.parametrize(
    "forward",
    [
        "return x * self.t.to(x)",
        "return x * self.t.to(x.device)",
        "return x * self.t.type_as(x)",
        "return x * self.t.cuda()",
        "t = self.t.to(x.device)\n        return x * t",
        "t: torch.Tensor = self.t.to(x.device)\n        return x * t",
        "t = u = self.t.to(x.device)\n        return x * t",
        "t, u = self.t.to(x), 1\n        return x * t",
        "self.t = self.t.to(x.device)\n        return x * self.t",
        "return x * (t := self.t.to(x.device))",
        "return x * move(self.t, x)",
        "return x * self.move(self.t)\n\n    def move(self, t):\n        return t.to(self.fc.weight)",
        "return x * x.new_tensor(self.t)",
        "return x * torch.as_tensor(self.t, device=x.device)",
        "(t,) = [t.to(x) for t in (self.t,)]\n        return x * t",
        "t, u = (t.to(x) for t in [self.t, self.t])\n        return x * t",
        "d = {k: v.to(x) for k, v in {'t': self.t}.items()}\n        return x * d['t']",
        "match x.device.type:\n            case 'cuda': t = self.t.cuda()\n"
        "            case _: t = self.t.cpu()\n        return x * t",
        "setattr(self, 't', self.t.to(x))\n        return x * self.t",
        "return (x.cpu() * self.t).to(x.device)",
        "return x * self.t.sum().item()",
        "return x * self.t.numpy().sum()",
        "return x * int(self.t.max())",
        "return x.view(self.t.shape)",
        "return x[: len(self.t)]",
        "return x[self.t]",
        "return x[:, self.t]",
        "for n in self.t:\n            x = x + int(n)\n        return x",
        "return x",
        "return x * 2 if self.t is None else x",
    ],
)
def test_it_is_moved_or_only_asked(code, forward: str) -> None:
    assert kept(code, forward) == []


@pytest.mark.parametrize(
    "start",
    [
        "self.register_buffer('t', torch.ones(8))",
        "t = torch.ones(8); self.register_buffer('t', t)",
        "self.t = nn.Parameter(torch.ones(8))",
        "self.t = nn.Parameter(torch.ones(8), requires_grad=False)",
        "self.t = nn.Buffer(torch.ones(8))",
        "self.t = torch.tensor(2.0)",
        "self.t = torch.ones(8, device='cuda')",
        "self.t = torch.ones(8).cuda()",
        "self.t = torch.ones(8).to(device)",
        "self.t = torch.ones(8).tolist()",
        "self.t = torch.ones(8).sum()",
        "self.t = 2.0",
        "self.t = None",
        "self.t = load('t.pt')",
        "with torch.device('cuda'): self.t = torch.ones(8)",
        "torch.set_default_device('cuda'); self.t = torch.ones(8)",
        "self.t = torch.ones(8); self.t = self.t.cuda()",
    ],
)
def test_what_stays_where_it_belongs(code, start: str) -> None:
    assert kept(code, "return x * self.t", start) == []


@pytest.mark.parametrize("end", ["scaled.t = scaled.t.cuda()", "scaled.t: object = 1", "scaled.t *= 2"])
def test_whoever_holds_the_module_may_move_it(code, end: str) -> None:
    assert kept(code, "return x * self.t", end=end) == []

"""Layers that are declared and never named again."""

from collections.abc import Callable

import pytest

from osler.model import Code

SMALL = """
class Small(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.body = nn.Linear(width, 4)
        {start}

    def forward(self, x):
        {forward}
"""


def idle(
    code: Callable[..., Code], start: str, rest: str = "", forward: str = "return self.body(x)", **others: str
) -> list[tuple[str, str]]:
    text = SMALL.format(start=start, forward=forward) + rest
    found = code(text, {f"{name}.py": own for name, own in others.items()}).idle
    return [(f"{f.model}.{f.name}", f.kind) for f in found]


LINE = "self.norm = nn.LayerNorm(4)"
IDLE = [("Small.norm", "LayerNorm")]


def test_says_where(code: Callable[..., Code]) -> None:
    (fact,) = code(SMALL.format(start=LINE, forward="return self.body(x)")).idle
    assert [(p.line, p.function) for p in (*fact.site, *fact.owner)] == [(6, "__init__"), (8, "forward")]


@pytest.mark.parametrize(
    "start",
    [
        LINE,
        "self.norm: nn.Module = nn.LayerNorm(4)",
        f"{LINE}\n        nn.init.ones_(self.norm.weight)",
        f"{LINE}\n        self.norm.weight.data.fill_(1.0)",
        f"{LINE}  # used as self.norm(x)",
        f"self.norm = None\n        if width > 4: {LINE}",
        "self.norm = nn.LayerNorm(self.body.out_features)",
    ],
)
def test_declared_in_vain(code: Callable[..., Code], start: str) -> None:
    assert idle(code, start) == IDLE


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        ("self.norm = nn.Sequential(nn.LayerNorm(4), nn.ReLU())", "Sequential"),
        ("self.norm = nn.ModuleList([nn.Linear(4, 4)])", "ModuleList"),
        ("self.norm = Inner()", "Inner"),
    ],
)
def test_what_is_declared(code: Callable[..., Code], start: str, kind: str) -> None:
    inner = """
class Inner(nn.Module):
    def forward(self, x):
        return x
"""
    assert idle(code, start, inner) == [("Small.norm", kind)]


@pytest.mark.parametrize(
    "start",
    [
        "self.norm = nn.CrossEntropyLoss()",
        "self.norm = nn.Parameter(torch.ones(4))",
        "self.norm = torch.ones(4)",
        "self.norm = width",
        "self.norm = Around(self)",
        "self.norm = Around(self.body)",
        "self.norm = self.other = nn.LayerNorm(4)",
        "norm = nn.LayerNorm(4); self.norm = norm",
        "self.norm = nn.LayerNorm(4); self.body = nn.Sequential(self.body, self.norm)",
        "self.norm = nn.LayerNorm(4); self.norm.weight = self.body.bias",
        "self.norm = nn.LayerNorm(4); self.norm.register_forward_hook(print)",
        "self.norm = nn.LayerNorm(4); self.parts = ['norm']",
        "self.norm = nn.LayerNorm(4); self.chosen = getattr(self, 'no' + 'rm')",
    ],
)
def test_is_no_layer_or_is_used_at_once(code: Callable[..., Code], start: str) -> None:
    around = """
class Around(nn.Module):
    def __init__(self, model):
        super().__init__()
        model.register_forward_hook(print)

    def forward(self, x):
        return x
"""
    assert idle(code, start, around) == []


@pytest.mark.parametrize(
    "forward",
    [
        "return self.norm(self.body(x))",
        "norm = self.norm; return norm(self.body(x))",
        "pass",
        "raise NotImplementedError",
        "return F.linear(x, *self.parameters())",
        "return self.body(x) + next(self.parameters()).sum()",
        "...",
    ],
)
def test_forward_uses_it_or_is_not_written(code: Callable[..., Code], forward: str) -> None:
    assert idle(code, LINE, forward=forward) == []


@pytest.mark.parametrize(
    "rest",
    [
        "small = Small()\nprint(small.norm(torch.ones(4)))",
        "def show(net):\n    return net.norm.weight",
        "net = Small(); net.eval(); keep = net.norm",
        "class Wide(Small):\n    def forward(self, x):\n        return self.norm(x)",
        "class Mixed:\n    def late(self):\n        return self.norm\n\nclass Both(Small, Mixed):\n    pass",
        "from lib import Outside\n\nclass Both(Small, Outside):\n    pass",
        "x = torch.ones(4)\nfor child in Small().children():\n    x = child(x)",
        "parts = list(Small().children())\nfor part in parts[:2]:\n    x = part(x)",
        "net = nn.Sequential(*list(Small().children())[:-1])",
        "out = Small()._modules['no' + 'rm'](x)",
        "name = 'norm'",
    ],
)
def test_somebody_else_may_use_it(code: Callable[..., Code], rest: str) -> None:
    assert idle(code, LINE, rest) == []


@pytest.mark.parametrize(
    "rest",
    [
        "def normal(x):\n    return torch.norm(x)",
        "class Apart(nn.Module):\n    def forward(self, x):\n        return self.norm(x)",
        "def build(args):\n    return nn.Dropout(args.norm)",
        "for child in Small().children():\n    child.requires_grad_(False)",
        "last = list(Small().children())[-1].weight",
    ],
)
def test_the_name_alone_means_something_else(code: Callable[..., Code], rest: str) -> None:
    assert idle(code, LINE, rest) == IDLE


def test_other_files_are_asked(code: Callable[..., Code]) -> None:
    using = "from train import Small\nsmall = Small()\nsmall.norm(torch.ones(4))"
    assert idle(code, LINE, use=using) == []
    assert idle(code, LINE, use="from train import Small\nsmall = Small()") == IDLE


def test_told_once_for_a_class_that_is_built_twice(code: Callable[..., Code]) -> None:
    assert idle(code, LINE, "a, b = Small(), Small(16)") == IDLE


@pytest.mark.parametrize(
    ("start", "forward"),
    [
        ("self.norm0 = nn.LayerNorm(4)", "return getattr(self, f'norm{0}')(self.body(x))"),
        (f"{LINE}; self.by = {{'n': self.norm}}", "return self.by['n'](self.body(x))"),
        (f"{LINE}; self.by = [self.norm]", "return self.by[0](self.body(x))"),
        (f"{LINE}; self.f = lambda x: self.norm(x)", "return self.f(self.body(x))"),
        (LINE, "match x.dim():\n            case 2: x = self.norm(x)\n        return self.body(x)"),
        (LINE, "return (n := self.norm)(self.body(x))"),
        (LINE, "for m in self.children():\n            x = m(x)\n        return x"),
        (LINE, "return F.layer_norm(self.body(x), (4,), self.norm.weight)"),
        (LINE, "return operator.attrgetter('norm')(self)(self.body(x))"),
        (LINE, "return eval('self.norm')(self.body(x))"),
        (LINE, "return self.get_submodule('no' + 'rm')(self.body(x))"),
        (LINE, "me = self\n        return me.norm(self.body(x))"),
        (LINE, "return sum(f(x) for f in (self.body, self.norm))"),
        (
            LINE,
            "return self.last(self.body(x))\n\n    @property\n    def last(self):\n        return self.norm",
        ),
        (
            LINE,
            "return self.body(x)\n\n    @torch.no_grad()\n    def f(self, x):\n        return self.norm(x)",
        ),
        (
            "self.norm = nn.LayerNorm(4) if width > 4 else None",
            "return self.norm and self.norm(self.body(x))",
        ),
        (
            "self.norm = nn.LayerNorm(4); self.all = nn.Sequential(*[self.body, self.norm])",
            "return self.all(x)",
        ),
        ("self.__norm = nn.LayerNorm(4)", "return self.__norm(self.body(x))"),
        ("self.norm = nn.LayerNorm(4); del self.norm", "return self.body(x)"),
        ("self.norm = nn.Identity()", "return self.body(x)"),
        ("self.add_module('norm', nn.LayerNorm(4))", "return self._modules['norm'](self.body(x))"),
    ],
)
def test_every_way_to_use_it(code: Callable[..., Code], start: str, forward: str) -> None:
    assert idle(code, start, forward=forward) == []


@pytest.mark.parametrize(
    "rest",
    [
        "small = Small()\nsmall.body.register_forward_hook(lambda m, i, o: small.norm(o))",
        "small = Small()\ntorch.optim.SGD([{'params': small.norm.parameters()}], lr=1)",
        "def forward(self, x):\n    return self.norm(self.body(x))\nSmall.forward = forward",
        "import types\ndef run(me, x):\n    return me.norm(me.body(x))\nsmall = Small()\n"
        "small.forward = types.MethodType(run, small)",
        "small = Small()\nname = 'norm'\ngetattr(small, name)(torch.ones(4))",
        "class Wide(Small):\n    def forward(self, x):\n        return self.norm(super().forward(x))",
        "async def run(net):\n    return net.norm(await net(1))",
    ],
)
def test_users_outside_the_class(code: Callable[..., Code], rest: str) -> None:
    assert idle(code, LINE, rest) == []

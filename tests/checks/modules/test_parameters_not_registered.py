from dataclasses import replace
from pathlib import Path

import pytest

from osler.checks.modules.parameters_not_registered import check
from osler.engine.fixing import mend
from osler.engine.linting import lint_sources, parts_of
from osler.model import Kind, ModelFact, OptimizerFact, ParameterFact, Run
from osler.static.sources import parse
from osler.testing import EXAMPLE, PRELUDE, assert_silent, event, findings, place, read, run_of

BATCH = event(Kind.BATCH, "DataLoader", 10)
FORWARD = event(Kind.FORWARD, "Tower", 12, "grad")
BACKWARD = event(Kind.BACKWARD, "", 14)
STEP = event(Kind.STEP, "SGD", 15, "fresh")
TURN = [BATCH, FORWARD, BACKWARD, STEP]

SGD = OptimizerFact("SGD", (place(5),), 4, 100)
TOWER = ModelFact("Tower", 60, 60, 3)
HEAD = ParameterFact("head.weight", "Tower", 60, optimizers=("SGD",))
LAYER = ParameterFact("layers[0].weight", "Tower", 30, registered=False, site=(place(7),))
BIAS = ParameterFact("layers[0].bias", "Tower", 10, registered=False)


def seen(*parameters: ParameterFact, turns: int = 5, **facts: object) -> Run:
    return run_of([TURN] * turns, models=[TOWER], optimizers=[SGD], parameters=list(parameters), **facts)


SILENT = {
    "all registered": seen(HEAD, replace(LAYER, registered=True)),
    "passed to an optimizer": seen(HEAD, replace(LAYER, optimizers=("SGD",))),
    "updated by hand": seen(HEAD, replace(LAYER, updated=True)),
    "a frozen network hidden in a list": seen(HEAD, replace(LAYER, trainable=False)),
    "never used with gradients": seen(HEAD, replace(LAYER, used=False)),
    "no gradient reaches it": seen(HEAD, replace(LAYER, reached=False)),
    "a tensor outside every module": seen(HEAD, replace(LAYER, model="")),
    "two steps": seen(HEAD, LAYER, turns=2),
    "an old look": seen(HEAD, LAYER, parameters_step=2),
    "no look": run_of([TURN] * 9, models=[TOWER]),
}


@pytest.mark.parametrize("run", SILENT.values(), ids=SILENT.keys())
def test_stays_quiet(run: Run) -> None:
    assert_silent(run, [check])


def test_says_what_was_seen() -> None:
    (found,) = findings(seen(HEAD, LAYER, BIAS), [check])
    assert found.message == (
        "2 parameters of `Tower` are missing from `parameters()`: `layers[0].weight`, `layers[0].bias`. "
        "Gradients reach these 40 elements, but no optimizer holds them."
    )
    assert (found.place.line, found.place.subject) == (7, "Tower")
    assert [(r.place.line, r.label) for r in found.related] == [
        (12, "`Tower` is called here"),
        (5, "the optimizer is built without them"),
    ]
    assert [(e.value, e.expected) for e in found.evidence] == [(40, "0"), (60, "100")]


def test_without_a_line_the_call_of_the_model_is_the_place() -> None:
    (found,) = findings(seen(HEAD, BIAS), [check])
    assert found.place.line == 12
    assert found.message.startswith(
        "1 parameter of `Tower` is missing from `parameters()`: `layers[0].bias`."
    )


def test_a_single_number() -> None:
    (found,) = findings(seen(HEAD, replace(BIAS, elements=1)), [check])
    assert found.message.endswith("Gradients reach this element, but no optimizer holds it.")


def test_one_finding_for_each_model() -> None:
    other = replace(LAYER, model="Other")
    assert [f.place.subject for f in findings(seen(LAYER, other), [check])] == ["Tower", "Other"]


def test_lists_four_names() -> None:
    layers = [replace(LAYER, name=f"layers[{i}].weight") for i in range(6)]
    (found,) = findings(seen(*layers), [check])
    assert "`layers[3].weight` and 2 more." in found.message


def test_says_why_it_does_not_apply() -> None:
    assert check.applies(run_of([TURN])) == "no model was called"


# --- the source


TRAIN = """
for x, y in loader:
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
"""
STEP = f"optimizer = torch.optim.SGD(model.parameters(), lr=0.1){TRAIN}"


def tower(*lines: str, forward: str = "return x", then: str = f"model = Tower()\n{STEP}") -> str:
    """A module whose constructor has these lines, and a program that trains it."""
    body = "".join(f"        {line}\n" for line in lines)
    return (
        "class Tower(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        f"{body}        self.head = nn.Linear(8, 4)\n\n    def forward(self, x):\n        {forward}\n\n{then}"
    )


def told(code: str) -> list[str]:
    return [f.message for f in read(code, [check]).findings]


HIDDEN = {
    "a list": ("list", tower("self.layers = [nn.Linear(8, 8), nn.Linear(8, 8)]")),
    "a comprehension": ("list", tower("self.layers = [nn.Linear(8, 8) for _ in range(3)]")),
    "a tuple": ("tuple", tower("self.layers = (nn.Linear(8, 8), nn.ReLU())")),
    "a list in a list": ("list", tower("self.layers = [[nn.Linear(8, 8)], [nn.Linear(8, 8)]]")),
    "a dict": ("dict", tower("self.layers = {'a': nn.Linear(8, 8)}")),
    "a dict of a comprehension": ("dict", tower("self.layers = {k: nn.Linear(8, 8) for k in 'ab'}")),
    "filled by append": (
        "list",
        tower("self.layers = []", "for _ in range(3): self.layers.append(nn.Linear(8, 8))"),
    ),
    "filled by +=": ("list", tower("self.layers = []", "self.layers += [nn.Linear(8, 8)]")),
    "filled by extend": ("list", tower("self.layers = []", "self.layers.extend([nn.Linear(8, 8)])")),
    "filled by a key": ("dict", tower("self.layers = {}", "self.layers['a'] = nn.Linear(8, 8)")),
    "a local list": ("list", tower("layers = [nn.Linear(8, 8)]", "self.layers = layers")),
    "blocks": ("list", tower("self.layers = [nn.Sequential(nn.Linear(8, 8), nn.ReLU()) for _ in range(2)]")),
    "modules of a class": (
        "list",
        "class Block(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.fc = nn.Linear(8, 8)\n    def forward(self, x): return self.fc(x)\n\n"
        + tower("self.layers = [Block(), Block()]"),
    ),
    "built by a method": (
        "list",
        tower("self.layers = self.build()").replace(
            "    def forward", "    def build(self):\n        return [nn.Linear(8, 8)]\n\n    def forward"
        ),
    ),
    "through a parent": (
        "list",
        tower("self.layers = [nn.Linear(8, 8)]", then="").replace("Tower", "Root")
        + f"\nclass Tower(Root): pass\n\nmodel = Tower()\n{STEP}",
    ),
    "convolutions": ("list", tower("self.layers = [nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)]")),
    "an embedding": ("dict", tower("self.layers = dict(a=nn.Embedding(9, 8))")),
}


@pytest.mark.parametrize(("kind", "code"), HIDDEN.values(), ids=HIDDEN)
def test_layers_in_a_plain_container(kind: str, code: str) -> None:
    assert told(code) == [
        f"`self.layers` is a plain {kind} with layers in it: `parameters()` does not find them."
    ]


FOUND = {
    "a module list": tower("self.layers = nn.ModuleList([nn.Linear(8, 8), nn.Linear(8, 8)])"),
    "a module list of a generator": tower("self.layers = nn.ModuleList(nn.Linear(8, 8) for _ in range(3))"),
    "a module list that is filled": tower(
        "self.layers = nn.ModuleList()", "self.layers.append(nn.Linear(8, 8))"
    ),
    "a module dict": tower("self.layers = nn.ModuleDict({'a': nn.Linear(8, 8)})"),
    "a module dict that is filled": tower(
        "self.layers = nn.ModuleDict()", "self.layers['a'] = nn.Linear(8, 8)"
    ),
    "a sequence": tower("self.layers = nn.Sequential(*[nn.Linear(8, 8) for _ in range(3)])"),
    "a list on the way": tower("layers = [nn.Linear(8, 8)]", "self.layers = nn.Sequential(*layers)"),
    "a list that becomes a module list": tower(
        "self.layers = [nn.Linear(8, 8)]", "self.layers = nn.ModuleList(self.layers)"
    ),
    "a list beside the registered ones": tower(
        "self.a = nn.Linear(8, 8)", "self.b = nn.Linear(8, 8)", "self.layers = [self.a, self.b]"
    ),
    "a dict beside the registered ones": tower("self.a = nn.Linear(8, 8)", "self.layers = {'a': self.a}"),
    "registered by name": tower(
        "self.layers = [nn.Linear(8, 8) for _ in range(3)]",
        "for n, layer in enumerate(self.layers): self.add_module(f'layer{n}', layer)",
    ),
    "registered by setattr": tower(
        "self.layers = [nn.Linear(8, 8) for _ in range(3)]",
        "for n, layer in enumerate(self.layers): setattr(self, f'layer{n}', layer)",
    ),
    "registered by register_module": tower(
        "self.layers = [nn.Linear(8, 8)]", "self.register_module('layer', self.layers[0])"
    ),
    "a second sequence of them": tower(
        "self.layers = [nn.Linear(8, 8) for _ in range(3)]", "self.body = nn.Sequential(*self.layers)"
    ),
    "functions": tower("self.layers = [torch.relu, F.gelu]"),
    "layers without weights": tower("self.layers = [nn.ReLU(), nn.Dropout(0.1)]"),
    "losses": tower("self.losses = [nn.CrossEntropyLoss(), nn.MSELoss()]"),
    "classes of layers": tower("self.layers = [nn.Linear, nn.Conv2d]"),
    "numbers": tower("self.sizes = [8, 8, 4]"),
    "given to the optimizer": tower(
        "self.layers = [nn.Linear(8, 8)]",
        then="model = Tower()\noptimizer = torch.optim.SGD(\n"
        f"    [*model.parameters(), *model.layers[0].parameters()], lr=0.1\n){TRAIN}",
    ),
    "an optimizer of its own": tower(
        "self.layers = [nn.Linear(8, 8)]",
        then=f"model = Tower()\nother = torch.optim.SGD(model.layers[0].parameters(), lr=0.1)\n{STEP}",
    ),
    "parameters of a class's own": tower(
        "self.layers = [nn.Linear(8, 8)]",
        then="model = Tower()\noptimizer = torch.optim.SGD(\n"
        f"    [p for layer in model.layers for p in layer.parameters()], lr=0.1\n){TRAIN}",
    ),
    "a frozen teacher in a list": tower(
        "teacher = nn.Linear(8, 8)", "teacher.requires_grad_(False)", "self.teacher = [teacher]"
    ),
    "a frozen teacher in a list, weight by weight": tower(
        "self.teacher = [nn.Linear(8, 8)]",
        "for p in self.teacher[0].parameters(): p.requires_grad = False",
    ),
    "no module": tower("self.layers = [nn.Linear(8, 8)]")
    .replace("(nn.Module)", "")
    .replace("super().__init__()", "pass")
    .replace("model.parameters()", "model.head.parameters()"),
    "a list of a script": "layers = [nn.Linear(8, 8), nn.Linear(8, 4)]\n"
    f"model = nn.Sequential(*layers)\n{STEP}",
    "models side by side": "models = [nn.Linear(8, 4) for _ in range(3)]\nfor model in models:\n    "
    + STEP.replace("\n", "\n    "),
    "inside a called function": tower("self.layers = [8, 8]", forward="parts = [nn.Identity()]; return x"),
}


@pytest.mark.parametrize("code", FOUND.values(), ids=FOUND)
def test_what_is_found_or_needs_not_be(code: str) -> None:
    assert told(code) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("[nn.Linear(8, 8), nn.Linear(8, 8)]", "nn.ModuleList([nn.Linear(8, 8), nn.Linear(8, 8)])"),
        ("(nn.Linear(8, 8), nn.ReLU())", "nn.ModuleList((nn.Linear(8, 8), nn.ReLU()))"),
        ("{'a': nn.Linear(8, 8)}", "nn.ModuleDict({'a': nn.Linear(8, 8)})"),
        ("{k: nn.Linear(8, 8) for k in 'ab'}", "nn.ModuleDict({k: nn.Linear(8, 8) for k in 'ab'})"),
    ],
)
def test_the_container_becomes_one_of_modules(before: str, after: str) -> None:
    code = f"{PRELUDE}\n\n" + tower(f"self.layers = {before}")
    source = parse(Path(EXAMPLE), code.encode())
    found = lint_sources([source], [check]).diagnosis.findings
    texts = mend(parts_of([source], [source]), [check], found, unsafe=True).texts
    assert texts == {EXAMPLE: code.replace(before, after)}

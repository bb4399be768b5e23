"""Layers or parameters in a plain Python list or dict are unknown to their module.

`nn.Module` registers what is assigned to an attribute, but it does not look into lists and dicts. The layers
in them work in `forward` and receive gradients, yet `parameters()`, `state_dict()`, `to()`, `train()` and
`eval()` all pass them by: they are never trained, never saved and never moved to the GPU.

## Bad

```python
class Tower(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = [nn.Linear(8, 8) for _ in range(3)]
        self.head = nn.Linear(8, 4)

    def forward(self, x):
        for layer in self.layers:
            x = torch.relu(layer(x))
        return self.head(x)


model = Tower()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
```

## Good

```python
class Tower(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(8, 8) for _ in range(3))
        self.head = nn.Linear(8, 4)

    def forward(self, x):
        for layer in self.layers:
            x = torch.relu(layer(x))
        return self.head(x)


model = Tower()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
```

## Not a problem

- Layers in a list that are also passed to an optimizer, or updated by hand.
- A frozen network that is hidden in a list on purpose, to keep it out of `state_dict()`.

## Sources

- [ModuleList](https://docs.pytorch.org/docs/stable/generated/torch.nn.ModuleList.html) and
  [ParameterList](https://docs.pytorch.org/docs/stable/generated/torch.nn.ParameterList.html)
- Reported in PyTorch as [59925](https://github.com/pytorch/pytorch/issues/59925),
  [72580](https://github.com/pytorch/pytorch/issues/72580) and
  [135640](https://github.com/pytorch/pytorch/issues/135640)
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from osler.model import (
    Check,
    Code,
    Edit,
    Evidence,
    Finding,
    Kind,
    Network,
    Pages,
    ParameterFact,
    Run,
    Series,
    Severity,
    Table,
    Value,
    by_model,
    counted,
    elements_of,
    listed,
    since,
)
from osler.static.edits import replaced, statement_at, text_of
from osler.static.queries import learns
from osler.static.reach import held

PATIENCE = 3
"""Optimizer steps before we speak: by then every layer of a usual model was called and reached."""

check = Check(
    __name__,
    severity=Severity.ERROR,
    expected="every layer that trains is found by `parameters()`",
    why="These parameters are never updated, saved, moved to another device or switched between modes.",
    fix="Put layers into `nn.ModuleList` or `nn.ModuleDict` and parameters into `nn.ParameterList` or "
    "`nn.ParameterDict`, and build the optimizer after that.",
    symptoms=(
        "parameters-missing-from-optimizer",
        "updates-absent",
        "loss-plateaus",
        "no-better-than-baseline",
        "predictions-collapsed",
        "model-underfits",
        "cannot-overfit-one-batch",
    ),
)


@check.applies_when
def model_called(run: Run) -> str:
    return "" if run.models else "no model was called"


@check.in_code
def hidden_in_a_container(code: Code) -> Iterator[Finding]:
    optimized = held(code) or set()
    told: set[tuple[str, int]] = set()
    for owner in code.networks:
        for name, part in owner.parts.items():
            if not (inside := layers_in(part)):
                continue
            registered = set(owner.walk())
            layers = [n for n in inside if n not in registered]
            place = part.place if isinstance(part, Series | Table) else owner.place
            hidden = any(learns(n) and not n.frozen for layer in layers for n in layer.walk())
            if not hidden or optimized.intersection(layers) or (place.file, place.line) in told:
                continue
            told.add((place.file, place.line))
            kind = "dict" if isinstance(part, Table) else part.kind if isinstance(part, Series) else "list"
            yield check.finding(
                (place,),
                f"`self.{name}` is a plain {kind} with layers in it: `parameters()` does not find them.",
                subject=name,
            )


def layers_in(part: Value) -> list[Network]:
    """Modules in a plain list, tuple or dict."""
    items = (
        part.items
        if isinstance(part, Series)
        else list(part.items.values())
        if isinstance(part, Table)
        else []
    )
    return [n for item in items for n in ([item] if isinstance(item, Network) else layers_in(item))]


@check.mends
def in_a_module_list(finding: Finding, pages: Pages) -> Iterator[list[Edit]]:
    built = statement_at(pages, finding.place)
    match built.statement if built is not None else None:
        case ast.Assign(value=ast.List() | ast.ListComp() | ast.Tuple() as layers) if built:
            yield [replaced(built.page, layers, f"nn.ModuleList({text_of(built.page, layers)})")]
        case ast.Assign(value=ast.Dict() | ast.DictComp() as layers) if built:
            yield [replaced(built.page, layers, f"nn.ModuleDict({text_of(built.page, layers)})")]
        case _:
            pass


@check.in_run
def trained_but_unknown(run: Run) -> Iterator[Finding]:
    if run.parameters_step < PATIENCE:
        return
    forgotten = (p for p in run.parameters.values() if p.model and is_forgotten(p))
    for model, hidden in by_model(forgotten).items():
        yield describe(run, model, hidden)


def is_forgotten(parameter: ParameterFact) -> bool:
    """It takes part in training, but neither its module nor any optimizer knows it."""
    in_use = parameter.trainable and parameter.reached and parameter.used
    return in_use and not (parameter.registered or parameter.optimizers or parameter.updated)


def describe(run: Run, model: str, hidden: list[ParameterFact]) -> Finding:
    elements, step = elements_of(hidden), since(hidden)
    known = elements_of(p for p in run.parameters_of(model) if p.registered)
    are = "is" if len(hidden) == 1 else "are"
    these, them = ("this element", "it") if elements == 1 else (f"these {elements} elements", "them")
    container = next((p.assigned for p in hidden if p.assigned), ())
    forward = next((e.site for e in run.of(Kind.FORWARD, model)), ())
    built = next((o.site for o in run.optimizers.values() if run.steps_of(o.name)), ())
    return check.finding(
        next((p.site for p in hidden if p.site), forward),
        f"{counted(len(hidden), 'parameter')} of `{model}` {are} missing from `parameters()`: "
        f"{listed([p.name for p in hidden])}. Gradients reach {these}, but no optimizer holds {them}.",
        step=step,
        subject=model,
        related=[
            (container, "they are put into a plain container here"),
            (forward, f"`{model}` is called here"),
            (built, "the optimizer is built without them"),
        ],
        evidence=[
            Evidence("elements missing from parameters()", elements, "0", step=step),
            Evidence("trainable elements in parameters()", known, f"{known + elements}", step=step),
        ],
    )

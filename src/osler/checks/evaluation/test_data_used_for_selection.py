"""The test data decide which weights are kept, or when the learning rate falls.

What was chosen because it does well on the test data will do well on them, and worse on new data. The number
reported at the end is then too good: it is the largest of many noisy ones. Choices belong to data of their
own; the test data are looked at once, when everything is decided.

## Bad

```python
test_loader = DataLoader(rows(64), batch_size=16)


def accuracy(batches):
    model.eval()
    right = 0
    with torch.no_grad():
        for x, y in batches:
            right += (model(x).argmax(dim=1) == y).sum().item()
    return right / len(batches.dataset)


best = 0.0
for epoch in range(epochs):
    model.train()
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    print("validation:", accuracy(val_loader))
    score = accuracy(test_loader)
    if score > best:
        best = score
        torch.save(model.state_dict(), "/dev/null")
```

## Good

```python
test_loader = DataLoader(rows(64), batch_size=16)


def accuracy(batches):
    model.eval()
    right = 0
    with torch.no_grad():
        for x, y in batches:
            right += (model(x).argmax(dim=1) == y).sum().item()
    return right / len(batches.dataset)


best = 0.0
for epoch in range(epochs):
    model.train()
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    score = accuracy(val_loader)
    if score > best:
        best = score
        torch.save(model.state_dict(), "/dev/null")
print("test:", accuracy(test_loader))
```

## Not a problem

- The test data are evaluated after every epoch, but only printed.
- A held-out set under another name. Where there is no third set, this is a hint: perhaps the loader is only
  called so.

## Sources

- [scikit-learn: common pitfalls](https://scikit-learn.org/stable/common_pitfalls.html)
- Reported in [pytorch-cifar](https://github.com/kuangliu/pytorch-cifar/issues/145) and
  [TransMIL](https://github.com/szc19990412/TransMIL/issues/40)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from osler.model import (
    CallFact,
    Check,
    Code,
    Const,
    Finding,
    Helper,
    Kind,
    Loader,
    Place,
    Severity,
    Tensor,
    Value,
)

TEST = re.compile(r"(^|[_.])test(?!_?(val|train|dev))", re.IGNORECASE)
VALIDATION = re.compile(
    r"(^|[_.])(val|valid|validation|dev|eval)([_.]|load|data|dl|set|iter|gen|\d|$)", re.IGNORECASE
)
KEEPING = ("torch.save", "Module.state_dict")

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="choices are made by data that are neither trained nor tested on",
    why="The test result is the best of many and says too much: new data will do worse.",
    fix="Use a validation set for this choice, and look at the test data once, at the end.",
)


@check.in_code
def chosen_by_test_data(code: Code) -> Iterator[Finding]:
    third = next((n for n in loader_names(code) if VALIDATION.search(n) and "train" not in n.lower()), "")
    told: set[Place] = set()
    for place, metric, choice in choices(code):
        name = tested_by(metric)
        if not name or place in told:
            continue
        told.add(place)
        beside = f" although there is `{third}`" if third else ""
        yield check.finding(
            (place,),
            f"{choice} is chosen by a result on `{name}`{beside}.",
            severity=None if third else Severity.HINT,
        )


def loader_names(code: Code) -> Iterator[str]:
    """Names of the loaders that are built, or gone through."""
    yield from (shown(loader) for loader in code.loaders)
    for action in code.actions(Kind.FORWARD):
        if isinstance(action.value, Tensor):
            yield from (shown(loader) for loader in action.value.loaders)


def shown(loader: Loader) -> str:
    """The name without ``self.``."""
    return loader.name.removeprefix("self.")


def choices(code: Code) -> Iterator[tuple[Place, Value | None, str]]:
    """Lines that choose, with the result they choose by and what they choose."""
    compared = list(code.calls_of("compare"))
    for call in code.calls_of(*KEEPING):
        above = [c for c in compared if is_under(call, c)]
        nearest = max((c.place.line for c in above), default=0)
        for comparison in above:
            if comparison.place.line == nearest:
                yield comparison.place, comparison.arguments.get(0), "what is saved"
                yield comparison.place, comparison.arguments.get(1), "what is saved"
    for action in code.actions(Kind.SCHEDULE):
        if isinstance(action.subject, Helper) and action.subject.made.endswith("ReduceLROnPlateau"):
            yield action.place, action.value, "the learning rate"


def is_under(call: CallFact, compared: CallFact) -> bool:
    """The call is only made where the comparison holds."""
    text = compared.arguments.get(2)
    here = (call.place.file, call.place.function) == (compared.place.file, compared.place.function)
    conditions = {text.value if isinstance(text, Const) else None, compared.target} - {""}
    below = call.place.line >= compared.place.line
    return here and below and not conditions.isdisjoint(parts(call.guards))


def parts(guards: Iterable[str]) -> Iterator[str]:
    """Conditions that all hold."""
    for guard in guards:
        yield from guard.split(" and ")


def tested_by(metric: Value | None) -> str:
    """The test loader that this result is made of, and of nothing else; empty if it is not."""
    loaders = metric.loaders if isinstance(metric, Tensor) else frozenset[Loader]()
    names = {shown(loader) for loader in loaders}
    return min(names) if names and all(TEST.search(n) and not VALIDATION.search(n) for n in names) else ""

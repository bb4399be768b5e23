"""The best weights are kept as references to the weights that go on training.

`state_dict()` copies nothing: it holds the live tensors. What was put aside at the best epoch changes with
every further step, so that loading it at the end restores the last weights.

## Bad

```python
best, best_loss = None, float("inf")
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
    if loss.item() < best_loss:
        best_loss = loss.item()
        best = model.state_dict()
model.load_state_dict(best)
```

## Good

```python
import copy

best, best_loss = None, float("inf")
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
    if loss.item() < best_loss:
        best_loss = loss.item()
        best = copy.deepcopy(model.state_dict())
model.load_state_dict(best)
```

## Not a problem

- A deep copy, or weights saved to disk.
- Weights given to another model.
- Weights taken after training.

## Sources

- [Saving and loading models](https://docs.pytorch.org/tutorials/beginner/saving_loading_models.html)
- Reported in [tutorials](https://github.com/pytorch/tutorials/pull/188) and
  [PyPOTS](https://github.com/WenjieDu/PyPOTS/issues/667)
"""

from collections.abc import Iterator

from osler.model import Check, Code, Edit, Evidence, Finding, Helper, Pages, Run, Severity, Value, counted
from osler.model.values import Maybe
from osler.static.edits import call_at, first_import, imports, insert_before, replaced, text_of, together

check = Check(
    __name__,
    severity=Severity.ERROR,
    expected="the best weights are copied when they are found",
    why="What is restored at the end are the last weights, not the best.",
    fix="Take a copy: `copy.deepcopy(model.state_dict())`.",
    symptoms=("model-reused-across-folds",),
)


@check.in_code
def kept_alive(code: Code) -> Iterator[Finding]:
    kept = [c for c in code.calls_of("Module.state_dict") if c.loops]
    for load in code.calls_of("Module.load_state_dict"):
        weights = bare(load.arguments.get(1))
        model = load.arguments.get(0)
        if not isinstance(weights, Helper) or weights.role != "weights" or weights.about is not model:
            continue
        for call in kept:
            name = call.target or weights.name
            if name and call.place == weights.place and call.place != load.place:
                yield check.finding(
                    (call.place,),
                    f"`{name}` refers to the live weights: later steps change it before line "
                    f"{load.place.line} loads it.",
                    related=[((load.place,), "what is loaded here are the last weights")],
                )


def bare(value: Value | None) -> Value | None:
    """The value that is not None."""
    return value.value if isinstance(value, Maybe) else value


@check.applies_when
def nothing_loaded(run: Run) -> str:
    return "" if run.aliases else "no weights were loaded into the model they came from"


@check.mends
def take_a_copy(finding: Finding, pages: Pages) -> Iterator[list[Edit]]:
    called = call_at(pages, finding.place, "state_dict")
    if called is None:
        return
    page = called.page
    copied = [replaced(page, called.call, f"copy.deepcopy({text_of(page, called.call)})")]
    if imports(page, "copy"):
        yield copied
    elif (first := first_import(page)) is not None:
        yield together(insert_before(first, "import copy"), copied)


@check.in_run
def loads_itself(run: Run) -> Iterator[Finding]:
    for fact in run.aliases.values():
        later = fact.step - fact.taken_step
        yield check.finding(
            fact.taken,
            f"the weights kept at step {fact.taken_step} are the model's own: {counted(later, 'later step')} "
            "changed them too, and loading them restores nothing.",
            step=fact.taken_step,
            related=[(fact.site, "what is loaded here are the last weights")],
            evidence=[Evidence("steps that changed the kept weights", later, "0", step=fact.step)],
        )

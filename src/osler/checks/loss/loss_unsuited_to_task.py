"""The loss cannot measure what the model is to learn.

Softmax over a single column is always 1, whatever the model says. `cross_entropy` of one column is therefore
0 for every input, and so is `nll_loss` behind `log_softmax`: no gradient flows and nothing is learned. One
column that says yes or no is the logit of a sigmoid, and its loss is `binary_cross_entropy_with_logits`; for
`cross_entropy` two classes need two columns.

A squared error that compares the outputs with the *number* of a class takes class 3 for three times class 1.
With a column per class, `cross_entropy` is meant. `osler preflight` sees both by what the first batch
holds.

`cross_entropy` of rows of 0 and 1 with several ones, as of tags of a text, shares one probability among the
labels: each one that is right takes from the others, and no number of them can be read off the scores.
`binary_cross_entropy_with_logits` judges each label by itself.

## Bad

```python
judge = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
optimizer = torch.optim.SGD(judge.parameters(), lr=0.05)
for x, y in loader:
    target = (y > 1).float().unsqueeze(1)
    optimizer.zero_grad()
    F.cross_entropy(judge(x), target).backward()
    optimizer.step()
```

## Good

```python
judge = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
optimizer = torch.optim.SGD(judge.parameters(), lr=0.05)
for x, y in loader:
    target = (y > 1).float().unsqueeze(1)
    optimizer.zero_grad()
    F.binary_cross_entropy_with_logits(judge(x), target).backward()
    optimizer.step()
```

## Not a problem

- Scores of several candidates, one column each, that are squeezed into a row before the loss.
- Squared error of one column: a regression, an order of classes.
- Squared error against rows that are 0 and 1.
- Rows that add up to 1, as of mixed or smoothed labels, of a teacher, or of several positives that share.
- Several positives among similarities of samples with each other, as in a contrastive loss.
- A likelihood of all items of a row at once, as of an autoencoder of baskets: its targets are its inputs.
  Above 256 columns it is a hint only.

## Sources

- [CrossEntropyLoss](https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html) and
  [BCEWithLogitsLoss](https://docs.pytorch.org/docs/stable/generated/torch.nn.BCEWithLogitsLoss.html)
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import (
    Activation,
    Check,
    Code,
    Const,
    Evidence,
    Finding,
    LabelRowsFact,
    Run,
    Setup,
    Severity,
    Site,
    UnsuitedLossFact,
    needs_call,
)
from osler.static.queries import loss_inputs

ENTROPY = {"cross_entropy": "linear", "nll_loss": "log_softmax"}
"""Losses that compare classes, and what is last done to the columns that they get."""

PROBABILITIES = ("binary_cross_entropy", "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")

LOOKS = 3
"""Calls that agree before targets are believed to be labels of which several may hold."""

ROWS = 32
"""Rows of targets below which one odd sample would decide."""

SEVERAL = 0.05
"""Share of rows with more than one label from which on they are meant: a few may be noise."""

MANY = 256
"""Columns above which a softmax over all labels is often a choice: it ranks the items of a catalogue."""

check = Check(
    __name__,
    severity=Severity.ERROR,
    expected="the loss depends on what the model says",
    why="The loss is as small, or smaller, for a model that does not do its task.",
    fix="Use `binary_cross_entropy_with_logits` for one column, or give the last layer a column per class.",
    symptoms=(
        "updates-absent",
        "loss-plateaus",
        "no-better-than-baseline",
        "cannot-overfit-one-batch",
        "predictions-collapsed",
        "loss-shapes-broadcast",
    ),
)

check.applies_when(needs_call(*ENTROPY))


@check.in_code
def one_class(code: Code) -> Iterator[Finding]:
    for function, last in ENTROPY.items():
        for loss, activation in loss_inputs(code, function):
            if columns(activation) == 1 and activation.name in {last, "relu", "tanh", "sigmoid"}:
                seen = f"`{function}` receives one column"
                yield described(loss.site, activation, seen, "the loss is always 0")
    for loss, activation in loss_inputs(code, *PROBABILITIES):
        if columns(activation) == 1 and activation.name == "softmax" and not over_samples(code, activation):
            seen = "softmax is taken over one column"
            yield described(loss.site, activation, seen, "it is always 1")


@check.in_run
def labels_compete(run: Run) -> Iterator[Finding]:
    for fact in run.label_rows.values():
        if fact.classes == 1:
            yield check.finding(
                fact.site,
                f"`{fact.function}` compares one column: whatever the model says, the loss is the same.",
                step=fact.step,
                evidence=[Evidence("columns", fact.classes, "at least 2")],
            )
        elif are_labels(fact):
            yield check.finding(
                fact.site,
                f"`{fact.function}` received targets of 0 and 1 with {fact.fewest} to {fact.most} ones in a "
                f"row ({fact.several} of {fact.rows} rows have several): the labels of a sample share one "
                "probability, so each of them takes from the others.",
                step=fact.step,
                severity=Severity.WARNING if fact.classes <= MANY else Severity.HINT,
                evidence=[Evidence("share of rows with several ones", fact.several / fact.rows, "0")],
                expected="each row of targets adds up to 1, or each label is judged by itself",
                fix="Use `binary_cross_entropy_with_logits` for labels of which several can hold at once.",
            )


def are_labels(fact: LabelRowsFact) -> bool:
    """Whether several classes hold at once for many samples, not equally many for each, in a classifier."""
    enough = fact.tests >= LOOKS and fact.rows >= ROWS and fact.several >= SEVERAL * fact.rows
    return enough and fact.fewest < fact.most and fact.of_layer and not fact.entered


@check.in_setup
def compares_what_it_cannot(setup: Setup) -> Iterator[Finding]:
    for fact in setup.all(UnsuitedLossFact):
        if not fact.classes:
            yield check.finding(
                fact.site,
                f"`{fact.function}` compares one column: whatever the model says, the loss is the same.",
                evidence=[Evidence("columns", fact.columns, "at least 2")],
            )
        else:
            yield check.finding(
                fact.site,
                f"`{fact.function}` compares {fact.columns} outputs with the number of the class, 0 to "
                f"{fact.classes - 1}: class {fact.classes - 1} counts as {fact.classes - 1} times class 1.",
                evidence=[Evidence("outputs", fact.columns, "1, or rows of 0 and 1 as targets")],
                expected="numbers are compared with numbers, and classes with a column each",
                fix="Use `cross_entropy` with the class ids as they are.",
            )


def described(site: Site, activation: Activation, seen: str, so: str) -> Finding:
    """What the loss gets, and what it makes of that."""
    place = activation.layer.place if activation.layer else activation.place
    return check.finding(
        site,
        f"{seen}, from the layer in line {place.line}: {so}.",
        related=[((place,), "one column comes out here")],
    )


def columns(activation: Activation) -> int:
    """How many come out of the layer behind the activation; 0 if that is not known."""
    layer = activation.layer
    if layer is None:
        return 0
    position = 0 if layer.kind.startswith("Lazy") else 1
    name = "out_features" if "Linear" in layer.kind else "out_channels"
    match layer.options.get(name, layer.options.get(position)):
        case Const(value=int() as count):
            return count
        case _:
            return 0


def over_samples(code: Code, activation: Activation) -> bool:
    """The softmax may be taken over another axis than the columns."""
    called = code.calls_of("torch.softmax", "torch.nn.functional.softmax", "Tensor.softmax")
    dims = [call.argument(1, "dim") for call in called if call.place == activation.place]
    layers = [n for n in code.networks if n.kind == "Softmax"]
    dims += [n.options.get("dim", n.options.get(0)) for n in layers]
    return not all(isinstance(d, Const) and d.value in (1, -1) for d in dims)

"""The last layer has not as many columns as there are classes.

`cross_entropy` takes column k for the score of class k. With fewer columns than classes the first target
beyond them ends the training with an error. With more columns the model first has to learn that most of them
never occur: the loss begins too high, as where the head of a pretrained model was not exchanged.

## Bad

```python
digits = TensorDataset(torch.randn(192, 8), torch.randint(0, 10, (192,)))
net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for x, y in DataLoader(digits, batch_size=16):
    optimizer.zero_grad()
    F.cross_entropy(net(x), y).backward()
    optimizer.step()
```

## Good

```python
digits = TensorDataset(torch.randn(192, 8), torch.randint(0, 10, (192,)))
net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 10))
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for x, y in DataLoader(digits, batch_size=16):
    optimizer.zero_grad()
    F.cross_entropy(net(x), y).backward()
    optimizer.step()
```

## Not a problem

- One column more, for a class that means none of the others.
- Targets that were chosen, moved or counted anew.
- A data set that is changed after it was read.

## Sources

- [CrossEntropyLoss](https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html)
- [Transfer learning](https://docs.pytorch.org/tutorials/beginner/transfer_learning_tutorial.html): the head
  of a pretrained model is exchanged
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import Check, Code, Confidence, Evidence, Finding, Severity

check = Check(
    __name__,
    severity=Severity.ERROR,
    expected="the last layer has one column for each class",
    why="A target beyond the columns ends training with an error; columns beyond the classes are unlearned "
    "first.",
    fix="Give the last layer as many columns as there are classes.",
    symptoms=("labels-out-of-range", "initial-loss-unexpected"),
)


@check.in_code
def other_than_the_classes(code: Code) -> Iterator[Finding]:
    for fact in code.widths:
        fewer = fact.columns < fact.classes
        if fewer or fact.columns > fact.classes + 1:
            yield check.finding(
                fact.site,
                f"`{fact.function}` compares {fact.columns} columns, from the layer in line "
                f"{fact.layer[0].line}, with targets of {fact.classes} classes.",
                related=[(fact.layer, f"{fact.columns} columns come out here")],
                evidence=[Evidence("columns", fact.columns, f"{fact.classes}")],
                severity=Severity.ERROR if fewer else Severity.HINT,
                confidence=Confidence.LIKELY,
            )

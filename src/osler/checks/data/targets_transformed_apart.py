"""A random flip, rotation or crop moves the input, and another one moves its target.

A transform that draws random numbers draws new ones in each call. Called once for a picture and once for
its mask, it flips the one and leaves the other, so that the mask no longer lies on what it marks. Training
runs on, and the loss even falls; the model learns a blur of all positions.

## Bad

```python
import random


class RandomFlip:
    def __call__(self, x):
        if random.random() < 0.5:
            x = torch.flip(x, [-1])
        return x


class Signals(torch.utils.data.Dataset):
    def __init__(self, count, transform=None):
        self.signals = torch.randn(count, 8)
        self.masks = (self.signals[:, :4] > 0).float()
        self.transform = transform

    def __len__(self):
        return len(self.signals)

    def __getitem__(self, index):
        signal = self.transform(self.signals[index])
        mask = self.transform(self.masks[index])
        return signal, mask


signals = DataLoader(Signals(192, RandomFlip()), batch_size=16, shuffle=True)
for epoch in range(epochs):
    for signal, mask in signals:
        optimizer.zero_grad()
        F.binary_cross_entropy_with_logits(model(signal), mask).backward()
        optimizer.step()
```

## Good

```python
import random


class RandomFlip:
    def __call__(self, x, y):
        if random.random() < 0.5:
            x, y = torch.flip(x, [-1]), torch.flip(y, [-1])
        return x, y


class Signals(torch.utils.data.Dataset):
    def __init__(self, count, transform=None):
        self.signals = torch.randn(count, 8)
        self.masks = (self.signals[:, :4] > 0).float()
        self.transform = transform

    def __len__(self):
        return len(self.signals)

    def __getitem__(self, index):
        return self.transform(self.signals[index], self.masks[index])


signals = DataLoader(Signals(192, RandomFlip()), batch_size=16, shuffle=True)
for epoch in range(epochs):
    for signal, mask in signals:
        optimizer.zero_grad()
        F.binary_cross_entropy_with_logits(model(signal), mask).backward()
        optimizer.step()
```

## Not a problem

- One call for both, numbers that are drawn once and used for both, or the same seed before each call.
- Transforms that draw nothing, and noise or colours that change the input alone.
- Targets that are a class: they have no position.
- Two views of one sample, as in contrastive learning, and pairs whose parts belong to no common sample.
- Data that are never trained on.

## Sources

- [Getting started with transforms
  v2](https://docs.pytorch.org/vision/stable/auto_examples/transforms/plot_transforms_getting_started.html):
  images and their masks in one call
- [Functional transforms](https://docs.pytorch.org/vision/stable/transforms.html#functional-transforms), for
  numbers that are drawn once
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import ApartFact, Check, Code, Finding, Severity

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="one draw of random numbers decides what is done to both, input and target",
    why="Input and target no longer belong together, place by place: the model learns from wrong targets.",
    fix="Use one draw for both: a transform that takes and returns both, or numbers that are drawn "
    "first and given to each call.",
)


@check.in_code
def drawn_for_each(code: Code) -> Iterator[Finding]:
    for fact in code.apart:
        yield told(fact)


def told(fact: ApartFact) -> Finding:
    return check.finding(
        (fact.other,),
        f"`{fact.dataset}` moves the target at random here, and the input in line {fact.one.line}: each "
        "draws random numbers of its own, so that the target no longer fits the input.",
        related=[
            ((fact.one,), "the input is moved here"),
            ((fact.drawn,), "new numbers are drawn here each time"),
            ((fact.trained,), "this loop compares the output with the target"),
        ],
    )

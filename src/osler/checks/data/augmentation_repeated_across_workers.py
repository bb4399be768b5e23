"""Every worker of a loader draws the same random numbers.

A dataset that keeps a generator of its own is copied into each worker together with that generator, in the
state in which it was built. Torch seeds `torch`, `random` and `np.random` anew in each worker and each epoch,
but it does not know of this one: all workers draw the same crops and flips, and the next epoch draws them
again.

## Bad

```python
import numpy as np


class Noisy(torch.utils.data.Dataset):
    def __init__(self, data):
        self.data = data
        self.rng = np.random.default_rng(0)

    def __len__(self):
        return len(self.data)

    def __getitem__(self, index):
        x, y = self.data[index]
        return x + float(self.rng.normal(0, 0.1)), y


noisy = DataLoader(Noisy(rows(64)), batch_size=16, shuffle=True, num_workers=2)
for epoch in range(epochs):
    for x, y in noisy:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
```

## Good

```python
class Noisy(torch.utils.data.Dataset):
    def __init__(self, data):
        self.data = data

    def __len__(self):
        return len(self.data)

    def __getitem__(self, index):
        x, y = self.data[index]
        return x + 0.1 * torch.randn(()), y


noisy = DataLoader(Noisy(rows(64)), batch_size=16, shuffle=True, num_workers=2)
for epoch in range(epochs):
    for x, y in noisy:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
```

## Not a problem

- Numbers from `torch`, `random` or `np.random` themselves: torch 1.9 and later seed them in each worker.
- A `worker_init_fn` that seeds the generator.
- A generator that is made anew for each sample, or only used while the dataset is built.
- A loader without workers, or one that only evaluates: there the same noise every time is welcome.

## Sources

- [Randomness in multi-process data
  loading](https://docs.pytorch.org/docs/stable/data.html#randomness-in-multi-process-data-loading)
- [Using PyTorch + NumPy? You're making a
  mistake](https://tanelp.github.io/posts/a-bug-that-plagues-thousands-of-open-source-ml-projects/)
- Reported in [CenterNet](https://github.com/xingyizhou/CenterNet/issues/233)
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import Check, Code, Finding, Severity
from osler.static.own_generators import CopiedGenerator, copied_generators

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="each worker draws random numbers of its own",
    why="Samples in different workers are changed in the same way: there is far less variety than it seems.",
    fix="Pass a `worker_init_fn` that seeds the generator from `torch.initial_seed()`, or draw from `torch`.",
)


@check.in_code
def same_generator_in_each_worker(code: Code) -> Iterator[Finding]:
    for copied in copied_generators(code):
        yield check.finding(
            (copied.made,),
            f"`self.{copied.name}` is copied into {told(copied)}.",
            subject=copied.name,
            related=[
                ((copied.drawn,), "workers draw from it here"),
                ((copied.loader.place,), "the loader is built here"),
            ],
        )


def told(copied: CopiedGenerator) -> str:
    """Which workers get it, and what follows from that."""
    if copied.workers == 1:
        return "the worker, which starts anew with each epoch: every epoch draws the same random numbers"
    again = ", and every epoch draws them again" if copied.again else ""
    return f"each of the {copied.workers} workers: they all draw the same random numbers{again}"

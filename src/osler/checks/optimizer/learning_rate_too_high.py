"""The learning rate is so high that the loss does not fall, and at a lower one it does.

Each step goes so far beyond the minimum along its direction that it ends higher up on the other side. The
loss explodes, becomes NaN, or jumps and then stays where guessing is, with dead activations and saturated
outputs. It looks as if the model could not learn.

`osler preflight` lets the script's own loop take up to 200 optimizer steps on its first batches. If the loss
of these very batches does not fall, neither in the mean nor on most of them, it goes back to the start and
tries a tenth, a hundredth and a thousandth of the learning rate. It speaks only if the loss falls there: all
of at least ten losses, twice in a row, and by a tenth in the mean. Chance alone does that in fewer than one
of ten thousand programs.

## Bad

```python
optimizer = torch.optim.SGD(model.parameters(), lr=30.0, momentum=0.9)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
```

## Good

```python
optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
```

## Not a problem

- A high learning rate at which the loss falls all the same, also at the edge of stability, where it jumps on
  its way down.
- A spike in the first steps that is recovered from, or that the loss is still coming down from.
- A learning rate of 1 that the optimizer scales itself, as Prodigy, D-Adaptation or Adadelta do: what counts
  is whether the loss falls.
- A loss that falls at no learning rate: that has another cause.
- Not judged: several optimizers, L-BFGS, a loss that is not one loss function of torch (rewards, opponents),
  a model that has learned before, targets that are drawn anew in every turn, and a loss that does not fall
  while a warm-up or another schedule changes the rate from step to step.

## Sources

- [Deep Learning Tuning Playbook](https://github.com/google-research/tuning_playbook#identifying-unstable-workloads):
  unstable workloads
- [Gradient descent on neural networks typically occurs at the edge of stability](https://arxiv.org/abs/2103.00065)
- [The deep learning book, chapter 11.4](https://www.deeplearningbook.org/contents/guidelines.html): the
  learning rate may be the most important hyper-parameter
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import Check, Evidence, Finding, Setup, Severity, TooHighRateFact, counted

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="a loss that falls on the batches that are trained on",
    why="Each step overshoots: the weights are thrown about, and the model learns nothing.",
    fix="Lower the learning rate to the one named here, or let it rise to its value over the first steps.",
    symptoms=(
        "activations-explode",
        "activations-not-finite",
        "cannot-overfit-one-batch",
        "gradients-explode",
        "gradients-not-finite",
        "gradients-vanish",
        "loss-diverges",
        "loss-not-finite",
        "loss-oscillates",
        "loss-plateaus",
        "loss-spikes",
        "model-underfits",
        "no-better-than-baseline",
        "outputs-ignore-inputs",
        "predictions-collapsed",
        "units-dead",
        "units-saturated",
        "updates-too-large",
    ),
)


@check.in_setup
def falls_only_at_a_lower_one(setup: Setup) -> Iterator[Finding]:
    for fact in setup.all(TooHighRateFact):
        batches = "batch" if fact.batches == 1 else f"{fact.batches} batches"
        turns = counted(fact.turns, "turn")
        yield check.finding(
            fact.site,
            f"At the learning rate {fact.rate:.3g} of `{fact.optimizer}` the loss of the first {batches} "
            f"went from {fact.before:.4g} to {fact.after:.4g} in {turns}; at {fact.lower:.3g} it went "
            f"from {fact.before:.4g} to {fact.lowered:.4g} in {counted(fact.lower_turns, 'turn')}.",
            evidence=[Evidence(f"loss after {turns}", fact.after, f"below {fact.before:.4g}")],
        )

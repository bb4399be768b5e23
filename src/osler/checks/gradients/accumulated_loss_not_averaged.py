"""The loss is summed over several batches, but not divided by their number.

Each `backward()` adds the gradient of a mean over its batch. After N of them the gradient is N times too
large, which acts like an N times larger learning rate for plain SGD, and like clipping at a different
threshold everywhere.

## Bad

```python
for i, (x, y) in enumerate(loader):
    loss = loss_fn(model(x), y)
    loss.backward()
    if (i + 1) % 4 == 0:
        optimizer.step()
        optimizer.zero_grad()
```

## Good

```python
for i, (x, y) in enumerate(loader):
    loss = loss_fn(model(x), y) / 4
    loss.backward()
    if (i + 1) % 4 == 0:
        optimizer.step()
        optimizer.zero_grad()
```

## Not a problem

- A learning rate that was chosen for the sum. With an optimizer that takes out the scale of the gradient, as
  Adam does, and without clipping, it changes next to nothing: that is a hint.
- Losses that are sums already, or with any factor before them.
- Gradients of several losses in one step, as in multi-task training, where every batch is followed by a step.
- A framework that divides.

## Sources

- [Gradient
  accumulation](https://docs.pytorch.org/docs/stable/notes/amp_examples.html#gradient-accumulation)
- Reported in [nanoGPT](https://github.com/karpathy/nanoGPT/issues/168)
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from osler.model import (
    Branch,
    Check,
    Code,
    Confidence,
    Edit,
    Event,
    Evidence,
    Finding,
    Kind,
    Loop,
    Pages,
    Pattern,
    Run,
    Severity,
    SignFact,
    Site,
    Tensor,
    flat,
    turns,
)
from osler.static.edits import SIMPLE, calls_in, replaced, statement_around, statement_at, text_of
from osler.static.mending import other_place
from osler.static.queries import every_loop
from osler.static.walking import walk

PATIENCE = 2
"""Steps after which the number of batches per step is taken for the program's own."""

SCALE_FREE = frozenset(
    [
        "Adadelta",
        "Adafactor",
        "Adagrad",
        "Adam",
        "Adamax",
        "AdamW",
        "Lion",
        "NAdam",
        "RAdam",
        "RMSprop",
        "Rprop",
        "SparseAdam",
    ]
)
"""Optimizers whose step hardly depends on the scale of the gradient."""

HOOKS = ("Tensor.register_hook", "Tensor.register_post_accumulate_grad_hook")
"""What may change gradients as they are computed."""

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="the loss is divided by the number of batches per step",
    why="The gradient grows with the number of batches: the step size is not what it seems.",
    fix="Divide the loss by the number of batches before `backward()`.",
    symptoms=("gradients-always-clipped", "gradients-explode", "loss-diverges", "updates-too-large"),
)


@check.in_code
def summed_over_batches(code: Code) -> Iterator[Finding]:
    if code.frameworks:
        return
    for trace in code.traces:
        for loop in every_loop(trace.nodes):
            own = [a for a in loop.body if not isinstance(a, Branch)]
            backwards = [a for a in flat(own) if a.kind is Kind.BACKWARD]
            now_and_then = [b for b in loop.body if isinstance(b, Branch) and "%" in b.key]
            steps = [a for b in now_and_then for a in flat(b.ways[0]) if a.kind is Kind.STEP]
            everywhere = [a for a in flat(loop.body) if a.kind is Kind.STEP]
            if len(backwards) != 1 or not steps or len(steps) != len(everywhere):
                continue
            if any(a.kind is Kind.CLEAR for a in flat(own)):
                continue  # nothing adds up
            if "weighted" in backwards[0].words or is_divided_later(code, loop):
                continue
            root = backwards[0].value
            if isinstance(root, Tensor) and root.reduced == "mean":
                yield check.finding(
                    backwards[0].site,
                    f"the mean loss of every batch is added up until the step in line {steps[0].place.line}, "
                    "but never divided by the number of batches.",
                    related=[(steps[0].site, "the optimizer steps once in several batches")],
                )


def is_divided_later(code: Code, loop: Loop) -> bool:
    """The gradients themselves are changed, in the loop or as they are computed."""
    by_hand = any(a.kind is Kind.TOUCH and "added" not in a.words for a in flat(loop.body))
    return by_hand or any(True for _ in code.calls_of(*HOOKS))


@check.in_run
def summed_up_to_a_step(run: Run) -> Iterator[Finding]:
    if run.backwards < run.steps + PATIENCE:  # almost always
        return
    for fact in run.signs.values():
        whole = [function for function, factor in fact.averages if factor == 1]
        if not whole:
            continue
        for optimizer in sorted(run.stepping_on(fact.site)):
            patterns = [p for p in run.patterns if fact.site in [b.site for b in p.backwards]]
            steps = [e for e in run.of(Kind.STEP, optimizer) if "fresh" in e.traits]
            if run.steps_of(optimizer) < PATIENCE or not steps:
                continue
            per_step = batches_per_step(run, fact.site, optimizer, patterns)
            if per_step > 1:
                yield described(run, fact, whole, optimizer, steps, per_step)
            elif piles_up(patterns, fact.site, optimizer):
                yield described(run, fact, whole, optimizer, steps, 0)


def batches_per_step(run: Run, backward: Site, optimizer: str, patterns: list[Pattern]) -> int:
    """Batches of one loader that each go backward from this line before a step; 0 if that is not known."""
    loaders = {e.subject for p in patterns for e in p.of(Kind.BATCH)}
    if len(loaders) != 1:
        return 0
    only_drawn = [p for p in run.patterns if {e.subject for e in p.events} == loaders and p.of(Kind.BATCH)]
    ahead = [p for p in only_drawn if p.events == p.of(Kind.BATCH)]
    repeated = all(sum(b.site == backward for b in p.backwards) > 1 for p in patterns if p.of(Kind.STEP))
    if ahead and not repeated:
        return 0
    windows = max(run.steps_of(optimizer), turns(p for p in patterns if clears(run, p, optimizer)))
    return round((turns(patterns) + turns(ahead)) / windows)


def clears(run: Run, pattern: Pattern, optimizer: str) -> bool:
    """Whether something clears the optimizer's gradients in these turns."""
    return any(run.clears(e.subject, optimizer) for e in pattern.of(Kind.CLEAR))


def piles_up(patterns: list[Pattern], backward: Site, optimizer: str) -> bool:
    """Whether, without a loader, a step always follows several forwards and backwards from the same lines."""
    stepping = [p for p in patterns if optimizer in [e.subject for e in p.of(Kind.STEP)]]
    if not stepping or any(p.of(Kind.BATCH) for p in patterns):
        return False
    return all(repeats_without_clear(p, backward) for p in stepping)


def repeats_without_clear(pattern: Pattern, backward: Site) -> bool:
    """Whether several forwards and backwards from the same lines add up; a closure clears between them."""
    forwards = pattern.of(Kind.FORWARD)
    at = [i for i, e in enumerate(pattern.events) if e.is_backward and e.site == backward]
    if len(at) < 2 or len(set(forwards)) == len(forwards):
        return False
    return all(e.kind is not Kind.CLEAR for e in pattern.events[at[0] : at[-1]])


def described(
    run: Run, fact: SignFact, functions: list[str], optimizer: str, steps: list[Event], per_step: int
) -> Finding:
    harmless = optimizer.split()[0] in SCALE_FREE and not run.of(Kind.CLIP)
    amount = f"{per_step} batches" if per_step else "several calls"
    losses = (e.site for e in run.of(Kind.LOSS) if e.subject in functions and "grad" in e.traits)
    effect = "; its steps hardly depend on that" if harmless else ""
    return check.finding(
        fact.site,
        f"The mean loss goes backward undivided, and `{optimizer}` steps once in {amount}: its gradient is "
        f"the sum of their means{effect}.",
        step=fact.step,
        subject=optimizer,
        related=[
            (run.usual_site(steps), "the optimizer steps here"),
            (next(losses, ()), "the loss is computed here"),
        ],
        evidence=[
            *([Evidence("batches per step", per_step, "1")] if per_step else []),
            Evidence("factor of the loss", 1, f"1 / {per_step or 'batches per step'}"),
        ],
        severity=Severity.HINT if harmless or not per_step else None,
        confidence=Confidence.CERTAIN if per_step else Confidence.POSSIBLE,
    )


@check.mends
def divide_the_loss(finding: Finding, pages: Pages) -> Iterator[list[Edit]]:
    backward = statement_at(pages, finding.place)
    guard = statement_around(pages, other_place(finding), ast.If)
    if backward is None or guard is None or not isinstance(guard.statement, ast.If):
        return
    periods = [
        n.right for n in walk(guard.statement.test) if isinstance(n, ast.BinOp) and isinstance(n.op, ast.Mod)
    ]
    for call in calls_in(backward, "backward"):
        loss = call.func.value if isinstance(call.func, ast.Attribute) else None
        if isinstance(loss, SIMPLE) and len(periods) == 1:
            text = f"({text_of(backward.page, loss)} / {text_of(guard.page, periods[0])})"
            yield [replaced(backward.page, loss, text)]

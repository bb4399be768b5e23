"""`kl_div` averages over all elements instead of over the samples.

With the default `reduction="mean"` the sum is also divided by the number of classes, so that the result is
smaller than the divergence by that factor. `batchmean` is the mathematical definition.

## Bad

```python
teacher = Net()
for epoch in range(epochs):
    for x, y in loader:
        with torch.no_grad():
            target = F.softmax(teacher(x), dim=1)
        optimizer.zero_grad()
        loss = F.kl_div(F.log_softmax(model(x), dim=1), target, reduction="mean")
        loss.backward()
        optimizer.step()
```

## Good

```python
teacher = Net()
for epoch in range(epochs):
    for x, y in loader:
        with torch.no_grad():
            target = F.softmax(teacher(x), dim=1)
        optimizer.zero_grad()
        loss = F.kl_div(F.log_softmax(model(x), dim=1), target, reduction="batchmean")
        loss.backward()
        optimizer.step()
```

## Not a problem

- A weight that makes up for the factor.
- `reduction="sum"` or `"none"` with a division of your own.

## Sources

- [KLDivLoss](https://docs.pytorch.org/docs/stable/generated/torch.nn.KLDivLoss.html)
- Reported in [mmrazor](https://github.com/open-mmlab/mmrazor/pull/35)
"""

from collections.abc import Iterator

from osler.model import (
    Check,
    Code,
    Const,
    Edit,
    Evidence,
    Finding,
    Kind,
    Loss,
    Pages,
    Run,
    Severity,
    needs_call,
    size_of,
)
from osler.static.edits import add_argument, call_at, only_call, replaced
from osler.static.queries import everywhere

check = Check(
    __name__,
    severity=Severity.HINT,
    expected="the divergence is averaged over samples",
    why="The loss is smaller than the divergence by the number of classes.",
    fix='Pass `reduction="batchmean"`.',
)

check.applies_when(needs_call("kl_div"))


@check.in_code
def averaged_over_elements(code: Code) -> Iterator[Finding]:
    losses = (a for a in code.actions(Kind.LOSS) if "kl_div" in a.words and isinstance(a.subject, Loss))
    for loss in everywhere(losses, lambda a: a.place, lambda a: a.recording is not False):
        if isinstance(loss.subject, Loss) and is_default(loss.subject):
            yield check.finding(loss.site, "`kl_div` divides by the number of elements, not of samples.")


def is_default(loss: Loss) -> bool:
    """It averages over all elements."""
    given = loss.options.get("reduction", Const("mean"))
    return given == Const("mean") and not loss.options.keys() & {"size_average", "reduce"}


@check.mends
def average_over_samples(finding: Finding, pages: Pages) -> Iterator[list[Edit]]:
    called = call_at(pages, finding.place, "kl_div") or only_call(pages, finding.place.file, "KLDivLoss")
    if called is not None:
        given = [k.value for k in called.call.keywords if k.arg == "reduction"]
        yield [replaced(called.page, v, '"batchmean"') for v in given]
        yield add_argument(called, 'reduction="batchmean"')


@check.in_run
def divided_by_entries(run: Run) -> Iterator[Finding]:
    for fact in run.calls_of("kl_div"):
        entries = size_of(fact.input_shape)
        samples = fact.input_shape[0] if len(fact.input_shape) > 1 else entries
        if fact.reduction != "mean" or entries <= samples:
            continue
        factor = entries // samples
        yield check.finding(
            fact.site,
            f"`kl_div` divided the sum by {entries:,} entries, not by {samples:,} samples: the divergence "
            f"comes out {factor:,} times too small.",
            step=fact.step,
            evidence=[Evidence("divisor", entries, f"{samples}", step=fact.step)],
        )

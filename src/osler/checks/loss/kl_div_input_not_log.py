"""`kl_div` receives probabilities or scores where it expects log-probabilities.

The first argument of `kl_div` is the logarithm of the prediction, the second the target distribution. With
probabilities as the first argument the result is no divergence: it can be negative, and its minimum lies
elsewhere.

## Bad

```python
teacher = Net()
for epoch in range(epochs):
    for x, y in loader:
        with torch.no_grad():
            target = F.softmax(teacher(x), dim=1)
        optimizer.zero_grad()
        loss = F.kl_div(F.softmax(model(x), dim=1), target, reduction="batchmean")
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

- The output of `log_softmax`, or the logarithm of probabilities.
- Probabilities as the second argument.

## Sources

- [KLDivLoss](https://docs.pytorch.org/docs/stable/generated/torch.nn.KLDivLoss.html)
- Reported in [ProDA](https://github.com/microsoft/ProDA/issues/20)
"""

from collections.abc import Iterator

from osler.model import Check, Code, Finding, Severity
from osler.static.queries import loss_inputs

check = Check(
    __name__,
    severity=Severity.ERROR,
    expected="the first argument of `kl_div` is a log-probability",
    why="The result is no divergence: it can be negative, and minimising it does not bring the two together.",
    fix="Apply `log_softmax`, not softmax, to the first argument.",
)


@check.in_code
def no_logarithm_flows_in(code: Code) -> Iterator[Finding]:
    for loss, activation in loss_inputs(code, "kl_div"):
        if activation.name in {"softmax", "sigmoid", "linear", "relu"}:
            source = "a layer" if activation.name == "linear" else activation.name
            yield check.finding(
                loss.site,
                f"`kl_div` receives the output of {source} in line {activation.place.line} "
                "as its first argument.",
                related=[((activation.place,), "this is no logarithm of a probability")],
            )

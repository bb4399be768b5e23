"""Masked scores are set to a number that softmax does not take for nothing.

Softmax gives each position the weight `exp(score)`. A mask must make that weight vanish: after
`masked_fill(mask, 1e-9)`, a frequent slip for `-1e9`, a masked position counts as much as one with score 0.

## Bad

```python
def attend(query, key, value, mask):
    scores = torch.matmul(query, key.transpose(-2, -1))
    scores = scores.masked_fill(mask == 0, -1e-9)
    return torch.matmul(F.softmax(scores, dim=-1), value)
```

## Good

```python
def attend(query, key, value, mask):
    scores = torch.matmul(query, key.transpose(-2, -1))
    scores = scores.masked_fill(mask == 0, float("-inf"))
    return torch.matmul(F.softmax(scores, dim=-1), value)
```

## Not a problem

- `-1e9`, `-1e4` in half precision, or the smallest number of the type.
- A mask that is applied to something other than the input of softmax.

## Sources

- [Attention is all you need](https://arxiv.org/abs/1706.03762), section 3.2.3
- [scaled_dot_product_attention](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.scaled_dot_product_attention.html)
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import CallFact, Check, Code, Const, Finding, Place, Severity, Span, Tensor, Value

SOFTMAX = ("torch.softmax", "torch.nn.functional.softmax", "Tensor.softmax")
FILLS = ("Tensor.masked_fill", "torch.masked_fill")

NAN = ("torch.isnan", "Tensor.isnan", "torch.isinf", "Tensor.isinf")

WEAK = -10.0
"""Scores above leave a masked position a weight of more than 5e-5 of one with score 0."""

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="masked scores are far below all others before softmax",
    why="Masked positions keep their weight: the model sees padding, or what lies ahead.",
    fix='Use `float("-inf")`, or `torch.finfo(scores.dtype).min`.',
)


@check.in_code
def filled_with_too_little(code: Code) -> Iterator[Finding]:
    scored = {made_at(c.arguments.get(0)) for c in code.calls_of(*SOFTMAX)}
    fills = [(call, value_of(call)) for call in code.calls_of(*FILLS)]
    strong = {(c.place, c.place.span) for c, value in fills if value is not None and value <= WEAK}
    checks = {mask.place for c in code.calls_of(*NAN) if isinstance(mask := c.result, Tensor)}
    for call, value in fills:
        mask = call.argument(1, "mask")
        of_nan = isinstance(mask, Tensor) and mask.place in checks
        if (call.place, call.place.span) not in scored or value is None or not WEAK < value < 1:
            continue
        if made_at(call.arguments.get(0)) not in strong and not of_nan:
            yield check.finding(
                (call.place,),
                f"masked scores are set to {value:g} before softmax: they keep their weight.",
            )


def value_of(call: CallFact) -> float | None:
    """The number that is filled in, if it is written there."""
    match call.argument(2, "value"):
        case Const(value=int() | float() as number):
            return float(number)
        case _:
            return None


def made_at(value: Value | None) -> tuple[Place, Span | None] | None:
    """Where in its line a tensor was computed."""
    return (value.place, value.place.span) if isinstance(value, Tensor) else None

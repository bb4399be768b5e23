"""Attention weights are masked after softmax has shared them out.

A mask belongs before softmax: there a score of minus infinity becomes a weight of exactly zero, and the
others still sum to one. After softmax the same number is no weight at all, and the sum is whatever is left.

## Bad

```python
def attend(query, key, value, mask):
    weights = F.softmax(torch.matmul(query, key.transpose(-2, -1)), dim=-1)
    weights = weights.masked_fill(mask == 0, -1e9)
    return torch.matmul(weights, value)
```

## Good

```python
def attend(query, key, value, mask):
    scores = torch.matmul(query, key.transpose(-2, -1))
    weights = F.softmax(scores.masked_fill(mask == 0, -1e9), dim=-1)
    return torch.matmul(weights, value)
```

## Not a problem

- Weights set to 0 once more after scores were masked, for rows in which everything is masked.
- Probabilities marked as taken before the largest is chosen.

## Sources

- [Attention is all you need](https://arxiv.org/abs/1706.03762), section 3.2.3
- [scaled_dot_product_attention](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.scaled_dot_product_attention.html)
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import Check, Code, Const, Finding, Severity, Tensor

FILLS = ("Tensor.masked_fill", "torch.masked_fill")
PRODUCTS = ("torch.matmul", "torch.bmm", "Tensor.matmul", "Tensor.bmm", "torch.einsum")

check = Check(
    __name__,
    severity=Severity.ERROR,
    expected="scores are masked before softmax",
    why="What was masked weighs more than anything else, and the weights no longer sum to one.",
    fix="Apply the mask to the scores, and softmax after that.",
)


@check.in_code
def probabilities_filled(code: Code) -> Iterator[Finding]:
    weighing = {
        (value.place, value.place.span)
        for call in code.calls_of(*PRODUCTS)
        for value in call.arguments.values()
        if isinstance(value, Tensor)
    }
    for call in code.calls_of(*FILLS):
        weights, value = call.arguments.get(0), call.argument(2, "value")
        shared = isinstance(weights, Tensor) and weights.activation and weights.activation.name == "softmax"
        low = isinstance(value, Const) and isinstance(value.value, int | float) and value.value < 0
        weighs = low and (call.place, call.place.span) in weighing
        if shared and weighs and isinstance(weights, Tensor) and weights.activation:
            softmax = weights.activation.place
            yield check.finding(
                (call.place,),
                f"the output of softmax in line {softmax.line} is masked: weights become negative.",
                related=[((softmax,), "softmax shares the weights out here")],
            )

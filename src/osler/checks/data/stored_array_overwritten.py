"""An array is stored without a copy and then changed in place: all stored entries are one and the same array.

An object that returns its own array and writes the next values into that array has changed what its caller
still holds. State and next state of a transition are then equal, and so are all entries of a list.

## Bad

```python
class Walk:
    def __init__(self):
        self.position = torch.zeros(8)

    def step(self, action):
        self.position[action] += 1
        return self.position


walk = Walk()
state = walk.step(0)
memory = []
for turn in range(12):
    next_state = walk.step(turn % 8)
    memory.append((state, turn % 4, next_state))
    state = next_state
x, y = torch.stack([m[0] for m in memory]), torch.tensor([m[1] for m in memory])
for epoch in range(epochs):
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
```

## Good

```python
class Walk:
    def __init__(self):
        self.position = torch.zeros(8)

    def step(self, action):
        self.position[action] += 1
        return self.position.clone()


walk = Walk()
state = walk.step(0)
memory = []
for turn in range(12):
    next_state = walk.step(turn % 8)
    memory.append((state, turn % 4, next_state))
    state = next_state
x, y = torch.stack([m[0] for m in memory]), torch.tensor([m[1] for m in memory])
for epoch in range(epochs):
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
```

## Not a problem

- Copies: `.copy()`, `.clone()`, `np.array(...)`, `torch.tensor(...)`. `torch.from_numpy` makes none.
- A new array for each state, `self.state = self.state + change`.
- A state that is used up before the next one is asked for, or written into another array,
  `states[i] = state`.

## Sources

- [NumPy: copies and views](https://numpy.org/doc/stable/user/basics.copies.html)
- [`torch.from_numpy` shares its memory](https://docs.pytorch.org/docs/stable/generated/torch.from_numpy.html)
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import Check, Code, Finding, OverwrittenFact, Severity

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="what is stored keeps its values: it is a copy, or a new array each time",
    why="Only the last values are left under every entry, and a state equals its next state: what is learned "
    "from never happened.",
    fix="Return or store a copy, `.copy()` or `.clone()`, or make a new array for each state.",
    symptoms=("no-better-than-baseline",),
)


@check.in_code
def changed_behind_its_keeper(code: Code) -> Iterator[Finding]:
    for fact in code.overwritten:
        yield in_a_list(fact) if fact.kind == "list" else as_a_pair(fact)


def in_a_list(fact: OverwrittenFact) -> Finding:
    given = f"`{fact.giver}` returns `{fact.name}` itself, which" if fact.giver else f"`{fact.name}`"
    holder = f"`{fact.holder}`" if fact.holder else "a list"
    return check.finding(
        fact.site,
        f"{given} is put into {holder} again and again while line {fact.written[0].line} changes it "
        "in place: the entries are one and the same.",
        subject=fact.name,
        related=[(fact.written, "it is changed here"), (fact.kept, "it is put into the list here")],
    )


def as_a_pair(fact: OverwrittenFact) -> Finding:
    later = f"`{fact.later}`" if fact.later else "what the next call returns"
    return check.finding(
        fact.site,
        f"`{fact.giver}` returns `{fact.name}` itself, and line {fact.written[0].line} changes it in place: "
        f"`{fact.holder}` and {later} are one and the same where line {fact.kept[0].line} uses them.",
        subject=fact.name,
        related=[
            (fact.written, "it is changed here"),
            (fact.kept, "it is used here, overwritten"),
            (fact.also, "it is returned here too"),
        ],
    )

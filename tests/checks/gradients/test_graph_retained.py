import pytest

from osler.checks.gradients.graph_retained import check
from osler.model import GrowthFact, Kind, Run, Severity
from osler.testing import event, examine, findings, place, run_of

STEP = event(Kind.STEP, "SGD", 15, "fresh")
BACKWARD = event(Kind.BACKWARD, "", 14)
FACT = GrowthFact((place(14),), 8, 71, 63, 8, 1, "level", (place(11),))


def run(*facts: GrowthFact) -> Run:
    return run_of([[BACKWARD, STEP]] * 9, growing=list(facts))


def test_says_what_was_seen() -> None:
    (found,) = findings(run(FACT), [check])
    assert found.message == (
        "`level` carries the graph of each step into the next: `backward()` went through 8 operations at its "
        "first call and through 71 at call 8, at least 63 of them from earlier calls."
    )
    assert (found.place.line, found.place.step, found.place.subject) == (11, 1, "level")
    assert [(r.place.line, r.label) for r in found.related] == [
        (14, "this backward goes through all of them")
    ]


def test_names_the_backward_if_the_variable_is_not_known() -> None:
    (found,) = findings(run(GrowthFact((place(14),), 8, 71, 63, 8, 1)), [check])
    assert found.message.startswith("Something carries the graph of each step into the next:")
    assert found.place.line == 14
    assert found.related == ()


def test_does_not_apply_without_backward() -> None:
    assert check.applies(run_of([[STEP]])) == "backward was never called"
    assert check.applies(run()) == ""
    assert not findings(run(), [check])


BAD = {
    "a hidden state without recurrent weights": """
state, embed = torch.zeros(16), nn.Linear(8, 16)
optimizer = torch.optim.SGD([*model.parameters(), *embed.parameters()], lr=0.05)
for _ in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        state = torch.tanh(state + embed(x).mean(dim=0))
        (loss_fn(model(x), y) + state.mean()).backward(retain_graph=True)
        optimizer.step()
""",
    "an attribute of the model": """
class Levelled(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(8, 4)
        self.level = torch.zeros(4)

    def forward(self, x):
        h = self.layer(x)
        self.level = 0.9 * self.level + 0.1 * h.mean(dim=0)
        return h - self.level

model = Levelled()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for _ in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward(retain_graph=True)
        optimizer.step()
""",
    "a recurrent cell over batches that are accumulated": """
cell, head = nn.GRUCell(8, 16), nn.Linear(16, 4)
optimizer = torch.optim.SGD([*cell.parameters(), *head.parameters()], lr=0.05)
state = torch.zeros(16, 16)
for x, y in loader:
    state = cell(x, state)
    (loss_fn(head(state), y) / len(loader)).backward(retain_graph=True)
optimizer.step()
""",
    "a sum of losses that goes backward each time": """
total = 0
for x, y in loader:
    total = total + loss_fn(model(x), y)
    total.backward(retain_graph=True)
optimizer.step()
""",
}
HOLDERS = ["state", "self.level", "state", "total"]


@pytest.mark.parametrize(("code", "holder"), [*zip(BAD.values(), HOLDERS, strict=True)], ids=BAD)
def test_is_found_with_the_variable(code: str, holder: str) -> None:
    diagnosis = examine(code)
    first = diagnosis.headlines[0]
    assert (first.check, first.place.subject) == (check.name, holder)
    assert first.place.line


SILENT = {
    "the graph of one step is kept, and no more": """
for x, y in [*loader] * 3:
    optimizer.zero_grad()
    loss_fn(model(x), y).backward(retain_graph=True)
    optimizer.step()
""",
    "two losses go through one graph": """
for x, y in [*loader] * 3:
    optimizer.zero_grad()
    scores = model(x)
    loss_fn(scores, y).backward(retain_graph=True)
    scores.square().mean().backward()
    optimizer.step()
""",
    "a detached state": """
state, cell, head = torch.zeros(16, 16), nn.GRUCell(8, 16), nn.Linear(16, 4)
optimizer = torch.optim.SGD([*cell.parameters(), *head.parameters()], lr=0.05)
for x, y in [*loader] * 3:
    state = cell(x, state.detach())
    optimizer.zero_grad()
    loss_fn(head(state), y).backward()
    optimizer.step()
""",
    "a part that is computed once": """
embed, table = nn.Linear(8, 8), torch.randn(16, 8)
shared = embed(table)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for x, y in [*loader] * 3:
    optimizer.zero_grad()
    loss_fn(model(x) + shared.mean(), y).backward(retain_graph=True)
    optimizer.step()
""",
    "longer and longer sequences": """
cell, head = nn.GRUCell(8, 16), nn.Linear(16, 4)
optimizer = torch.optim.SGD([*cell.parameters(), *head.parameters()], lr=0.05)
for turn, (x, y) in enumerate([*loader] * 3):
    state = torch.zeros(16, 16)
    for _ in range(turn + 1):
        state = cell(x, state)
    optimizer.zero_grad()
    loss_fn(head(state), y).backward()
    optimizer.step()
""",
    "a state that is detached every four steps": """
state, embed = torch.zeros(16), nn.Linear(8, 16)
optimizer = torch.optim.SGD([*model.parameters(), *embed.parameters()], lr=0.05)
for turn, (x, y) in enumerate([*loader] * 3):
    if turn % 4 == 0:
        state = state.detach()
    optimizer.zero_grad()
    state = torch.tanh(state + embed(x).mean(dim=0))
    (loss_fn(model(x), y) + state.mean()).backward(retain_graph=True)
    optimizer.step()
""",
    "losses that are summed before one backward": """
for _ in range(9):
    optimizer.zero_grad()
    total = 0
    for x, y in loader:
        total = total + loss_fn(model(x), y)
    total.backward()
    optimizer.step()
""",
}


@pytest.mark.parametrize("code", SILENT.values(), ids=SILENT.keys())
def test_stays_quiet(code: str) -> None:
    diagnosis = examine(code)
    assert check.name not in {f.check for f in diagnosis.findings}
    assert not [f.message for f in diagnosis.findings if f.severity > Severity.HINT]

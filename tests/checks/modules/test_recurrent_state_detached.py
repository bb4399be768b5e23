import pytest

from osler.checks.modules.recurrent_state_detached import check
from osler.model import DetachedStateFact, Kind, Run
from osler.testing import PRELUDE, event, examine, findings, place, run_of

STEP = event(Kind.STEP, "Adam", 15, "fresh")
CELL = DetachedStateFact("Reader.cell", "GRUCell", (place(8),), 9, 10, 4, 0, "detach", (place(7),))


def run(*facts: DetachedStateFact) -> Run:
    return run_of([[STEP]] * 5, detached_states=list(facts))


def test_says_what_was_seen() -> None:
    (found,) = findings(run(CELL), [check])
    assert found.message == (
        "`Reader.cell`, a `GRUCell`, got its own earlier state without the graph in 9 of the 10 calls that "
        "one loss goes through, at each of 4 backward calls: no gradient flows from one step to an earlier "
        "one."
    )
    assert (found.place.line, found.place.subject) == (8, "Reader.cell")
    assert [(r.place.line, r.label) for r in found.related] == [
        (7, "`detach` takes the graph off the state here")
    ]
    assert found.why == (
        "The cell is not trained to remember: no step learns what a later one would have needed."
    )
    assert found.fix == (
        "Detach the state once for each window, ahead of the loop over its steps, and nowhere inside."
    )


def test_waits_for_a_second_backward() -> None:
    once = DetachedStateFact("Reader.cell", "GRUCell", (place(8),), 9, 10)
    assert findings(run(once), [check]) == ()


def test_needs_a_step() -> None:
    assert check.applies(run_of()) == "no optimizer step was seen"
    assert check.applies(run()) == ""


START = """
def detached(state):
    if isinstance(state, torch.Tensor):
        return state.detach()
    return tuple(detached(part) for part in state)

class Reader(nn.Module):
    def __init__(self, cell, *more):
        super().__init__()
        self.cell = cell
        self.more = nn.ModuleList(more)
        self.head = nn.Linear(16, 4)

    def forward(self, x, state=None):
        scores = []
        for step in x.view(len(x), -1, 2).unbind(dim=1):
            {body}
            scores.append(self.head(out))
        return torch.stack(scores, dim=1), state

def loss_of(scores, y):
    return loss_fn(scores.flatten(0, 1), y.repeat_interleave(scores.shape[1]))
"""
TRAIN = """
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        scores, _ = model(x)
        loss_of(scores, y).backward()
        optimizer.step()
"""


def reader(body: str, build: str = "model = Reader(nn.GRUCell(2, 16))", train: str = TRAIN) -> str:
    return START.replace("{body}", body) + build + "\n" + train


DECODER = """
class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.{kind}(2, 16, batch_first=True)
        self.head = nn.Linear(16, 4)

    def forward(self, step, state):
        out, state = self.gru(step.unsqueeze(1), state)
        return self.head(out.squeeze(1)), state

decoder = Decoder()
optimizer = torch.optim.SGD(decoder.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        state, loss = None, 0
        for step in x.repeat(1, 2).view(len(x), 8, 2).unbind(dim=1):
            scores, state = decoder(step, state)
            loss = loss + loss_fn(scores, y)
            {after}
        loss.backward()
        optimizer.step()
"""
LOOSE = """
cell, head = nn.RNNCell(2, 16), nn.Linear(16, 4)
optimizer = torch.optim.SGD([*cell.parameters(), *head.parameters()], lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        h = torch.zeros(len(x), 16)
        loss = 0
        for step in x.view(len(x), 4, 2).unbind(dim=1):
            {ahead}
            h = cell(step, h)
            loss = loss + loss_fn(head(h), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
"""
BAD = {
    "a decoder of one step": (
        DECODER.format(kind="GRU", after="state = state.data"),
        "`Decoder.gru`, a `GRU`, got its own earlier state without the graph in 7 of the 8 calls",
        "out, state = self.gru(",
        "state = state.data",
    ),
    "both parts of a state": (
        reader("out, state = state = self.cell(step, state and detached(state))").replace("GRU", "LSTM"),
        "`Reader.cell`, a `LSTMCell`, got its own earlier state without the graph in 3 of the 4 calls",
        "out, state = state = self.cell(",
        "return state.detach()",
    ),
    "a cell of its own": (
        LOOSE.format(ahead="h = torch.tensor(h.tolist())"),
        "`RNNCell`, a `RNNCell`, got its own earlier state without the graph in 3 of the 4 calls",
        "h = cell(step, h)",
        "",
    ),
    "a mask of episodes": (
        LOOSE.format(ahead="h = h.detach() * torch.ones(len(x), 1)"),
        "`RNNCell`, a `RNNCell`, got its own earlier state without the graph in 3 of the 4 calls",
        "h = cell(step, h)",
        "",
    ),
}


@pytest.mark.parametrize(("code", "message", "line", "cut"), BAD.values(), ids=BAD)
def test_is_found(code: str, message: str, line: str, cut: str) -> None:
    (found,) = [f for f in examine(code).headlines if f.check == check.name]
    assert found.message.startswith(message)
    assert line in lines(code, found.place.line)
    if cut:
        assert any(cut in lines(code, r.place.line) for r in found.related)


def lines(code: str, number: int) -> str:
    return f"{PRELUDE}\n\n{code}".splitlines()[number - 1]


CARRIED = "out = state = self.cell(step, state)"
WINDOWS = """
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(epochs):
    state = None
    for x, y in loader:
        optimizer.zero_grad()
        {ahead}
        scores, state = model(x, state)
        loss_of(scores, y).backward()
        optimizer.step()
"""
SILENT = {
    "the gradient flows": reader(CARRIED),
    "a state detached once for each window": reader(
        CARRIED, train=WINDOWS.format(ahead="state = None if state is None else state.detach()")
    ),
    "windows that one loss adds up": reader(
        CARRIED,
        train=TRAIN.replace(
            "scores, _ = model(x)",
            "first, state = model(x)\n        second, state = model(x, state.detach())\n"
            "        third, state = model(x, state.detach())\n"
            "        scores = torch.cat([first, second, third], dim=1)",
        ),
    ),
    "whole sequences, one window after the other": DECODER.format(kind="GRU", after="state = state.detach()")
    .replace("step.unsqueeze(1)", "step.unsqueeze(1).repeat(1, 3, 1)")
    .replace("out.squeeze(1)", "out[:, -1]"),
    "a backward for every step": DECODER.format(
        kind="GRU",
        after="loss.backward(); optimizer.step(); optimizer.zero_grad(); loss = torch.zeros((), "
        "requires_grad=True) * 1; state = state.detach()",
    ),
    "steps that no loss goes through": LOOSE.format(ahead="h = h.detach()").replace(
        "loss = loss + loss_fn(head(h), y)", "loss = loss_fn(head(h), y)"
    ),
    "nothing is recorded": LOOSE.format(ahead="pass").replace(
        "h = torch.zeros(len(x), 16)\n",
        "h = torch.zeros(len(x), 16)\n"
        "        with torch.no_grad():\n"
        "            for step in x.view(len(x), 4, 2).unbind(dim=1):\n"
        "                h = cell(step, h.detach())\n",
    ),
    "two calls": LOOSE.format(ahead="h = h.detach()").replace("(len(x), 4, 2)", "(len(x), 2, 4)[..., :2]"),
    "a cell that is frozen": (
        LOOSE.format(ahead="h = h.detach()").replace("optimizer", "cell.requires_grad_(False)\noptimizer", 1)
    ),
    "states by hand, whose gradients are handed on": LOOSE.format(ahead="h = h.detach().requires_grad_()"),
    "one part of two carries it": reader(
        "state = None if state is None else (state[0].detach(), state[1])\n"
        "            out, state = state = self.cell(step, state)"
    ).replace("GRU", "LSTM"),
    "the input carries it": reader(
        "out = state = self.cell(step if state is None else step + state[:, :2], "
        "None if state is None else state.detach())"
    ),
    "now and then": reader(
        "state = state.detach() if len(scores) in (2, 4) else state\n            " + CARRIED
    ),
    "new sequences from one state": LOOSE.format(ahead="h = torch.zeros(len(x), 16) + 0.1"),
    "another cell for each step": reader(
        "cell = [self.cell, *self.more][len(scores)]\n"
        "            out = state = cell(step, None if state is None else state.detach())",
        "model = Reader(*(nn.GRUCell(2, 16) for _ in range(4)))",
    ),
    "the token that was chosen": reader(
        "step = step if state is None else step * self.head(state).argmax(dim=1, keepdim=True).detach()\n"
        "            " + CARRIED
    ),
    "an answer that is refined": LOOSE.format(ahead="h = h.detach(); step = x[:, :2]"),
    "refinement": LOOSE.format(ahead="h = h.detach()")
    .replace("nn.RNNCell(2, 16)", "Refiner()")
    .replace(
        "cell, head",
        """
class Refiner(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(18, 16)

    def forward(self, x, h):
        return h + self.layer(torch.cat([x, h], dim=1))

cell, head""",
    ),
}


@pytest.mark.parametrize("code", SILENT.values(), ids=SILENT)
def test_stays_quiet(code: str) -> None:
    seen = examine(code)
    assert check.name not in {f.check for f in seen.findings}
    assert "monitor-blind" not in {f.check for f in seen.findings}

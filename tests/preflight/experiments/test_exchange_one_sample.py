"""Sequences, rows and images whose samples meet in a layer, and those that only look as if they did."""

import pytest

from osler.testing import try_out

CODE = """
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        {layers}
        self.head = nn.Linear({wide}, 4)

    def forward(self, x):
        {forward}


torch.manual_seed({seed})
x = {x}
data = DataLoader(TensorDataset(x, torch.randint(0, 4, (len(x),))), batch_size={batch}, shuffle=True)
model = Model()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in data:
        optimizer.zero_grad()
        {given}loss_fn(model(x), y).backward()
        optimizer.step()
"""
SERIES = "torch.randn(96, 12, 8)"
WORDS = "torch.randint(0, 3, (96, 12))"


def told(
    layers: str, forward: str, *, x: str = SERIES, batch: int = 16, wide: int = 16, seed: int = 1,
    given: str = "",
):  # fmt: skip
    code = CODE.format(layers=layers, forward=forward, x=x, batch=batch, wide=wide, seed=seed, given=given)
    diagnosis = try_out(code, "exchange-one-sample")
    (answer,) = diagnosis.experiments
    return answer, [f for f in diagnosis.findings if f.check == "samples-leak-across-batch"]


LAST = "return self.head(self.rnn(x)[0][:, -1])"
LAYER = "nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0{first})"
MIXING = {
    "recurrence over samples": ("self.rnn = nn.LSTM(8, 16)", LAST, {}, "rnn` (LSTM), built"),
    "of words that are often alike": (
        "self.word = nn.Embedding(3, 8); self.rnn = nn.GRU(8, 16)",
        "return self.head(self.rnn(self.word(x))[0][:, -1])",
        {"x": WORDS},
        "rnn` (GRU), built",
    ),
    "as many samples as steps": ("self.rnn = nn.GRU(8, 16)", LAST, {"batch": 12}, "rnn` (GRU), built"),
    "in both directions": (
        "self.rnn = nn.RNN(8, 8, bidirectional=True)",
        LAST,
        {},
        "rnn` (RNN), built with `batch_first=False`",
    ),
    "in a block": (
        "self.body = nn.ModuleDict({'rnn': nn.GRU(8, 16)})",
        "return self.head(self.body['rnn'](x)[0][:, -1])",
        {},
        "body.rnn` (GRU), built",
    ),
    "rows as one sequence": (
        "self.rnn = nn.GRU(8, 16, batch_first=True)",
        "return self.head(self.rnn(x)[0])",
        {"x": "torch.randn(96, 8)"},
        "`rnn` (GRU), given two axes",
    ),
    "attention over samples": (
        f"self.layer = {LAYER.format(first='')}",
        "return self.head(self.layer(x)[:, -1])",
        {"wide": 8},
        "built with `batch_first=False`",
    ),
    "softmax over samples": (
        "self.gate = nn.Softmax(dim=0)",
        "return self.head(self.gate(x[:, 0]) * x[:, 1])",
        {"wide": 8},
        "`gate` (Softmax).",
    ),
    "between layers": (
        "pass",
        "return self.head((x - x.mean(0))[:, -1])",
        {"wide": 8},
        "in evaluation mode.",
    ),
}


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(("layers", "forward", "more", "says"), MIXING.values(), ids=MIXING.keys())
def test_samples_that_meet(layers: str, forward: str, more: dict[str, object], says: str, seed: int) -> None:
    answer, (finding,) = told(layers, forward, seed=seed, **more)  # type: ignore[arg-type]
    assert answer.answer.startswith("yes: exchanging one changes ")
    assert says in finding.message


APART = {
    "batch first": ("self.rnn = nn.LSTM(8, 16, batch_first=True)", LAST, {}),
    "transposed in the model": (
        "self.rnn = nn.LSTM(8, 16)",
        "return self.head(self.rnn(x.transpose(0, 1))[0][-1])",
        {},
    ),
    "as many samples as steps, transposed": (
        "self.rnn = nn.LSTM(8, 16)",
        "return self.head(self.rnn(x.transpose(0, 1))[0][-1])",
        {"batch": 12},
    ),
    "one step of each row": (
        "self.rnn = nn.GRU(8, 16)",
        "return self.head(self.rnn(x[None])[0][0])",
        {"x": "torch.randn(96, 8)"},
    ),
    "attention, batch first": (
        f"self.layer = {LAYER.format(first=', batch_first=True')}",
        "return self.head(self.layer(x)[:, -1])",
        {"wide": 8},
    ),
    "attention, transposed": (
        f"self.layer = {LAYER.format(first='')}",
        "return self.head(self.layer(x.transpose(0, 1))[-1])",
        {"wide": 8},
    ),
    "batch norm": (
        "self.norm = nn.BatchNorm1d(12)",
        "return self.head(self.norm(x)[:, -1])",
        {"wide": 8},
    ),
    "padded to a common length and back": (
        "self.rnn = nn.GRU(8, 16, batch_first=True)",
        "n = int((x[..., 0] != 0).sum(1).max()); return self.head(self.rnn(x[:, :n])[0][:, -1])",
        {"x": "torch.randn(96, 12, 8) * (torch.arange(12) < torch.randint(4, 12, (96, 1)))[..., None]"},
    ),
}


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(("layers", "forward", "more"), APART.values(), ids=APART.keys())
def test_samples_that_stay_apart(layers: str, forward: str, more: dict[str, object], seed: int) -> None:
    answer, found = told(layers, forward, seed=seed, **more)  # type: ignore[arg-type]
    assert answer.answer.startswith("no")
    assert found == []


@pytest.mark.parametrize("batch", [16, 12])
def test_time_first_from_the_loop(batch: int) -> None:
    given = "x = x.transpose(0, 1); "
    forward = "return self.head(self.rnn(x)[0][-1])"
    answer, found = told("self.rnn = nn.LSTM(8, 16)", forward, batch=batch, given=given)
    assert answer.skipped
    assert found == []


def test_a_hidden_state_from_batch_to_batch() -> None:
    layers = "self.rnn = nn.GRU(8, 16, batch_first=True); self.h = None"
    forward = "out, h = self.rnn(x, self.h); self.h = h.detach(); return self.head(out[:, -1])"
    answer, found = told(layers, forward)
    assert answer.skipped == "two evaluations of the same batch differ"
    assert found == []

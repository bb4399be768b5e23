"""`osler.preflight(...)` from Python: the same experiments, and everything as it was."""

import pytest
import torch
from torch import nn

import osler


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2))
        self.head = nn.Linear(16, 4)

    def forward(self, x):
        return self.head(self.body(x))


class Blind(Net):
    def forward(self, x):
        return self.head(self.body(x * 0))


def batch():
    x = torch.randn(32, 8)
    return x, x[:, :4].argmax(1)


def asked(model, given=None, loss=None):
    torch.manual_seed(0)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    given = batch() if given is None else given
    return osler.preflight(
        model=model, loss=loss or nn.CrossEntropyLoss(), batch=given, optimizer=optimizer, quiet=True
    )


def test_a_healthy_model():
    model = Net()
    before = {n: t.clone() for n, t in model.state_dict().items()}
    state = torch.get_rng_state()
    torch.manual_seed(0)
    diagnosis = asked(model)
    answers = {a.name: a for a in diagnosis.experiments}
    assert diagnosis.headlines == ()
    assert answers["connectivity"].answer == "yes: 6 parameters reached, all held by an optimizer"
    assert answers["replay-exactly"].answer == "yes, 10 turns bit for bit"
    assert answers["overfit-one-batch"].answer.startswith("yes")
    assert all(torch.equal(t, before[n]) for n, t in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())
    assert model.training
    assert state.shape == torch.get_rng_state().shape


def test_a_blind_model():
    diagnosis = asked(Blind())
    assert diagnosis.headlines[0].check == "outputs-ignore-inputs"


def test_a_batch_of_named_things():
    class Named(Net):
        def forward(self, x, y=None):
            return super().forward(x)

    x, y = batch()
    diagnosis = asked(
        Named(), {"x": x, "y": y}, lambda out, given: nn.functional.cross_entropy(out, given["y"])
    )
    assert diagnosis.headlines == ()
    assert sum(not a.skipped for a in diagnosis.experiments) >= 5


def test_a_model_that_fails_says_so():
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        asked(Net(), (torch.randn(4, 3), torch.tensor([0, 1, 2, 3])))


def test_the_answers_are_printed(capsys):
    torch.manual_seed(0)
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    osler.preflight(model=model, loss=nn.CrossEntropyLoss(), batch=batch(), optimizer=optimizer, budget=0.001)
    err = capsys.readouterr().err
    question = "can it memorise one batch, with dropout and weight decay off?"
    assert f"osler: {question} not asked: the budget is spent" in err

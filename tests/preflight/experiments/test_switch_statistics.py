"""The loss with running statistics against that with the batch's own, and when it is not asked."""

import math
from typing import Any

import pytest
import torch
from torch import nn

import osler
from osler.model import Diagnosis, StillNormFact
from osler.testing import PRELUDE, try_out

LOOP = """
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        {first}
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
"""
NET = "model = nn.Sequential(nn.Linear(8, 16), nn.{norm}, nn.Dropout(0.5), nn.Linear(16, 4))\n"


def tried(code: str, first: str = "pass") -> Diagnosis:
    return try_out(code + LOOP.format(first=first), "switch-statistics")


def asked(norm: str, first: str = "pass", more: str = "") -> tuple[dict[str, float], str]:
    (answer,) = tried(NET.format(norm=norm) + more, first).experiments
    return dict(answer.values), answer.answer or answer.skipped


def test_a_healthy_layer() -> None:
    values, told = asked("BatchNorm1d(16)")
    assert values["batch"] != values["running"], "six turns do not warm statistics"
    assert (values["layers"], values["unmoved"]) == (1, 0)
    running, batch = f"{values['running']:.4g}", f"{values['batch']:.4g}"
    assert told == f"after 6 turns {running} with the running ones, {batch} with those of the batch"


def test_both_losses_are_those_of_the_same_weights_without_dropout() -> None:
    """Computed once more by hand: six steps, then the loss of the first batch in either mode."""
    code = """
torch.manual_seed(1)
model = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.Linear(16, 4))
data = [(torch.randn(16, 8), torch.randint(4, (16,))) for _ in range(60)]
loader = DataLoader(data, batch_size=None)
"""
    (answer,) = tried(code).experiments
    scope: dict[str, Any] = {}
    exec(PRELUDE + code, scope)
    model, data = scope["model"], scope["data"]
    descent = torch.optim.SGD(model.parameters(), lr=0.05)
    for x, y in data[:6]:
        descent.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        descent.step()
    x, y = data[0]
    running = nn.functional.cross_entropy(model.eval()(x), y).item()
    batch = nn.functional.cross_entropy(model.train()(x), y).item()
    assert answer.values["batch"] == pytest.approx(batch, rel=1e-5)
    assert answer.values["running"] == pytest.approx(running, rel=1e-5)


def test_cumulative_statistics_are_warm_at_once() -> None:
    values, _ = asked("BatchNorm1d(16, momentum=None)")
    assert values["running"] == pytest.approx(values["batch"], rel=0.2)


def test_momentum_0_does_not_move() -> None:
    values, told = asked("BatchNorm1d(16, momentum=0.0)")
    assert values["unmoved"] == 1
    assert told.endswith("with those of the batch; those of `1` have not moved")


def test_a_loop_that_sets_the_mode_itself() -> None:
    values, told = asked("BatchNorm1d(16)", "model.train()")
    assert math.isnan(values["running"])
    assert told.startswith("after 6 turns unknown with the running ones")


def test_a_layer_that_is_given_one_value_per_channel_is_left_in_its_mode() -> None:
    one = "loader = DataLoader(rows(64), batch_size=1)\nmodel[1].eval()\n"
    diagnosis = tried(NET.format(norm="BatchNorm1d(16)") + one)
    (answer,) = diagnosis.experiments
    assert math.isnan(answer.values["batch"]), "train mode would refuse the batch"
    (fact,) = diagnosis.setup.all(StillNormFact)
    assert (fact.names, fact.training) == (("1",), False)


@pytest.mark.parametrize(
    ("norm", "why"),
    [
        ("LayerNorm(16)", "no layer keeps running statistics"),
        ("BatchNorm1d(16, track_running_stats=False)", "no layer keeps running statistics"),
    ],
)
def test_when_it_is_not_asked(norm: str, why: str) -> None:
    assert asked(norm) == ({}, why)


def test_nothing_stays_changed() -> None:
    model = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16, momentum=0.0), nn.Linear(16, 4))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    x = torch.randn(32, 8)
    diagnosis = osler.preflight(
        model=model,
        loss=nn.CrossEntropyLoss(),
        batch=(x, x[:, :4].argmax(1)),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.1),
        budget=6,
        quiet=True,
    )
    assert [f.check for f in diagnosis.findings if "norm" in f.check] == ["batch-norm-statistics-stale"]
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert model[1].training
    assert not nn.modules.module._global_forward_pre_hooks

"""Running statistics that nothing will ever move."""

import math
from dataclasses import replace

import pytest

from osler.checks.modules.batch_norm_statistics_stale import check
from osler.engine.judge import judge_setup
from osler.model import Answer, Finding, Setup, StillNormFact
from osler.testing import place, try_out

STILL = StillNormFact(("norm",), 1, True, 6, 0.42, 1.31, (place(9),))


def found(fact: object) -> tuple[Finding, ...]:
    return judge_setup(Setup((fact,), (Answer("switch-statistics", ""),)), [check]).findings


def test_momentum_0() -> None:
    (finding,) = found(STILL)
    assert finding.message == (
        "BatchNorm `norm` still has a running mean of 0 and variance of 1 after 6 turns of training: "
        "momentum is 0. The loss of a batch is 1.31 with them and 0.42 with its own."
    )
    assert (finding.place.line, finding.place.subject) == (9, "norm")
    assert [e.value for e in finding.evidence] == [1, 1.31]


def test_eval_mode_while_it_is_trained() -> None:
    (finding,) = found(replace(STILL, names=("a", "b", "c", "d"), training=False, batch=math.nan))
    assert finding.message == (
        "BatchNorm `a`, `b` and 2 more still have a running mean of 0 and variance of 1 after 6 turns of "
        "training: the layer is in eval mode while it is trained."
    )
    assert [e.value for e in finding.evidence] == [4]


@pytest.mark.parametrize("running", [0.42, 0.42001])
def test_where_the_data_are_normalised_already_nothing_is_said(running: float) -> None:
    assert found(replace(STILL, running=running)) == ()


LOOP = """
optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        {first}
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
"""
NET = "model = nn.Sequential(nn.Linear(8, 16), nn.{norm}, nn.ReLU(), nn.Linear(16, 4))\n{more}"


def told(norm: str, more: str = "", first: str = "pass") -> list[str]:
    diagnosis = try_out(NET.format(norm=norm, more=more) + LOOP.format(first=first), "switch-statistics")
    return [f.message for f in diagnosis.findings if f.check == check.name]


@pytest.mark.parametrize(
    ("norm", "more", "first"),
    [
        ("BatchNorm1d(16)", "", "pass"),
        ("BatchNorm1d(16)", "", "model.train()"),
        ("BatchNorm1d(16, momentum=None)", "", "pass"),
        ("BatchNorm1d(16, momentum=1e-4)", "", "pass"),
        ("BatchNorm1d(16, momentum=0.0, track_running_stats=False)", "", "pass"),
        ("BatchNorm1d(16, momentum=0.0)", "model[1].running_mean.fill_(0.1)\n", "pass"),
        ("BatchNorm1d(16, momentum=0.0)", "", "model[1].running_mean.lerp_(x.mean(), 0.1)"),
        ("BatchNorm1d(16)", "model[1].requires_grad_(False).eval()\n", "pass"),
        ("BatchNorm1d(16)", "model[1].running_var.fill_(2.0); model[1].eval()\n", "pass"),
        ("BatchNorm1d(16, affine=False)", "model[1].eval()\n", "pass"),
        ("LayerNorm(16)", "", "pass"),
        ("InstanceNorm1d(16, track_running_stats=True, momentum=0.0)", "", "x = x"),
    ],
    ids=[
        "plain",
        "mode set in every turn",
        "cumulative",
        "small momentum",
        "no statistics",
        "loaded",
        "moved by hand",
        "frozen",
        "frozen with loaded statistics",
        "no parameters of its own",
        "another norm",
        "norm of single samples",
    ],
)
def test_is_silent(norm: str, more: str, first: str) -> None:
    assert told(norm, more, first) == []


@pytest.mark.parametrize(
    ("norm", "more", "first", "how"),
    [
        ("BatchNorm1d(16, momentum=0.0)", "", "pass", "momentum is 0. The loss of a batch is "),
        ("BatchNorm1d(16, momentum=0)", "", "model.train()", "momentum is 0."),
        ("BatchNorm1d(16)", "model[1].eval()\n", "pass", "the layer is in eval mode while it is trained."),
        ("BatchNorm1d(16)", "", "model.train(); model[1].eval()", "the layer is in eval mode while"),
    ],
)
def test_real_programs(norm: str, more: str, first: str, how: str) -> None:
    (message,) = told(norm, more, first)
    assert message.startswith(
        "BatchNorm `1` still has a running mean of 0 and variance of 1 after 6 turns of training: "
    )
    assert how in message

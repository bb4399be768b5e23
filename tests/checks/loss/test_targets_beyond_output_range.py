"""Targets that the activation behind the last layer can never reach."""

import math
from dataclasses import replace

import pytest

from osler.checks.loss.targets_beyond_output_range import check
from osler.model import ReachFact, Severity
from osler.testing import examine, findings, place, run_of

LOOP = """
net = {net}
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
{before}
for x, y in loader:
    optimizer.zero_grad()
    ({loss}).backward()
    optimizer.step()
"""


def layer(activation: str) -> str:
    return f"nn.Sequential(nn.Linear(8, 8), {activation})"


SIGMOID, TANH, RELU = layer("nn.Sigmoid()"), layer("nn.Tanh()"), layer("nn.ReLU()")
LINEAR = "nn.Linear(8, 8)"

FAULTY = {
    "standardised data, sigmoid": (SIGMOID, "F.mse_loss(net(x), x)"),
    "a function": (LINEAR, "nn.L1Loss()(torch.sigmoid(net(x)), x)"),
    "the arguments swapped": (LINEAR, "nn.MSELoss()(x, torch.sigmoid(net(x)))"),
    "behind a view": (TANH, "F.huber_loss(net(x).reshape(-1), x.flatten())"),
    "one column of several": (TANH, "F.mse_loss(net(x)[:, 0], x.mean(1) * 8)"),
    "parts of one kind": (
        LINEAR,
        "F.mse_loss(torch.cat([net(x).sigmoid(), net(-x).sigmoid()]), x.tile(2, 1))",
    ),
    "standardised data, tanh": (TANH, "F.mse_loss(net(x), x)"),
    "standardised pictures that are mostly dark, tanh": (TANH, "F.mse_loss(net(x), x.exp() - 1.6)"),
    "pixels, tanh": (TANH, "F.smooth_l1_loss(net(x), (x.sigmoid() * 255).round())"),
    "pixels, sigmoid": (SIGMOID, "F.mse_loss(net(x), (x.sigmoid() * 255).round(), reduction='sum')"),
    "whole numbers, softmax": (layer("nn.Softmax(1)"), "F.mse_loss(net(x), (3 * x).round().long())"),
    "scaled to -1 to 1, sigmoid": (SIGMOID, "F.mse_loss(net(x), x.tanh())"),
    "standardised data, relu": (RELU, "F.mse_loss(net(x), x)"),
    "standardised data, softplus": (layer("nn.Softplus()"), "F.mse_loss(net(x), x)"),
    "standardised and skewed, exp": (LINEAR, "F.mse_loss(net(x).exp(), x.exp() - 1.6)"),
    "returns of minus one a step": (
        RELU,
        "F.smooth_l1_loss(net(x).gather(1, y[:, None])[:, 0], -y.float() - 1)",
    ),
    "masks of 0 and 255": (LINEAR, "F.binary_cross_entropy_with_logits(net(x), (x > 0) * 255.0)"),
    "classes as numbers": (
        LINEAR,
        "F.binary_cross_entropy_with_logits(net(x), y[:, None].expand(-1, 8).float())",
    ),
    "-1 and 1": (LINEAR, "F.binary_cross_entropy_with_logits(net(x), x.sign())"),
}

HEALTHY = {
    "a linear output": (LINEAR, "F.mse_loss(net(x), x)"),
    "pictures, sigmoid": (SIGMOID, "F.mse_loss(net(x), x.sigmoid())"),
    "the ends themselves": (SIGMOID, "F.mse_loss(net(x), (x > 0).float())"),
    "the ends of tanh": (TANH, "F.mse_loss(net(x), x.clamp(-1, 1))"),
    "jitter": (SIGMOID, "F.mse_loss(net(x), (x > 0) + 0.05 * torch.randn(16, 8))"),
    "noise on pictures": (SIGMOID, "F.mse_loss(net(x), x.sigmoid() + 0.1 * torch.randn(16, 8))"),
    "soft labels of a discriminator": (
        LINEAR,
        "F.binary_cross_entropy_with_logits(net(x), 0.7 + 0.5 * torch.rand(16, 8))",
    ),
    "least squares of a discriminator": (LINEAR, "F.mse_loss(net(x), torch.ones(16, 8))"),
    "a few far outside": (SIGMOID, "F.mse_loss(net(x), x.sigmoid() + 9.0 * (torch.rand(16, 8) > 0.99))"),
    "moved to -1 to 1": (LINEAR, "F.mse_loss(2 * net(x).sigmoid() - 1, x.tanh())"),
    "scaled to pixels": (LINEAR, "F.mse_loss(net(x).sigmoid() * 255, x.sigmoid() * 255)"),
    "scaled to data": (LINEAR, "F.mse_loss(net(x).tanh() * 4, x)"),
    "added to the input": (LINEAR, "F.mse_loss(x + net(x).tanh(), 2 * x)"),
    "one part bounded, another not": (
        LINEAR,
        "F.mse_loss(torch.cat([net(x)[:, :4].sigmoid(), net(x)[:, 4:]], 1), x)",
    ),
    "next to constants": (
        LINEAR,
        "F.mse_loss(torch.cat([net(x).sigmoid(), 3 * x], 1), torch.cat([x.sigmoid(), 3 * x], 1))",
    ),
    "written into": (LINEAR, "F.mse_loss(net(x).sigmoid().index_fill(1, torch.tensor([0]), 9.0), 3 * x)"),
    "inside the network": (f"nn.Sequential({LINEAR}, nn.Sigmoid(), {LINEAR})", "F.mse_loss(net(x), x)"),
    "counts": (RELU, "F.mse_loss(net(x), x.exp().floor())"),
    "counts with noise below": (RELU, "F.mse_loss(net(x), 9 * x.relu() + 0.3 * torch.randn(16, 8))"),
    "noise about mostly nothing": (
        layer("nn.Softplus()"),
        "F.mse_loss(net(x), torch.poisson((2 * x - 1).relu()) + 0.5 * torch.randn(16, 8))",
    ),
    "negative now and then": (RELU, "F.mse_loss(net(x), x + 1.5)"),
    "an activation that lets some below": (layer("nn.LeakyReLU(0.1)"), "F.mse_loss(net(x), x)"),
    "a hinge": (LINEAR, "F.relu(1 - net(x) * x.sign()).mean()"),
    "unknown ones left out": (SIGMOID, "F.mse_loss(net(x)[x > 0], x[x > 0].tanh())"),
    "unknown ones, weighed away": (
        SIGMOID,
        "(F.mse_loss(net(x), x, reduction='none') * (x > 0) * (x < 1)).mean()",
    ),
    "entries left apart, the old way": (SIGMOID, "nn.MSELoss(reduce=False)(net(x), x)[x > 9].sum()"),
    "unknown ones, without weight": (
        LINEAR,
        "F.binary_cross_entropy_with_logits(net(x), x.sign(), weight=(x > 0).float())",
    ),
    "probabilities of a teacher": (layer("nn.Softmax(1)"), "F.mse_loss(net(x), x.softmax(1))"),
    "two networks that learn from each other": (SIGMOID, "F.mse_loss(net(x), LINEAR(x))"),
    "labels of two classes": (LINEAR, "F.binary_cross_entropy_with_logits(net(x), (x > 0).float())"),
    "smoothed labels": (LINEAR, "F.binary_cross_entropy_with_logits(net(x), 0.9 * (x > 0) + 0.05)"),
    "returns that are clipped": (TANH, "F.mse_loss(net(x), (2 * x).clamp(-1, 1))"),
}


def seen(net: str, loss: str, before: str = "") -> list[str]:
    """Messages about a run."""
    code = LOOP.format(net=net, loss=loss, before=before)
    diagnosis = examine(code)
    assert not diagnosis.failed
    assert diagnosis.subject.steps == 12
    return [f.message for f in diagnosis.findings if f.check == check.name]


@pytest.mark.parametrize(("net", "loss"), FAULTY.values(), ids=FAULTY)
def test_is_found(net: str, loss: str) -> None:
    assert len(seen(net, loss)) == 1


@pytest.mark.parametrize(("net", "loss"), HEALTHY.values(), ids=HEALTHY)
def test_stays_quiet(net: str, loss: str) -> None:
    assert seen(net, loss, f"LINEAR = {LINEAR}") == []


def test_stays_quiet_where_the_targets_move_into_reach() -> None:
    before = "codes = torch.randn(16, 8)"
    loss = "[F.mse_loss(net(x), codes.clone()), codes.lerp_(codes.relu(), 0.7)][0]"
    assert seen(RELU, loss, before) == []


FACT = ReachFact(
    "mse_loss",
    (place(12),),
    0,
    4,
    "sigmoid",
    (place(5),),
    targets=1_000,
    outside=850,
    far=700,
    lately=0.7,
    lowest=-0.81,
    highest=1.85,
)


def test_says_what_was_seen() -> None:
    (found,) = findings(run_of(reaches=[FACT]), [check])
    assert found.message == (
        "`mse_loss` compares the output of `sigmoid`, 0 to 1, with targets from -0.81 to 1.85: 85% of them "
        "lie outside."
    )
    assert found.place.line == 5
    assert [r.place.line for r in found.related] == [12]
    assert found.severity is Severity.WARNING
    assert (found.expected, found.fix) == (check.expected, check.fix)
    assert [(e.measure, e.value, e.expected) for e in found.evidence] == [
        ("share of targets outside", 0.85, "0"),
        ("target farthest outside", 1.85, "0 to 1"),
    ]


def test_one_end_only() -> None:
    fact = replace(FACT, made_by="relu", made_at=(), high=math.inf, lowest=-2.5)
    (found,) = findings(run_of(reaches=[fact]), [check])
    assert found.message == (
        "`mse_loss` compares the output of `relu`, 0 or more, with targets from -2.5 to 1.85: 85% of them "
        "lie outside."
    )
    assert found.place.line == 12
    assert found.evidence[1].value == -2.5


def test_the_loss_itself_wants_probabilities() -> None:
    fact = replace(FACT, function="binary_cross_entropy", made_by="", made_at=(), lowest=0, highest=255)
    (found,) = findings(run_of(reaches=[fact]), [check])
    assert found.message == (
        "`binary_cross_entropy` compares probabilities, 0 to 1, with targets from 0 to 255: 85% of them lie "
        "outside."
    )
    assert found.fix == "Scale the targets to 0 to 1, or use a loss for amounts or classes."


@pytest.mark.parametrize(
    "change",
    [
        {"tests": 2},
        {"targets": 63, "outside": 60, "far": 60},
        {"far": 49},
        {"lately": 0.02},
        {"made_by": "relu", "high": math.inf, "far": 199},
        {"made_by": "relu", "high": math.inf, "lately": 0.09},
    ],
)
def test_is_silent_below_its_limits(change: dict[str, float]) -> None:
    assert findings(run_of(reaches=[replace(FACT, **change)]), [check]) == ()

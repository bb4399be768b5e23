"""Derivatives that enter a loss as constants, and gradients that need no graph."""

from dataclasses import replace
from textwrap import dedent, indent

import pytest

from osler.checks.gradients.derivative_without_graph import check
from osler.model import DERIVATIVE, CutFact, Kind, ModelFact, OptimizerFact, ParameterFact, Severity
from osler.testing import event, findings, place, read, run_of

TRAINING = """import torch
from torch import autograd, nn
from torch.autograd import grad
from torch.nn import functional as F
net = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 1))
other = nn.Linear(2, 2)
optimizer = torch.optim.Adam([*net.parameters(), *other.parameters()], lr=1e-3)
points = torch.rand(64, 2)
for step in range(100):
    optimizer.zero_grad()
    x = torch.rand(64, 2).requires_grad_()
    u = net(x)
    data = F.mse_loss(net(points), torch.sin(points[:, :1]))
%s
    loss.backward()
    optimizer.step()
"""
"""A script with a hole where a test says what the loss is."""

CONSTANT = {
    "residual": (
        "du = torch.autograd.grad(u.sum(), x, retain_graph=True)[0]\n"
        "loss = data + (du[:, :1] - u).pow(2).mean()"
    ),
    "residual only": (
        "du = torch.autograd.grad(u.sum(), x, retain_graph=True)[0]\n"
        "loss = ((du[:, 0:1] - 3 * u) ** 2).mean()"
    ),
    "from import": ("du, = grad(u.sum(), x, retain_graph=True)\nloss = data + (du - 1).pow(2).mean()"),
    "keywords": (
        "du = autograd.grad(outputs=u, inputs=x, grad_outputs=torch.ones_like(u), retain_graph=True)[0]\n"
        "penalty = ((du.norm(2, dim=1) - 1) ** 2).mean()\n"
        "loss = data + 10 * penalty"
    ),
    "r1": (
        "du = autograd.grad(u.sum(), x, retain_graph=True)[0]\n"
        "loss = data + 0.5 * du.square().flatten(1).sum(1).mean()"
    ),
    "norm": ("du = autograd.grad(u.sum(), x, retain_graph=True)[0]\nloss = data + 0.1 * torch.norm(du)"),
    "second": (
        "du = autograd.grad(u.sum(), x, create_graph=True)[0]\n"
        "d2 = autograd.grad(du[:, 0].sum(), x, retain_graph=True)[0][:, :1]\n"
        "loss = data + (du[:, 1:] - 0.1 * d2).pow(2).mean()"
    ),
    "burgers": (
        "du = autograd.grad(u.sum(), x, retain_graph=True)[0]\n"
        "loss = data + (du[:, :1] + u * du[:, 1:]).pow(2).mean()"
    ),
    "mse": (
        "du = autograd.grad(u.sum(), x, retain_graph=True)[0]\n"
        "loss = data + F.mse_loss(-du, torch.zeros_like(du))"
    ),
    "mse own": (
        "du = autograd.grad(u.sum(), x, retain_graph=True)[0]\n"
        "residual = du[:, :1] + u\n"
        "loss = data + F.mse_loss(residual, torch.zeros_like(residual))"
    ),
    "aug": ("du = autograd.grad(u.sum(), x, retain_graph=True)[0]\nloss = data\nloss += (du ** 2).mean()"),
    "lazy": (
        "du = 0\n"
        "penalty = 0\n"
        "if step % 4 == 0:\n"
        "    penalty = (autograd.grad(u.sum(), x, retain_graph=True)[0] ** 2).mean()\n"
        "loss = data + penalty"
    ),
    "cat": (
        "t = torch.rand(64, 1).requires_grad_()\n"
        "y = net(torch.cat([t, t], 1))\n"
        "dt = autograd.grad(y, t, torch.ones_like(y), retain_graph=True)[0]\n"
        "loss = data + (dt - y).pow(2).mean()"
    ),
    "two inputs": (
        "t = torch.rand(64, 1).requires_grad_(); s = torch.rand(64, 1).requires_grad_()\n"
        "y = net(torch.cat([t, s], 1))\n"
        "dt, ds = autograd.grad(y.sum(), [t, s], retain_graph=True)\n"
        "loss = data + (dt - ds).pow(2).mean()"
    ),
    "forces": (
        "forces = -grad(u.sum(), x, retain_graph=True)[0]\n"
        "loss = data + 0.1 * F.l1_loss(forces, torch.sin(points))"
    ),
    "hinge": (
        "du = grad(u.sum(), x, retain_graph=True)[0]\n"
        "loss = data + torch.relu(du.norm(dim=1) - 1).pow(2).mean()"
    ),
}

NO_GRAPH_NEEDED = {
    "created": ("du = grad(u.sum(), x, create_graph=True)[0]\nloss = data + (du - u).pow(2).mean()"),
    "created by position": (
        "du = grad(u, x, torch.ones_like(u), True, True)[0]\nloss = data + (du - u).pow(2).mean()"
    ),
    "created while it trains": (
        "du = grad(u.sum(), x, create_graph=net.training)[0]\nloss = data + (du - u).pow(2).mean()"
    ),
    "options": ("du = grad(u.sum(), x, **options)[0]\nloss = data + (du - u).pow(2).mean()"),
    "logged": (
        "du = grad(u.sum(), x, retain_graph=True)[0]\nprint((du - u).pow(2).mean().item())\nloss = data"
    ),
    "detached": (
        "du = grad(u.sum(), x, retain_graph=True)[0]\nloss = data + (du.detach() - u).pow(2).mean()"
    ),
    "detached penalty": (
        "du = grad(u.sum(), x, retain_graph=True)[0]\nloss = data + du.pow(2).mean().detach()"
    ),
    "under no_grad": (
        "du = grad(u.sum(), x, retain_graph=True)[0]\n"
        "with torch.no_grad():\n"
        "    size = du.pow(2).mean()\n"
        "loss = data + size"
    ),
    "fgsm": (
        "g = grad(u.pow(2).mean(), x, retain_graph=True)[0]\n"
        "loss = data + net(x + 0.1 * g.sign()).pow(2).mean()"
    ),
    "step along the gradient": (
        "g = grad(u.pow(2).mean(), x, retain_graph=True)[0]\n"
        "moved = x + 0.1 * g\n"
        "loss = data + net(moved).pow(2).mean() + 0.1 * (moved - x).pow(2).mean()"
    ),
    "langevin": (
        "for _ in range(10):\n"
        "        g = grad(net(x).sum(), x)[0]\n"
        "        x = (x - 0.1 * g + 0.01 * torch.randn_like(x)).detach().requires_grad_()\n"
        "loss = data + net(x).mean() - net(points).mean()"
    ),
    "langevin undetached": (
        "for _ in range(10):\n"
        "        g = grad(net(x).sum(), x)[0]\n"
        "        x = x - 0.1 * g\n"
        "loss = data + net(x).mean() + 1e-3 * x.pow(2).mean()"
    ),
    "vat": (
        "d = torch.randn_like(x).requires_grad_()\n"
        "kl = F.mse_loss(net(x + d), u)\n"
        "g = grad(kl, d, retain_graph=True)[0]\n"
        "r = g / g.norm(dim=1, keepdim=True)\n"
        "loss = data + F.mse_loss(net(x + r), u.detach())"
    ),
    "maml": (
        "weights = list(net.parameters())\n"
        "g = grad(data, weights, retain_graph=True)\n"
        "fast = [w - 0.1 * d for w, d in zip(weights, g)]\n"
        "loss = F.mse_loss(torch.func.functional_call(net, dict(zip('ab', fast)), (x,)), points[:, :1])"
    ),
    "maml by hand": (
        "w = torch.randn(2, 2, requires_grad=True)\n"
        "g = grad(net(points @ w).pow(2).mean(), w)[0]\n"
        "fast = w - 0.1 * g\n"
        "loss = data + net(x @ fast).pow(2).mean()"
    ),
    "cavia": (
        "c = torch.zeros(64, 1, requires_grad=True)\n"
        "g = grad(net(torch.cat([points[:, :1], c], 1)).pow(2).mean(), c)[0]\n"
        "c = c - g\n"
        "loss = data + net(torch.cat([points[:, :1], c], 1)).pow(2).mean() + c.pow(2).mean()"
    ),
    "adaptive weight": (
        "last = net[2].weight\n"
        "a = grad(data, last, retain_graph=True)[0]\n"
        "b = grad(u.pow(2).mean(), last, retain_graph=True)[0]\n"
        "loss = data + (a.norm() / b.norm()) * u.pow(2).mean()"
    ),
    "weight by input gradient": (
        "a = grad(u.sum(), x, retain_graph=True)[0].norm()\nloss = data + a * u.pow(2).mean()"
    ),
    "hard examples": (
        "a = grad(u.sum(), x, retain_graph=True)[0].norm(dim=1)\n"
        "loss = (a * (u - 1).pow(2).squeeze(1)).mean()"
    ),
    "surrogate": (
        "h = other(points)\n"
        "leaf = h.detach().requires_grad_()\n"
        "g = grad(net(leaf).pow(2).mean(), leaf)[0]\n"
        "loss = data + (h * g).sum()"
    ),
    "synthetic gradients": (
        "h = points.clone().requires_grad_()\n"
        "g = grad(net(h).pow(2).mean(), h)[0]\n"
        "loss = data + F.mse_loss(other(points), g)"
    ),
    "synthetic gradients by hand": (
        "h = points.clone().requires_grad_()\n"
        "g = grad(net(h).pow(2).mean(), h)[0]\n"
        "loss = data + (other(points) - g).pow(2).mean()"
    ),
    "attention learns saliency": (
        "s = grad(u.sum(), x, retain_graph=True)[0].abs()\nloss = data + (u - s).pow(2).mean()"
    ),
    "saliency as target": ("s = grad(u.sum(), x, retain_graph=True)[0]\nloss = data + F.mse_loss(u, s)"),
    "gradient by features": (
        "h = net[0](x)\n"
        "g = grad(net[2](h).sum(), h, retain_graph=True)[0]\n"
        "loss = data + (g - 1).pow(2).mean()"
    ),
    "score of a formula": ("g = grad((-x.pow(2) / 2).sum(), x)[0]\nloss = (other(points) - g).pow(2).mean()"),
    "manual sgd": (
        "g = grad(data, list(net.parameters()), retain_graph=True)\n"
        "with torch.no_grad():\n"
        "    for p, d in zip(net.parameters(), g):\n"
        "        p -= 0.1 * d\n"
        "loss = data"
    ),
    "hvp": (
        "g = grad(data, list(net.parameters()), create_graph=True, retain_graph=True)\n"
        "flat = torch.cat([d.flatten() for d in g])\n"
        "h = grad((flat * torch.ones_like(flat)).sum(), list(net.parameters()))\n"
        "loss = data"
    ),
    "another network's": (
        "teacher = torch.hub.load('a', 'b')\n"
        "g = grad(teacher(x).sum(), x)[0]\n"
        "loss = data + (net(x) - g).pow(2).mean()"
    ),
    "either": (
        "if step % 2:\n"
        "    du = grad(u.sum(), x, create_graph=True)[0]\n"
        "else:\n"
        "    du = grad(u.sum(), x, retain_graph=True)[0]\n"
        "loss = data + (du - u).pow(2).mean()"
    ),
}


def of(body: str):
    return read(TRAINING % indent(dedent(body), "    "), [check]).findings


@pytest.mark.parametrize("body", CONSTANT.values(), ids=CONSTANT.keys())
def test_a_derivative_in_the_loss_is_a_constant(body) -> None:
    (found,) = of(body)
    assert found.severity is Severity.WARNING


@pytest.mark.parametrize("body", NO_GRAPH_NEEDED.values(), ids=NO_GRAPH_NEEDED.keys())
def test_gradients_that_need_no_graph(body) -> None:
    assert of(body) == ()


def test_says_what_to_do() -> None:
    (found,) = of("du = grad(u.sum(), x, retain_graph=True)[0]\nloss = data + (du - u).pow(2).mean()")
    assert found.message == (
        "`autograd.grad` is called without `create_graph=True`, so the derivative is a constant in the loss: "
        "this part of the loss does not train `net`."
    )
    assert found.fix == "Pass `create_graph=True` to `autograd.grad`."
    assert found.related[0].place.line == found.place.line + 2


def test_written_out_it_may_be_meant() -> None:
    (found,) = of("du = grad(u.sum(), x, create_graph=False)[0]\nloss = data + (du - 1).pow(2).mean()")
    assert found.severity is Severity.HINT
    assert found.message.startswith("`autograd.grad` is called with `create_graph=False`, so")


def test_a_network_that_nobody_trains() -> None:
    text = (
        TRAINING
        % indent("du = grad(u.sum(), x, retain_graph=True)[0]\nloss = data + (du - u).pow(2).mean()", "    ")
    ).replace("[*net.parameters(), *other.parameters()]", "other.parameters()")
    assert read(text, [check]).findings == ()


def test_one_finding_for_a_line_that_computes_several() -> None:
    helper = "def derivative(y):\n    return grad(y.sum(), x, retain_graph=True)[0]\n"
    body = f"{helper}loss = data + (derivative(u) + derivative(2 * u)).pow(2).mean()"
    assert len(of(body)) == 1


TURN = [
    event(Kind.FORWARD, "Net", 12, "grad"),
    event(Kind.BACKWARD, "", 14),
    event(Kind.STEP, "SGD", 15, "fresh"),
]
BODY = ParameterFact("body.weight", "Net", 90, optimizers=("SGD",))
HEAD = ParameterFact("head.weight", "Net", 10, optimizers=("SGD",))
CUT = CutFact(DERIVATIVE, (place(8),), ("body.weight", "head.weight"), root=TURN[1].site)


def seen(*parameters: ParameterFact, cuts: tuple[CutFact, ...] = (CUT,)):
    models, optimizers = [ModelFact("Net", 100, 100, 2)], [OptimizerFact("SGD", (place(5),), 2, 100)]
    run = run_of(
        [TURN] * 5, cuts=list(cuts), parameters=list(parameters), models=models, optimizers=optimizers
    )
    return findings(run, [check])


def test_seen_in_a_run() -> None:
    (found,) = seen(BODY, HEAD, cuts=(CUT, replace(CUT, root=())))
    assert found.message == (
        "`autograd.grad` was called without `create_graph=True`, so the derivative is a constant in the "
        "loss: this part of the loss gives no gradient to 2 parameters of `Net`."
    )
    assert (found.severity, found.place.line) == (Severity.WARNING, 8)
    assert [r.place.line for r in found.related] == [14]


@pytest.mark.parametrize(
    ("change", "cut"),
    [
        ({"optimizers": ()}, CUT),
        ({"reached": False}, CUT),
        ({"name": "tail.weight"}, CUT),
        ({}, replace(CUT, operation="detach")),
    ],
    ids=["in no optimizer", "trained in no way", "another network", "another cut"],
)
def test_silent_in_a_run(change, cut) -> None:
    assert seen(replace(BODY, **change), cuts=(cut,)) == ()

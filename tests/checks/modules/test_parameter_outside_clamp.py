"""Parameters that begin where what they go through has no slope."""

from dataclasses import replace

import pytest

from osler.checks.modules.parameter_outside_clamp import check
from osler.model import Finding, Kind, OutsideFact, ParameterFact, Run, Severity
from osler.testing import event, examine, findings, place, run_of

BACKWARD = event(Kind.BACKWARD, "", 12)
STEP = event(Kind.STEP, "Adam", 13, "fresh")
OUTSIDE = OutsideFact(
    "damping", "Spring", BACKWARD.site, "clamp(min=0.02, max=5)", elements=1, lowest=0.0,
    highest=0.0, place=place(7), looks=5, first=0, step=120,
)  # fmt: skip
KNOWN = ParameterFact("damping", "Spring", 1, optimizers=("Adam",))


def run(fact: OutsideFact = OUTSIDE, known: ParameterFact = KNOWN) -> Run:
    return run_of([[BACKWARD, STEP]] * 120, outside=[fact], parameters=[known])


def test_says_what_was_seen() -> None:
    (found,) = findings(run(), [check])
    assert found.message == (
        "`Spring.damping` is 0, outside of `clamp(min=0.02, max=5)` that it goes through: its gradient is "
        "exactly 0, and 120 steps have not moved it."
    )
    assert (found.place.line, found.place.subject) == (7, "Spring.damping")
    assert found.severity is Severity.WARNING
    assert [e.value for e in found.evidence] == [5]


def test_says_between_what_its_entries_lie() -> None:
    fact = replace(OUTSIDE, operation="relu()", elements=16, lowest=-1.25, place=None)
    (found,) = findings(run(fact), [check])
    assert found.message == (
        "`Spring.damping` is between -1.25 and 0 in all 16 entries, outside of `relu()` that it goes "
        "through: its gradient is exactly 0, and 120 steps have not moved it."
    )
    assert found.place.line == 12


@pytest.mark.parametrize(
    ("fact", "known"),
    [
        (replace(OUTSIDE, looks=2), KNOWN),
        (replace(OUTSIDE, step=6), KNOWN),
        (OUTSIDE, replace(KNOWN, optimizers=())),
        (OUTSIDE, replace(KNOWN, optimizers=("SGD",))),
        (OUTSIDE, replace(KNOWN, updated=True)),
        (OUTSIDE, replace(KNOWN, trainable=False)),
        (OUTSIDE, replace(KNOWN, name="other")),
    ],
    ids=["few looks", "few steps", "in no optimizer", "no steps", "by hand", "frozen", "not known"],
)
def test_waits_and_asks_who_trains_it(fact: OutsideFact, known: ParameterFact) -> None:
    assert findings(run(fact, known), [check]) == ()


NET = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 4)
        self.p = nn.Parameter({start})

    def forward(self, x):
        p = self.p
        out = self.body(x)
        return {scores}


model = Net()
optimizer = torch.optim.{optimizer}
{before}
for epoch in range(4):
    for x, y in loader:
        optimizer.zero_grad()
        loss = {loss}
        loss.backward()
        optimizer.step()
        {after}
"""


def net(
    start: str,
    scores: str,
    optimizer: str = "Adam(model.parameters(), lr=0.01)",
    before: str = "pass",
    loss: str = "loss_fn(model(x), y)",
    after: str = "pass",
) -> str:
    return NET.format(start=start, scores=scores, optimizer=optimizer, before=before, loss=loss, after=after)


def seen(code: str) -> list[Finding]:
    diagnosis = examine(code)
    assert not diagnosis.failed
    return [f for f in diagnosis.findings if f.check == check.name]


ZERO, ROW, LOW = "torch.tensor(0.0)", "torch.zeros(4)", "torch.full((4,), -0.5)"

FAULTY = {
    "below the lower limit": (net(ZERO, "out * p.clamp(min=0.02, max=5.0)"), "clamp(min=0.02, max=5)"),
    "above the upper limit": (net("torch.tensor(3.0)", "out * torch.clamp(p, max=1.0)"), "clamp(max=1)"),
    "clamp_min": (net(LOW, "out + p.clamp_min(0.1)"), "clamp(min=0.1)"),
    "behind a limit that holds nothing": (
        net("torch.tensor([1e-3])", "out * p.clamp_max(1.0).clamp_min(0.01)"),
        "clamp(min=0.01)",
    ),
    "below and above": (net("torch.tensor([-2.0, 2, 3, -9])", "out * p.clip(-1, 1)"), "clamp(min=-1, max=1)"),
    "zeros behind relu": (net(ROW, "out + F.relu(p)"), "relu()"),
    "nn.ReLU": (net(LOW, "out + nn.ReLU()(p)", "SGD(model.parameters(), lr=0.1)"), "relu()"),
    "open gates of hardtanh": (net("torch.ones(4)", "out * F.hardtanh(p, 0.0, 1.0)"), "hardtanh(0, 1)"),
    "relu6": (net(LOW, "out + F.relu6(p)"), "relu6()"),
    "hardsigmoid": (net("torch.full((4,), -4.0)", "out * F.hardsigmoid(p)"), "hardsigmoid()"),
    "behind views": (net("torch.zeros(2, 2)", "out + p.view(1, 4).expand(len(x), 4).relu()"), "relu()"),
    "entry by entry": (net(ROW, "out + torch.stack([w.clamp(min=0.1) for w in p])"), "clamp(min=0.1)"),
    "twice": (net(ZERO, "out * p.clamp(min=0.1) + p.relu()"), "relu()"),
    "no module": (
        "a = torch.tensor(0.0, requires_grad=True)\n"
        "optimizer = torch.optim.SGD([*model.parameters(), a], lr=0.05)\n"
        "for epoch in range(4):\n"
        "    for x, y in loader:\n"
        "        optimizer.zero_grad()\n"
        "        loss_fn(model(x) * a.clamp(min=0.5), y).backward()\n"
        "        optimizer.step()\n",
        "clamp(min=0.5)",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("code", "operation"), FAULTY.values(), ids=FAULTY.keys())
def test_is_found(code: str, operation: str) -> None:
    (found,) = seen(code)
    assert f"`{operation}`" in found.message


OTHER = """
    for x, y in loader:
        optimizer.zero_grad()
        {loss}.backward()
        optimizer.step()
"""

QUIET = {
    "inside": net("torch.tensor(0.5)", "out * p.clamp(0.02, 5.0)"),
    "on the limit of clamp": net(ZERO, "out * p.clamp(min=0.0)"),
    "inside of two limits": net("torch.tensor([0.5])", "out * p.clamp_max(1.0).clamp_min(0.01)"),
    "bent before it is cut": net("torch.tensor(-1.0)", "out * F.hardsigmoid(p).clamp(min=0.1)"),
    "one entry inside": net("torch.tensor([-1.0, -1, -1, 0.1])", "out + p.relu()"),
    "some weights below zero": net("torch.randn(4, 4)", "out @ p.relu()"),
    "leaves by itself": net("torch.tensor(0.5)", "out * p.clamp(max=0.51)", "SGD(model.parameters(), 2.0)"),
    "a penalty": net(ZERO, "out * p.clamp(min=0.1)", loss="loss_fn(model(x), y) + model.p.square()"),
    "a penalty of its own backward": net(
        ZERO, "out * p.clamp(min=0.1)", after="(0.1 * model.p).square().backward()"
    ),
    "rounding, which has a name of its own": net("torch.rand(4)", "out * p.round()"),
    "straight through": net("torch.rand(4)", "out * (p + (p.round() - p).detach())"),
    "straight through with limits": net(LOW, "out * (p + (p.clamp(min=0.1) - p).detach())"),
    "an own gradient": """
class Round(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.round()

    @staticmethod
    def backward(ctx, g):
        return g

"""
    + net("torch.rand(4)", "out * Round.apply(p)"),
    "low rank": net("torch.zeros(4, 2)", "out + (x @ torch.ones(8, 2)) @ p.mT"),
    "a gate of zero": net(ZERO, "out * p"),
    "a scale of zero behind relu": net(ROW, "out + p * F.relu(out)"),
    "a dead unit": net(ROW, "out + F.relu(out * 0 - 1 + p)"),
    "a threshold that is learned": net(ZERO, "F.relu(out.abs() - p) * out.sign()"),
    "clipping that is learned": net("torch.tensor(0.1)", "torch.where(out > p, p, out)"),
    "limits that are learned": net("torch.tensor(0.1)", "torch.minimum(out, p)"),
    "a soft threshold": net("0.1 * torch.randn(4)", "out + p.sign().detach() * F.relu(p.abs() - 0.2)"),
    "log variance": net("torch.randn(4)", "out * torch.exp(-p.clamp(-1.0, 1.0))"),
    "of a function": net("torch.tensor(0.0)", "out * p.exp().clamp(max=0.5)"),
    "softplus": net(ZERO, "out * F.softplus(p).clamp(min=0.02)"),
    "in no optimizer": net(ZERO, "out * p.clamp(min=0.1)", "Adam(model.body.parameters(), lr=0.01)"),
    "frozen": net(ZERO, "out * p.clamp(min=0.1)", before="model.p.requires_grad_(False)"),
    "set by a schedule": net(
        ZERO, "out * p.clamp(min=0.1)", after="with torch.no_grad(): model.p.add_(0.01)"
    ),
    "set at last": net(
        ZERO, "out * p.clamp(min=0.1)", after="with torch.no_grad(): model.p.fill_(epoch * 0.2)"
    ),
    "projected after each step": net(
        "torch.tensor(0.5)", "out * p", after="with torch.no_grad(): model.p.clamp_(0.6, 1.0)"
    ),
    "weight decay moves it": net(
        LOW, "out + p.relu()", "SGD(model.parameters(), lr=0.1, weight_decay=0.1)"
    ),
    "a gradient by a hook": net(
        ZERO, "out * p.clamp(min=0.1)", before="model.p.register_hook(lambda g: g - 1)"
    ),
    "detached": net(ZERO, "out * p.detach().clamp(min=0.1) + 0 * p"),
    "evaluated only": net(
        ZERO, "out + p", after="with torch.no_grad(): model.p.round().clamp(min=2.0)"
    ),
    "limits in a tensor": net(ZERO, "out * p.clamp(min=torch.tensor(-1.0))"),
    "used in another way on every other turn": net(
        ZERO, "out * (p.clamp(min=0.1) if self.training else p)", after="model.train(not model.training)"
    ),
    "not a number": net("torch.tensor(float('nan'))", "out + p.relu().nan_to_num()"),
    "few steps": net(ZERO, "out * p.clamp(min=0.1)").replace("range(4)", "range(1)").replace(
        "in loader", "in list(loader)[:4]"
    ),
    "accumulated": net("torch.tensor(0.2)", "out * p.clamp(min=0.1)", loss="loss_fn(model(x), y) / 2"),
}  # fmt: skip


@pytest.mark.parametrize("code", QUIET.values(), ids=QUIET.keys())
def test_stays_quiet(code: str) -> None:
    assert seen(code) == []


def test_does_not_apply_where_all_have_a_way() -> None:
    assert check.applies(run_of([[BACKWARD, STEP]])) == "every parameter had a way for a gradient"

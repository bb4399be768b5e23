import pytest

from osler.checks.loss.logits_passed_to_bce_loss import check
from osler.model import LossCallFact
from osler.testing import examine, findings, place, read, run_of

CODE = """
judge = nn.Linear(8, 1)
optimizer = torch.optim.SGD(judge.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = F.binary_cross_entropy(judge(x).squeeze(1), (y > 1).float())
        loss.backward()
        optimizer.step()
"""


def test_says_what_was_read() -> None:
    (found,) = read(CODE, [check]).findings
    assert found.message == (
        "`binary_cross_entropy` receives the output of a layer in line 39: raw scores, not probabilities."
    )


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings


BCE = "F.binary_cross_entropy"
TWO = "nn.Sequential(nn.Linear(8, 1), nn.Sigmoid())"

FAULTY = {
    "a layer": ("nn.Linear(8, 1)", f"{BCE}(net(x).squeeze(1), (y > 1).float())"),
    "all between 0 and 1 by chance": (
        "nn.Linear(8, 1)",
        f"{BCE}(F.linear(x * 0, net.weight, net.bias * 0 + 0.5), (y[:, None] > 1).float())",
    ),
    "tanh": ("nn.Sequential(nn.Linear(8, 4), nn.Tanh())", f"{BCE}(net(x), F.one_hot(y, 4).float())"),
    "outside by arithmetic": (
        "nn.Linear(8, 4)",
        "nn.BCELoss()(net(x).sigmoid() * 2.5, F.one_hot(y, 4).float())",
    ),
}

HEALTHY = {
    "sigmoid": (TWO, f"{BCE}(net(x).squeeze(1), (y > 1).float())"),
    "softmax": ("nn.Linear(8, 4)", f"{BCE}(net(x).softmax(1), F.one_hot(y, 4).float())"),
    "clamped": (TWO, f"{BCE}(net(x).clamp(1e-6, 1 - 1e-6)[:, 0], (y > 1).float())"),
    "a mixture of probabilities": (
        "nn.Linear(8, 4)",
        f"{BCE}(net(x).softmax(1) @ torch.eye(4)[:, 1], (y > 1).float())",
    ),
    "a product of probabilities": (TWO, f"{BCE}(net(x)[:, 0] * net(-x)[:, 0], (y > 1).float())"),
    "with logits": ("nn.Linear(8, 1)", "F.binary_cross_entropy_with_logits(net(x)[:, 0], (y > 1).float())"),
    "tanh moved to 0 to 1": (
        "nn.Sequential(nn.Linear(8, 1), nn.Tanh())",
        f"{BCE}((net(x)[:, 0] + 1) / 2, (y > 1).float())",
    ),
}


LOOP = """
{setup}
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for x, y in loader:
    optimizer.zero_grad()
    ({loss}).backward()
    optimizer.step()
"""


def seen(net: str, loss: str) -> list[str]:
    """Messages about a run, without those about its source."""
    code = LOOP.format(setup=f"net = {net}", loss=loss)
    return [f.message for f in examine(code).findings if f.check == check.name]


@pytest.mark.parametrize(("net", "loss"), FAULTY.values(), ids=FAULTY.keys())
def test_is_found(net: str, loss: str) -> None:
    assert len(seen(net, loss)) == 1


@pytest.mark.parametrize(("net", "loss"), HEALTHY.values(), ids=HEALTHY.keys())
def test_stays_quiet(net: str, loss: str) -> None:
    assert seen(net, loss) == []


def test_says_what_was_seen() -> None:
    fact = LossCallFact(
        "binary_cross_entropy", (place(12),), 4, 0, "mean", lowest=-2.5, highest=3, made_by="addmm"
    )
    (found,) = findings(run_of(loss_calls=[fact]), [check])
    assert found.message == (
        "`binary_cross_entropy` received values from -2.5 to 3, the output of a layer, which is outside "
        "0 to 1."
    )

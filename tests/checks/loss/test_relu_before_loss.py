import pytest

from osler.checks.loss.relu_before_loss import check
from osler.model import LossCallFact
from osler.testing import examine, findings, place, read, run_of

CODE = """
net = nn.Sequential(nn.Linear(8, 4), nn.ReLU())
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(net(x), y)
        loss.backward()
        optimizer.step()
"""


def test_says_what_was_read() -> None:
    (found,) = read(CODE, [check]).findings
    assert found.message == ("the scores go through ReLU in line 34 just before the loss.")


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings


FAULTY = {
    "a layer": ("nn.Sequential(nn.Linear(8, 4), nn.ReLU())", "loss_fn(net(x), y)"),
    "a function": ("nn.Linear(8, 4)", "F.cross_entropy(F.relu(net(x)), y)"),
    "two classes": (
        "nn.Linear(8, 1)",
        "F.binary_cross_entropy_with_logits(net(x).relu()[:, 0], (y > 1).float())",
    ),
}

HEALTHY = {
    "scores": ("nn.Linear(8, 4)", "loss_fn(net(x), y)"),
    "inside the network": (
        "nn.Sequential(nn.Linear(8, 9), nn.ReLU(), nn.Linear(9, 4))",
        "loss_fn(net(x), y)",
    ),
    "a positive quantity": (
        "nn.Sequential(nn.Linear(8, 1), nn.ReLU())",
        "F.mse_loss(net(x)[:, 0], y.float())",
    ),
    "other activations": ("nn.Sequential(nn.Linear(8, 4), nn.GELU())", "loss_fn(net(x), y)"),
    "averaged afterwards": (
        "nn.Sequential(nn.Linear(8, 4), nn.ReLU())",
        "loss_fn(net(x) - net(x).mean(1, keepdim=True), y)",
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
    fact = LossCallFact("cross_entropy", (place(12),), made_by="relu", made_at=(place(5),))
    (found,) = findings(run_of(loss_calls=[fact]), [check])
    assert found.message == (
        "The scores that `cross_entropy` received come out of `relu`: none of them can be below 0."
    )
    assert found.place.line == 5


def loop(loss: str, before: str = "") -> str:
    return f"""
aim = torch.full((16, 4), 0.25)
{before}
for x, y in loader:
    optimizer.zero_grad()
    {loss}.backward()
    optimizer.step()
"""


READ_IN_SILENCE = {
    "inside the model": loop("loss_fn(model(x), y)"),
    "a number that cannot be negative": loop("F.mse_loss(F.relu(model(x)), aim)"),
    "a rate": loop("F.poisson_nll_loss(F.relu(model(x)), aim, log_input=False)"),
    "a hinge": loop("F.relu(1 - model(x)[:, 0]).mean()"),
    "one that lets negative scores through": loop("loss_fn(F.leaky_relu(model(x)), y)"),
    "a smooth one": loop("loss_fn(F.gelu(model(x)), y)"),
    "added to the scores": loop("loss_fn(model(x) + F.relu(model(x)), y)"),
    "distances, turned round": loop("loss_fn(-F.relu(model(x)), y)"),
    "a margin below": loop("loss_fn(F.relu(model(x)) - 1.0, y)"),
    "a limit on both sides": loop("loss_fn(model(x).clamp(-10, 10), y)"),
    "not trained": loop("loss_fn(model(x), y)") + "with torch.no_grad(): print(loss_fn(F.relu(model(x)), y))",
}


@pytest.mark.parametrize("code", READ_IN_SILENCE.values(), ids=READ_IN_SILENCE)
def test_is_read_in_silence(code: str) -> None:
    assert read(code, [check]).findings == ()

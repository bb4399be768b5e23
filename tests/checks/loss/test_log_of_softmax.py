import pytest

from osler.checks.loss.log_of_softmax import check
from osler.model import UnderflowFact
from osler.testing import examine, findings, place, read, run_of

CODE = """
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = F.nll_loss(torch.log(F.softmax(model(x), dim=1)), y)
        loss.backward()
        optimizer.step()
"""


def test_says_what_was_read() -> None:
    (found,) = read(CODE, [check]).findings
    assert found.message == ("the logarithm of the softmax in line 37 underflows for small probabilities.")


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings


NET = "nn.Linear(8, 4)"

FAULTY = {
    "before nll_loss": (NET, "F.nll_loss(torch.log(F.softmax(net(x), dim=1)), y)"),
    "by hand": (NET, "-net(x).softmax(1).log()[torch.arange(16), y].mean()"),
    "picked first": (NET, "-net(x).softmax(1).gather(1, y[:, None]).log().mean()"),
    "an entropy": (
        NET,
        "(loss_fn(net(x), y) - 0.1 * (net(x).softmax(1) * net(x).softmax(1).log()).sum(1).mean())",
    ),
}

HEALTHY = {
    "log_softmax": (NET, "F.nll_loss(F.log_softmax(net(x), dim=1), y)"),
    "a small constant": (NET, "F.nll_loss(torch.log(net(x).softmax(1) + 1e-8), y)"),
    "clamped": (NET, "F.nll_loss(net(x).softmax(1).clamp(min=1e-8).log(), y)"),
    "of a mean": (NET, "(loss_fn(net(x), y) + net(x).softmax(1).mean(0).log().sum() * 0.1)"),
    "of a mixture": (NET, "F.nll_loss((0.9 * net(x).softmax(1) + 0.025).log(), y)"),
    "of a distribution": (NET, "-torch.distributions.Categorical(net(x).softmax(1)).log_prob(y).mean()"),
    "not in the loss": (NET, "[loss_fn(net(x), y), net(x).softmax(1).log().mean()][0]"),
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
    fact = UnderflowFact((place(12),), (place(11),), (place(13),), 3)
    (found,) = findings(run_of(underflows=[fact], backwards=9), [check])
    assert found.message == (
        "The logarithm of the output of `softmax` is taken in a second step: a probability that rounds to 0 "
        "gives minus infinity."
    )
    assert (found.place.line, found.place.step) == (12, 3)
    assert [r.place.line for r in found.related] == [11, 13]

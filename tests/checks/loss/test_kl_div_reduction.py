import pytest

from osler.checks.loss.kl_div_reduction import check
from osler.model import LossCallFact
from osler.testing import examine, findings, place, read, run_of

CODE = """
teacher = Net()
for epoch in range(epochs):
    for x, y in loader:
        with torch.no_grad():
            target = F.softmax(teacher(x), dim=1)
        optimizer.zero_grad()
        loss = F.kl_div(F.log_softmax(model(x), dim=1), target, reduction="mean")
        loss.backward()
        optimizer.step()
"""


def test_says_what_was_read() -> None:
    (found,) = read(CODE, [check]).findings
    assert found.message == ("`kl_div` divides by the number of elements, not of samples.")


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings


NET = "nn.Linear(8, 4)"
AIM = "F.one_hot(y, 4) * 0.7 + 0.075"

FAULTY = {
    "the default": (NET, f"F.kl_div(net(x).log_softmax(1), {AIM})"),
    "by name": (NET, f"F.kl_div(net(x).log_softmax(1), {AIM}, reduction='mean')"),
    "the module": (NET, f"nn.KLDivLoss()(net(x).log_softmax(1), {AIM})"),
}

HEALTHY = {
    "batchmean": (NET, f"F.kl_div(net(x).log_softmax(1), {AIM}, reduction='batchmean')"),
    "sum": (NET, f"F.kl_div(net(x).log_softmax(1), {AIM}, reduction='sum') / len(x)"),
    "none": (NET, f"F.kl_div(net(x).log_softmax(1), {AIM}, reduction='none').sum(1).mean()"),
    "one entry per sample": (NET, "F.kl_div(net(x).log_softmax(1)[:, :1], torch.rand(16, 1))"),
    "another loss": (NET, "loss_fn(net(x), y)"),
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
    fact = LossCallFact("kl_div", (place(12),), reduction="mean", input_shape=(64, 10))
    (found,) = findings(run_of(loss_calls=[fact]), [check])
    assert found.message == (
        "`kl_div` divided the sum by 640 entries, not by 64 samples: the divergence comes out 10 times too "
        "small."
    )


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
    "by the samples": loop("F.kl_div(model(x).log_softmax(1), aim, reduction='batchmean')"),
    "a layer": loop("kl(model(x).log_softmax(1), aim)", "kl = nn.KLDivLoss(reduction='batchmean')"),
    "a sum over the samples": loop("(F.kl_div(model(x).log_softmax(1), aim, reduction='sum') / len(x))"),
    "each by itself": loop("F.kl_div(model(x).log_softmax(1), aim, reduction='none').sum(1).mean()"),
    "not known": loop(
        "F.kl_div(model(x).log_softmax(1), aim, reduction=how)", "import os; how = os.environ['HOW']"
    ),
    "another loss": loop("F.cross_entropy(model(x), y, reduction='mean')"),
}


@pytest.mark.parametrize("code", READ_IN_SILENCE.values(), ids=READ_IN_SILENCE)
def test_is_read_in_silence(code: str) -> None:
    assert read(code, [check]).findings == ()

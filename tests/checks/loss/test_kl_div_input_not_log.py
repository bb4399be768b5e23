import pytest

from osler.checks.loss.kl_div_input_not_log import check
from osler.model import LossCallFact
from osler.testing import examine, findings, place, read, run_of

CODE = """
teacher = Net()
for epoch in range(epochs):
    for x, y in loader:
        with torch.no_grad():
            target = F.softmax(teacher(x), dim=1)
        optimizer.zero_grad()
        loss = F.kl_div(F.softmax(model(x), dim=1), target, reduction="batchmean")
        loss.backward()
        optimizer.step()
"""


def test_says_what_was_read() -> None:
    (found,) = read(CODE, [check]).findings
    assert found.message == ("`kl_div` receives the output of softmax in line 40 as its first argument.")


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings


NET = "nn.Linear(8, 4)"
AIM = "F.one_hot(y, 4) * 0.7 + 0.075"

FAULTY = {
    "softmax": (NET, f"F.kl_div(net(x).softmax(1), {AIM}, reduction='batchmean')"),
    "raw scores": (NET, f"nn.KLDivLoss(reduction='batchmean')(net(x), {AIM})"),
    "the wrong way round": (NET, f"F.kl_div({AIM}, net(x).log_softmax(1), reduction='batchmean')"),
    "probabilities by arithmetic": (
        NET,
        f"F.kl_div(net(x).exp() / net(x).exp().sum(1, keepdim=True), {AIM}, reduction='sum')",
    ),
}

HEALTHY = {
    "log_softmax": (NET, f"F.kl_div(net(x).log_softmax(1), {AIM}, reduction='batchmean')"),
    "log of softmax": (NET, f"F.kl_div((net(x).softmax(1) + 1e-9).log(), {AIM}, reduction='batchmean')"),
    "both are logarithms": (
        NET,
        f"F.kl_div(net(x).log_softmax(1), ({AIM}).log(), reduction='sum', log_target=True)",
    ),
    "logsigmoid": (NET, f"F.kl_div(F.logsigmoid(net(x)), {AIM}, reduction='batchmean')"),
    "a mixture": (
        NET,
        f"F.kl_div((0.5 * net(x).softmax(1) + 0.5 * {AIM}).log(), {AIM}, reduction='batchmean')",
    ),
    "normalised by hand": (
        NET,
        f"F.kl_div(net(x) - net(x).logsumexp(1, keepdim=True), {AIM}, reduction='sum')",
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


def fact(**more: object) -> LossCallFact:
    known = {"lowest": 0.01, "highest": 0.9, "made_by": "softmax", "made_at": (place(5),)}
    return LossCallFact("kl_div", (place(12),), **(known | more))


def test_says_what_was_seen() -> None:
    (found,) = findings(run_of(loss_calls=[fact()]), [check])
    assert found.message == (
        "`kl_div` received values from 0.01 to 0.9, the output of `softmax`, as its first argument: these "
        "are not log-probabilities."
    )
    assert found.place.line == 5


def test_says_that_the_order_is_wrong() -> None:
    swapped = fact(target_lowest=-4.0, target_highest=-0.1)
    (found,) = findings(run_of(loss_calls=[swapped]), [check])
    assert found.message.endswith("The second one, from -4 to -0.1, looks like them.")
    assert found.fix.startswith("Change the order")


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
    "log-softmax": loop("F.kl_div(model(x).log_softmax(1), aim, reduction='batchmean')"),
    "the log of a softmax": loop("F.kl_div((model(x).softmax(1) + 1e-8).log(), aim, reduction='batchmean')"),
    "log-sigmoid": loop("F.kl_div(F.logsigmoid(model(x)), aim, reduction='batchmean')"),
    "normalised by hand": loop(
        "F.kl_div(model(x) - model(x).logsumexp(1, keepdim=True), aim, reduction='batchmean')"
    ),
    "both are logarithms": loop(
        "F.kl_div(model(x).log_softmax(1), aim.log(), reduction='batchmean', log_target=True)"
    ),
    "a model that ends so": loop(
        "F.kl_div(net(x), aim, reduction='batchmean')", "net = nn.Sequential(model, nn.LogSoftmax(1))"
    ),
    "distributions": loop(
        "torch.distributions.kl_divergence(p(logits=model(x)), p(aim)).mean()",
        "p = torch.distributions.Categorical",
    ),
}


@pytest.mark.parametrize("code", READ_IN_SILENCE.values(), ids=READ_IN_SILENCE)
def test_is_read_in_silence(code: str) -> None:
    assert read(code, [check]).findings == ()

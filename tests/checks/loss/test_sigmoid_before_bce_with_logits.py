from dataclasses import replace

import pytest

from osler.checks.loss.sigmoid_before_bce_with_logits import check
from osler.model import Finding, LossCallFact
from osler.testing import examine, findings, place, read, run_of

CODE = """
judge = nn.Sequential(nn.Linear(8, 1), nn.Sigmoid())
optimizer = torch.optim.SGD(judge.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = F.binary_cross_entropy_with_logits(judge(x).squeeze(1), (y > 1).float())
        loss.backward()
        optimizer.step()
"""


def test_says_what_was_read() -> None:
    (found,) = read(CODE, [check]).findings
    assert found.message == ("`binary_cross_entropy_with_logits` receives the output of sigmoid in line 34.")


def test_softmax_is_read_too() -> None:
    code = CODE.replace("nn.Sigmoid()", "nn.Softmax(dim=-1)")
    (found,) = read(code, [check]).findings
    assert found.message == ("`binary_cross_entropy_with_logits` receives the output of softmax in line 34.")


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings


BCE = "F.binary_cross_entropy_with_logits"

FAULTY = {
    "a layer": ("nn.Sequential(nn.Linear(8, 1), nn.Sigmoid())", f"{BCE}(net(x).squeeze(1), (y > 1).float())"),
    "a function": (
        "nn.Linear(8, 4)",
        "nn.BCEWithLogitsLoss()(torch.sigmoid(net(x)), F.one_hot(y, 4).float())",
    ),
    "a method, weighted": (
        "nn.Linear(8, 1)",
        f"{BCE}(net(x).sigmoid().flatten(), (y > 1).float(), torch.rand(16))",
    ),
    "softmax": ("nn.Linear(8, 4)", f"{BCE}(net(x).softmax(1), F.one_hot(y, 4).float())"),
}

HEALTHY = {
    "logits": ("nn.Linear(8, 1)", f"{BCE}(net(x).squeeze(1), (y > 1).float())"),
    "logits between 0 and 1": (
        "nn.Linear(8, 1)",
        f"{BCE}(net(x * 0).squeeze(1) * 0.01 + 0.5, (y > 1).float())",
    ),
    "inside the network": (
        "nn.Sequential(nn.Linear(8, 9), nn.Sigmoid(), nn.Linear(9, 4))",
        f"{BCE}(net(x), F.one_hot(y, 4).float())",
    ),
    "on the target": ("nn.Linear(8, 1)", f"{BCE}(net(x).squeeze(1), torch.sigmoid(y.float()))"),
    "a gate": ("nn.Linear(8, 4)", f"{BCE}(net(x) * torch.sigmoid(net(x)), F.one_hot(y, 4).float())"),
    "centred and stretched": (
        "nn.Linear(8, 4)",
        f"{BCE}(10 * (net(x).sigmoid() - 0.5), F.one_hot(y, 4).float())",
    ),
    "the other function": (
        "nn.Sequential(nn.Linear(8, 1), nn.Sigmoid())",
        "F.binary_cross_entropy(net(x).squeeze(1), (y > 1).float())",
    ),
    "for accuracy only": (
        "nn.Linear(8, 1)",
        f"[{BCE}(out := net(x)[:, 0], (y > 1).float()), out.sigmoid().mean()][0]",
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
        "binary_cross_entropy_with_logits",
        (place(12),),
        4,
        0,
        "mean",
        lowest=0.2,
        highest=0.75,
        made_by="sigmoid",
        made_at=(place(5),),
    )
    (found,) = findings(run_of(loss_calls=[fact]), [check])
    assert found.message == (
        "`binary_cross_entropy_with_logits` received the output of `sigmoid`, values between 0.200 and "
        "0.750, and applies sigmoid to them once more."
    )
    assert (found.place.line, found.related[0].place.line) == (5, 12)


BY_VALUE = LossCallFact(
    "binary_cross_entropy_with_logits",
    (place(12),),
    8,
    0,
    "mean",
    (32,),
    lowest=0.004,
    highest=0.983,
    target_lowest=0.0,
    target_highest=1.0,
    made_by="mul",
)


def by_value(fact: LossCallFact) -> list[Finding]:
    return list(findings(run_of(loss_calls=[fact]), [check]))


def test_says_what_values_tell() -> None:
    (found,) = by_value(BY_VALUE)
    assert found.message == (
        "all scores that `binary_cross_entropy_with_logits` received in 8 looks lie between 0.004 and 0.983, "
        "as probabilities do; it takes a score of 0 for one half."
    )
    assert found.place.line == 12


@pytest.mark.parametrize(
    "fact",
    [
        replace(BY_VALUE, tests=4, input_shape=(99,)),
        replace(BY_VALUE, input_shape=(31,)),
        replace(BY_VALUE, lowest=-0.01),
        replace(BY_VALUE, lowest=0.2),
        replace(BY_VALUE, highest=1.01),
        replace(BY_VALUE, highest=0.8),
        replace(BY_VALUE, target_lowest=1.0),
        replace(BY_VALUE, target_highest=0.0),
        replace(BY_VALUE, function="binary_cross_entropy"),
    ],
    ids=[
        "young",
        "few",
        "below 0",
        "not near 0",
        "above 1",
        "not near 1",
        "all ones",
        "all zeros",
        "the other function",
    ],
)
def test_values_that_tell_nothing(fact: LossCallFact) -> None:
    assert by_value(fact) == []


BY_HAND = """
net = nn.Linear(8, 4)
optimizer = torch.optim.SGD(net.parameters(), lr=1.0)
for epoch in range(12):
    for x, y in loader:
        optimizer.zero_grad()
        p = 0.5 * (1 + torch.tanh(8 * net(x)))
        F.binary_cross_entropy_with_logits(p, F.one_hot(y, 4).float()).backward()
        optimizer.step()
"""


def test_a_sigmoid_written_by_hand() -> None:
    (message,) = [f.message for f in examine(BY_HAND).findings if f.check == check.name]
    assert message.startswith("all scores that")

"""Losses that cannot measure what is to be learned, as the source and experiments show them."""

from dataclasses import replace

import pytest

from osler.checks.loss.loss_unsuited_to_task import check
from osler.engine.judge import judge_setup
from osler.model import Answer, LabelRowsFact, LossCallFact, Setup, Severity, UnsuitedLossFact
from osler.testing import examine, findings, place, read, run_of

CODE = """
judge = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), {last})
for x, y in loader:
    optimizer.zero_grad()
    loss = {loss}
    loss.backward()
    optimizer.step()
"""


def messages(last: str, loss: str) -> list[str]:
    found = read(CODE.format(last=last, loss=loss), [check]).findings
    assert all(f.severity is Severity.ERROR for f in found)
    return [f.message for f in found]


@pytest.mark.parametrize(
    ("last", "loss", "message"),
    [
        (
            "nn.Linear(16, 1)",
            "F.cross_entropy(judge(x), y)",
            "`cross_entropy` receives one column, from the layer in line 34: the loss is always 0.",
        ),
        (
            "nn.Linear(16, 1), nn.LogSoftmax(dim=1)",
            "F.nll_loss(judge(x), y)",
            "`nll_loss` receives one column, from the layer in line 34: the loss is always 0.",
        ),
        (
            "nn.Linear(16, 1), nn.Softmax(dim=1)",
            "F.mse_loss(judge(x), y)",
            "softmax is taken over one column, from the layer in line 34: it is always 1.",
        ),
    ],
)
def test_says_what_was_seen(last: str, loss: str, message: str) -> None:
    assert messages(last, loss) == [message]


@pytest.mark.parametrize(
    ("last", "loss"),
    [
        ("nn.Linear(16, 2)", "F.cross_entropy(judge(x), y)"),
        ("nn.Linear(16, columns)", "F.cross_entropy(judge(x), y)"),
        ("nn.Linear(16, 1), nn.Flatten(0)", "F.cross_entropy(judge(x), y)"),
        ("nn.Linear(16, 1)", "F.cross_entropy(judge(x).reshape(-1, 4), y)"),
        ("nn.Linear(16, 1)", "F.cross_entropy(judge(x)[:, 0], y)"),
        ("nn.Linear(16, 1)", "F.cross_entropy(torch.cat([judge(x), -judge(x)], 1), y)"),
        ("nn.Linear(16, 1), nn.Softmax(dim=0)", "F.mse_loss(judge(x), y)"),
        ("nn.Linear(16, 1), nn.Sigmoid()", "F.binary_cross_entropy(judge(x), y)"),
    ],
)
def test_what_depends_on_the_model(last: str, loss: str) -> None:
    assert messages(last, loss) == []


@pytest.mark.parametrize("between", ["{}.float()", "{}.cpu()", "F.dropout({}, 0.1)", "torch.tanh({})"])
def test_what_keeps_the_column(between: str) -> None:
    assert messages("nn.Linear(16, 1)", f"F.cross_entropy({between.format('judge(x)')}, y)")


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings


def tried(*facts: object):
    return judge_setup(Setup(facts, (Answer("fit-the-loss", ""),)), [check]).findings


def test_class_ids_as_amounts() -> None:
    (found,) = tried(UnsuitedLossFact(function="mse_loss", columns=4, classes=4, site=(place(8),)))
    assert found.message == (
        "`mse_loss` compares 4 outputs with the number of the class, 0 to 3: class 3 counts as 3 times "
        "class 1."
    )
    assert found.fix == "Use `cross_entropy` with the class ids as they are."


def test_one_column() -> None:
    (found,) = tried(UnsuitedLossFact(function="cross_entropy", columns=1, classes=0, site=(place(8),)))
    assert found.message == (
        "`cross_entropy` compares one column: whatever the model says, the loss is the same."
    )
    assert found.fix == check.fix


def test_is_silent_without_the_fact() -> None:
    assert tried() == ()


LOOP = """
net = {net}
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
item, table = nn.Embedding(4, 16), nn.Linear(8, 16)
for x, y in loader:
    tags = (x[:, :4] > 0).float()
    optimizer.zero_grad(set_to_none=False)
    {loss}.backward()
    optimizer.step()
"""
LINEAR = "nn.Linear(8, 4)"
ONE_EACH = "F.one_hot(y, 4).float()"
PAIRS = "(y[:, None] == y).float()"

COMPETING = {
    "tags": (LINEAR, "F.cross_entropy(net(x), tags)"),
    "a module": (LINEAR, "nn.CrossEntropyLoss(label_smoothing=0.1, reduction='sum')(net(x), tags)"),
    "weights of classes": (LINEAR, "F.cross_entropy(net(x), tags, torch.ones(4))"),
    "a layer without bias": ("nn.Linear(8, 4, bias=False)", "F.cross_entropy(net(x), tags)"),
    "a temperature": (LINEAR, "F.cross_entropy(net(x) / 0.5, tags)"),
    "three axes": (LINEAR, "F.cross_entropy(net(x[None]).movedim(-1, 1), tags.T[None])"),
    "pixels": (
        "nn.Conv2d(1, 4, 1)",
        "F.cross_entropy(net(x.reshape(16, 1, 2, 4)), (torch.rand(16, 4, 2, 4) > 0.5).float())",
    ),
    "half precision": (LINEAR, "F.cross_entropy(net(x), tags.half().float())"),
    "some without a tag, others with two": (LINEAR, "F.cross_entropy(net(x), (x[:, :4] > 1).float())"),
}

SHARING = {
    "class ids": (LINEAR, "F.cross_entropy(net(x), y)"),
    "one each": (LINEAR, f"F.cross_entropy(net(x), {ONE_EACH})"),
    "some rows left out": (LINEAR, f"F.cross_entropy(net(x), {ONE_EACH} * (y < 3)[:, None])"),
    "rows that count double": (LINEAR, f"F.cross_entropy(net(x), {ONE_EACH} * (1 + (y > 1))[:, None])"),
    "rows with weights": (LINEAR, f"F.cross_entropy(net(x), {ONE_EACH} * torch.rand(16, 1))"),
    "mixed": (LINEAR, f"F.cross_entropy(net(x), 0.3 * {ONE_EACH} + 0.7 * {ONE_EACH}.flip(0))"),
    "smoothed": (LINEAR, f"F.cross_entropy(net(x), 0.9 * {ONE_EACH} + 0.025)"),
    "a teacher": (LINEAR, "F.cross_entropy(net(x), (4 * x[:, :4]).softmax(1))"),
    "a teacher that is sure": (LINEAR, "F.cross_entropy(net(x), (999 * x[:, :4]).softmax(1).round())"),
    "tags that share": (LINEAR, "F.cross_entropy(net(x), F.normalize(tags + 1e-9, p=1))"),
    "always two": (LINEAR, "F.cross_entropy(net(x), F.one_hot(x[:, :4].topk(2)[1], 4).sum(1).float())"),
    "counts": (LINEAR, "F.cross_entropy(net(x), (2 * x[:, :4].abs()).round())"),
    "pixels with one class each": (
        "nn.Conv2d(1, 4, 1)",
        "F.cross_entropy(net(x.reshape(16, 1, 2, 4)), F.one_hot(y[:, None, None].expand(-1, 2, 4), 4)"
        ".movedim(-1, 1).float())",
    ),
    "positives among samples": (LINEAR, f"F.cross_entropy(net(x) @ net(x).T / 0.1, {PAIRS})"),
    "positives among two views": (
        LINEAR,
        f"F.cross_entropy(torch.einsum('ik,jk->ij', net(x), net(-x)), {PAIRS})",
    ),
    "positives among directions": (
        LINEAR,
        f"F.cross_entropy(F.normalize(net(x)) @ F.normalize(net(x)).T / 0.1, {PAIRS})",
    ),
    "positives in a queue": (LINEAR, f"F.cross_entropy(net(x) @ x[:, :4].T, {PAIRS})"),
    "positives of a table": (
        "nn.Linear(8, 16)",
        "F.cross_entropy(net(x) @ table(torch.eye(8)[:4]).T, tags)",
    ),
    "places in a text": (
        "nn.Linear(8, 1)",
        "F.cross_entropy(net(x.reshape(2, 8, 8)).squeeze(-1), (x[:2] > 0).float())",
    ),
    "baskets": ("nn.Linear(4, 4)", "F.cross_entropy(net(tags), tags)"),
    "labels judged by themselves": (LINEAR, "F.binary_cross_entropy_with_logits(net(x), tags)"),
}


def competing(net: str, loss: str) -> list[tuple[str, Severity]]:
    diagnosis = examine(LOOP.format(net=net, loss=loss))
    assert not diagnosis.failed
    assert diagnosis.subject.steps == 12
    return [(f.message, f.severity) for f in diagnosis.findings if f.check == check.name]


@pytest.mark.parametrize(("net", "loss"), COMPETING.values(), ids=COMPETING)
def test_labels_compete(net: str, loss: str) -> None:
    ((message, severity),) = competing(net, loss)
    assert message.startswith("`cross_entropy` received targets of 0 and 1")
    assert severity is Severity.WARNING


@pytest.mark.parametrize(("net", "loss"), SHARING.values(), ids=SHARING)
def test_labels_share(net: str, loss: str) -> None:
    assert competing(net, loss) == []


def test_one_column_at_first_and_more_later() -> None:
    count = "1 + (net.weight.grad is not None)"
    loss = f"(lambda columns: F.cross_entropy(net(x)[:, :columns], 0 * y))({count})"
    assert competing(LINEAR, loss) == []


TAGS = LabelRowsFact("cross_entropy", (place(12),), 0, 4, 6, 200, 130, 1, 5, of_layer=True)
CALL = LossCallFact("cross_entropy", (place(12),))


def of(fact: LabelRowsFact):
    return findings(run_of(loss_calls=[CALL], label_rows=[fact]), [check])


def test_says_what_competes() -> None:
    (found,) = of(TAGS)
    assert found.message == (
        "`cross_entropy` received targets of 0 and 1 with 1 to 5 ones in a row (130 of 200 rows have "
        "several): the labels of a sample share one probability, so each of them takes from the others."
    )
    assert found.fix == "Use `binary_cross_entropy_with_logits` for labels of which several can hold at once."
    assert found.severity is Severity.WARNING


def test_says_that_there_is_one_column() -> None:
    (found,) = of(LabelRowsFact("cross_entropy", (place(12),), classes=1))
    assert found.message == (
        "`cross_entropy` compares one column: whatever the model says, the loss is the same."
    )
    assert found.severity is Severity.ERROR


def test_a_catalogue_of_items_is_a_hint() -> None:
    (found,) = of(replace(TAGS, classes=257))
    assert found.severity is Severity.HINT


@pytest.mark.parametrize(
    "change",
    [
        {"tests": 2},
        {"rows": 31, "several": 20},
        {"several": 9},
        {"fewest": 2, "most": 2},
        {"fewest": 0, "most": 0},
        {"of_layer": False},
        {"entered": True},
    ],
)
def test_is_silent_where_labels_may_share_on_purpose(change: dict[str, int]) -> None:
    assert of(replace(TAGS, **change)) == ()

import pytest

from osler.checks.loss.loss_shapes_broadcast import check
from osler.model import BroadcastFact, Confidence, Run, Shape, is_stray
from osler.testing import examine, findings, place, read, run_of

SITE = (place(12), place(30))

LOOP = """
model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, {outputs}))
other = nn.Linear(8, 1)
weight = nn.Parameter(torch.ones({batch}))
optimizer = torch.optim.SGD([*model.parameters(), *other.parameters(), weight], lr=0.01)
loader = DataLoader(rows(192), batch_size={batch}, shuffle=True)
for x, y in loader:
    optimizer.zero_grad()
    out, y = model(x), y.float()
    loss = {loss}
    loss.backward()
    optimizer.step()
"""


def seen(loss: str, outputs: int = 1, batch: int = 16) -> list[str]:
    """Messages of this check about a loop with this loss."""
    diagnosis = examine(LOOP.format(loss=loss, outputs=outputs, batch=batch))
    assert not diagnosis.failed
    return [f.message for f in diagnosis.findings if f.check == check.name]


FAULTY = {
    "mse_loss": "F.mse_loss(out, y)",
    "target with an axis": "F.l1_loss(out.squeeze(1), y.unsqueeze(1))",
    "huber": "F.smooth_l1_loss(out, y)",
    "module": "nn.MSELoss()(out, y)",
    "by hand": "((out - y) ** 2).mean()",
    "by hand, reversed": "(y - out).abs().mean()",
    "weighted": "(F.mse_loss(out.squeeze(1), y, reduction='none') * other(x).sigmoid()).mean()",
    "as a term": "F.mse_loss(out.squeeze(1), y) + 0.1 * (out - y).abs().sum()",
}


@pytest.mark.parametrize("loss", FAULTY.values(), ids=FAULTY.keys())
def test_is_found(loss: str) -> None:
    (message,) = seen(loss)
    assert "(16, 1)" in message


HEALTHY = {
    "equal shapes": ("F.mse_loss(out.squeeze(1), y)", 1, 16),
    "both columns": ("F.mse_loss(out, y.unsqueeze(1))", 1, 16),
    "all pairs on purpose": ("F.relu(1 - (out - out.T)).mean()", 1, 16),
    "pairs by a new axis": ("F.relu(1 - (out.squeeze(1)[:, None] - out.squeeze(1))).mean()", 1, 16),
    "distances by keepdim": ("(out.pow(2).sum(1, keepdim=True) + out.pow(2).sum(1)).mean()", 4, 16),
    "weight per class": ("((out - F.one_hot(y.long(), 4)) ** 2 * torch.rand(4)).mean()", 4, 16),
    "as many classes as samples": ("((out - F.one_hot(y.long(), 4)) ** 2 * torch.rand(4)).mean()", 4, 4),
    "a batch of one": ("((out - y) ** 2).mean()", 1, 1),
    "a number": ("((out.squeeze(1) - y.mean()) ** 2).mean()", 1, 16),
    "a parameter": ("((out * weight) ** 2).mean()", 1, 16),
    "ordinary cross entropy": ("F.cross_entropy(out, y.long())", 4, 16),
}


@pytest.mark.parametrize(("loss", "outputs", "batch"), HEALTHY.values(), ids=HEALTHY.keys())
def test_stays_quiet(loss: str, outputs: int, batch: int) -> None:
    assert seen(loss, outputs, batch) == []


@pytest.mark.parametrize(
    ("left", "right", "result", "stray"),
    [
        ((32, 1), (32,), (32, 32), True),
        ((32,), (32, 1), (32, 32), True),
        ((32, 1), (1, 32), (32, 32), False),
        ((32, 4), (4,), (32, 4), False),
        ((1, 1), (1,), (1, 1), False),
        ((32, 1), (), (32, 1), False),
    ],
)
def test_what_a_stray_axis_is(left: Shape, right: Shape, result: Shape, stray: bool) -> None:
    assert is_stray(left, right, result) is stray


def run(operation: str = "mse_loss") -> Run:
    return run_of(broadcasts=[BroadcastFact(operation, SITE, (32, 1), (32,), (32, 32), 7)], backwards=9)


def test_says_what_was_seen() -> None:
    (found,) = findings(run(), [check])
    assert found.message == (
        "`mse_loss` received shapes (32, 1) and (32) and compared 1,024 pairs, (32, 32), where there are 32."
    )
    assert (found.place.line, found.place.step) == (12, 7)
    assert found.related[0].place.line == 30


def test_spells_an_operator() -> None:
    (found,) = findings(run("sub"), [check])
    assert found.message.startswith("`-` received shapes (32, 1) and (32)")


def test_does_not_apply_without_training() -> None:
    assert check.applies(Run()) == "no backward was seen"


@pytest.mark.parametrize("name", [n for n in FAULTY if n not in {"target with an axis", "weighted"}])
def test_is_read(name: str) -> None:
    (found,) = read(LOOP.format(loss=FAULTY[name], outputs=1, batch=16), [check]).findings
    assert found.place.line == 42


@pytest.mark.parametrize(("loss", "outputs", "batch"), HEALTHY.values(), ids=HEALTHY.keys())
def test_is_read_in_silence(loss: str, outputs: int, batch: int) -> None:
    assert read(LOOP.format(loss=loss, outputs=outputs, batch=batch), [check]).findings == ()


def test_says_what_was_read() -> None:
    (found,) = read(LOOP.format(loss="F.mse_loss(out, y)", outputs=1, batch=16), [check]).findings
    assert found.message == (
        "`mse_loss` compares one column, of shape (N, 1), from the layer in line 34 with `y`, of shape (N): "
        "every prediction with every target."
    )
    assert found.confidence is Confidence.LIKELY
    assert [(r.place.line, r.label) for r in found.related] == [(34, "one column comes out here")]

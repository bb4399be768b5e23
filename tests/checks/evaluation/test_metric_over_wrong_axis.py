import pytest

from osler.checks.evaluation.metric_over_wrong_axis import check
from osler.model import ComparisonFact, Finding, Kind, Run, Severity
from osler.testing import event, examine, findings, place, run_of

LOOP = """
head = nn.Linear(8, 1)
second = torch.optim.SGD(head.parameters(), lr=0.01)

def column(values):
    return values.unsqueeze(1)

def similar(values):
    return (column(values) == values).float().mean()

def evaluate():
    model.eval()
    with torch.no_grad():
        for x, y in val_loader:
            {metric}

for epoch in range(epochs):
    model.train()
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
        second.zero_grad()
        F.mse_loss(head(x)[:, 0], x[:, 0]).backward()
        second.step()
    evaluate()
"""


def seen(metric: str) -> list[Finding]:
    diagnosis = examine(LOOP.format(metric=metric))
    assert not diagnosis.failed
    return [f for f in diagnosis.findings if f.check == check.name]


FAULTY = {
    "an axis is kept": "(model(x).argmax(1, keepdim=True) == y).sum().item()",
    "eq": "model(x).max(1, keepdim=True)[1].eq(y).sum()",
    "the best of k": "model(x).topk(1, dim=1).indices.eq(y).float().mean()",
    "a binary model": "((head(x) > 0) == (y > 1)).float().mean().item()",
    "an error": "(head(x) - x[:, 0]).abs().mean().item()",
    "wrong answers": "(model(x).argmax(1, keepdim=True) != y).sum()",
    "argmax of everything": "(model(x).argmax() == y).float().mean()",
    "argmax of one entry": "(head(x).argmax(1) == y).float().mean()",
    "argmax of the last axis": "(head(x).argmax(dim=-1) == y).float().mean()",
}

QUIET = {
    "the same shape": "(model(x).argmax(1) == y).float().mean().item()",
    "squeezed": "(head(x).squeeze(1) - x[:, 0]).abs().mean()",
    "viewed as the other": "(s := model(x).argmax(1, keepdim=True)).eq(y.view_as(s)).sum()",
    "the best two": "model(x).topk(2, dim=1).indices.eq(y.unsqueeze(1)).any(1).float().mean()",
    "a single sample": "(model(x[:1]).argmax(1, keepdim=True) == y[:1]).sum()",
    "a threshold": "(head(x) > torch.tensor(0.5)).float().mean()",
    "one number": "(model(x).argmax(1) == y[0]).float().mean()",
    "all pairs of the answers": "similar(model(x).argmax(1))",
    "all pairs of the targets": "similar(y)",
    "an axis for the target on purpose": "(model(x).argmax(1) == y[:, None]).float().mean()",
    "weights per sample": "(model(x).argmax(1) == y).float().mul(torch.rand(len(y))).sum()",
    "argmax of one row": "model(x)[0].argmax() == y[0]",
    "argmax over the samples": "model(x).argmax(0)",
    "argmax of everything, not compared": "model(x).argmax().item()",
    "numpy": "(model(x).argmax(1).numpy() == y.numpy()).mean()",
}


@pytest.mark.parametrize("metric", FAULTY.values(), ids=FAULTY.keys())
def test_is_found(metric: str) -> None:
    (found,) = seen(metric)
    assert (found.place.line, found.severity) == (47, Severity.WARNING)


@pytest.mark.parametrize("metric", QUIET.values(), ids=QUIET.keys())
def test_stays_quiet(metric: str) -> None:
    assert seen(metric) == []


def run(fact: ComparisonFact) -> Run:
    forward = event(Kind.FORWARD, "Net", 11, "no-grad")
    return run_of([[forward]], comparisons=[fact])


AT = (place(9),)


def test_says_what_met() -> None:
    (found,) = findings(run(ComparisonFact(AT, "eq", "spread", (16, 1), (16,), (16, 16), (), 12)), [check])
    assert found.message == (
        "Answers of shape (16, 1) and targets of shape (16,) give (16, 16): every answer meets every target."
    )
    assert (found.place.line, found.place.step) == (9, 12)


def test_says_what_an_argmax_is() -> None:
    one, every = (
        findings(run(ComparisonFact(AT, "eq", kind, (), (16,), (16,), (place(8),))), [check])[0]
        for kind in ("argmax of one entry", "argmax of all entries")
    )
    assert one.message == (
        "Targets of shape (16,) are compared with an `argmax` over an axis of length 1, which is always 0."
    )
    assert every.message == "Targets of shape (16,) are compared with the one `argmax()` of the whole batch."
    assert [(r.place.line, r.label) for r in one.related] == [(8, "the answers are made here")]


def test_is_silent_where_nothing_was_compared() -> None:
    assert findings(run_of([[event(Kind.FORWARD, "Net", 11, "no-grad")]]), [check]) == ()

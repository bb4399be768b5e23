import pytest

from osler.checks.modules.batch_norm_updated_outside_training import check
from osler.model import Finding, Run, Severity
from osler.testing import examine

LOOP = """
{before}
for x, y in loader:
    optimizer.zero_grad()
    scores = model(x)
    loss_fn(scores, y).backward()
    optimizer.step()
    {after}
"""

FOLLOWED = "with torch.no_grad(): wrong = ({}(x).argmax(1) != y).sum()"


def seen(before: str = "", after: str = "pass") -> list[Finding]:
    diagnosis = examine(LOOP.format(before=before, after=after))
    assert not diagnosis.failed
    assert diagnosis.headlines == ()
    return [f for f in diagnosis.findings if f.check == check.name]


def test_says_what_was_seen() -> None:
    (found,) = seen(after=FOLLOWED.format("model"))
    assert found.message == (
        "`Sequential` was called 12 times in train mode without being trained on the output: the running "
        "statistics of `1` took in those batches too."
    )
    assert (found.place.line, found.severity) == (40, Severity.HINT)


def test_names_a_forward_with_a_graph_that_is_dropped() -> None:
    (found,) = seen(after="wrong = (model(x).argmax(1) != y).sum()")
    assert found.place.line == 40


def test_names_noise_that_is_passed_through() -> None:
    (found,) = seen(after="with torch.no_grad(): model(torch.randn(16, 8))")
    assert found.place.line == 40


PLAIN = """
model = nn.Sequential(nn.Linear(8, 16), {}, nn.Linear(16, 4))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
"""

QUIET = {
    "nothing but training": ("", "pass"),
    "a trial before training": ("with torch.no_grad(): model(torch.zeros(2, 8))", "pass"),
    "eval mode around it": ("", f"model.eval()\n    {FOLLOWED.format('model')}\n    model.train()"),
    "no BatchNorm": (PLAIN.format("nn.Dropout(0.5)"), FOLLOWED.format("model")),
    "no running statistics": (
        PLAIN.format("nn.BatchNorm1d(16, track_running_stats=False)"),
        FOLLOWED.format("model"),
    ),
    "frozen": (PLAIN.format("nn.BatchNorm1d(16).requires_grad_(False)"), FOLLOWED.format("model")),
    "another model": ("other = nn.BatchNorm1d(8)", FOLLOWED.format("other")),
    "statistics gathered anew": ("", "y.numel()\ntorch.optim.swa_utils.update_bn(loader, model)"),
    "its gradient is asked for": ("", "torch.autograd.grad(model(x.requires_grad_()).sum(), x)"),
}


@pytest.mark.parametrize(("before", "after"), QUIET.values(), ids=QUIET.keys())
def test_stays_quiet(before: str, after: str) -> None:
    assert seen(before, after) == []


def test_a_generator_may_draw() -> None:
    code = """
judge = nn.Linear(4, 1)
second = torch.optim.SGD(judge.parameters(), lr=0.01)
for x, y in loader:
    with torch.no_grad():
        fake = model(x)
    second.zero_grad()
    F.softplus(judge(fake)).mean().backward()
    second.step()
    optimizer.zero_grad()
    F.softplus(-judge(model(x))).mean().backward()
    optimizer.step()
"""
    assert check.name not in {f.check for f in examine(code).findings}


def test_is_a_symptom_of_evaluating_in_train_mode() -> None:
    code = """
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    with torch.no_grad():
        for x, y in val_loader:
            loss_fn(model(x), y)
"""
    (group,) = examine(code).groups
    assert group.cause.check == "evaluating-in-train-mode"
    assert [f.check for f in group.symptoms] == [check.name]


def test_does_not_apply_without_a_model() -> None:
    assert check.applies(Run()) == "no model was called"

import pytest

from osler.checks.modules.frozen_batch_norm_drifts import check
from osler.model import Finding, FrozenNormFact, Kind, Run, Severity
from osler.testing import event, examine, findings, run_of

LOOP = """
{before}
optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.05)
for epoch in range(epochs):
    model.train()
    {mode}
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn({scores}, y).backward()
        optimizer.step()
        {after}
"""

FROZEN = "model[:3].requires_grad_(False)"


def seen(code: str) -> list[Finding]:
    diagnosis = examine(code)
    assert not diagnosis.failed
    return [f for f in diagnosis.findings if f.check == check.name]


def loop(before: str = FROZEN, mode: str = "pass", scores: str = "model(x)", after: str = "pass") -> str:
    return LOOP.format(before=before, mode=mode, scores=scores, after=after)


BATCH = event(Kind.BATCH, "DataLoader", 10)
MODE = event(Kind.MODE, "Net", 9, "train")
FORWARD = event(Kind.FORWARD, "Net", 11, "grad")
BACKWARD = event(Kind.BACKWARD, "", 12)
STEP = event(Kind.STEP, "SGD", 13, "fresh")


def drift(looks: int = 7, moved: int = 7, step: int = 31) -> FrozenNormFact:
    return FrozenNormFact("norm", "Net", FORWARD.site, looks, moved, 0, step)


def run(*facts: FrozenNormFact) -> Run:
    return run_of([[MODE], *[[BATCH, FORWARD, BACKWARD, STEP]] * 40], frozen_norms=list(facts))


def test_says_what_was_seen() -> None:
    (found,) = findings(run(drift()), [check])
    assert found.message == (
        "`norm` of `Net` is frozen, but each of the 7 calls that were looked at moved its running mean and "
        "variance: `Net` is in train mode."
    )
    assert (found.place.line, found.severity, found.place.step) == (11, Severity.WARNING, 0)
    assert [(r.place.line, r.label) for r in found.related] == [(9, "train mode is set here")]


@pytest.mark.parametrize("fact", [drift(7, 6), drift(7, 0), drift(1, 1, 0), drift(2, 2, 0)])
def test_waits_for_calls_that_all_moved_them(fact: FrozenNormFact) -> None:
    assert findings(run(fact), [check]) == ()


def test_names_every_layer() -> None:
    body = "body = nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.Linear(8, 8), nn.BatchNorm1d(8))"
    (found,) = seen(loop(f"{body}.requires_grad_(False)\nmodel = nn.Sequential(body, nn.Linear(8, 4))"))
    assert found.message.startswith("`0.1`, `0.3` of `Sequential` are frozen, but each")


WHOLE = (
    "body = nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8)).requires_grad_(False)\nmodel = nn.Linear(8, 4)"
)

FAULTY = {
    "a part that is its own model": loop(WHOLE, scores="model(body(x))"),
    "a part that is called without gradients": loop(
        WHOLE + "\nbody_ = torch.no_grad()(lambda x: body(x))", scores="model(body_(x))"
    ),
    "frozen after some training": loop(
        "loss_fn(model(torch.randn(4, 8)), torch.arange(4)).backward()\n" + FROZEN
    ),
}

QUIET = {
    "nothing is frozen": loop("pass"),
    "the frozen part is in eval mode": loop(mode="model[:3].eval()"),
    "only BatchNorm is frozen": loop("model[1].requires_grad_(False)"),
    "no running statistics": loop(
        "model[1] = nn.BatchNorm1d(16, track_running_stats=False)\n" + FROZEN,
    ),
    "no BatchNorm": loop("model[1] = nn.LayerNorm(16)\n" + FROZEN),
    "only the layer before it is frozen": loop("model[0].requires_grad_(False)"),
    "unfrozen at the second epoch": loop(mode="model.requires_grad_(epoch > 0)").replace(
        "[p for p in model.parameters() if p.requires_grad]", "model.parameters()"
    ),
    "the weights follow another model": loop(
        WHOLE + "\nteacher = body.train()",
        scores="model(teacher(x))",
        after="body[1].weight.data += 0.01",
    ),
    "evaluated only": FROZEN + "\nwith torch.no_grad():\n    for x, y in loader: model(x)",
    "frozen between its own steps": """
judge = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 1))
second = torch.optim.SGD(judge.parameters(), lr=0.01)
for x, y in loader:
    fake = model(x)
    judge.requires_grad_(True)
    second.zero_grad()
    F.softplus(judge(fake.detach())).mean().backward()
    second.step()
    judge.requires_grad_(False)
    optimizer.zero_grad()
    F.softplus(-judge(fake)).mean().backward()
    optimizer.step()
""",
}


@pytest.mark.parametrize("code", FAULTY.values(), ids=FAULTY.keys())
def test_is_found(code: str) -> None:
    assert len(seen(code)) == 1


@pytest.mark.parametrize("code", QUIET.values(), ids=QUIET.keys())
def test_stays_quiet(code: str) -> None:
    assert seen(code) == []


def test_does_not_apply_where_nothing_is_frozen() -> None:
    assert check.applies(Run()) == "no frozen BatchNorm was called in train mode"

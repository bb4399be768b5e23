import pytest

from osler.checks.optimizer.half_precision_unscaled import check
from osler.model import Finding, Kind, PrecisionFact, Run, Severity
from osler.testing import event, examine, findings, run_of

LOOP = """
scaler = torch.amp.GradScaler("cpu")
for x, y in loader:
    optimizer.zero_grad()
    with torch.autocast("cpu", dtype=torch.{kind}):
        loss = loss_fn(model(x), y)
    {backward}
    {step}
"""

SCALER = {"backward": "scaler.scale(loss).backward()", "step": "scaler.step(optimizer); scaler.update()"}


def seen(code: str) -> list[Finding]:
    diagnosis = examine(code)
    assert not diagnosis.failed
    return [f for f in diagnosis.findings if f.check == check.name]


def loop(kind: str = "float16", backward: str = "loss.backward()", step: str = "optimizer.step()") -> str:
    return LOOP.format(kind=kind, backward=backward, step=step)


FAULTY = {
    "autocast": loop(),
    "averaged over an accumulation": loop(backward="(loss / 4).backward()"),
    "inside the forward": """
class Cast(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = model
    @torch.autocast("cpu", dtype=torch.float16)
    def forward(self, x):
        return self.inner(x).float()

cast = Cast()
for x, y in loader:
    optimizer.zero_grad()
    loss_fn(cast(x), y).backward()
    optimizer.step()
""",
    "half weights": """
half = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4)).half()
optimizer = torch.optim.SGD(half.parameters(), lr=0.05)
for x, y in loader:
    optimizer.zero_grad()
    loss_fn(half(x.half()).float(), y).backward()
    optimizer.step()
""",
}

QUIET = {
    "float32": loop("float32"),
    "bfloat16": loop("bfloat16"),
    "a scaler": loop(**SCALER),
    "scaled by hand": loop(
        backward="(loss * 1024).backward()",
        step="[p.grad.div_(1024) for p in model.parameters()]; optimizer.step()",
    ),
    "scaled by a number that is learned": loop(
        backward="(loss * torch.tensor(512.0, requires_grad=True)).backward()"
    ),
    "scaled and averaged": loop(backward="(loss * 1024 / 4).backward()"),
    "only evaluated": """
for x, y in loader:
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
model.eval()
with torch.no_grad(), torch.autocast("cpu", dtype=torch.float16):
    for x, y in val_loader: model(x)
""",
    "nobody steps": loop(step="pass"),
}


@pytest.mark.parametrize("code", FAULTY.values(), ids=FAULTY.keys())
def test_is_found(code: str) -> None:
    assert [f.severity for f in seen(code)] == [Severity.WARNING]


@pytest.mark.parametrize("code", QUIET.values(), ids=QUIET.keys())
def test_stays_quiet(code: str) -> None:
    assert seen(code) == []


def test_a_scaler_with_bfloat16_is_a_hint() -> None:
    (found,) = seen(loop("bfloat16", **SCALER))
    assert found.severity is Severity.HINT
    assert found.message == (
        "The gradients behind this loss are in bfloat16, which has the range of float32, but a gradient "
        "scaler is in use."
    )


BACKWARD = event(Kind.BACKWARD, "", 13)
STEP = event(Kind.STEP, "SGD", 14, "fresh")


def run(fact: PrecisionFact, turns: int = 9) -> Run:
    return run_of([[BACKWARD, STEP]] * turns, precisions=[fact])


def test_says_what_was_seen() -> None:
    (found,) = findings(run(PrecisionFact(BACKWARD.site, 7, 0, 30, False)), [check])
    assert found.message == (
        "7 operations behind this loss have gradients in float16, and the loss is not scaled."
    )
    assert (found.place.line, found.related[0].place.line) == (13, 14)


def test_waits_for_a_second_step() -> None:
    assert findings(run(PrecisionFact(BACKWARD.site, 7, 0, 30, False), 1), [check]) == ()


def test_does_not_apply_to_full_precision() -> None:
    assert check.applies(Run()) == "no gradient has 16 bits"

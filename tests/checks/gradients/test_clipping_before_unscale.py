import pytest

from osler.checks.gradients.clipping_before_unscale import check
from osler.model import Event, Kind
from osler.testing import assert_silent, event, findings, read, run_of

BATCH = event(Kind.BATCH, "DataLoader", 10)
CLEAR = event(Kind.CLEAR, "SGD", 11)
FORWARD = event(Kind.FORWARD, "Net", 12, "grad")
BACKWARD = event(Kind.BACKWARD, "", 13)
STEP = event(Kind.STEP, "SGD", 15, "fresh")
FRESH = event(Kind.CLIP, "clip_grad_norm_", 14, "fresh")
SCALED = event(Kind.CLIP, "clip_grad_norm_", 14, "fresh", "scaled")
BY_HAND = event(Kind.CLIP, "clip_grad_norm_", 14, "fresh", "scaled", "scale-read")
MEASURE = event(Kind.CLIP, "clip_grad_norm_", 14, "fresh", "scaled", "measures")
UNSCALE = event(Kind.UNSCALE, "SGD", 13)
SCALER = event(Kind.SCALER_STEP, "SGD", 15)
TRAIN = [BATCH, CLEAR, FORWARD, BACKWARD]
HEALTHY = [*TRAIN, UNSCALE, FRESH, SCALER, STEP]
SICK = [*TRAIN, SCALED, SCALER, UNSCALE, STEP]

CODE = """
scaler = torch.amp.GradScaler("cpu")
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        scaler.scale(loss_fn(model(x), y)).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
"""


def test_says_what_was_seen() -> None:
    (found,) = read(CODE, [check]).findings
    assert found.message == ("gradients are clipped before `unscale_()`, although a scaler steps in line 40.")


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings


SILENT = {
    "unscaled before": [HEALTHY] * 9,
    "no scaler": [[*TRAIN, FRESH, STEP]] * 9,
    "the limit is scaled by hand": [[*TRAIN, BY_HAND, SCALER, UNSCALE, STEP]] * 9,
    "the norm is only measured": [[*TRAIN, MEASURE, SCALER, UNSCALE, STEP]] * 9,
    "a loss of its own without a scale": [
        [*TRAIN, SCALED, STEP, FORWARD, BACKWARD, SCALER, UNSCALE, STEP],
    ]
    * 9,
    "once": [SICK, *[HEALTHY] * 9],
}


@pytest.mark.parametrize("turns", SILENT.values(), ids=SILENT.keys())
def test_stays_quiet(turns: list[list[Event]]) -> None:
    assert_silent(run_of(turns), [check])


@pytest.mark.parametrize(
    "turns",
    [[SICK] * 5, [[*TRAIN], [*TRAIN, SCALED, SCALER, UNSCALE, STEP]] * 5, [[*TRAIN, SCALED, SCALER]] * 5],
    ids=["every step", "accumulation", "all steps skipped"],
)
def test_says_what_was_seen_in_a_run(turns: list[list[Event]]) -> None:
    (found,) = findings(run_of(turns), [check])
    assert found.message == (
        "`clip_grad_norm_` was called 5 times on gradients that still contained the loss scale: "
        "`unscale_()` of `SGD` had not run."
    )
    assert (found.place.line, found.place.subject) == (14, "SGD")
    assert [(r.place.line, r.label) for r in found.related] == [(15, "the scaler steps here")]


def test_applies_where_a_scaler_steps() -> None:
    assert check.applies(run_of([[*TRAIN, FRESH, STEP]])) == "no gradient scaler steps"
    assert check.applies(run_of([SICK])) == ""


def amp(clip: str, made: str = "torch.amp.GradScaler('cpu')") -> str:
    return CODE.replace('torch.amp.GradScaler("cpu")', made).replace(
        "nn.utils.clip_grad_norm_(model.parameters(), 1.0)", clip
    )


CLIP = "nn.utils.clip_grad_norm_(model.parameters(), 1.0)"
READ_IN_SILENCE = {
    "unscaled before": amp(f"scaler.unscale_(optimizer); {CLIP}"),
    "unscaled where it is one": amp(f"scaler.unscale_(optimizer) if scaler else None; {CLIP}"),
    "nothing is clipped": amp("pass"),
    "switched off": amp(CLIP, "torch.amp.GradScaler('cpu', enabled=False)"),
    "switched off, by its old name": amp(CLIP, "torch.cuda.amp.GradScaler(enabled=False)"),
    "another model, whose loss has no scale": amp(
        "critic(x).mean().backward(); nn.utils.clip_grad_norm_(critic.parameters(), 1.0); other.step()",
        "torch.amp.GradScaler(); critic = nn.Linear(8, 1); other = torch.optim.SGD(critic.parameters(), 0.1)",
    )
    .replace("        scaler.scale(loss_fn(model(x), y)).backward()\n", "")
    .replace(
        "        scaler.step", "        scaler.scale(loss_fn(model(x), y)).backward()\n        scaler.step"
    ),
}


@pytest.mark.parametrize("code", READ_IN_SILENCE.values(), ids=READ_IN_SILENCE)
def test_is_read_in_silence(code: str) -> None:
    assert read(code, [check]).findings == ()

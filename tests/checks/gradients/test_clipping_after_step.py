import pytest

from osler.checks.gradients.clipping_after_step import check
from osler.model import Event, Kind
from osler.testing import assert_silent, event, findings, read, run_of

BATCH = event(Kind.BATCH, "DataLoader", 10)
CLEAR = event(Kind.CLEAR, "SGD", 11)
FORWARD = event(Kind.FORWARD, "Net", 12, "grad")
BACKWARD = event(Kind.BACKWARD, "", 13)
STEP = event(Kind.STEP, "SGD", 15, "fresh")
FRESH = event(Kind.CLIP, "clip_grad_norm_", 14, "fresh")
STALE = event(Kind.CLIP, "clip_grad_norm_", 16, "stale")
MEASURE = event(Kind.CLIP, "clip_grad_norm_", 16, "stale", "measures")
UNKNOWN = event(Kind.CLIP, "clip_grad_norm_", 16)
OTHER = event(Kind.STEP, "Adam", 17, "fresh")
HEALTHY = [BATCH, CLEAR, FORWARD, BACKWARD, FRESH, STEP]
LATE = [BATCH, CLEAR, FORWARD, BACKWARD, STEP, STALE]

CODE = """
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
"""


def test_says_what_was_seen() -> None:
    (found,) = read(CODE, [check]).findings
    assert found.message == ("the gradients of `optimizer` are clipped after the step that used them.")


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings


SILENT = {
    "between backward and step": [HEALTHY] * 9,
    "no clipping": [[BATCH, CLEAR, FORWARD, BACKWARD, STEP]] * 9,
    "only measured after the step": [[*HEALTHY[:4], STEP, MEASURE]] * 9,
    "clipped before, and measured with a finite limit after": [[*HEALTHY, STALE]] * 9,
    "no step was seen": [[BATCH, STALE, FORWARD, BACKWARD]] * 9,
    "not known whose gradients": [[*HEALTHY[:4], STEP, UNKNOWN]] * 9,
    "those of another optimizer that steps later": [[*HEALTHY[:4], STEP, FRESH, OTHER]] * 9,
    "once": [*[HEALTHY] * 9, LATE, *[HEALTHY] * 9],
}


@pytest.mark.parametrize("turns", SILENT.values(), ids=SILENT.keys())
def test_stays_quiet(turns: list[list[Event]]) -> None:
    assert_silent(run_of(turns), [check])


@pytest.mark.parametrize(
    "turns",
    [
        [LATE] * 5,
        [[BATCH, STALE, CLEAR, FORWARD, BACKWARD, STEP]] * 5,
        [[CLEAR, FORWARD, BACKWARD, STEP], *[[STALE, CLEAR, FORWARD, BACKWARD, STEP]] * 5],
    ],
    ids=["after", "at the start of the next turn", "no loader"],
)
def test_says_what_was_seen_in_a_run(turns: list[list[Event]]) -> None:
    (found,) = findings(run_of(turns), [check])
    assert found.message == (
        "`clip_grad_norm_` was called 5 times on gradients that `SGD` had already stepped on."
    )
    assert (found.place.line, found.place.subject) == (16, "SGD")
    assert [(r.place.line, r.label) for r in found.related] == [(15, "the step that uses the gradients")]


def test_applies_where_gradients_are_clipped() -> None:
    assert check.applies(run_of([[BATCH, BACKWARD, STEP]])) == "gradients are not clipped"
    assert check.applies(run_of([HEALTHY])) == ""

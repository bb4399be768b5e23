import pytest

from osler.checks.gradients.clipping_before_backward import check
from osler.model import Event, Kind
from osler.testing import assert_silent, event, findings, read, run_of

BATCH = event(Kind.BATCH, "DataLoader", 10)
CLEAR = event(Kind.CLEAR, "SGD", 11)
FORWARD = event(Kind.FORWARD, "Net", 12, "grad")
BACKWARD = event(Kind.BACKWARD, "", 13)
STEP = event(Kind.STEP, "SGD", 15, "fresh")
FRESH = event(Kind.CLIP, "clip_grad_norm_", 14, "fresh")
EMPTY = event(Kind.CLIP, "clip_grad_norm_", 12, "empty")
MEASURE = event(Kind.CLIP, "clip_grad_norm_", 12, "empty", "measures")
IDLE = event(Kind.STEP, "SGD", 15, "empty")
HEALTHY = [BATCH, CLEAR, FORWARD, BACKWARD, FRESH, STEP]
EARLY = [BATCH, CLEAR, FORWARD, EMPTY, BACKWARD, STEP]

CODE = """
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        loss.backward()
        optimizer.step()
"""


def test_says_what_was_seen() -> None:
    (found,) = read(CODE, [check]).findings
    assert found.message == ("the gradients of `optimizer` are clipped while they are still empty.")


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings


SILENT = {
    "between backward and step": [HEALTHY] * 9,
    "clipped again after the backward": [[BATCH, CLEAR, EMPTY, FORWARD, BACKWARD, FRESH, STEP]] * 9,
    "the norm is only measured": [[BATCH, CLEAR, FORWARD, MEASURE, BACKWARD, STEP]] * 9,
    "a batch that was skipped": [[BATCH, CLEAR, EMPTY, IDLE]] * 9,
    "accumulated gradients": [[BATCH, FORWARD, FRESH, BACKWARD, STEP, CLEAR]] * 9,
    "once": [EARLY, *[HEALTHY] * 9],
    "no backward at all": [[BATCH, EMPTY]] * 9,
}


@pytest.mark.parametrize("turns", SILENT.values(), ids=SILENT.keys())
def test_stays_quiet(turns: list[list[Event]]) -> None:
    assert_silent(run_of(turns), [check])


@pytest.mark.parametrize(
    "turns",
    [[EARLY] * 5, [[BATCH, FORWARD, BACKWARD, STEP, CLEAR, EMPTY]] * 5],
    ids=["ahead of backward", "behind the clearing"],
)
def test_says_what_was_seen_in_a_run(turns: list[list[Event]]) -> None:
    (found,) = findings(run_of(turns), [check])
    assert found.message == (
        "`clip_grad_norm_` was called 5 times while there were no gradients: "
        "`backward()` only ran afterwards."
    )
    assert found.place.line == 12
    assert [(r.place.line, r.label) for r in found.related] == [
        (13, "the gradients are computed here, after the clipping")
    ]


def test_applies_where_gradients_are_clipped() -> None:
    assert check.applies(run_of([[BATCH, BACKWARD, STEP]])) == "gradients are not clipped"

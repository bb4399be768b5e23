import pytest

from osler.checks.modules.training_in_eval_mode import check
from osler.model import Event, Kind, ModelFact, ParameterFact, Run, Severity
from osler.testing import event, findings, run_of

BATCH = event(Kind.BATCH, "DataLoader", 10)
STEP = event(Kind.STEP, "SGD", 15, "fresh")
PASS_END = event(Kind.PASS_END, "DataLoader", 10)
VAL_BATCH = event(Kind.BATCH, "DataLoader 2", 21)
SCORED = event(Kind.FORWARD, "Net", 22, "no-grad", "eval")
TO_EVAL = event(Kind.MODE, "Net", 20, "eval")
TO_TRAIN = event(Kind.MODE, "Net", 9, "train")
PARAMETERS = [ParameterFact("body.weight", "Net", 100, optimizers=("SGD",))]
LAYERS = [ModelFact("Net", 200, 200, 5, mode_sensitive=("drop",))]


def learned(mode: str, step: Event = STEP, model: str = "Net", line: int = 12) -> list[Event]:
    """A turn with one step that learns from a forward in this mode."""
    traits = ("grad", mode) if mode else ("grad",)
    forward, used = event(Kind.FORWARD, model, line, *traits), event(Kind.USED, model, line, *traits)
    return [BATCH, forward, event(Kind.BACKWARD, "", 14), used, step]


TRAIN, EVAL, MIXED, PLAIN = learned("train"), learned("eval"), learned("mixed"), learned("")
VALIDATION = [[PASS_END, TO_EVAL], [VAL_BATCH, SCORED], [VAL_BATCH, SCORED]]
STUCK = [*[TRAIN] * 29, *VALIDATION, *[EVAL] * 58]


def run(*turns: list[Event], **facts: object) -> Run:
    return run_of(turns, **({"parameters": PARAMETERS, "models": LAYERS} | facts))


def owned(**facts: object) -> dict[str, object]:
    return {"parameters": [ParameterFact(**({"name": "body.weight", "model": "Net", "elements": 1} | facts))]}


def layer(name: str) -> dict[str, object]:
    return {"models": [ModelFact("Net", 200, 200, 5, mode_sensitive=(name,))]}


OTHER_STEP = event(Kind.STEP, "Adam", 19, "fresh")
ADVERSARIAL = [*learned("eval")[:4], *learned("train", line=13)[1:]]

SILENT = {
    "in train mode": run(*[TRAIN] * 9, *VALIDATION, [BATCH, TO_TRAIN], *[TRAIN] * 9),
    "no layer that depends on the mode": run(*[PLAIN] * 9),
    "single layers in eval mode": run(*[MIXED] * 9),
    "two steps only": run(*[TRAIN] * 9, *[EVAL] * 2),
    "both modes in one step": run(*[ADVERSARIAL] * 9),
    "no step": run(*[EVAL[:4]] * 9),
    "another optimizer steps": run(*[learned("eval", OTHER_STEP)] * 9),
    "a step without new gradients": run(*[learned("eval", event(Kind.STEP, "SGD", 15, "stale"))] * 9),
    "nothing went backward through it": run(*[[e for e in EVAL if e.kind is not Kind.USED]] * 9),
    "the gradient only passes through": run(*[learned("eval", model="Critic")] * 9),
    "its parameters are in no optimizer": run(*[EVAL] * 9, **owned(optimizers=())),
    "its parameters were never reached": run(*[EVAL] * 9, **owned(optimizers=("SGD",), reached=False)),
    "parameters were not looked at yet": run(*[EVAL] * 9, parameters=[]),
    "only the head is trained": run(
        *[EVAL] * 9, **owned(name="head.weight", optimizers=("SGD",)), **layer("backbone.bn1")
    ),
}


@pytest.mark.parametrize("healthy", SILENT.values(), ids=SILENT.keys())
def test_stays_quiet(healthy: Run) -> None:
    assert findings(healthy, [check]) == ()


def test_says_what_was_seen() -> None:
    (found,) = findings(run(*STUCK), [check])
    assert found.message == (
        "`Net` was trained in eval mode from step 29 on, 58 steps so far, after 29 steps in train mode: "
        "`eval()` at line 20 was not undone before training went on."
    )
    assert found.severity is Severity.ERROR
    assert (found.place.line, found.place.step, found.place.subject) == (20, 29, "Net")
    assert [(r.place.line, r.label) for r in found.related] == [
        (12, "the forward that is trained"),
        (15, "the optimizer steps here"),
    ]
    assert [e.value for e in found.evidence] == [58, 29]


MESSAGES = {
    "never in train mode": (
        [[TO_EVAL], *[EVAL] * 5],
        "`Net` was never trained in train mode: "
        "`eval()` at line 20 came before the first step, and 5 steps were taken in eval mode.",
        20,
    ),
    "never in train mode, and nobody knows why": (
        [EVAL] * 5,
        "`Net` was never trained in train mode: 5 steps were taken in eval mode.",
        12,
    ),
    "at the beginning": (
        [*[EVAL] * 5, [PASS_END, TO_TRAIN], *[TRAIN] * 9],
        "`Net` was trained in eval mode from the first step on, 5 steps so far.",
        12,
    ),
    "switched somewhere unseen": (
        [*[TRAIN] * 5, *[EVAL] * 4],
        "`Net` was trained in eval mode from step 5 on, 4 steps so far, after 5 steps in train mode.",
        12,
    ),
    "after a single step": (
        [TRAIN, *[EVAL] * 4],
        "`Net` was trained in eval mode from step 1 on, 4 steps so far, after 1 step in train mode.",
        12,
    ),
    "undone at the next epoch only": (
        [*[TRAIN] * 5, [PASS_END, TO_EVAL], *[EVAL] * 4, [PASS_END, TO_TRAIN], *[TRAIN] * 5],
        "`Net` was trained in eval mode from step 5 on, 4 steps so far, after 5 steps in train mode: "
        "`eval()` at line 20 was not undone before training went on.",
        20,
    ),
}


@pytest.mark.parametrize(("turns", "message", "line"), MESSAGES.values(), ids=MESSAGES.keys())
def test_tells_how_it_came(turns: list[list[Event]], message: str, line: int) -> None:
    (found,) = findings(run(*turns), [check])
    assert (found.message, found.place.line) == (message, line)


def test_the_latest_switch_is_blamed() -> None:
    elsewhere = event(Kind.MODE, "Net", 50, "eval")
    turns = [[elsewhere], [TO_TRAIN], *[TRAIN] * 5, [PASS_END, TO_EVAL], *[EVAL] * 5, [elsewhere]]
    assert [f.place.line for f in findings(run(*turns), [check])] == [20]


def test_a_part_of_the_same_name_is_not_blamed() -> None:
    part = event(Kind.MODE, "Net", 50, "eval", "part")
    turns = [*[TRAIN] * 5, [PASS_END, TO_EVAL, part], *[EVAL] * 5]
    assert [f.place.line for f in findings(run(*turns), [check])] == [20]


def test_steps_by_hand_count() -> None:
    by_hand = event(Kind.STEP, "by hand", 15, "fresh")
    assert findings(run(*[learned("eval", by_hand)] * 3, **owned(updated=True)), [check])


def test_steps_on_accumulated_gradients_count() -> None:
    carried = event(Kind.STEP, "SGD", 15, "carried")
    assert findings(run(*[[*EVAL[:4]], learned("eval", carried)] * 3), [check])


def test_dropout_in_the_part_that_is_trained() -> None:
    head = owned(name="head.out.weight", optimizers=("SGD",))
    assert findings(run(*[EVAL] * 3, **head, **layer("head.drop")), [check])


def test_says_no_where_no_layer_depends_on_the_mode() -> None:
    assert check.applies(Run()) == "no model was called"
    assert check.applies(run(*[PLAIN] * 3)) == ""
    assert not findings(run(*[PLAIN] * 3), [check])

import pytest

from osler.checks.modules.evaluating_in_train_mode import check
from osler.model import Confidence, Event, Kind, ModelFact, Run, Severity
from osler.testing import assert_silent, event, findings, read, run_of

BATCH = event(Kind.BATCH, "DataLoader", 10)
PASS_END = event(Kind.PASS_END, "DataLoader", 10)
VAL_BATCH = event(Kind.BATCH, "DataLoader 2", 30)
VAL_END = event(Kind.PASS_END, "DataLoader 2", 30)
LOSS = event(Kind.LOSS, "cross_entropy", 12, "grad")
STEP = event(Kind.STEP, "SGD", 15, "fresh")
SCORE = event(Kind.FORWARD, "Net", 31, "no-grad", "train")
AGAIN = event(Kind.FORWARD, "Net", 31, "no-grad", "train", "repeat")
SCORE_LOSS = event(Kind.LOSS, "cross_entropy", 32, "no-grad")
GRAD_LOSS = event(Kind.LOSS, "cross_entropy", 32, "grad")
TO_TRAIN = event(Kind.MODE, "Net", 9, "train")
LAYERS = [ModelFact("Net", 200, 200, 5, mode_sensitive=("bn", "drop"))]


def learned(model: str = "Net", line: int = 11) -> list[Event]:
    """Forward, loss, backward and step of a training turn."""
    forward, used = (
        event(Kind.FORWARD, model, line, "grad", "train"),
        event(Kind.USED, model, line, "grad", "train"),
    )
    return [forward, LOSS, event(Kind.BACKWARD, "", 14), used, STEP]


LEARNED = learned()
TRAIN = [BATCH, *LEARNED]
EPOCH = [*[TRAIN] * 6, [PASS_END]]


def scored(*traits: str, line: int = 31) -> Event:
    return event(Kind.FORWARD, "Net", line, *traits)


def run(*turns: list[Event], **facts: object) -> Run:
    return run_of(turns, **({"models": LAYERS} | facts))


def after_each_epoch(*turns: list[Event], epochs: int = 3, **facts: object) -> Run:
    return run(*[*EPOCH, *turns, [VAL_END, TO_TRAIN]] * epochs, **facts)


def by_hand(*evaluation: Event, every: int = 5, times: int = 4, ended: bool = False) -> Run:
    """A program without a loader: turns end with the step, so an evaluation opens the next one."""
    return run(*[*[LEARNED] * every, [*evaluation, *LEARNED]] * times, ended=ended)


G_SAMPLE = event(Kind.FORWARD, "Generator", 40, "no-grad", "train")
G_PART = learned("Generator", 41)[:4]
GAN = [BATCH, *G_PART, *LEARNED]
TEACHER = event(Kind.FORWARD, "Teacher", 20, "no-grad", "train")
BURNED = scored("no-grad", "train", line=11)

SILENT = {
    "in eval mode": after_each_epoch(*[[VAL_BATCH, scored("no-grad", "eval"), SCORE_LOSS]] * 4),
    "no layer that depends on the mode": after_each_epoch(*[[VAL_BATCH, scored("no-grad"), SCORE_LOSS]] * 4),
    "single layers in train mode": after_each_epoch(*[[VAL_BATCH, scored("no-grad", "mixed")]] * 4),
    "once only": after_each_epoch([VAL_BATCH, SCORE, SCORE_LOSS], epochs=1),
    "statistics are recalibrated by update_bn": after_each_epoch(
        *[[VAL_BATCH, scored("no-grad", "train", "recalibrating")]] * 4
    ),
    "Monte Carlo dropout": after_each_epoch(*[[VAL_BATCH, SCORE, SCORE, AGAIN, SCORE_LOSS]] * 4),
    "Monte Carlo dropout of data at hand": by_hand(AGAIN, AGAIN, AGAIN),
    "a model that is not trained": after_each_epoch(*[[VAL_BATCH, TEACHER, SCORE_LOSS]] * 4),
    "a teacher in the training step": run(*[[BATCH, TEACHER, *LEARNED]] * 9),
    "pseudo labels in the training step": run(*[[BATCH, SCORE, *LEARNED]] * 9),
    "samples chosen by their loss": run(*[[BATCH, SCORE, SCORE_LOSS, *LEARNED]] * 9),
    "samples chosen by their loss, without a loader": run(*[[SCORE, SCORE_LOSS, *LEARNED]] * 9),
    "samples chosen by their loss, after a warm-up": run(
        *[LEARNED] * 20, *[[SCORE, SCORE_LOSS, *LEARNED]] * 9
    ),
    "burn-in of a state": run(*[[BATCH, BURNED, *LEARNED]] * 9),
    "unlabelled batches between labelled ones": run(*[[VAL_BATCH, SCORE], TRAIN] * 9),
    "unlabelled batches that are learned from later": run(*[[VAL_BATCH, SCORE, LEARNED[0]], TRAIN] * 9),
    "micro-batches whose backward comes later": run(*[[VAL_BATCH, SCORE, LEARNED[0]]] * 9, TRAIN),
    "samples of a generator": run(*[*[GAN] * 6, [PASS_END, G_SAMPLE]] * 4),
    "samples of a generator, without a loader": run(*[*[GAN[1:]] * 6, [G_SAMPLE, *GAN[1:]]] * 4),
    "rollouts": by_hand(SCORE, SCORE, SCORE),
    "generated text": run(*[*EPOCH, [PASS_END, SCORE, SCORE, SCORE]] * 4),
    "recording, and learned from": run(*[TRAIN] * 20, ended=True),
    "recording, while its backward may still come": run(
        TRAIN, *[[VAL_BATCH, scored("grad", "train"), GRAD_LOSS]] * 4
    ),
}


@pytest.mark.parametrize("healthy", SILENT.values(), ids=SILENT.keys())
def test_stays_quiet(healthy: Run) -> None:
    assert_silent(healthy, [check])
    assert findings(healthy, [check]) == ()


def test_says_what_was_seen() -> None:
    (found,) = findings(after_each_epoch(*[[VAL_BATCH, SCORE, SCORE_LOSS]] * 4), [check])
    assert found.message == (
        "`Net` was evaluated 12 times in train mode, so its Dropout or BatchNorm layers (`bn`, `drop`) "
        "behaved as in training."
    )
    assert (found.severity, found.confidence) == (Severity.ERROR, Confidence.CERTAIN)
    assert (found.place.line, found.place.step, found.place.subject) == (31, 6, "Net")
    assert [(r.place.line, r.label) for r in found.related] == [
        (32, "its loss is computed here"),
        (9, "train mode is set here"),
    ]


GRAD = scored("grad", "train")

SCORED = {
    "with a loss": after_each_epoch(*[[VAL_BATCH, SCORE, SCORE_LOSS]] * 2),
    "on a single batch": after_each_epoch([VAL_BATCH, SCORE, SCORE_LOSS]),
    "on the training batches": after_each_epoch(*[[BATCH, SCORE, SCORE_LOSS]] * 4),
    "with the whole set at once": run(*[*EPOCH, [PASS_END, SCORE, SCORE_LOSS]] * 3),
    "with the same tensor each time": run(
        *EPOCH, [PASS_END, SCORE, SCORE_LOSS], *[*EPOCH, [PASS_END, AGAIN, SCORE_LOSS]] * 2
    ),
    "between batches": run(*[*[TRAIN] * 6, [*TRAIN, SCORE, SCORE_LOSS]] * 3),
    "without a loader": by_hand(SCORE, SCORE_LOSS),
    "without a loader, after every step": run(LEARNED, *[[SCORE, SCORE_LOSS, *LEARNED]] * 9),
    "and then in train mode again": by_hand(SCORE, event(Kind.MODE, "Net", 33, "train")),
    "while recording": after_each_epoch(*[[VAL_BATCH, GRAD, GRAD_LOSS]] * 4, ended=True),
}


@pytest.mark.parametrize("sick", SCORED.values(), ids=SCORED.keys())
def test_evaluation_with_a_loss_is_certain(sick: Run) -> None:
    (found,) = findings(sick, [check])
    assert (found.severity, found.confidence) == (Severity.ERROR, Confidence.CERTAIN)


UNSCORED = {
    "batches of another loader": (
        after_each_epoch(*[[VAL_BATCH, SCORE]] * 4),
        Severity.ERROR,
        Confidence.LIKELY,
    ),
    "one batch of another loader": (after_each_epoch([VAL_BATCH, SCORE]), Severity.ERROR, Confidence.LIKELY),
    "batches of the training loader": (
        after_each_epoch(*[[BATCH, SCORE]] * 4),
        Severity.HINT,
        Confidence.POSSIBLE,
    ),
    "batches, while recording": (
        after_each_epoch(*[[VAL_BATCH, GRAD]] * 4, ended=True),
        Severity.ERROR,
        Confidence.LIKELY,
    ),
    "no batches": (by_hand(SCORE), Severity.WARNING, Confidence.LIKELY),
    "no batches, after each pass": (
        run(*[*EPOCH, [PASS_END, SCORE]] * 3),
        Severity.WARNING,
        Confidence.LIKELY,
    ),
}


@pytest.mark.parametrize(("sick", "severity", "confidence"), UNSCORED.values(), ids=UNSCORED.keys())
def test_evaluation_without_a_loss_leaves_doubt(
    sick: Run, severity: Severity, confidence: Confidence
) -> None:
    (found,) = findings(sick, [check])
    assert (found.severity, found.confidence) == (severity, confidence)


def test_says_that_it_may_be_a_recalibration() -> None:
    (found,) = findings(after_each_epoch(*[[BATCH, SCORE]] * 4), [check])
    assert found.message.endswith(
        "behaved as in training, which is right only if this recalibrates BatchNorm."
    )


def test_one_line_is_told_once() -> None:
    other = Event(Kind.FORWARD, "Net", (*SCORE.site, TO_TRAIN.place), SCORE.traits)
    sick = after_each_epoch([VAL_BATCH, SCORE, SCORE_LOSS], [VAL_BATCH, other, SCORE_LOSS])
    assert [f.evidence[0].value for f in findings(sick, [check])] == [6]


def test_names_few_layers() -> None:
    many = [ModelFact("Net", 200, 200, 5, mode_sensitive=("a", "b", "c", "d", "e"))]
    (found,) = findings(after_each_epoch(*[[VAL_BATCH, SCORE]] * 4, models=many), [check])
    assert "(`a`, `b`, `c`, `d` and 1 more)" in found.message


def test_one_layer_is_one_layer() -> None:
    one = [ModelFact("Net", 200, 200, 5, mode_sensitive=("drop",))]
    (found,) = findings(after_each_epoch(*[[VAL_BATCH, SCORE]] * 4, models=one), [check])
    assert "so its Dropout or BatchNorm layer (`drop`) behaved" in found.message


def test_speaks_without_knowing_the_layers() -> None:
    (found,) = findings(after_each_epoch(*[[VAL_BATCH, SCORE]] * 4, models=[]), [check])
    assert "so Dropout and BatchNorm behaved as in training." in found.message


def test_does_not_apply_without_a_model() -> None:
    assert check.applies(Run()) == "no model was called"
    assert check.applies(run(TRAIN)) == ""


CALIBRATED = """
model = nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.Linear(8, 2))
loader, test = DataLoader(data), DataLoader(more)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for epoch in range(3):
    for x, y in loader:
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
with torch.no_grad():
    for x, y in {over}:
        {use}
"""


@pytest.mark.parametrize(
    ("use", "count"),
    [
        ("model(x)", 0),
        ("_ = model(x)", 0),
        ("out = model(x)", 1),
        ("right += (model(x).argmax(1) == y).sum()", 1),
        ("print(model(x).argmax(1) == y)", 1),
    ],
    ids=["discarded", "by name", "given a name", "scored", "printed"],
)
@pytest.mark.parametrize("over", ["loader", "test"])
def test_a_call_whose_output_nobody_takes_is_a_calibration(over: str, use: str, count: int) -> None:
    found = read(CALIBRATED.format(over=over, use=use), [check]).findings
    assert len(found) == count

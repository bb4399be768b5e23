from dataclasses import replace

import pytest

from osler.checks.loss.loss_sign_flipped import check
from osler.engine.judge import judge_setup
from osler.model import Answer, DescentFact, Kind, ParameterFact, Run, Setup, SignFact
from osler.testing import event, examine, findings, place, run_of

LOOP = """
other = Net()
optimizer = torch.optim.SGD({held}, lr=0.01{more})
for x, y in loader:
    optimizer.zero_grad()
    {loss}.backward()
    optimizer.step()
"""


def seen(loss: str, more: str = "", held: str = "model.parameters()") -> list[str]:
    diagnosis = examine(LOOP.format(loss=loss, more=more, held=held))
    assert not diagnosis.failed
    return [f.message for f in diagnosis.findings if f.check == check.name and "run" in f.seen_by]


FAULTY = {
    "a minus sign": ("(-loss_fn(model(x), y))", ""),
    "a factor": ("(loss_fn(model(x), y) * -0.5)", ""),
    "subtracted": ("(1 - F.nll_loss(model(x).log_softmax(1), y))", ""),
    "maximised": ("loss_fn(model(x), y)", ", maximize=True"),
    "squared error": ("(-F.mse_loss(model(x)[:, 0], y.float()))", ""),
    "per sample": ("(-F.cross_entropy(model(x), y, reduction='none')).mean()", ""),
}

HEALTHY = {
    "lowered": ("loss_fn(model(x), y)", ""),
    "twice": ("(-(-loss_fn(model(x), y)))", ""),
    "maximised with a minus": ("(-loss_fn(model(x), y))", ", maximize=True"),
    "beside another": ("(loss_fn(model(x), y) - 0.1 * F.mse_loss(model(x), model(-x)))", ""),
    "scaled": ("(loss_fn(model(x), y) / 4)", ""),
    "by hand": ("(-model(x).log_softmax(1)[torch.arange(16), y].mean())", ""),
    "weighted by rewards": ("(-F.cross_entropy(model(x), y, reduction='none') * torch.randn(16)).mean()", ""),
    "a similarity": ("(-F.cosine_similarity(model(x), model(-x)).mean())", ""),
}


@pytest.mark.parametrize(("loss", "more"), FAULTY.values(), ids=FAULTY.keys())
def test_is_found(loss: str, more: str) -> None:
    assert len(seen(loss, more)) == 1


@pytest.mark.parametrize(("loss", "more"), HEALTHY.values(), ids=HEALTHY.keys())
def test_stays_quiet(loss: str, more: str) -> None:
    assert seen(loss, more) == []


def test_an_attack_on_the_inputs() -> None:
    assert seen("(-loss_fn(model(x + noise), y))", held="[noise := torch.zeros(8, requires_grad=True)]") == []


BACKWARD = event(Kind.BACKWARD, "", 13)
STEP = event(Kind.STEP, "SGD", 14, "fresh")
LOSS = event(Kind.LOSS, "cross_entropy", 12, "grad")
RAISED = SignFact(BACKWARD.site, (), ("cross_entropy",))
HELD = ParameterFact("head", "Net", 4, optimizers=("SGD",))


def run(*facts: SignFact) -> Run:
    return run_of([[LOSS, BACKWARD, STEP]] * 5, signs=list(facts), parameters=[HELD])


def test_says_what_was_seen() -> None:
    (found,) = findings(run(RAISED), [check])
    assert found.message == "The steps on this backward make `cross_entropy` larger."
    assert (found.place.line, found.related[0].place.line) == (13, 12)


def test_an_opponent_is_no_problem() -> None:
    opponent = SignFact(event(Kind.BACKWARD, "", 20).site, ("cross_entropy",), ())
    assert findings(run(RAISED, opponent), [check]) == ()


def test_does_not_apply_without_a_known_loss() -> None:
    assert check.applies(Run()) == "no loss function of torch was seen behind a backward"


ASCENT = DescentFact(
    function="cross_entropy", factor=1.0, before=2.303, after=2.371, against=(0.99, 1.0, 1.0),
    own=(-1.02, -1.0, -1.0), alignment=-1.0, labelled=True, site=(place(13),),
)  # fmt: skip
DESCENT = replace(ASCENT, own=(0.98, 1.0, 1.0), alignment=1.0)


def tried(fact: DescentFact):
    return judge_setup(Setup((fact,), (Answer("step-against-the-gradient", ""),)), [check]).findings


def test_a_step_the_wrong_way() -> None:
    (found,) = tried(ASCENT)
    assert found.message == (
        "The script's own step makes `cross_entropy` of the same batch larger, from 2.303 to 2.371, "
        "although a step against the gradient makes it smaller."
    )
    assert found.fix.startswith("Look at what stands between `backward()` and the update")


def test_a_minus_that_a_step_obeys() -> None:
    (found,) = tried(replace(DESCENT, factor=-1.0))
    assert found.message.endswith("from 2.303 to 2.371, because a minus stands before it.")
    assert found.fix == check.fix


def test_gradients_of_the_wrong_sign() -> None:
    (found,) = tried(replace(ASCENT, against=(-1.0, -1.0, -0.9), own=()))
    assert found.message == (
        "A small step against the gradient makes `cross_entropy` of the same batch larger: the gradients "
        "have the wrong sign."
    )


@pytest.mark.parametrize(
    "fact",
    [
        DESCENT,
        replace(DESCENT, own=()),  # an accumulation window, a warm-up that begins at 0
        replace(DESCENT, after=9.0),  # a learning rate that is too large
        replace(ASCENT, alignment=-0.1),  # a projection after the step
        replace(ASCENT, own=(-1.0, -0.8, 0.2)),  # not at every distance
        replace(ASCENT, against=(0.3, 0.2, 0.4)),  # the gradient is another one, of a surrogate
        replace(ASCENT, against=(-1.0, 0.2, 0.4), own=()),
        replace(ASCENT, against=(-26.8, -7.9, -1.98), own=()),
        replace(DESCENT, factor=-1.0, labelled=False),  # a reward
        replace(ASCENT, factor=-1.0),  # a minus, and steps that go up: down in the end
    ],
)
def test_steps_that_are_no_problem(fact: DescentFact) -> None:
    assert tried(fact) == ()

"""Every experiment keeps the form; the budget decides what is asked."""

from types import SimpleNamespace

import pytest

from osler.preflight.outcome import Outcome
from osler.preflight.plan import Notebook, conduct, guarded, known, name_of, why_not
from osler.replay.turn import Seen, Turn
from osler.runtime.guard import Guard
from osler.testing import try_out


@pytest.fixture
def gate():
    return Guard(lambda _: None).gate("an experiment")


@pytest.mark.parametrize("experiment", known(), ids=name_of)
def test_experiments_keep_the_form(experiment):
    assert experiment.QUESTION.endswith("?")
    assert experiment.QUESTION[0].islower()
    assert experiment.COST >= 0
    assert experiment.__doc__


def test_the_cheapest_come_first():
    costs = [e.COST for e in known()]
    assert costs == sorted(costs)


def bench(**changes):
    given = {"steerable": "", "seconds_left": 60.0, "turns_left": 100.0, "turn_seconds": 0.1}
    return SimpleNamespace(**(given | changes))


def experiment(cost=10, reason=""):
    return SimpleNamespace(COST=cost, reason=lambda _: reason, __name__="osler.x", QUESTION="is it?")


def test_why_an_experiment_is_not_made(gate):
    assert why_not(experiment(), bench(), gate) == ""
    assert why_not(experiment(reason="no model"), bench(), gate) == "no model"
    assert why_not(experiment(), bench(seconds_left=0), gate) == "the budget is spent"
    assert why_not(experiment(), bench(turn_seconds=9), gate) == (
        "it needs about 135 s, 60 s of the budget are left"
    )
    assert (
        why_not(experiment(), bench(turns_left=3), gate)
        == "it needs 10 turns, and the loop makes only 3 more"
    )
    assert why_not(experiment(), bench(steerable="no loader"), gate) == "no loader"
    assert why_not(experiment(cost=0), bench(steerable="no loader", turns_left=0), gate) == ""


def test_an_experiment_that_fails_ends_itself(gate):
    def steps():
        yield Turn(0)
        raise ZeroDivisionError

    running = guarded(gate, steps())
    assert next(running) == Turn(0)
    with pytest.raises(StopIteration) as end:
        running.send(Seen())
    assert end.value.value is None
    assert not gate.open


def test_an_experiment_returns_its_outcome(gate):
    def steps():
        seen = yield Turn(2)
        return Outcome(f"{seen.steps} steps")

    running = guarded(gate, steps())
    assert next(running).entry == 2
    with pytest.raises(StopIteration) as end:
        running.send(Seen(steps=3))
    assert end.value.value == Outcome("3 steps")


def test_refusals_are_written_down():
    heard = []
    notebook = Notebook(heard.append)
    stuck = bench(
        steerable="it carries a graph", seconds_left=-1, restore=lambda: None, begin=lambda: iter(())
    )
    assert list(conduct(stuck, notebook, Guard(lambda _: None))) == []
    assert {a.name for a in heard} == {name_of(e) for e in known()}
    assert all(a.skipped for a in heard)
    assert notebook.setup.facts == ()


REFUSING = """
class Picky(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Linear(8, 4)

    def forward(self, x):
        if self.training or torch.equal(x, x.sort(0).values):
            return self.net(x)
        raise ValueError("rows must be sorted")

model = Picky()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(4):
    for x, y in loader:
        x = x.sort(0).values
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
"""


def test_what_the_model_does_not_take_is_a_refusal_in_words():
    (answer,) = try_out(REFUSING, "exchange-all-inputs").experiments
    assert answer.skipped == "the model does not take its inputs when they are exchanged"


def test_what_was_to_come_is_refused_where_the_loop_has_ended():
    notebook = Notebook(lambda _: None)
    notebook.close("the script left its loop during overfit-one-batch", ("connectivity", "initial-loss"))
    assert {a.name: a.skipped for a in notebook.answers} == dict.fromkeys(
        ("connectivity", "initial-loss"), "the script left its loop during overfit-one-batch"
    )
    notebook.close("again", ("connectivity",))
    assert len(notebook.answers) == 2

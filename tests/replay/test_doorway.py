"""Loops without a loader: what the model is given always belongs to what the loop compares it with."""

import pytest

from osler.replay.doorway import OWN_SHARE, unsteerable
from osler.replay.first import OWN_TURNS
from osler.testing import try_out

NET = """
class Doubler(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(3, 16), nn.Tanh(), nn.Linear(16, 3))
        self.calls = 0

    def forward(self, x):
        self.given = x.detach().clone()
        self.calls += 1
        return self.body(x)


torch.manual_seed(0)
net = Doubler()
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
rows = torch.randn(90, 3)
doubled = rows * 2
"""
SLICES = """
for epoch in range({epochs}):
    for top in range(0, len(rows), {size}):
        x, y = rows[top : top + {size}], doubled[top : top + {size}]
        optimizer.zero_grad()
        out = net(x)
        assert torch.equal(net.given * 2, y), "an input met the target of another"
        F.mse_loss(out, y).backward()
        optimizer.step()
"""
PERMUTED = """
order = torch.Generator().manual_seed(1)
for turn in range(200):
    picked = torch.randperm(len(rows), generator=order)[: 8 + turn % 5]
    optimizer.zero_grad()
    out = net(rows[picked])
    assert torch.equal(net.given * 2, doubled[picked]), "an input met the target of another"
    F.mse_loss(out, doubled[picked]).backward()
    optimizer.step()
"""
FUNCTION = """
belonging = []


def step(x, y):
    optimizer.zero_grad()
    out = net(x)
    belonging.append(torch.equal(net.given * 2, y))
    loss = F.mse_loss(out, y)
    loss.backward()
    optimizer.step()
    return loss.item()


for turn in range(150):
    top = 7 * turn % 80
    step(rows[top : top + 10], doubled[top : top + 10])
assert all(belonging[-10:])
"""
LOOPS = {
    "slices of one size": SLICES.format(epochs=40, size=10),
    "a ragged last slice": SLICES.format(epochs=40, size=25),
    "mostly ragged": SLICES.format(epochs=60, size=80),
    "drawn, of changing sizes": PERMUTED,
}


@pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS.keys())
@pytest.mark.parametrize("experiment", ["replay-exactly", "overfit-one-batch"])
def test_inputs_stay_with_their_targets(loop: str, experiment: str) -> None:
    diagnosis = try_out(NET + loop, experiment)
    (answer,) = diagnosis.experiments
    assert "needs" in answer.skipped or not answer.skipped
    assert diagnosis.subject.steps > 1  # the script went on by itself


def test_a_function_that_is_called_anew_goes_on_with_what_it_is_given() -> None:
    diagnosis = try_out(NET + FUNCTION, "overfit-one-batch")
    assert diagnosis.subject.steps >= 10


def test_a_part_of_a_short_loop_is_left_to_the_script() -> None:
    diagnosis = try_out(NET + SLICES.format(epochs=1, size=1), "overfit-one-batch")
    assert diagnosis.subject.steps >= min(OWN_TURNS, 90 * OWN_SHARE)


def test_a_loop_of_few_turns_says_that_it_is_short() -> None:
    (answer,) = try_out(NET + SLICES.format(epochs=1, size=10), "overfit-one-batch").experiments
    assert "the loop makes only" in answer.skipped


def test_an_input_that_carries_a_graph_is_not_exchanged() -> None:
    code = """
noise = torch.zeros(10, 3, requires_grad=True)
learned = torch.optim.SGD([noise, *net.parameters()], lr=0.01)
for turn in range(60):
    learned.zero_grad()
    F.mse_loss(net(noise + rows[:10]), doubled[:10]).backward()
    assert noise.grad is not None
    learned.step()
"""
    (answer,) = try_out(NET + code, "overfit-one-batch").experiments
    assert answer.skipped == "the input of the model carries a graph"


EQUATION = """
field = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1))
optimizer = torch.optim.SGD(field.parameters(), lr=0.01)


def residual(x):
    x.requires_grad_()
    u = field(x)
    (slope,) = torch.autograd.grad(u.sum(), x, create_graph=True)
    return (slope - torch.cos(x)).square().mean()


for turn in range(60):
    optimizer.zero_grad()
    residual(torch.rand(16, 1)).backward()
    optimizer.step()
"""


@pytest.mark.parametrize("experiment", ["replay-exactly", "overfit-one-batch", "exchange-all-inputs"])
def test_a_script_that_differentiates_its_inputs(experiment: str) -> None:
    diagnosis = try_out(NET + EQUATION, experiment)
    (answer,) = diagnosis.experiments
    assert not answer.skipped
    assert "no," not in answer.answer
    assert diagnosis.subject.steps > 10


def test_what_is_differentiated_is_the_first_batch_again(capsys: pytest.CaptureFixture[str]) -> None:
    code = EQUATION.replace("    return (slope", "    print(float(x.sum()))\n    return (slope")
    (answer,) = try_out(NET + code, "overfit-one-batch").experiments
    given = capsys.readouterr().out.split()
    turns = int(answer.values["turns"])
    assert turns > 10
    assert given.count(given[0]) >= turns
    assert len(set(given[-10:])) == 10, "in the end it goes on with what it draws"


LEARNED_INPUT = """
net.requires_grad_(False)
image = nn.Parameter(torch.zeros(4, 3))
optimizer = torch.optim.SGD([image], lr=0.5)
for turn in range(120):
    optimizer.zero_grad()
    F.mse_loss(net(image), doubled[:4] / 4).backward()
    optimizer.step()
assert image.abs().sum() > 0
"""


def test_an_input_that_is_learned_goes_on_from_step_to_step() -> None:
    answers = {
        a.name: a for a in try_out(NET + LEARNED_INPUT, "replay-exactly", "overfit-one-batch").experiments
    }
    assert answers["replay-exactly"].answer == "yes, 10 turns bit for bit"
    values = answers["overfit-one-batch"].values
    assert values["best"] < 0.8 * values["first"]


STEPS = """
belonging = []


def step(x, y):
    optimizer.zero_grad()
    out = net(x)
    belonging.append(torch.equal(net.given * 2, y))
    assert belonging[-1], "an input met the target of another"
    loss = F.mse_loss(out, y)
    loss.backward()
    optimizer.step()
    return loss.item()

"""
CALLS = {
    "function": """
for turn in range(150):
    top = 7 * turn % 80
    step(rows[top : top + 10], doubled[top : top + 10])
""",
    "passes": """
def one_pass():
    for top in range(0, len(rows), 10):
        step(rows[top : top + 10], doubled[top : top + 10])

for epoch in range(20):
    one_pass()
    with torch.no_grad():
        net(rows)
""",
    "method": """
class Trainer:
    def __init__(self, net):
        self.net, self.history = net, []

    def fit(self, epochs):
        for epoch in range(epochs):
            losses = []
            for x, y in zip(rows.split(10), doubled.split(10)):
                losses.append(step(x, y))
            self.history.append(sum(losses) / len(losses))
            assert len(losses) <= 9

Trainer(net).fit(20)
""",
}


@pytest.mark.parametrize("calls", CALLS.values(), ids=CALLS.keys())
def test_a_step_in_a_function_of_its_own_gets_the_first_batch_again(calls: str) -> None:
    diagnosis = try_out(NET + STEPS + calls, "replay-exactly", "overfit-one-batch")
    replayed, memorised = diagnosis.experiments
    assert replayed.answer == "yes, 10 turns bit for bit"
    assert memorised.values["turns"] > 40
    assert diagnosis.subject.steps >= 10


def test_a_turn_that_is_made_once_ahead_of_the_loop_is_not_waited_for() -> None:
    code = (
        STEPS
        + "step(rows[:10], doubled[:10])\nfor turn in range(100):\n    step(rows[10:20], doubled[10:20])"
    )
    diagnosis = try_out(NET + code, "connectivity", "replay-exactly", "overfit-one-batch")
    wired, replayed, memorised = diagnosis.experiments
    assert not wired.skipped
    assert replayed.answer == "yes, 10 turns bit for bit"
    assert memorised.values["turns"] > 30


TWO_STEPS = """
judge = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1))
other = torch.optim.SGD(judge.parameters(), lr=0.01)
for turn in range(120):
    noise = torch.randn(10, 3)
    other.zero_grad()
    (judge(net(noise).detach()).mean() - judge(doubled[:10]).mean()).backward()
    other.step()
    optimizer.zero_grad()
    (-judge(net(noise)).mean()).backward()
    optimizer.step()
"""


def test_a_model_that_is_called_again_after_a_step_is_in_the_same_turn() -> None:
    (answer,) = try_out(NET + TWO_STEPS, "replay-exactly").experiments
    assert answer.answer == "yes, 10 turns bit for bit"


DRAWN = """
class Noisy(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(3, 16), nn.Dropout(0.5), nn.Linear(16, 3))

    def forward(self, x):
        return self.net(x)

noisy = Noisy()
optimizer = torch.optim.SGD(noisy.parameters(), lr=0.01)
for epoch in range(30):
    order = torch.randperm(90)
    for picked in order.split(30):
        optimizer.zero_grad()
        F.mse_loss(noisy(rows[picked]), doubled[picked]).backward()
        optimizer.step()
"""


def test_what_is_drawn_between_two_turns_changes_no_replay() -> None:
    """A new order is drawn after three turns, wherever the replay is."""
    (answer,) = try_out(NET + DRAWN, "replay-exactly").experiments
    assert answer.answer == "yes, 9 turns bit for bit"


GAMES = """
import random


class Board(nn.Module):
    def __init__(self):
        super().__init__()
        self.place = 0

    def move(self):
        self.place = (self.place + random.randrange(1, 4)) % len(rows)
        return rows[self.place : self.place + 1], doubled[self.place : self.place + 1]


def play(board):
    outputs, wanted = [], []
    for _ in range(5):
        x, y = board.move()
        outputs.append(net(x))
        wanted.append(y)
    assert len(outputs) == 5, "what was gathered in another turn"
    return torch.cat(outputs), torch.cat(wanted)


board = Board()
for game in range(60):
    out, wanted = play(board)
    optimizer.zero_grad()
    F.mse_loss(out, wanted).backward()
    optimizer.step()
"""


def test_turns_that_gather_several_calls_in_lists() -> None:
    answers = {a.name: a for a in try_out(NET + GAMES, "replay-exactly", "overfit-one-batch").experiments}
    assert answers["replay-exactly"].answer == "yes, 5 turns bit for bit"
    assert answers["overfit-one-batch"].values["turns"] > 20


def test_what_cannot_be_given_again() -> None:
    class Call:
        carries_graph = True

    assert unsteerable(Call()) == "the input of the model carries a graph"  # type: ignore[arg-type]
    Call.carries_graph = False
    assert unsteerable(Call()) == ""  # type: ignore[arg-type]


PER_SAMPLE = """
from torch.func import functional_call, grad, vmap


def loss_of_one(weights, x, y):
    return F.mse_loss(functional_call(net, weights, (x[None],)), y[None])


net = nn.Sequential(nn.Linear(3, 3))
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
for epoch in range(4):
    {batches}
        given = vmap(grad(loss_of_one), in_dims=(None, 0, 0))(dict(net.named_parameters()), x, y)
        for name, p in net.named_parameters():
            p.grad = given[name].mean(0)
        optimizer.step()
"""


@pytest.mark.parametrize(
    "batches",
    [
        "for x, y in [(rows, doubled)]:",
        "for x, y in DataLoader(TensorDataset(rows, doubled), batch_size=30):",
    ],
    ids=["no loader", "loader"],
)
def test_gradients_of_single_samples_are_left_alone(batches: str) -> None:
    diagnosis = try_out(NET + PER_SAMPLE.format(batches=batches))
    assert diagnosis.headlines == ()
    assert diagnosis.subject.steps >= 4

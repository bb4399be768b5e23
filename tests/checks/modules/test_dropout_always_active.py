from dataclasses import replace

from osler.checks.modules.dropout_always_active import check
from osler.engine.judge import judge_setup
from osler.model import Answer, RandomEvalFact, Setup
from osler.testing import place, read

CODE = """
class Noisy(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 16)
        self.head = nn.Linear(16, 4)

    def forward(self, x):
        x = F.dropout(torch.relu(self.body(x)), p=0.5)
        return self.head(x)


noisy = Noisy()
optimizer = torch.optim.SGD(noisy.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(noisy(x), y).backward()
        optimizer.step()
"""


def test_says_what_was_seen() -> None:
    (found,) = read(CODE, [check]).findings
    assert found.message == ("`dropout` is called without `training=`: it stays on after `eval()`.")


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings


RANDOM = RandomEvalFact(model="Net", difference=1.2, without=0.0, rate=0.5, site=(place(25),))


def tried(fact: RandomEvalFact):
    return judge_setup(Setup((fact,), (Answer("evaluate-twice", ""),)), [check]).findings


def test_two_evaluations_differ() -> None:
    (finding,) = tried(RANDOM)
    assert finding.message == (
        "Two evaluations of `Net` on the same batch differ by 120% of the largest output. With functional "
        "dropout off they agree: it drops 50% after `eval()`."
    )
    assert finding.place.line == 25


def test_other_randomness_is_not_told() -> None:
    assert tried(replace(RANDOM, without=0.8)) == ()  # a sampled latent
    assert tried(replace(RANDOM, site=())) == ()
    assert tried(replace(RANDOM, difference=0.0)) == ()

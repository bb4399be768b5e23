from dataclasses import replace

import pytest

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


def net(output: str, before: str = "pass") -> str:
    """A model whose output is computed like this, trained."""
    return f"""
class Own(nn.Module):
    def __init__(self, rate=0.5):
        super().__init__()
        self.body = nn.Linear(8, 4)
        self.rate = rate

    def forward(self, x):
        x = self.body(x)
        {before}
        return {output}


own = Own()
for x, y in loader:
    loss_fn(own(x), y).backward()
"""


SILENT = {
    "told by position": net("F.dropout(x, 0.5, self.training)"),
    "told by name": net("F.dropout(x, training=self.training)"),
    "told among others": net("F.dropout(x, **{'p': 0.5, 'training': self.training})"),
    "off": net("F.dropout(x, training=False)"),
    "on purpose": net("F.dropout(x, training=True)"),
    "a rate of 0": net("F.dropout(x, 0.0)"),
    "a rate that asks for the mode": net("F.dropout(x, self.rate if self.training else 0.0)"),
    "a rate times the mode": net("F.dropout(x, p=self.rate * self.training)"),
    "in train mode only": net("x", "if self.training: x = F.dropout(x, 0.5)"),
    "in train mode among others": net("x", "if self.rate > 0 and self.training: x = F.dropout(x, 0.5)"),
    "a choice": net("F.dropout(x, 0.5) if self.training else x"),
    "attention that asks for the mode": net(
        "F.scaled_dot_product_attention(x, x, x, dropout_p=self.rate if self.training else 0.0)"
    ),
    "attention without dropout": net("F.scaled_dot_product_attention(x, x, x)"),
    "noise on the inputs": """
for x, y in loader:
    optimizer.zero_grad()
    loss_fn(model(F.dropout(x, 0.2)), y).backward()
    optimizer.step()
""",
}

FAULTY = {
    "a number": net("F.dropout(x, 0.5)"),
    "the usual rate": net("F.dropout(x)"),
    "a rate of the model": net("F.dropout(x, self.rate)"),
    "attention": net("F.scaled_dot_product_attention(x, x, x, dropout_p=0.1)"),
}


@pytest.mark.parametrize("code", FAULTY.values(), ids=FAULTY)
def test_is_found(code: str) -> None:
    assert len(read(code, [check]).findings) == 1


@pytest.mark.parametrize("code", SILENT.values(), ids=SILENT)
def test_stays_quiet(code: str) -> None:
    assert read(code, [check]).findings == ()


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

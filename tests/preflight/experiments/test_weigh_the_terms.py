"""Terms of summed losses: how they are told apart, their share of the gradient, and what a code costs."""

import pytest

from osler.model import Diagnosis, Finding
from osler.testing import try_out

TWO = """
trunk = nn.Sequential(nn.Linear(8, 16), nn.ReLU())
kind, amount = nn.Linear(16, 4), nn.Linear(16, 1)
parameters = [*trunk.parameters(), *kind.parameters(), *amount.parameters()]
spread = nn.Parameter(torch.zeros(2))
{before}
optimizer = torch.optim.Adam([*parameters, spread], lr=0.001)
for epoch in range(epochs):
    for x, y in loader:
        h = trunk(x)
        a = F.cross_entropy(kind(h), y)
        b = F.mse_loss(amount(h)[:, 0], {target})
        loss = {loss}
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
"""
LARGE = "1000 * x.sum(1)"

CODE = """
class Auto(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner, self.mean, self.spread = nn.Linear(8, 16), nn.Linear(16, 3), nn.Linear(16, 3)
        self.outer = nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 8))

    def forward(self, x):
        h = self.inner(x).relu()
        mu, v = self.mean(h), self.spread(h)
        return self.outer(mu + torch.randn_like(mu) * torch.exp(0.5 * v)), mu, v


auto = Auto()
optimizer = torch.optim.Adam(auto.parameters(), lr=0.001)
auto.steps = 0
for epoch in range(epochs):
    for x, y in loader:
        out, mu, v = auto(x)
        auto.steps += 1
        image = torch.sigmoid(x)
        kl = {kl}
        loss = {loss}
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
"""
ADDED_UP = "(-0.5 * (1 + v - mu.pow(2) - v.exp()).sum(1)).mean()"


def asked(code: str) -> tuple[str, list[Finding]]:
    diagnosis: Diagnosis = try_out(code, "weigh-the-terms")
    (answer,) = diagnosis.experiments
    found = [f for f in diagnosis.findings if f.check == "loss-terms-unbalanced"]
    return answer.answer or answer.skipped, found


def of_two(loss: str, target: str = LARGE, before: str = "pass") -> tuple[str, list[Finding]]:
    return asked(TWO.format(loss=loss, target=target, before=before))


def of_code(loss: str, kl: str = ADDED_UP) -> tuple[str, list[Finding]]:
    return asked(CODE.format(loss=loss, kl=kl))


@pytest.mark.parametrize("loss", ["a + b", "b + a", "0 + a + b", "sum([a, b])", "torch.stack([a, b]).sum()",
                                  "(a + b) / 2", "1024 * (0.5 * a + 0.5 * b)"])  # fmt: skip
def test_a_term_is_swamped(loss: str) -> None:
    answer, (finding,) = of_two(loss)
    assert answer.startswith("2 terms: line ")
    assert "99.9" in answer
    assert finding.seen_by == ("setup",)
    assert "although it is at 1.3" in finding.message


@pytest.mark.parametrize(
    ("loss", "target"),
    [
        ("a + b", "x.sum(1)"),
        ("a + 1e-4 * b", LARGE),
        ("100 * b + a", LARGE),
        ("b + 0.01 * a", "100 * x.sum(1)"),
        ("a * torch.exp(-spread[0]) + b * torch.exp(-spread[1]) + spread.sum()", LARGE),
        ("b + 0.0 * a", LARGE),
        ("b + 1e-4 * sum(p.pow(2).sum() for p in parameters)", LARGE),
        ("b + sum(p.abs().sum() for p in parameters)", LARGE),
        ("b - (kind(h).softmax(1) * kind(h).log_softmax(1)).sum(1).mean().neg()", LARGE),
        ("b + F.kl_div(kind(h).log_softmax(1), kind(h).softmax(1).detach(), reduction='batchmean')", LARGE),
        ("b + F.mse_loss(kind(h), kind(h).detach() + 1e-3)", LARGE),
        ("b + F.binary_cross_entropy_with_logits(kind(h), torch.ones_like(kind(h)))", LARGE),
        ("b + F.mse_loss(kind(h), torch.zeros_like(kind(h)))", LARGE),
        ("b + a.detach()", LARGE),
    ],
    ids=["alike", "weighed down", "weighed up", "auxiliary", "uncertainty", "not yet", "decay", "sparse",
         "entropy", "distilled", "learned", "fooled", "zeros", "told only"],
)  # fmt: skip
def test_terms_that_may_be_small(loss: str, target: str) -> None:
    answer, found = of_two(loss, target)
    assert answer.startswith(("2 terms", "3 terms")) or "one term" in answer
    assert found == []


def test_no_shared_parameters() -> None:
    """Two networks trained by one backward take nothing from each other."""
    _, found = asked(
        TWO.format(loss="a + b", target=LARGE, before="other = nn.Linear(8, 16)").replace(
            "amount(h)", "amount(x @ torch.ones(8, 16))"
        )
    )
    assert found == []


@pytest.mark.parametrize(
    ("loss", "answer"),
    [
        ("a", "the loss is one term"),
        ("a + 1", "the loss is one term"),
        ("F.cross_entropy(kind(h), y, label_smoothing=0.1)", "the loss is one term"),
        ("(kind(h).logsumexp(1) - kind(h)[:, 0]).mean()", "the loss is one term"),
        ("sum(p.sum() * p.sum() for p in [w[i : i + 1] for w in parameters[:1] for i in range(9)])",
         "the loss is one term"),
        ("sum(F.cross_entropy(kind(h[i : i + 1]), y[i : i + 1]) for i in range(9))", "the loss has 9 terms"),
    ],
)  # fmt: skip
def test_what_is_not_asked(loss: str, answer: str) -> None:
    assert of_two(loss)[0] == answer


def test_hooks_of_the_script_hear_nothing() -> None:
    answer, _ = of_two("a + b", before="parameters[0].register_hook(lambda g: g)")
    assert answer == "hooks of the script's own hear every gradient"


@pytest.mark.parametrize(
    ("loss", "kl"),
    [
        ("F.binary_cross_entropy_with_logits(out, image) + kl", ADDED_UP),
        ("F.mse_loss(out, 0.3 * x) + kl", ADDED_UP),
        ("F.mse_loss(out, 0.3 * x) + min(1, auto.steps / 40) * kl", ADDED_UP),
        ("F.mse_loss(out, 0.3 * x) + kl", "0.5 * (mu * mu + torch.exp(v) - v - 1).sum() / len(x)"),
        ("F.mse_loss(out, 0.3 * x) + kl",
         "torch.distributions.kl_divergence(torch.distributions.Normal(mu, torch.exp(0.5 * v)), "
         "torch.distributions.Normal(0.0, 1.0)).sum(1).mean()"),
        ("(F.mse_loss(out, 0.3 * x, reduction='none').mean(1) + kl).mean()",
         "-0.5 * (1 + v - mu.pow(2) - v.exp()).sum(1)"),
    ],
    ids=["binary", "squared", "rising", "over the batch", "distributions", "for each sample"],
)  # fmt: skip
def test_a_code_that_cannot_pay(loss: str, kl: str) -> None:
    _, (finding,) = of_code(loss, kl)
    assert "the decoder learns to ignore it" in finding.message


@pytest.mark.parametrize(
    ("loss", "kl"),
    [
        ("F.mse_loss(out, x, reduction='sum') / len(x) + kl", ADDED_UP),
        ("F.mse_loss(out, x, reduction='sum') + kl", "-0.5 * (1 + v - mu.pow(2) - v.exp()).sum()"),
        ("F.mse_loss(out, 0.3 * x) + 0.01 * kl", ADDED_UP),
        ("F.mse_loss(out, 0.3 * x) + min(1, auto.steps / 40) / 64 * kl", ADDED_UP),
        ("F.mse_loss(out, 0.3 * x) + max(0.01, 1 - auto.steps / 3) * kl", ADDED_UP),
        ("F.mse_loss(out, 0.3 * x) + kl.clamp(min=1.0)", ADDED_UP),
        ("F.mse_loss(out, 0.3 * x) + kl + F.cross_entropy(out[:, :4], y)", ADDED_UP),
        ("F.mse_loss(out, 20 * x) + kl", ADDED_UP),
        ("F.mse_loss(out, torch.zeros_like(x)) + kl", ADDED_UP),
        ("F.cross_entropy(out[:, :4], y) + kl", ADDED_UP),
        ("F.mse_loss(out, 0.3 * x) + (mu.pow(2) + v.exp()).sum(1).mean()", ADDED_UP),
    ],
    ids=["added up", "over the batch", "weighed", "rising a little", "falling", "free bits", "three terms",
         "large", "nothing", "classes", "no divergence"],
)  # fmt: skip
def test_a_code_that_may_pay(loss: str, kl: str) -> None:
    _, found = of_code(loss, kl)
    assert found == []

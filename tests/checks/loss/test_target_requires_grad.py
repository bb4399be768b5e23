import pytest

from osler.checks.loss.target_requires_grad import check
from osler.model import LossCallFact, ParameterFact, Run, Severity
from osler.testing import examine, findings, place, run_of

LOOP = """
teacher = Net()
frozen = Net().requires_grad_(False)
critic = nn.Linear(8, 1)
optimizer = torch.optim.SGD([*model.parameters(), *critic.parameters(){more}], lr=0.05)
for x, y in loader:
    optimizer.zero_grad()
    ({loss}).backward()
    optimizer.step()
"""

CRITIC = "F.mse_loss(critic(x), y[:, None] + 0.9 * critic(x.flip(0)){tail})"


def seen(loss: str, more: str = "") -> list[Severity]:
    diagnosis = examine(LOOP.format(loss=loss, more=more))
    return [f.severity for f in diagnosis.findings if f.check == check.name]


FAULTY = {
    "a teacher": "F.cross_entropy(model(x), F.softmax(teacher(x), dim=1))",
    "itself": "F.cross_entropy(model(x), model(x).softmax(1))",
    "a leaf": "F.binary_cross_entropy_with_logits(critic(x)[:, 0], y.float().requires_grad_())",
    "a bootstrapped value": CRITIC.format(tail=""),
    "smooth": CRITIC.format(tail="").replace("mse", "smooth_l1"),
}

HEALTHY = {
    "labels": "loss_fn(model(x), y)",
    "detached": "F.cross_entropy(model(x), F.softmax(teacher(x), dim=1).detach())",
    "a bootstrapped value, detached": CRITIC.format(tail=".detach()"),
    "a frozen teacher": "F.cross_entropy(model(x), F.softmax(frozen(x), dim=1))",
    "two views": "F.mse_loss(model(x), model(x + 0.1 * torch.randn_like(x)))",
    "the input is detached": "F.mse_loss(critic(x).detach(), critic(x) + 1)",
    "symmetric divergence": "F.kl_div(model(x).log_softmax(1), model(x).softmax(1), reduction='batchmean')",
    "noise": "F.mse_loss(model(x), torch.randn(16, 4) + y[:, None])",
}


@pytest.mark.parametrize("loss", FAULTY.values(), ids=FAULTY.keys())
def test_is_found(loss: str) -> None:
    assert seen(loss) == [Severity.WARNING]


@pytest.mark.parametrize("loss", HEALTHY.values(), ids=HEALTHY.keys())
def test_stays_quiet(loss: str) -> None:
    assert seen(loss) == []


def test_networks_that_learn_from_each_other() -> None:
    loss = "F.mse_loss(model(x), teacher(x))"
    assert seen(loss, ", *teacher.parameters()") == []
    assert seen(loss) == [Severity.HINT]


def run(gradient: str = "graph") -> Run:
    fact = LossCallFact("cross_entropy", (place(12),), 4, 3, target_gradient=gradient)
    return run_of(
        loss_calls=[fact],
        parameters=[
            ParameterFact("head", "Net", 4, optimizers=("SGD",)),
            ParameterFact("body", "Teacher", 4),
        ],
    )


def test_says_what_was_seen() -> None:
    (found,) = findings(run(), [check])
    assert found.message == (
        "The target of `cross_entropy` carries a gradient in all 4 calls looked at, which reaches "
        "`Teacher.body`, held by no optimizer."
    )
    assert (found.place.line, found.place.step) == (12, 3)


def test_says_that_it_is_a_leaf() -> None:
    (found,) = findings(run("leaf"), [check])
    assert found.message.endswith(": it is a tensor with `requires_grad=True`.")


def test_does_not_apply_without_a_target() -> None:
    assert check.applies(Run()) == "no loss with a target was computed"

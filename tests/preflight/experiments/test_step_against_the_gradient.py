"""Small steps down the gradient and along the script's own step: healthy ones, and those that climb."""

import pytest

from osler.testing import try_out

LOOP = """
{before}
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        {loss}.backward()
        {after}
        optimizer.step()
        {then}
"""
PLAIN = "model, optimizer = (net := Net()), torch.optim.SGD(net.parameters(), lr=0.05)"
CE = "loss_fn(model(x), y)"


def told(before: str = PLAIN, loss: str = CE, after: str = "pass", then: str = "pass", code: str = LOOP):
    diagnosis = try_out(
        code.format(before=before, loss=loss, after=after, then=then), "step-against-the-gradient"
    )
    (answer,) = diagnosis.experiments
    found = [f for f in diagnosis.findings if f.check == "loss-sign-flipped" and "setup" in f.seen_by]
    return answer, found


HEALTHY = {
    "SGD": {},
    "dropout and batch norm": {"before": "pass"},  # the model of the prelude
    "Adam": {"before": "optimizer = torch.optim.Adam(model.parameters(), lr=0.01)"},
    "momentum": {"before": "optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)"},
    "weight decay": {"before": "optimizer = torch.optim.AdamW(model.parameters(), weight_decay=10.0)"},
    "too large a step": {"before": "optimizer = torch.optim.SGD(model.parameters(), lr=50.0)"},
    "clipped": {"after": "nn.utils.clip_grad_norm_(model.parameters(), 1e-3)"},
    "noise in the gradients": {
        "after": "[p.grad.add_(torch.randn_like(p) * 0.01) for p in model.parameters()]"
    },
    "scaled": {"loss": f"({CE} / 4)"},
    "two minus signs": {"loss": f"(-(-{CE}))"},
    "squared error": {"loss": "F.mse_loss(model(x)[:, 0], y.float())"},
    "augmented in the loop": {"loss": "loss_fn(model(x + torch.randn_like(x)), y)"},
    "weights set to one length": {
        "then": "[p.data.div_(p.data.norm() + 1e-6) for p in model.parameters()]",
    },
    "next to no slope beside the curvature": {
        "before": PLAIN + "; nn.init.normal_(model.head.weight, std=1e-3)",
        "loss": "(F.mse_loss(model(x)[:, 0] * 300, torch.zeros(len(x))) + 1)",
    },
    "half precision": {"loss": "loss_fn(torch.autocast('cpu', torch.bfloat16)(model)(x).float(), y)"},
}


@pytest.mark.parametrize("parts", HEALTHY.values(), ids=HEALTHY.keys())
def test_healthy_steps_are_silent(parts: dict[str, str]) -> None:
    answer, found = told(**parts)
    assert found == []
    assert answer.answer.startswith("yes") or "not clear" in answer.answer


NEGATE = "[p.grad.neg_() for p in model.parameters()]"
BY_HAND = """
model = Net()
for epoch in range(epochs):
    for x, y in loader:
        model.zero_grad()
        {loss}.backward()
        with torch.no_grad():
            for p in model.parameters():
                p += 0.05 * p.grad{before}{after}{then}
"""

FAULTY = {
    "negated": {"after": NEGATE},
    "negated, Adam": {"after": NEGATE, "before": "optimizer = torch.optim.Adam(model.parameters(), lr=0.01)"},
    "by hand": {"code": BY_HAND, "before": "", "after": "", "then": ""},
}


@pytest.mark.parametrize("parts", FAULTY.values(), ids=FAULTY.keys())
def test_a_step_the_wrong_way(parts: dict[str, str]) -> None:
    answer, found = told(**parts)
    assert answer.answer == "against the gradient yes, but the script's own step raises it"
    assert "larger, from 1." in found[0].message


def test_a_minus_before_the_loss() -> None:
    answer, found = told(loss=f"(-{CE})")
    assert answer.answer == "yes"
    assert (
        "because a minus stands before it" in found[0].message or "make `cross_entropy`" in found[0].message
    )


def test_a_hook_turns_the_gradients_round() -> None:
    hooked = "[p.register_hook(torch.neg) for p in model.parameters()]"
    answer, found = told(before=f"{PLAIN}; {hooked}")
    assert answer.answer.startswith("no, it rises: it falls by -1.0")
    assert "the gradients have the wrong sign" in found[0].message


ADVERSARIES = """
d, g = nn.Linear(8, 1), nn.Linear(8, 8)
down, up = torch.optim.SGD(d.parameters(), lr=0.1), torch.optim.SGD(g.parameters(), lr=0.1)
ones = torch.ones(16, 1)
for epoch in range(epochs):
    for x, y in loader:
        down.zero_grad()
        F.binary_cross_entropy_with_logits(d(g(x).detach()), ones * 0).backward()
        down.step()
        up.zero_grad()
        (-F.binary_cross_entropy_with_logits(d(g(x)), ones * 0)).backward()
        up.step()
"""
ONE_ROOT = """
d, g = nn.Linear(8, 1), nn.Linear(8, 8)
down = torch.optim.SGD(d.parameters(), lr=0.1)
up = torch.optim.SGD(g.parameters(), lr=0.1, maximize={maximize})
for epoch in range(epochs):
    for x, y in loader:
        down.zero_grad(); up.zero_grad()
        F.binary_cross_entropy_with_logits(d(g(x)), torch.ones(16, 1)).backward()
        down.step(); up.step()
"""
REVERSAL = """
class Turn(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.view_as(x)

    @staticmethod
    def backward(ctx, g):
        return -g


for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model[4](Turn.apply(model[:4](x))), y).backward()
        optimizer.step()
"""
ATTACK = """
noise = torch.zeros(8, requires_grad=True)
optimizer = torch.optim.SGD([noise], lr=0.1)
model.requires_grad_(False)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        (-loss_fn(model(x + noise), y)).backward()
        optimizer.step()
"""


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (ADVERSARIES, "2 optimizers take turns, and one may work against another on purpose"),
        (ONE_ROOT.format(maximize=True), "2 optimizers take turns"),
        (LOOP.format(before=PLAIN.replace("0.05", "0.05, maximize=True"), loss=CE, after="", then=""),
         "an optimizer maximises on purpose"),
        (REVERSAL, "custom functions or checkpoints lie behind the loss and may turn gradients round"),
        (ATTACK, "what is trained is no parameter of a model"),
        (LOOP.format(before=PLAIN, loss="(model(x) ** 2).mean()", after="", then=""),
         "what `backward()` starts from is not one loss function of torch alone"),
        (LOOP.format(before=PLAIN, loss=f"({CE} + model.head.weight.square().sum())", after="", then=""),
         "what `backward()` starts from is not one loss function of torch alone"),
    ],
    ids=["adversaries", "minimax", "maximises", "reversal", "attack", "own loss", "penalty"],
)  # fmt: skip
def test_what_may_climb_on_purpose_is_not_asked(code: str, why: str) -> None:
    diagnosis = try_out(code, "step-against-the-gradient")
    (answer,) = diagnosis.experiments
    assert answer.skipped.startswith(why)
    assert "loss-sign-flipped" not in [f.check for f in diagnosis.findings if "setup" in f.seen_by]


def test_rewards_are_no_labels() -> None:
    reinforce = f"(-{CE.replace(', y', ', model(x).argmax(1))').removesuffix(')')})"
    answer, found = told(loss=reinforce)
    assert answer.answer == "yes"
    assert found == []


def test_a_step_that_is_yet_to_come() -> None:
    waits = LOOP.replace("optimizer.step()", "optimizer.step() if epoch else None")
    answer, found = told(code=waits)
    assert answer.answer == "yes; the script's own step was not followed: it has changed nothing yet"
    assert found == []

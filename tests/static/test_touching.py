"""What is noted when a script changes gradients by hand."""

import pytest

EACH = "for p in model.parameters():\n    "


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("p.grad /= 2", "touch model by hand scaled"),
        ("p.grad *= 0", "clear model by hand"),
        ("p.grad -= 1", "touch model added by hand"),
        ("p.grad **= 2", "touch model by hand written"),
        ("p.grad.data *= 0.5", "touch model by hand scaled"),
        ("p.grad.data = p.grad.data / 2", "touch model by hand written"),
        ("p.grad.div_(2)", "touch model by hand scaled"),
        ("p.grad.data.mul_(0)", "clear model by hand"),
        ("p.grad.add_(p, alpha=0.1)", "touch model added by hand"),
        ("p.grad.copy_(p)", "touch model by hand written"),
        ("p.grad.fill_(0.0)", "clear model by hand"),
        ("p.grad.zero_()", "clear model by hand"),
        ("p.grad[:] = 0", "clear model by hand"),
        ("p.grad[:2] = 0", "touch model by hand written"),
        ("p.grad[0] *= 2", "touch model by hand scaled"),
        ("p.grad = p.grad.clone()", "touch model by hand written"),
        ("p.grad = None", "clear model by hand"),
        ("del p.grad", "clear model by hand"),
        ("setattr(p, 'grad', None)", "clear model by hand"),
        ("setattr(p, 'grad', p * 0.1)", "touch model by hand written"),
        ("normalise(p.grad)", "touch model by hand written"),
        ("torch.distributed.all_reduce(p.grad)", "touch model by hand written"),
        ("torch.clamp_(p.grad, -1, 1)", "touch model by hand written"),
    ],
)
def test_change_of_a_gradient(trained, text: str, told: str) -> None:
    assert trained(EACH + text).told == [told]


@pytest.mark.parametrize(
    "text",
    [
        "p.grad.clamp_(-1, 1)",
        "p.grad.data.clip_(-1, 1)",
        "p.grad.norm()",
        "torch.norm(p.grad)",
        "print(p.grad)",
        "history.append(p.grad.clone())",
        "saved = p.grad",
        "p.gradient = None",
        "del p.other",
        "del p",
    ],
)
def test_what_leaves_gradients_as_they_are(trained, text: str) -> None:
    assert trained(EACH + text).told == []


@pytest.mark.parametrize(
    "text",
    [
        "for g in [p.grad for p in model.parameters()]: g /= 2",
        "torch._foreach_mul_([p.grad for p in model.parameters()], 0.5)",
        "scale([p.grad for p in model.parameters()])",
    ],
)
def test_gradients_in_a_list(trained, text: str) -> None:
    assert [line.partition(" by")[0] for line in trained(text).told] == ["touch model"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("p.grad /= 2", "touch by hand scaled"),
        ("p.grad = None", "clear by hand"),
        ("p.grad.zero_()", "clear by hand"),
        ("p.grad.norm()", None),
    ],
)
def test_parameters_of_an_optimizer_may_be_any(trained, text: str, told: str | None) -> None:
    found = trained(f"for p in optimizer.param_groups[0]['params']: {text}").told
    assert found == ([told] if told else [])


@pytest.mark.parametrize(
    ("call", "told"),
    [
        ("loss.backward()", "backward"),
        ("loss.backward(None)", "backward"),
        ("loss.backward(w)", "backward weighted"),
        ("loss.backward(gradient=w)", "backward weighted"),
        ("loss.backward(retain_graph=True)", "backward retain_graph"),
        ("torch.autograd.backward(loss, w)", "backward weighted"),
        ("torch.autograd.grad(loss, list(model.parameters()), w)", "backward gradient-only weighted"),
        ("torch.autograd.grad(loss, model.weight, create_graph=True)", "backward create_graph gradient-only"),
    ],
)
def test_what_backward_starts_from(trained, call: str, told: str) -> None:
    done = trained(f"loss = model(torch.randn(3, 4)).sum()\nw = torch.tensor(0.5)\n{call}").told
    assert done == ["forward model", told]


STEP = "model(torch.randn(3, 4)).sum().backward()"


@pytest.mark.parametrize(
    ("before", "change", "kind"),
    [
        (STEP, "p.grad /= 2", "fresh"),
        (STEP, "p.grad += 0.1", "fresh"),
        (STEP, "p.grad.clamp_(-1, 1)", "fresh"),
        (STEP, "p.grad = p * 0.1", "unknown"),
        ("", "p.grad /= 2", "empty"),
        ("", "p.grad += 0.1", "unknown"),
        (f"{STEP}; optimizer.step()", "p.grad *= 0.9", "unknown"),
        (f"{STEP}; optimizer.step()", "p.grad += 0.1", "unknown"),
        (f"{STEP}; optimizer.step()", "p.grad *= 0", "empty"),
        (f"{STEP}; optimizer.step(); {STEP}", "p.grad += 0.1", "carried"),
        (f"{STEP}; optimizer.step(); {STEP}", "p.grad *= 0.5", "unknown"),
        (f"{STEP}; optimizer.step(); {STEP}", "p.grad.clamp_(-1, 1)", "carried"),
    ],
)
def test_state_after_a_change(code, before: str, change: str, kind: str) -> None:
    model = "model = nn.Linear(4, 2); optimizer = torch.optim.SGD(model.parameters(), lr=0.1)"
    read = code(f"{model}\n{before}\nfor p in model.parameters(): {change}\noptimizer.step()")
    assert {s.kind for s in read.stepped[-1].visits[-1]} == {kind}

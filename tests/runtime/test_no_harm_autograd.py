"""Whatever is done with autograd: hooks, graphs that are kept, functions of one's own, transformations."""

import contextlib
import copy
from collections.abc import Callable, Iterator

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call, grad, grad_and_value, hessian, jacrev, jvp, stack_module_state, vmap

torch.set_num_threads(1)

STEPS, ROWS = 10, 12

Loss = Callable[[nn.Module, Tensor, Tensor], Tensor]


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1))


def batches(count: int = STEPS) -> Iterator[tuple[Tensor, Tensor]]:
    for _ in range(count):
        x = torch.randn(ROWS, 3)
        yield x, x.sum(1, keepdim=True).sin()


def trained(loss_of: Loss, model: nn.Module | None = None) -> list[Tensor]:
    model = model or network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    losses: list[Tensor] = []
    for x, y in batches():
        optimizer.zero_grad()
        loss = loss_of(model, x, y)
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return [*losses, *model.parameters()]


class Reversed(torch.autograd.Function):
    """The layer of adversarial adaptation: passes values on and turns gradients round."""

    @staticmethod
    def forward(ctx, x: Tensor, scale: float) -> Tensor:
        ctx.scale = scale
        return x.view_as(x)

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None]:
        return -ctx.scale * grad, None


class Rounded(torch.autograd.Function):
    """A straight-through estimator that keeps what it was given."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.round()

    @staticmethod
    def backward(ctx, grad: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return grad * (x.abs() < 3)


def penalised(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    x = x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(model(x).sum(), x, create_graph=True)
    return F.mse_loss(model(x), y) + 0.1 * (slope.norm(dim=1) - 1).square().mean()


def curved(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    x = x.clone().requires_grad_()
    out = model(x)
    (first,) = torch.autograd.grad(out.sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x, create_graph=True)
    return F.mse_loss(out, y) + 0.01 * second.square().mean()


def attacked(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    noise = torch.zeros_like(x, requires_grad=True)
    (slope,) = torch.autograd.grad(F.mse_loss(model(x + noise), y), noise)
    return F.mse_loss(model(x + 0.01 * slope.sign()), y)


def straight(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    h = model[1](model[0](x))
    return F.mse_loss(model[2](h + (h.round() - h).detach()), y)


def saved_aside(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t.double(), lambda t: t.float()):
        return F.mse_loss(model(x), y)


def in_autocast(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        scores = model(x)
    return F.mse_loss(scores.float(), y)


def loss_in_autocast(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return F.mse_loss(model(x), y.bfloat16().float())


def anomalous(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    with torch.autograd.set_detect_anomaly(True, check_nan=True):
        return F.mse_loss(model(x), y)


def called_functionally(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    return F.mse_loss(functional_call(model, dict(model.named_parameters()), (x,)), y)


def called_with_others(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    noisy = {n: p + 0.01 * torch.randn_like(p) for n, p in model.named_parameters()}
    return F.mse_loss(functional_call(model, noisy, (x,)), y)


def per_sample(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    return vmap(lambda a, b: F.mse_loss(model(a), b), randomness="different")(x, y).mean()


def tangents(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    out, slope = jvp(model, (x,), (torch.ones_like(x),))
    return F.mse_loss(out, y) + 0.01 * slope.square().mean()


def jacobian(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    slopes = vmap(jacrev(lambda one: model(one).squeeze(0)))(x)
    return F.mse_loss(model(x), y) + 0.01 * slopes.square().mean()


def hessian_trace(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    curves = vmap(hessian(lambda one: model(one).squeeze(0)))(x[:2])
    return F.mse_loss(model(x), y) + 0.01 * curves.diagonal(dim1=1, dim2=2).square().mean()


def looked_at_without_gradients(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    with torch.no_grad():
        before = model(x).mean()
    with torch.inference_mode():
        model(x).sum().item()
    return F.mse_loss(model(x), y) * (1 + 0 * before)


def switched(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    torch.set_grad_enabled(False)
    model(x)
    torch.set_grad_enabled(True)
    return F.mse_loss(model(x), y)


LOSSES: dict[str, Loss] = {
    "a gradient penalty": penalised,
    "second derivatives": curved,
    "an adversarial step": attacked,
    "a straight-through estimator": straight,
    "a function of one's own": lambda m, x, y: F.mse_loss(m[2](Rounded.apply(m[1](m[0](x)))), y),
    "gradients that are turned round": lambda m, x, y: (
        F.mse_loss(m(x), y) + 0.1 * m[2](Reversed.apply(m[1](m[0](x)), 0.1)).square().mean()
    ),
    "saved tensors in another form": saved_aside,
    "saved tensors on the CPU": lambda m, x, y: within(torch.autograd.graph.save_on_cpu(), m, x, y),
    "autocast of the model": in_autocast,
    "autocast of the loss too": loss_in_autocast,
    "autocast that is off": lambda m, x, y: within(torch.autocast("cpu", enabled=False), m, x, y),
    "anomaly mode": anomalous,
    "a profiler's range": lambda m, x, y: within(torch.profiler.record_function("mine"), m, x, y),
    "deterministic seeds inside": lambda m, x, y: within(torch.random.fork_rng(), m, x, y),
    "a functional call": called_functionally,
    "a functional call with other weights": called_with_others,
    "vmap over samples": per_sample,
    "forward-mode tangents": tangents,
    "a Jacobian": jacobian,
    "a Hessian": hessian_trace,
    "a look without gradients": looked_at_without_gradients,
    "gradients switched off and on": switched,
    "a detached copy beside": lambda m, x, y: F.mse_loss(m(x), y) + 0 * m(x).detach().sum(),
    "a loss of a slice of a view": lambda m, x, y: F.mse_loss(m(x)[2:-2].view(-1), y[2:-2].view(-1)),
    "a sum of two backwards": lambda m, x, y: F.mse_loss(m(x), y) + F.l1_loss(m(-x), -y),
    "double numbers for the loss": lambda m, x, y: F.mse_loss(m(x).double(), y.double()),
    "a loss of one row": lambda m, x, y: F.mse_loss(m(x)[0], y[0]),
    "einsum": lambda m, x, y: torch.einsum("bi,bi->", m(x) - y, m(x) - y) / ROWS,
    "a complex signal": lambda m, x, y: (torch.fft.fft(m(x)[:, 0]) - torch.fft.fft(y[:, 0])).abs().mean(),
    "a scatter": lambda m, x, y: (
        torch.zeros(ROWS, 1).index_add(0, torch.arange(ROWS), m(x) - y).square().mean()
    ),
    "a where": lambda m, x, y: torch.where(y > 0, (m(x) - y).abs(), (m(x) - y).square()).mean(),
}


def within(
    context: contextlib.AbstractContextManager[object], model: nn.Module, x: Tensor, y: Tensor
) -> Tensor:
    with context:
        return F.mse_loss(model(x), y)


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
@pytest.mark.filterwarnings("ignore:Anomaly Detection has been enabled:UserWarning")
def test_losses_with_more_than_a_forward(unharmed, loss: Loss) -> None:
    session = unharmed(lambda: trained(loss))
    assert session.run.steps == STEPS
    assert session.run.backwards == STEPS


def test_gradients_of_torch_func_applied_by_hand(unharmed) -> None:
    def train() -> Iterator[Tensor]:
        model = network()
        weights = {n: p.detach().clone() for n, p in model.named_parameters()}

        def loss_of(weights: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
            return F.mse_loss(functional_call(model, weights, (x,)), y)

        for x, y in batches():
            slopes, loss = grad_and_value(loss_of)(weights, x, y)
            weights = {n: w - 0.1 * slopes[n] for n, w in weights.items()}
            yield loss
        yield from weights.values()

    unharmed(train)


def test_gradients_of_each_sample(unharmed) -> None:
    """Private training clips each of them, adds noise, and hands the mean to an optimizer."""

    def train() -> Iterator[Tensor]:
        model = network()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

        def loss_of(weights: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
            return F.mse_loss(functional_call(model, weights, (x,)), y)

        for x, y in batches():
            weights = {n: p.detach() for n, p in model.named_parameters()}
            each = vmap(grad(loss_of), in_dims=(None, 0, 0))(weights, x, y)
            for name, p in model.named_parameters():
                norms = each[name].flatten(1).norm(dim=1).clamp(min=1)
                p.grad = (each[name] / norms.view(-1, *[1] * p.dim())).mean(0)
            optimizer.step()
            optimizer.zero_grad()
        yield from model.parameters()

    assert unharmed(train).run.steps == STEPS


def test_an_ensemble_in_one_call(unharmed) -> None:
    def train() -> Iterator[Tensor]:
        models = [network() for _ in range(3)]
        weights, buffers = stack_module_state(models)
        form = copy.deepcopy(models[0]).to("meta")
        optimizer = torch.optim.Adam(weights.values(), lr=0.01)
        for x, y in batches():
            optimizer.zero_grad()
            out = vmap(lambda w, b, x=x: functional_call(form, (w, b), (x,)))(weights, buffers)
            F.mse_loss(out, y.expand_as(out)).backward()
            optimizer.step()
        yield from weights.values()

    assert unharmed(train).run.steps == STEPS


BACKWARDS: dict[str, Callable[[nn.Module, Tensor, Tensor], object]] = {
    "two losses, one graph": lambda m, x, y: both_ways(m(x), y),
    "the same loss twice": lambda m, x, y: twice(F.mse_loss(m(x), y)),
    "a gradient that is given": lambda m, x, y: m(x).backward(gradient=torch.ones(ROWS, 1) / ROWS),
    "a vector of losses": lambda m, x, y: torch.autograd.backward(list((m(x) - y).square().mean(0))),
    "only some inputs": lambda m, x, y: F.mse_loss(m(x), y).backward(inputs=list(m.parameters())),
    "by autograd.grad": lambda m, x, y: put(
        m, torch.autograd.grad(F.mse_loss(m(x), y), list(m.parameters()))
    ),
    "with a graph for later": lambda m, x, y: freed(m, F.mse_loss(m(x), y)),
    "in parts": lambda m, x, y: in_parts(m, x, y),
    "with what may be unused": lambda m, x, y: put(
        m,
        torch.autograd.grad(F.mse_loss(m(x), y), list(m.parameters()), allow_unused=True, retain_graph=False),
    ),
    "by a batched Jacobian": lambda m, x, y: put(
        m,
        [
            g.mean(0)
            for g in torch.autograd.grad(
                m(x)[:, 0], list(m.parameters()), torch.eye(ROWS), is_grads_batched=True
            )
        ],
    ),
}


def both_ways(out: Tensor, y: Tensor) -> None:
    F.mse_loss(out, y).backward(retain_graph=True)
    out.abs().mean().backward()


def twice(loss: Tensor) -> None:
    (loss / 2).backward(retain_graph=True)
    (loss / 2).backward()


def put(model: nn.Module, slopes: list[Tensor] | tuple[Tensor, ...]) -> None:
    for p, slope in zip(model.parameters(), slopes, strict=True):
        p.grad = slope


def freed(model: nn.Module, loss: Tensor) -> None:
    slopes = torch.autograd.grad(loss, list(model.parameters()), create_graph=True)
    put(model, [s.detach() for s in slopes])


def in_parts(model: nn.Module, x: Tensor, y: Tensor) -> None:
    for part, target in zip(x.chunk(3), y.chunk(3), strict=True):
        (F.mse_loss(model(part), target) / 3).backward()


@pytest.mark.parametrize("backward", BACKWARDS.values(), ids=BACKWARDS)
def test_each_way_to_gradients(unharmed, backward: Callable[..., object]) -> None:
    def train() -> Iterator[Tensor]:
        model = network()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
        for x, y in batches():
            optimizer.zero_grad()
            backward(model, x, y)
            yield from (p.grad.clone() for p in model.parameters())
            optimizer.step()
        yield from model.parameters()

    assert unharmed(train).run.steps == STEPS


HOOKS: dict[str, Callable[[nn.Sequential, list[str]], object]] = {
    "before the forward": lambda m, seen: m.register_forward_pre_hook(lambda *_: seen.append("pre")),
    "after the forward": lambda m, seen: m[0].register_forward_hook(
        lambda m, i, o: seen.append(str(o.shape))
    ),
    "with keywords": lambda m, seen: m.register_forward_hook(
        lambda m, i, k, o: seen.append(str(k)), with_kwargs=True, always_call=True
    ),
    "that changes the output": lambda m, seen: m[0].register_forward_hook(lambda m, i, o: o * 0.5),
    "that changes the input": lambda m, seen: m.register_forward_pre_hook(lambda m, i: (i[0] * 2,)),
    "of the backward": lambda m, seen: m[2].register_full_backward_hook(
        lambda m, i, o: seen.append(f"{len(i)} {len(o)}")
    ),
    "before the backward": lambda m, seen: m[2].register_full_backward_pre_hook(
        lambda m, o: seen.append(str(o[0].shape))
    ),
    "of a weight": lambda m, seen: m[0].weight.register_hook(lambda g: seen.append(str(g.shape))),
    "that clips a gradient": lambda m, seen: m[0].weight.register_hook(lambda g: g.clamp(-0.01, 0.01)),
    "once it is accumulated": lambda m, seen: m[0].weight.register_post_accumulate_grad_hook(
        lambda p: seen.append(str(p.grad.shape))
    ),
    "of all modules": lambda m, seen: nn.modules.module.register_module_forward_hook(
        lambda m, i, o: seen.append(type(m).__name__)
    ),
}


@pytest.mark.parametrize("register", HOOKS.values(), ids=HOOKS)
def test_hooks_are_called_as_they_always_are(unharmed, register: Callable[..., object]) -> None:
    runs: list[list[str]] = []

    def train() -> list[Tensor]:
        seen: list[str] = []
        runs.append(seen)
        model = network()
        handle = register(model, seen)
        try:
            return trained(lambda m, x, y: F.mse_loss(m(x), y), model)
        finally:
            handle.remove()

    unharmed(train)
    plain, *watched = runs
    assert watched == [plain, plain]

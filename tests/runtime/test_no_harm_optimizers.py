"""Every optimizer of torch trains to the same bit with Osler as without."""

import inspect
from collections.abc import Callable, Iterator

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.optimizer import Optimizer

torch.set_num_threads(1)

STEPS = 12

OPTIMIZERS = {
    name: kind
    for name, kind in vars(torch.optim).items()
    if inspect.isclass(kind) and issubclass(kind, Optimizer) and kind is not Optimizer
}
"""All of them, also those of later versions of torch."""

SPECIAL = {"LBFGS", "SparseAdam", "Muon"}
"""These want a closure, sparse gradients, or only matrices."""


def network() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 4))


def batches(count: int = STEPS) -> Iterator[tuple[Tensor, Tensor]]:
    for _ in range(count):
        x = torch.randn(16, 3)
        yield x, (x @ torch.tensor([[1.0, -1, 0, 2], [0, 1, 1, -1], [1, 0, -2, 0]])).argmax(1)


def trained(
    model: nn.Module, optimizer: Optimizer, after: Callable[[], object] = lambda: None
) -> list[Tensor]:
    losses = []
    for x, y in batches():
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        after()
        losses.append(loss.detach())
    states = [t for s in optimizer.state.values() for t in s.values() if isinstance(t, Tensor)]
    return [*losses, *model.parameters(), *states]


@pytest.mark.parametrize("name", sorted(OPTIMIZERS.keys() - SPECIAL))
def test_every_optimizer(unharmed, name: str) -> None:
    def train() -> list[Tensor]:
        model = network()
        return trained(model, OPTIMIZERS[name](model.parameters(), lr=0.01))

    session = unharmed(train)
    assert session.run.steps == STEPS
    assert list(session.run.optimizers) == [name]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("SGD", {"momentum": 0.9}),
        ("SGD", {"momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
        ("SGD", {"foreach": True}),
        ("SGD", {"fused": True}),
        ("SGD", {"lr": torch.tensor(0.01)}),
        ("Adam", {"amsgrad": True}),
        ("Adam", {"foreach": False}),
        ("Adam", {"fused": True}),
        ("Adam", {"betas": (torch.tensor(0.9), torch.tensor(0.99)), "lr": torch.tensor(0.01)}),
        ("AdamW", {"weight_decay": 0.0}),
        ("RMSprop", {"centered": True, "momentum": 0.5}),
        ("Adagrad", {"lr_decay": 0.1, "initial_accumulator_value": 0.1}),
        ("NAdam", {"decoupled_weight_decay": True}),
        ("Rprop", {"etas": (0.5, 1.1)}),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_options_of_optimizers(unharmed, name: str, options: dict[str, object]) -> None:
    def train() -> list[Tensor]:
        model = network()
        return trained(model, OPTIMIZERS[name](model.parameters(), **{"lr": 0.01, **options}))

    assert unharmed(train).run.steps == STEPS


def test_lbfgs_with_its_closure(unharmed) -> None:
    def train() -> Iterator[Tensor]:
        model = network()
        optimizer = torch.optim.LBFGS(model.parameters(), max_iter=4, line_search_fn="strong_wolfe")
        x, y = next(batches(1))

        def closure() -> Tensor:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            return loss

        yield from (optimizer.step(closure).detach() for _ in range(5))
        yield from model.parameters()

    session = unharmed(train)
    assert session.run.steps == 5
    assert session.run.backwards > 5


@pytest.mark.parametrize("name", ["SGD", "Adam", "Adagrad", "Rprop"])
def test_a_closure_given_to_an_optimizer_that_needs_none(unharmed, name: str) -> None:
    def train() -> Iterator[Tensor]:
        model = network()
        optimizer = OPTIMIZERS[name](model.parameters(), lr=0.01)
        for x, y in batches():

            def closure(x: Tensor = x, y: Tensor = y) -> Tensor:
                optimizer.zero_grad()
                loss = F.cross_entropy(model(x), y)
                loss.backward()
                return loss

            yield optimizer.step(closure).detach()
        yield from model.parameters()

    assert unharmed(train).run.steps == STEPS


def test_sparse_gradients_with_sparse_adam(unharmed) -> None:
    def train() -> Iterator[Tensor]:
        table, head = nn.Embedding(20, 6, sparse=True), nn.Linear(6, 3)
        both = [torch.optim.SparseAdam(table.parameters(), lr=0.01), torch.optim.Adam(head.parameters())]
        for _ in range(STEPS):
            words = torch.randint(20, (16,))
            for optimizer in both:
                optimizer.zero_grad()
            loss = F.cross_entropy(head(table(words)), words % 3)
            loss.backward()
            yield table.weight.grad.clone()
            for optimizer in both:
                optimizer.step()
        yield from (*table.parameters(), *head.parameters())

    assert set(unharmed(train).run.optimizers) == {"SparseAdam", "Adam"}


@pytest.mark.skipif("Muon" not in OPTIMIZERS, reason="torch has none yet")
def test_muon_for_the_matrices_and_adamw_for_the_rest(unharmed) -> None:
    def train() -> list[Tensor]:
        model = network()
        matrices = [p for p in model.parameters() if p.dim() == 2]
        others = [p for p in model.parameters() if p.dim() != 2]
        muon, adam = torch.optim.Muon(matrices, lr=0.01), torch.optim.AdamW(others, lr=0.01)

        def rest() -> None:
            adam.step()
            adam.zero_grad()

        return trained(model, muon, rest)

    assert unharmed(train).run.steps == 2 * STEPS


GROUPS = {
    "one per layer": lambda m: [{"params": m[0].parameters()}, {"params": m[2].parameters(), "lr": 0.1}],
    "names": lambda m: m.named_parameters(),
    "names in groups": lambda m: [
        {"params": list(m[0].named_parameters())},
        {"params": list(m[2].named_parameters()), "lr": 0.1},
    ],
    "a generator": lambda m: (p for p in m.parameters()),
    "by size, with words of one's own": lambda m: [
        {"params": [p for p in m.parameters() if p.dim() > 1], "weight_decay": 0.1, "name": "matrices"},
        {"params": [p for p in m.parameters() if p.dim() == 1], "weight_decay": 0.0, "name": "biases"},
    ],
    "one that is empty": lambda m: [{"params": m.parameters()}, {"params": []}],
    "a dict's values": lambda m: dict(m.named_parameters()).values(),
}


@pytest.mark.parametrize("groups", GROUPS.values(), ids=GROUPS)
def test_groups_of_parameters(unharmed, groups: Callable[[nn.Module], list[object]]) -> None:
    def train() -> list[Tensor]:
        model = network()
        return trained(model, torch.optim.AdamW(groups(model), lr=0.01))

    assert unharmed(train).run.steps == STEPS


def test_a_group_that_is_added_midway(unharmed) -> None:
    def train() -> list[Tensor]:
        model = network()
        model[0].requires_grad_(False)
        optimizer = torch.optim.SGD(model[2].parameters(), lr=0.1)
        first = trained(model, optimizer)
        model[0].requires_grad_(True)
        optimizer.add_param_group({"params": model[0].parameters(), "lr": 0.01})
        return [*first, *trained(model, optimizer)]

    assert unharmed(train).run.steps == 2 * STEPS


class SignSGD(Optimizer):
    """An optimizer of one's own, as tutorials write it."""

    def __init__(self, params: object, lr: float) -> None:
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor] | None = None) -> None:
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.add_(p.grad.sign(), alpha=-group["lr"])


class Lookahead:
    """A wrapper that only looks like an optimizer."""

    def __init__(self, inner: Optimizer) -> None:
        self.inner, self.count = inner, 0
        self.slow = [p.detach().clone() for g in inner.param_groups for p in g["params"]]

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)

    def step(self) -> None:
        self.inner.step()
        self.count += 1
        if self.count % 5 == 0:
            with torch.no_grad():
                weights = [p for g in self.inner.param_groups for p in g["params"]]
                for slow, p in zip(self.slow, weights, strict=True):
                    p.copy_(slow.lerp_(p, 0.5))


@pytest.mark.parametrize(
    "build",
    [
        lambda model: SignSGD(model.parameters(), 0.01),
        lambda model: Lookahead(torch.optim.SGD(model.parameters(), lr=0.1)),
        lambda model: Lookahead(SignSGD(model.parameters(), 0.01)),
    ],
    ids=["own step", "a wrapper", "a wrapper of an own step"],
)
def test_optimizers_of_ones_own(unharmed, build: Callable[[nn.Module], Optimizer]) -> None:
    def train() -> list[Tensor]:
        model = network()
        return trained(model, build(model))

    assert unharmed(train).run.steps == STEPS


def test_hooks_of_an_optimizer_see_what_they_always_see(unharmed) -> None:
    called: list[list[str]] = []

    def train() -> list[Tensor]:
        model = network()
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        seen: list[str] = []
        called.append(seen)
        optimizer.register_step_pre_hook(lambda _, args, kwargs: seen.append(f"before {args} {kwargs}"))
        optimizer.register_step_post_hook(lambda _, args, kwargs: seen.append(f"after {args} {kwargs}"))
        optimizer.register_state_dict_pre_hook(lambda _: seen.append("save"))
        left = trained(model, optimizer)
        optimizer.state_dict()
        return left

    unharmed(train)
    plain, *watched = called
    assert len(plain) == 2 * STEPS + 1
    assert watched == [plain, plain]


def test_a_state_that_is_saved_and_loaded(unharmed) -> None:
    def train() -> list[Tensor]:
        model = network()
        first = torch.optim.Adam(model.parameters(), lr=0.01)
        before = trained(model, first)
        second = torch.optim.Adam(model.parameters(), lr=0.01)
        second.load_state_dict(first.state_dict())
        return [*before, *trained(model, second)]

    assert unharmed(train).run.steps == 2 * STEPS


@pytest.mark.parametrize(
    "clear",
    [
        lambda model, optimizer: model.zero_grad(),
        lambda model, optimizer: optimizer.zero_grad(set_to_none=False),
        lambda model, optimizer: model.zero_grad(set_to_none=False),
        lambda model, optimizer: [setattr(p, "grad", None) for p in model.parameters()],
        lambda model, optimizer: [p.grad.zero_() for p in model.parameters() if p.grad is not None],
        lambda model, optimizer: [p.grad.detach_().zero_() for p in model.parameters() if p.grad is not None],
        lambda model, optimizer: [p.grad.data.fill_(0) for p in model.parameters() if p.grad is not None],
        lambda model, optimizer: [
            setattr(p, "grad", torch.zeros_like(p)) for g in optimizer.param_groups for p in g["params"]
        ],
        lambda model, optimizer: torch._foreach_zero_(
            [p.grad for p in model.parameters() if p.grad is not None]
        )
        if model[0].weight.grad is not None
        else None,
        lambda model, optimizer: [layer.zero_grad() for layer in model],
    ],
    ids=[
        "model", "to zero", "model to zero", "none", "zero_", "detach_", "data", "new zeros", "foreach",
        "layer by layer",
    ],
)  # fmt: skip
def test_each_way_to_clear_gradients(unharmed, clear: Callable[[nn.Module, Optimizer], object]) -> None:
    def train() -> Iterator[Tensor]:
        model = network()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for x, y in batches():
            clear(model, optimizer)
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
        yield from model.parameters()

    assert unharmed(train).run.steps == STEPS


def test_a_step_inside_of_backward(unharmed) -> None:
    def train() -> Iterator[Tensor]:
        model = network()
        each = {p: torch.optim.SGD([p], lr=0.1) for p in model.parameters()}

        def stepped(p: Tensor) -> None:
            each[p].step()
            each[p].zero_grad()

        for p in model.parameters():
            p.register_post_accumulate_grad_hook(stepped)
        for x, y in batches():
            F.cross_entropy(model(x), y).backward()
        yield from model.parameters()

    assert unharmed(train).run.backwards == STEPS

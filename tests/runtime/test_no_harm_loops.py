"""Training loops of every shape: the same to the bit with Osler as without, and no finding."""

import asyncio
import functools
import gc
import itertools
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, Subset, TensorDataset

torch.set_num_threads(1)

ROWS = 48


def data() -> TensorDataset:
    x = torch.randn(ROWS, 3)
    return TensorDataset(x, x.sum(1, keepdim=True).sin())


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1))


class Loop:
    """What the loops below share: a model, an optimizer, and one step with them."""

    def __init__(self) -> None:
        self.model = network()
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.05)
        self.data = data()
        self.losses: list[float] = []

    def loader(self, **known: object) -> DataLoader[tuple[Tensor, ...]]:
        return DataLoader(self.data, **{"batch_size": 12, "shuffle": True, **known})

    def step(self, x: Tensor, y: Tensor) -> float:
        self.optimizer.zero_grad()
        loss = F.mse_loss(self.model(x), y)
        loss.backward()
        self.optimizer.step()
        self.losses.append(loss.item())
        return self.losses[-1]

    def evaluate(self) -> float:
        self.model.eval()
        with torch.no_grad():
            total = sum(F.mse_loss(self.model(x), y).item() for x, y in DataLoader(self.data, 24))
        self.model.train()
        return total

    def left(self) -> list[Tensor]:
        return [torch.tensor(self.losses, dtype=torch.float64), *self.model.parameters()]


def epochs(loop: Loop) -> None:
    for _ in range(3):
        for x, y in loop.loader():
            loop.step(x, y)
        loop.evaluate()


def until_it_is_good(loop: Loop) -> None:
    best, patience = float("inf"), 2
    while patience:
        for batch in loop.loader():
            loop.step(*batch)
        score = loop.evaluate()
        best, patience = (score, 2) if score < best - 0.5 else (best, patience - 1)


def without_end(loop: Loop) -> None:
    def forever() -> Iterator[list[Tensor]]:
        while True:
            yield from loop.loader()

    for _, (x, y) in zip(range(12), forever(), strict=False):
        loop.step(x, y)


def by_next(loop: Loop) -> None:
    batches = iter(loop.loader())
    for _ in range(12):
        try:
            batch = next(batches)
        except StopIteration:
            batches = iter(loop.loader())
            batch = next(batches)
        loop.step(*batch)


def permuted_by_hand(loop: Loop) -> None:
    x, y = loop.data.tensors
    for _ in range(3):
        for rows in torch.randperm(ROWS).split(12):
            loop.step(x[rows], y[rows])


def the_whole_set_each_time(loop: Loop) -> None:
    for _ in range(12):
        loop.step(*loop.data.tensors)


def drawn_by_hand(loop: Loop) -> None:
    x, y = loop.data.tensors
    for _ in range(12):
        rows = torch.randint(ROWS, (12,))
        loop.step(x[rows], y[rows])


def accumulated(loop: Loop) -> None:
    for number, (x, y) in enumerate(itertools.chain(loop.loader(), loop.loader(), loop.loader())):
        (F.mse_loss(loop.model(x), y) / 2).backward()
        if number % 2:
            loop.optimizer.step()
            loop.optimizer.zero_grad()


def clipped(loop: Loop) -> None:
    for x, y in itertools.chain(loop.loader(), loop.loader()):
        loop.optimizer.zero_grad()
        F.mse_loss(loop.model(x), y).backward()
        nn.utils.clip_grad_norm_(loop.model.parameters(), 1.0, error_if_nonfinite=True)
        nn.utils.clip_grad_value_(loop.model.parameters(), 0.5)
        loop.optimizer.step()


def recursive(loop: Loop, left: int = 12) -> None:
    if left:
        loop.step(*loop.data[torch.randperm(ROWS)[:12].tolist()])
        recursive(loop, left - 1)


def by_comprehension(loop: Loop) -> None:
    _ = [[loop.step(x, y) for x, y in loop.loader()] for _ in range(3)]


def by_map(loop: Loop) -> None:
    list(itertools.starmap(loop.step, itertools.chain(loop.loader(), loop.loader())))


def by_reduce(loop: Loop) -> None:
    functools.reduce(lambda total, batch: total + loop.step(*batch), loop.loader(), 0.0)


def by_coroutine(loop: Loop) -> None:
    async def step(batch: list[Tensor]) -> float:
        await asyncio.sleep(0)
        return loop.step(*batch)

    async def run() -> None:
        for batch in itertools.chain(loop.loader(), loop.loader()):
            await step(batch)

    asyncio.run(run())


def by_generator(loop: Loop) -> None:
    def steps() -> Iterator[float]:
        for batch in itertools.chain(loop.loader(), loop.loader()):
            yield loop.step(*batch)

    for _ in steps():
        pass


def in_a_pool_of_one(loop: Loop) -> None:
    with ThreadPoolExecutor(1) as pool:
        for batch in itertools.chain(loop.loader(), loop.loader()):
            pool.submit(loop.step, *batch).result()


def by_exec(loop: Loop) -> None:
    code = "for _ in range(3):\n    for x, y in loop.loader():\n        loop.step(x, y)\n"
    exec(compile(code, "<ipython-input-3-abc>", "exec"), {"loop": loop})


def by_exec_of_everything(loop: Loop) -> None:
    code = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 1)
    def forward(self, x):
        return self.layer(x)
net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for x, y in loop.loader():
    optimizer.zero_grad()
    loss = ((net(x) - y) ** 2).mean()
    loss.backward()
    optimizer.step()
    loop.losses.append(loss.item())
"""
    exec(code, {"nn": nn, "torch": torch, "loop": loop})


def with_errors_that_are_caught(loop: Loop) -> None:
    for number, (x, y) in enumerate(itertools.chain(loop.loader(), loop.loader())):
        try:
            loop.step(x if number % 3 else x[:, :2], y)
        except RuntimeError:
            loop.optimizer.zero_grad()


def interrupted(loop: Loop) -> None:
    try:
        for number, batch in enumerate(itertools.chain(loop.loader(), loop.loader())):
            loop.step(*batch)
            if number == 5:
                raise KeyboardInterrupt
    except KeyboardInterrupt:
        loop.evaluate()


def rolled_back(loop: Loop) -> None:
    for batch in itertools.chain(loop.loader(), loop.loader()):
        before = {n: t.clone() for n, t in loop.model.state_dict().items()}
        if loop.step(*batch) > 2:
            loop.model.load_state_dict(before)


def with_a_warm_up(loop: Loop) -> None:
    for number, batch in enumerate(itertools.chain(loop.loader(), loop.loader(), loop.loader())):
        for group in loop.optimizer.param_groups:
            group["lr"] = 0.05 * min(1.0, (number + 1) / 6)
        loop.step(*batch)


def with_a_fresh_model_each_fold(loop: Loop) -> None:
    for fold in range(3):
        held_out = set(range(fold * 16, fold * 16 + 16))
        model = network()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
        rows = [i for i in range(ROWS) if i not in held_out]
        for x, y in DataLoader(Subset(loop.data, rows), 8, shuffle=True):
            optimizer.zero_grad()
            loss = F.mse_loss(model(x), y)
            loss.backward()
            optimizer.step()
            loop.losses.append(loss.item())


def with_garbage_collected(loop: Loop) -> None:
    for batch in itertools.chain(loop.loader(), loop.loader()):
        loop.step(*batch)
        gc.collect(0)


def with_weights_looked_at(loop: Loop) -> None:
    for batch in itertools.chain(loop.loader(), loop.loader()):
        loop.step(*batch)
        loop.losses += [p.norm().item() for p in loop.model.parameters()]
        loop.losses += [p.grad.norm().item() for p in loop.model.parameters()]
        loop.losses += [float(len(str(loop.model))), float(len(repr(loop.optimizer)))]


LOOPS = [
    epochs, until_it_is_good, without_end, by_next, permuted_by_hand, the_whole_set_each_time, drawn_by_hand,
    accumulated, clipped, recursive, by_comprehension, by_map, by_reduce, by_coroutine, by_generator,
    in_a_pool_of_one, by_exec, by_exec_of_everything, with_errors_that_are_caught, interrupted, rolled_back,
    with_a_warm_up, with_a_fresh_model_each_fold, with_garbage_collected, with_weights_looked_at,
]  # fmt: skip


@pytest.mark.parametrize("run", LOOPS, ids=lambda run: run.__name__.replace("_", " "))
def test_shapes_of_loops(unharmed, run: Callable[[Loop], None]) -> None:
    def train() -> list[Tensor]:
        loop = Loop()
        run(loop)
        return loop.left()

    session = unharmed(train)
    assert session.run.steps
    assert session.run.backwards >= session.run.steps


def test_models_and_batches_are_let_go(unharmed) -> None:
    """Osler never keeps alive what the script has dropped."""
    dropped: list[bool] = []

    def train() -> list[Tensor]:
        loop = Loop()
        for x, y in loop.loader():
            loop.step(x, y)
        held = weakref.ref(loop.model), weakref.ref(loop.optimizer), weakref.ref(x)
        left = [p.detach().clone() for p in loop.left()]
        del loop, x, y
        gc.collect()
        dropped.append(not any(ref() is not None for ref in held))
        return left

    unharmed(train)
    assert dropped == [True] * 3


def test_two_networks_against_each_other(unharmed) -> None:
    def train() -> Iterator[Tensor]:
        maker, judge = nn.Linear(2, 3), network()
        both = [torch.optim.Adam(m.parameters(), lr=0.01) for m in (maker, judge)]
        for real, _ in DataLoader(data(), 12):
            made = maker(torch.randn(len(real), 2))
            both[1].zero_grad()
            ones, zeros = torch.ones(len(real), 1), torch.zeros(len(real), 1)
            right = F.binary_cross_entropy_with_logits(judge(real), ones)
            wrong = F.binary_cross_entropy_with_logits(judge(made.detach()), zeros)
            (right + wrong).backward()
            both[1].step()
            both[0].zero_grad()
            F.binary_cross_entropy_with_logits(judge(made), ones).backward()
            both[0].step()
        yield from (*maker.parameters(), *judge.parameters())

    assert set(unharmed(train).run.optimizers) == {"Adam", "Adam 2"}

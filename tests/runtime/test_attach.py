"""Attaching changes nothing that a script could notice, and detaching takes every change back."""

import copy
import importlib
import inspect
import io
import pickle
import pkgutil
import sys
import warnings
from collections.abc import Iterator
from types import FunctionType

import pytest
import torch
import torch._dynamo
import torch.nn.functional as F
from torch import nn
from torch._dynamo.utils import counters
from torch.optim import optimizer as optimizers
from torch.optim.lr_scheduler import LRScheduler
from torch.utils.data import DataLoader, TensorDataset

from osler.errors import UsageError
from osler.session import watch


def places() -> Iterator[object]:
    """Every module and class that a probe could have touched."""
    yield from (torch, torch.nn, F, torch.autograd, torch.amp, torch.utils.data, torch.nn.utils.clip_grad)
    for package in (torch.optim, torch.nn.modules, torch.utils.data):
        for info in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            yield importlib.import_module(info.name)
    yield from (nn.Module, torch.optim.Optimizer, DataLoader, LRScheduler, torch.Tensor)
    for name, module in list(sys.modules.items()):
        if name.startswith(("torch.nn", "torch.optim", "torch.autograd", "torch.amp", "torch.utils.data")):
            yield module
            yield from (thing for thing in vars(module).values() if inspect.isclass(thing))


def inventory() -> dict[tuple[int, str], tuple[object, object]]:
    """Each attribute of those places with the code behind it."""
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for place in places():
            for name, value in list(vars(place).items()):
                code = value.__code__ if isinstance(value, FunctionType) else None
                found[id(place), name] = (value, code)
    return found


def differences(before, after) -> set[str]:
    # Modules load others and fill their caches: a new name of torch's own is no trace of ours.
    changed = {
        name
        for (place, name), (value, code) in before.items()
        if (place, name) in after
        and (after[place, name][0] is not value or after[place, name][1] is not code)
        and (isinstance(value, FunctionType) or "osler" in repr(after[place, name]))
    }
    gone = {name for (_, name) in before.keys() - after.keys()}
    ours = {name for (place, name) in after.keys() - before.keys() if "osler" in name}
    return changed | gone | ours


def train(steps: int = 2) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 3))
    optimizer = torch.optim.Adam(model.parameters())
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1)
    data = TensorDataset(torch.randn(8, 4), torch.randint(3, (8,)))
    for _ in range(steps):
        for x, y in DataLoader(data, batch_size=4):
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        schedule.step()


def train_and_fail() -> None:
    train(1)
    raise ZeroDivisionError("mine")


def hooks() -> list[int]:
    tables = (optimizers._global_optimizer_pre_hooks, optimizers._global_optimizer_post_hooks)
    return [len(table) for table in tables]


@pytest.fixture(scope="module", autouse=True)
def warm() -> None:
    train()  # what torch loads and caches by itself is there before anything is compared


def test_everything_is_put_back():
    before = inventory()
    with watch(quiet=True) as session:
        assert differences(before, inventory()) >= {
            "__call__",
            "zero_grad",
            "cross_entropy",
            "backward",
            "__next__",
        }
        assert hooks() == [1, 1]
        train()
    assert differences(before, inventory()) == set()
    assert hooks() == [0, 0]
    assert session.run.steps == 4


def test_everything_is_put_back_after_an_exception():
    before = inventory()
    session = watch(quiet=True)
    with pytest.raises(ZeroDivisionError, match="mine"), session:
        train_and_fail()
    assert differences(before, inventory()) == set()
    assert hooks() == [0, 0]
    assert session.run.crash.message == "mine"


def test_everything_is_put_back_by_detaching_inside():
    before = inventory()
    session = watch(quiet=True)
    with session:
        session.detach()
        assert differences(before, inventory()) == set()
        train(1)
    assert session.run.steps == 0


def test_watching_twice_at_once_is_refused():
    with watch(quiet=True):
        with pytest.raises(UsageError, match="this process is already being watched") as caught, watch():
            pytest.fail("two sessions")
        assert caught.value.fix == "End the other `watch()` first."
        train(1)
    with watch(quiet=True):
        pass


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))


class Classifier(nn.Module):
    """Holds a function of torch and a loss, as users' models do."""

    def __init__(self):
        super().__init__()
        self.body, self.criterion, self.loss = net(), nn.CrossEntropyLoss(), F.cross_entropy

    def forward(self, x):
        return self.body(x)


def stored(model: nn.Module) -> bytes:
    file = io.BytesIO()
    torch.save(model, file)
    return file.getvalue()


def test_whole_models_are_saved_and_loaded_across_the_border():
    early, x = Classifier(), torch.randn(2, 4)
    before = stored(early)
    with watch(quiet=True):
        late = Classifier()
        late(x).sum().backward()
        torch.optim.SGD(late.parameters(), lr=0.0).step()
        during = [stored(early), stored(late)]
        reloaded = [torch.load(io.BytesIO(b), weights_only=False) for b in (before, *during)]
    after = [stored(early), stored(late), *map(stored, reloaded)]
    for data in (before, *during, *after):
        model = torch.load(io.BytesIO(data), weights_only=False)
        assert torch.equal(model(x), early(x))
        assert model.loss is F.cross_entropy


def test_copies_and_pickles():
    with watch(quiet=True):
        model = Classifier()
        model(torch.randn(2, 4)).sum().backward()
        optimizer = torch.optim.Adam(model.parameters())
        optimizer.step()
        schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1)
        for thing in (
            model,
            optimizer,
            schedule,
            F.cross_entropy,
            nn.functional.mse_loss,
            torch.autograd.backward,
        ):
            assert type(pickle.loads(pickle.dumps(thing))) is type(thing)
            assert type(copy.deepcopy(thing)) is type(thing)


def test_sources_signatures_and_names_stay():
    subjects = (F.cross_entropy, F.mse_loss, torch.autograd.backward, nn.utils.clip_grad_norm_, torch.compile)
    methods = (DataLoader.__iter__, torch.optim.Optimizer.zero_grad, LRScheduler.step, nn.Module.train)

    def seen():
        yield from (inspect.getsource(f) for f in subjects)
        for f in (*subjects, *methods):
            yield inspect.signature(f), f.__name__, f.__qualname__, f.__module__, f.__doc__

    before = list(seen())
    with watch(quiet=True):
        assert list(seen()) == before
        assert inspect.getsource(nn.Module.train) == inspect.getsource(inspect.unwrap(nn.Module.train))


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
def test_scripting_and_tracing():
    x, y = torch.randn(2, 4), torch.tensor([0, 1])
    with watch(quiet=True) as session:
        scripted = torch.jit.script(nn.CrossEntropyLoss())
        assert torch.equal(scripted(x, y), F.cross_entropy(x, y))
        model = net()
        assert torch.equal(torch.jit.script(model)(x), model(x))
        traced = torch.jit.trace(model, x)
        assert torch.equal(traced(x), model(x))
        assert "CallFunction" not in str(traced.graph)
    assert session.watcher.guard.failures == []


def test_exporting_and_symbolic_tracing():
    class WithLoss(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = net()

        def forward(self, x, y):
            return F.cross_entropy(self.body(x), y)

    args = (torch.randn(2, 4), torch.tensor([0, 1]))
    plain = str(torch.export.export(WithLoss(), args).graph)
    strict = str(torch.export.export(WithLoss(), args, strict=True).graph)
    symbolic = str(torch.fx.symbolic_trace(net()).graph)
    with watch(quiet=True) as session:
        assert str(torch.export.export(WithLoss(), args).graph) == plain
        assert str(torch.export.export(WithLoss(), args, strict=True).graph) == strict
        assert str(torch.fx.symbolic_trace(net()).graph) == symbolic
    assert session.watcher.guard.failures == []


class Compiled:
    """One training with something compiled; what dynamo made of it."""

    def __init__(self, case: str, backend: str) -> None:
        torch._dynamo.reset()
        counters.clear()
        torch.manual_seed(0)
        self.x, self.y = torch.randn(6, 4), torch.randint(3, (6,))
        self.model = Classifier()
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=0.1)
        self.forward, self.loss, self.step = self.model, F.cross_entropy, self.optimizer.step
        self.turn, self.backend = self.whole, backend
        getattr(self, case)(lambda f, **known: torch.compile(f, backend=backend, **known))
        self.values = [self.turn().item() for _ in range(4)]
        self.made = counters["stats"]["unique_graphs"], sum(counters["graph_break"].values())

    def whole(self):
        self.optimizer.zero_grad()
        loss = self.loss(self.forward(self.x), self.y)
        loss.backward()
        self.step()
        return loss

    def model_(self, compiled):
        self.forward = compiled(self.model, fullgraph=True)

    def model_in_place(self, compiled):
        self.model.compile(backend=self.backend, fullgraph=True)

    def loss_function(self, compiled):
        self.loss = compiled(F.cross_entropy, fullgraph=True)

    def loss_module(self, compiled):
        self.loss = compiled(nn.CrossEntropyLoss(), fullgraph=True)

    def model_and_loss(self, compiled):
        self.forward = lambda x: x
        self.loss = compiled(lambda x, y: F.cross_entropy(self.model(x), y), fullgraph=True)

    def modes_and_forward(self, compiled):
        def forward(x):
            self.model.eval()
            return self.model.train()(x)

        self.forward = compiled(forward, fullgraph=True)

    def optimizer_step(self, compiled):
        self.step = compiled(self.optimizer.step)

    def whole_turn(self, compiled):
        self.turn = compiled(self.whole)

    def whole_turn_clipped(self, compiled):
        def turn():
            self.optimizer.zero_grad()
            loss = F.cross_entropy(self.model(self.x), self.y)
            loss.backward()
            nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimizer.step()
            return loss

        self.turn = compiled(turn)


CASES = [
    "model_",
    "model_in_place",
    "loss_function",
    "loss_module",
    "model_and_loss",
    "modes_and_forward",
    "optimizer_step",
    "whole_turn",
    pytest.param("whole_turn_clipped", marks=pytest.mark.slow),
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("backend", ["aot_eager", pytest.param("inductor", marks=pytest.mark.slow)])
@pytest.mark.parametrize("case", CASES)
def test_compiling_makes_the_same_graphs_and_breaks(case, backend):
    plain = Compiled(case, backend)
    with watch(quiet=True) as session:
        watched = Compiled(case, backend)
    assert watched.made == plain.made
    assert plain.made[0] >= 1
    assert watched.values == plain.values
    assert session.watcher.guard.failures == []

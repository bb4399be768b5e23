"""Training comes out the same to the bit: with Osler, with a broken Osler, in threads and in children."""

import io
import multiprocessing
import os
import pdb
import random
import sys
import threading
from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.data import DataLoader, TensorDataset

from osler.runtime.guard import Gate
from osler.runtime.thinning import Thinning
from osler.session import Session, watch
from osler.settings import Settings


def train(epochs: int = 2, inside: Callable[[], object] = lambda: None, **loading: object) -> list[Tensor]:
    """A training that uses everything a probe touches; all that it leaves behind."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.2), nn.Linear(8, 3))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
    scaler = torch.amp.GradScaler("cpu")
    data = TensorDataset(torch.randn(24, 4), torch.randint(3, (24,)))
    losses = []
    for _ in range(epochs):
        model.train()
        for x, y in DataLoader(data, batch_size=6, shuffle=True, **loading):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            scaler.scale(loss).backward()
            scaler.unscale_(optimizer)
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            scaler.step(optimizer)
            scaler.update()
            losses.append(loss.detach())
            inside()
        schedule.step()
        model.eval()
        with torch.no_grad():
            losses.append(F.cross_entropy(model(data.tensors[0]), data.tensors[1]))
        losses += torch.autograd.grad(model(data.tensors[0]).sum(), list(model.parameters()))
    states = [t for state in optimizer.state.values() for t in state.values()]
    return [*losses, *model.parameters(), *model.buffers(), *states, torch.get_rng_state()]


def same(first: list[Tensor], second: list[Tensor]) -> bool:
    return len(first) == len(second) and all(map(torch.equal, first, second))


@pytest.fixture(scope="module")
def plain() -> list[Tensor]:
    return train()


def test_watched_is_the_same_as_plain(plain):
    random.seed(0)
    np.random.seed(0)
    others = random.getstate(), np.random.get_state()[1].tolist()
    with watch(quiet=True) as session:
        watched = train()
    assert same(watched, plain)
    assert others == (random.getstate(), np.random.get_state()[1].tolist())
    assert session.run.steps == 8
    assert session.watcher.guard.failures == []


class Faulty:
    """Every handler that goes through a gate; one of them raises."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seen: dict[tuple[str, str], int] = {}
        self.broken: tuple[str, str] | None = None
        enter = Gate.call

        def call(gate, handler, *args):
            if gate.guard.busy or not gate.open or gate.guard.unseen:
                return enter(gate, handler, *args)
            name = gate.name, getattr(handler, "__qualname__", repr(handler))
            self.seen[name] = self.seen.get(name, 0) + 1
            return enter(gate, fail if name == self.broken else handler, *args)

        monkeypatch.setattr(Gate, "call", call)


def fail(*_args: object) -> None:
    raise LookupError("a fault in Osler")


def test_a_fault_in_any_handler_costs_one_warning_and_nothing_else(plain, monkeypatch):
    faulty = Faulty(monkeypatch)
    with Session() as session:
        train()
    handlers = [name for name in faulty.seen if "lambda" not in name[1]]
    assert len(handlers) >= 15
    assert session.watcher.guard.failures == []
    for name in [*faulty.seen]:
        faulty.broken, warnings = name, []
        with Session(warn=warnings.append) as session:
            watched = train()
        assert same(watched, plain), name
        assert len(warnings) == 1, (name, warnings)
        assert warnings[0].startswith(
            f"stopped watching {name[0]}: LookupError: a fault in Osler (test_no_harm.py:"
        )
        assert session.diagnosis.cost.failures == tuple(warnings)


def test_every_handler_at_once(plain, monkeypatch):
    monkeypatch.setattr(Gate, "call", gate_that_fails)
    with Session(warn=lambda _: None) as session:
        assert same(train(), plain)
    assert session.run.steps == 0


def gate_that_fails(gate: Gate, *_args: object) -> None:
    if gate.open:
        gate.open = False
        gate.guard.failed(gate.name, LookupError("a fault in Osler"))


def test_a_warning_that_cannot_be_printed(plain, monkeypatch):
    faulty = Faulty(monkeypatch)
    faulty.broken = ("forward calls", "Forwards.begin")
    monkeypatch.setattr(sys, "stderr", None)
    with watch(quiet=True) as session:
        watched = train()
    assert same(watched, plain)
    assert len(session.watcher.guard.failures) == 1


def test_breakpoint_in_the_loop(plain, monkeypatch):
    stops = []

    def hook(*_args, **_known):
        stops.append(sys._getframe(1).f_code.co_name)

    monkeypatch.setattr(sys, "breakpointhook", hook)
    with watch(quiet=True):
        assert same(train(inside=lambda: breakpoint()), plain)
    assert stops == ["<lambda>"] * 8


def test_stepping_with_a_debugger(plain):
    shown = io.StringIO()
    orders = io.StringIO("up\np loss.shape\nnext\nnext\nstep\nreturn\nwhere\ncontinue\n")
    debugger = pdb.Pdb(stdin=orders, stdout=shown, nosigint=True, readrc=False)
    first = iter([True])

    def stop():
        if next(first, False):
            debugger.set_trace()

    tracer = sys.gettrace()
    try:
        with watch(quiet=True) as session:
            watched = train(inside=stop)
    finally:
        sys.settrace(tracer)
    assert same(watched, plain)
    assert "torch.Size([])" in shown.getvalue()
    assert session.watcher.guard.failures == []


def test_what_the_script_patches_stays_patched():
    def mine(scores, target):
        return (scores - target).pow(2).mean()

    before = F.mse_loss, nn.Module.__call__, torch.optim.Optimizer.zero_grad
    calls = []

    def called(self, *args, **kwargs):
        calls.append(type(self).__name__)
        return inner(self, *args, **kwargs)

    model = nn.Linear(2, 1)
    try:
        with watch(quiet=True) as session:
            inner = nn.Module.__call__
            F.mse_loss, nn.Module.__call__ = mine, called
            F.mse_loss(model(torch.randn(4, 2)), torch.zeros(4, 1)).backward()
        assert (F.mse_loss, nn.Module.__call__) == (mine, called)
        assert torch.optim.Optimizer.zero_grad is before[2]
        forwards = session.watcher.ledger.moments
        model(torch.randn(4, 2))
        assert calls == ["Linear", "Linear"]
        assert session.watcher.ledger.moments == forwards
    finally:
        F.mse_loss, nn.Module.__call__ = before[:2]


def test_patching_and_taking_it_back():
    with watch(quiet=True) as session:
        ours = nn.Module.__call__
        nn.Module.__call__ = lambda self, *args: ours(self, *args)
        nn.Module.__call__ = ours
        nn.Linear(2, 1)(torch.randn(1, 2))
    assert "osler" not in nn.Module.__call__.__code__.co_filename
    assert session.run.models


def in_thread(results: dict[str, object], name: str, ready: threading.Barrier) -> None:
    ready.wait()
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    model = nn.Linear(4, 3)
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.randn(p.shape, generator=generator))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(30):
        ready.wait()  # or all steps of one may pass during a single handler of the other
        x = torch.randn(5, 4, generator=generator)
        optimizer.zero_grad()
        model.train()
        F.cross_entropy(model(x), torch.tensor([0, 1, 2, 0, 1])).backward()
        optimizer.step()
    results[name] = list(model.parameters())


def threads(count: int) -> dict[str, object]:
    results: dict[str, object] = {}
    ready = threading.Barrier(count)
    workers = [threading.Thread(target=in_thread, args=(results, str(i), ready)) for i in range(count)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return results


def test_training_in_another_thread():
    plain = threads(1)
    with watch(quiet=True) as session:
        watched = threads(1)
    assert same(watched["0"], plain["0"])
    assert session.run.steps == 30
    assert session.run.blind == []
    assert session.diagnosis.checked
    assert session.run.parameters


def test_building_here_and_training_in_another_thread():
    model = nn.Linear(4, 3)
    with watch(quiet=True) as session:
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        model(torch.randn(2, 4))

        def work():
            for _ in range(5):
                optimizer.zero_grad()
                model(torch.randn(2, 4)).sum().backward()
                optimizer.step()

        for _ in range(2):
            worker = threading.Thread(target=work)
            worker.start()
            worker.join()
    assert session.run.steps == 10


def test_training_in_two_threads_at_once():
    plain = threads(1)
    for _ in range(3):
        with watch(quiet=True) as session:
            watched = threads(2)
        assert same(watched["0"], plain["0"])
        assert same(watched["1"], plain["0"])
        assert session.watcher.guard.failures == []
        assert [b.subject for b in session.run.blind] == ["other threads"]
        assert session.diagnosis.headlines == ()


@pytest.mark.parametrize("method", ["fork", pytest.param("spawn", marks=pytest.mark.slow)])
def test_loader_workers(method):
    loading = {"num_workers": 1, "multiprocessing_context": method}
    plain = train(**loading)
    with watch(quiet=True) as session:
        watched = train(**loading)
    assert same(watched, plain)
    assert session.run.steps == 8
    assert session.watcher.guard.failures == []


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_is_not_watched(plain, capfd):
    original = nn.Module.__call__
    with watch(settings=Settings(max_steps=1000)) as session:
        train(1)
        turns = session.run.turns
        child = os.fork()
        if child == 0:  # whatever goes wrong here must not return to pytest
            code = 1
            try:
                quiet = nn.Module.__call__ is original and same(train(), plain)
                code = 0 if quiet and session.run.turns == turns else 2
                session.__exit__(None, None, None)
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert nn.Module.__call__ is not original
    assert capfd.readouterr().err.count("osler:") == 1


def square(x: Tensor) -> float:
    return nn.Linear(2, 1)(x).sum().item()


def test_a_pool_of_processes():
    with watch(quiet=True) as session, multiprocessing.get_context("fork").Pool(1) as pool:
        assert len(pool.map(square, [torch.ones(1, 2)] * 2)) == 2
    assert session.run.patterns == []


class Listing(TorchDispatchMode):
    def __init__(self):
        super().__init__()
        self.seen = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.seen.append(str(func))
        return func(*args, **(kwargs or {}))


class ListingFunctions(TorchFunctionMode):
    def __init__(self):
        super().__init__()
        self.seen = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        self.seen.append(getattr(func, "__name__", str(func)))
        return func(*args, **(kwargs or {}))


def train_on():
    torch.manual_seed(0)
    loader = DataLoader(TensorDataset(torch.randn(96, 4), torch.randn(96, 1)), batch_size=4)
    model = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.99)
    for _ in range(4):
        for x, y in loader:
            optimizer.zero_grad()
            nn.functional.mse_loss(model(x), y).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
    return [p.detach().clone() for p in model.parameters()]


@pytest.mark.parametrize("mode", [Listing, ListingFunctions])
def test_the_scripts_own_modes_do_not_see_it_rest(mode, monkeypatch):
    rests = []
    begin = Thinning.begin
    monkeypatch.setattr(Thinning, "begin", lambda self: (rests.append(self), begin(self))[1])
    alone, beside = mode(), mode()
    with alone:
        plain = train_on()
    with watch(quiet=True, settings=Settings(overhead=1e-9)) as session, beside:
        watched = train_on()
    assert rests
    assert all(map(torch.equal, plain, watched))
    assert beside.seen == alone.seen
    assert session.run.steps == 96
    assert len(session.run.columns["loss"]) == 96
    assert session.watcher.guard.failures == []


@pytest.mark.parametrize("mode", [Listing, ListingFunctions])
def test_the_scripts_own_modes_do_not_see_osler(plain, mode):
    alone, beside = mode(), mode()
    with alone:
        train()
    with watch(quiet=True) as session, beside:
        watched = train()
    assert same(watched, plain)
    assert beside.seen == alone.seen
    assert session.run.steps == 8
    assert session.watcher.guard.failures == []

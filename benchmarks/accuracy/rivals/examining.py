"""The rivals that are handed a model, at its first backward: torchtest2, preflight-ml, guardtower and others.

    python examining.py RIVAL SCRIPT... [--overfit-steps N] [--seconds]

Their users would write the call into the script. Here it is made for them with the best that can be had: the
root module of the latest forward with its arguments, the optimizer that holds its parameters, the loss as a
function of output and target if a function of torch computes it from them, and the very loss otherwise.
preflight-ml gets the loader as well, or the batch in its place if the program does not use it as it comes.
torch-audit then watches thirty steps; the others answer at once. For each script, in a child of its own, one
line is printed: a JSON list of warnings and errors, or null if nothing could be handed over; with `--seconds`
an object of these rows and the seconds of CPU time.
"""

from __future__ import annotations

import argparse
import importlib
import io
import json
import os
import signal
import sys
import tempfile
import types
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn
from weakref import WeakKeyDictionary

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.optimizer import register_optimizer_step_post_hook
from torch.utils.data import DataLoader
from torch.utils.data.dataloader import _BaseDataLoaderIter

ANSWER = 99
"""File descriptor on which a child answers."""

SECONDS = 120
"""CPU time that a rival may take for one program."""

STEPS = 30
OVERFIT = 60
"""Steps of torchtest2's overfit experiment, of at most 200: these models are tiny."""

LOSSES = (
    "cross_entropy nll_loss mse_loss l1_loss smooth_l1_loss kl_div binary_cross_entropy ctc_loss "
    "binary_cross_entropy_with_logits"
).split()

Row = dict[str, Any]


class Scene:
    """What the program has done when it first goes backward."""

    def __init__(self) -> None:
        self.depth = 0
        self.overfit_steps = OVERFIT
        self.model: nn.Module | None = None
        self.inputs: tuple[Any, ...] = ()
        self.keywords: dict[str, Any] = {}
        self.output: Any = None
        self.loss_fn: Callable[..., Tensor] | None = None
        self.target: Any = None
        self.optimizers: list[torch.optim.Optimizer] = []
        self.loader: DataLoader[Any] | None = None
        self.batch: Any = None

    @property
    def data(self) -> Iterable[Any] | None:
        """The loader, if its newest batch is what model and loss are given, else a list of that one batch."""
        given = next(iter([*self.inputs, *self.keywords.values()]), None)
        if not isinstance(given, Tensor):
            return None
        pair = self.batch if isinstance(self.batch, tuple | list) and len(self.batch) > 1 else (None, None)
        as_it_comes = same(pair[0], given) and (self.target is None or same(pair[1], self.target))
        return self.loader if self.loader is not None and as_it_comes else [(given, self.target)]

    @property
    def optimizer(self) -> torch.optim.Optimizer | None:
        """The first optimizer that holds a parameter of the model, else the first."""
        own = {id(p) for p in self.model.parameters()} if self.model else set()
        holders = [
            o for o in self.optimizers if any(id(p) in own for g in o.param_groups for p in g["params"])
        ]
        return next(iter([*holders, *self.optimizers]), None)


def same(one: Any, other: Any) -> bool:
    """Whether two things are the same tensor, in values and shape."""
    return isinstance(one, Tensor) and isinstance(other, Tensor) and torch.equal(one, other)


def say(rows: list[Row] | None) -> NoReturn:
    """Answer and end, without the script's leftovers."""
    os.write(ANSWER, json.dumps(rows).encode())
    os._exit(0)


def watch(scene: Scene, act: Callable[[Scene, Tensor | None], None]) -> None:
    """Observe forwards, losses and optimizers; act when the first backward begins."""
    call, backward, init = nn.Module.__call__, Tensor.backward, torch.optim.Optimizer.__init__
    acted = False

    def called(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
        is_loss = type(self).__module__ == "torch.nn.modules.loss"
        is_root = scene.depth == 0 and torch.is_grad_enabled() and not is_loss and not acted
        if is_root:
            scene.model, scene.inputs, scene.keywords, scene.loss_fn = self, args, kwargs, None
        scene.depth += 1
        try:
            output = call(self, *args, **kwargs)
        finally:
            scene.depth -= 1
        if is_root:
            scene.output = output
        return output

    def built(self: torch.optim.Optimizer, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **kwargs)
        scene.optimizers.append(self)

    def back(self: Tensor, *args: Any, **kwargs: Any) -> None:
        nonlocal acted
        if not acted:
            acted = True
            act(scene, self)
        backward(self, *args, **kwargs)

    watch_loaders(scene)
    nn.Module.__call__ = called
    torch.optim.Optimizer.__init__ = built
    Tensor.backward = back
    for name in LOSSES:
        setattr(F, name, noticing(scene, getattr(F, name)))


def watch_loaders(scene: Scene) -> None:
    """Observe what loaders hand out."""
    owners: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()
    begin, draw = DataLoader.__iter__, _BaseDataLoaderIter.__next__

    def began(self: Any) -> Any:
        iterator = begin(self)
        owners[iterator] = self
        return iterator

    def handed(self: Any) -> Any:
        batch = draw(self)
        scene.loader, scene.batch = owners.get(self), batch
        return batch

    DataLoader.__iter__, _BaseDataLoaderIter.__next__ = began, handed


def noticing(scene: Scene, function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A loss function that remembers how it was called on the model's output."""

    def loss(given: Any, target: Any, *args: Any, **kwargs: Any) -> Tensor:
        if given is scene.output:
            scene.target = target
            scene.loss_fn = lambda out, t: function(out, t, *args, **kwargs)
        return function(given, target, *args, **kwargs)

    return loss


def torchtest2(scene: Scene, _: Tensor | None) -> None:
    """Its eighteen checks; a warning counts as one."""
    tested = importlib.import_module("torchtest2").check_model(
        scene.model,
        dict(scene.keywords) if scene.keywords and not scene.inputs else scene.inputs,
        scene.target if scene.loss_fn else None,
        loss_fn=scene.loss_fn,
        optimizer=scene.optimizer,
        overfit_steps=scene.overfit_steps,
        gradcheck=scene.overfit_steps > OVERFIT,
    )
    say([{"code": r.name, "message": r.message} for r in tested.results if str(r.status) in ("WARN", "FAIL")])


def preflight_ml(scene: Scene, _: Tensor | None) -> None:
    """Its ten checks; what it only tells, INFO, does not count."""
    if scene.data is None:
        say(None)
    results = importlib.import_module("preflight.runner").run_checks(
        dataloader=scene.data, model=scene.model, loss_fn=scene.loss_fn
    )
    bad = [r for r in results if not r.passed and r.severity.name in ("FATAL", "WARN")]
    say([{"code": r.name, "message": r.message} for r in bad])


def guardtower(scene: Scene, loss: Tensor | None) -> None:
    """Its audit of one step, computed anew where the loss can be computed from the output."""
    model, again = scene.model, scene.loss_fn
    if again is None and loss is None:
        say(None)
    step = (lambda: again(model(*scene.inputs, **scene.keywords), scene.target)) if again else (lambda: loss)
    tensors = [t for t in scene.inputs if isinstance(t, Tensor) and t.is_floating_point() and t.is_leaf]
    answer = importlib.import_module("guardtower").audit(
        model, step, optimizer=scene.optimizer, inputs=tensors if again and tensors else None
    )
    bad = [f for f in answer.findings if f.severity.label in ("WARN", "FAIL")]
    say([{"code": f.catalog_id or f.check, "message": f.message} for f in bad])


def torch_audit(scene: Scene, _: Tensor | None) -> None:
    """Its two lines of patching, then thirty steps; hints about speed count, as they are warnings there."""
    audit = importlib.import_module("torch_audit.runtime")
    auditor = audit.autopatch(scene.model, optimizer=scene.optimizer, every_n_steps=1, reporters=[])
    left = STEPS

    def count(*_: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            finish()

    def finish() -> None:
        rows = {
            f.rule_id: f.message for f in auditor.findings if f.severity.value in ("WARN", "ERROR", "FATAL")
        }
        say([{"code": code, "message": message} for code, message in rows.items()])

    register_optimizer_step_post_hook(count)
    at_the_end.append(finish)


at_the_end: list[Callable[[], None]] = []
RIVALS = {
    "torchtest2": torchtest2,
    "preflight-ml": preflight_ml,
    "guardtower": guardtower,
    "torch-audit": torch_audit,
}
MODULES = {"preflight-ml": "preflight"}
"""Names under which they are imported, where that is not their own."""


def perform(rival: str, script: Path, overfit_steps: int) -> None:
    """In the child: run the script until the rival has answered."""
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    sys.argv = [str(script)]
    sys.path.insert(0, str(script.parent))
    act = RIVALS[rival]

    def guarded(scene: Scene, loss: Tensor | None) -> None:
        if scene.model is None or scene.optimizer is None:
            say(None)
        try:
            act(scene, loss)
        except Exception as error:  # noqa: BLE001 - a rival that breaks has said so
            broken = {"code": "crash", "message": f"{type(error).__name__}: {error}"}
            say([broken] if loss is not None else None)

    module = types.ModuleType("__main__")
    module.__file__ = str(script)
    sys.modules["__main__"] = module
    scene = Scene()
    scene.overfit_steps = overfit_steps
    watch(scene, guarded)
    sys.stdout = sys.stderr = io.StringIO()
    with suppress(BaseException):  # a faulty program may end as it likes
        exec(compile(script.read_text(), str(script), "exec"), module.__dict__)
    if not at_the_end:
        guarded(scene, None)  # the program has ended before its first backward
    for end in at_the_end:
        end()
    say(None)


def main() -> None:
    """A child for each script; torch and the rival are imported once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rival", choices=RIVALS)
    parser.add_argument("scripts", nargs="+", type=Path)
    parser.add_argument("--overfit-steps", type=int, default=OVERFIT)
    parser.add_argument("--seconds", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    importlib.import_module(MODULES.get(options.rival, options.rival.replace("-", "_")))
    for script in options.scripts:
        with tempfile.TemporaryFile() as answer:
            child = os.fork()
            if not child:
                os.dup2(answer.fileno(), ANSWER)
                perform(options.rival, script, options.overfit_steps)
            *_, usage = os.wait4(child, 0)
            answer.seek(0)
            told = answer.read().decode() or json.dumps([{"code": "crash", "message": "no answer"}])
            if options.seconds:
                seconds = round(usage.ru_utime + usage.ru_stime, 1)
                told = json.dumps({"rows": json.loads(told), "seconds": seconds})
            print(told.replace("\n", " "), flush=True)


if __name__ == "__main__":
    main()

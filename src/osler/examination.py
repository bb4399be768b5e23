"""The experiments of a pre-flight on a model that somebody holds in their hands."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Mapping
from time import perf_counter
from typing import TYPE_CHECKING, Any, cast

from osler.engine.diagnose import diagnose
from osler.model import Answer, Diagnosis, Run
from osler.report.wording import answered

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer

    from osler.replay.turn import Seen, Turn


def preflight(
    *,
    model: nn.Module,
    loss: Callable[..., Tensor],
    batch: Any,  # noqa: ANN401 - whatever the loader hands out
    optimizer: Optimizer,
    budget: float = 60.0,
    quiet: bool = False,
) -> Diagnosis:
    """Make the experiments of ``osler preflight`` on one batch; afterwards everything is as it was.

    Args:
        model: called with the inputs of the batch, in the mode that it is in.
        loss: called with what the model returns and the targets; with a mapping, with that and the batch.
        batch: inputs and targets; of more than two the last are the targets. The items of a mapping are
            named arguments of the model.
        optimizer: holds the parameters of the model.
        budget: seconds for the experiments.
        quiet: do not print the answers.

    Example:
        ``osler.preflight(model=net, loss=nn.CrossEntropyLoss(), batch=next(iter(loader)), optimizer=adam)``
    """
    from osler.preflight.bench import Bench
    from osler.preflight.plan import Notebook, conduct
    from osler.replay.first import First
    from osler.replay.observer import Observer
    from osler.replay.snapshot import Snapshot, in_training
    from osler.replay.trees import cloned
    from osler.replay.turn import Pool
    from osler.runtime.guard import Guard
    from osler.runtime.patches import Patches

    observer, patches = Observer(), Patches()
    notebook = Notebook(ignore if quiet else show)

    def turn() -> Seen:
        observer.ignoring = False
        step(model, loss, cloned(batch), optimizer)
        observer.ignoring = True
        return observer.take()

    snapshot = Snapshot({id(t): t for t in (*in_training(), model, optimizer)}.values())
    observer.install(patches)
    try:
        start = perf_counter()
        seen, seconds = turn(), perf_counter() - start
        observer.capturing = False
        first = First(snapshot, seen, Pool([{0: batch}]), seconds)
        bench = Bench(first, observer, start + budget, turn_seconds=seconds, pretrained=True)
        carry_out(conduct(bench, notebook, Guard(warn)), turn)
    finally:
        patches.undo()
        snapshot.restore()
    return diagnose(Run(ended=True), setup=notebook.setup)


def carry_out(plan: Generator[Turn, Seen, None], turn: Callable[[], Seen]) -> None:
    """Make all the turns that are wanted."""
    wanted = next(plan, None)
    while wanted is not None:
        try:
            wanted = plan.send(turn())
        except StopIteration:
            return


def step(model: nn.Module, loss: Callable[..., Tensor], batch: Any, optimizer: Optimizer) -> None:  # noqa: ANN401
    """One step of training."""
    optimizer.zero_grad(set_to_none=True)
    if isinstance(batch, Mapping):
        value = loss(model(**batch), batch)
    else:
        *inputs, target = cast("list[Any]", batch)
        value = loss(model(*inputs), target)
    cast("Any", value).backward()
    optimizer.step()


def show(answer: Answer) -> None:
    """Print an answer to stderr."""
    print(f"osler: {answered(answer)}", file=sys.stderr)  # noqa: T201


def ignore(_: Answer) -> None:
    """Print nothing."""


def warn(sentence: str) -> None:
    """An experiment has failed: its answer says so."""
    del sentence

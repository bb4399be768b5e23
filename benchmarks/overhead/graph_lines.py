"""What it costs to know the line of every operation: our answers to torch's questions beside torch's own.

    python benchmarks/overhead/graph_lines.py

Forwards of a transformer encoder of 4 layers, plain, with our answers and with torch's whole stacks,
one after another in one process; medians of the processor time, per operation in the graph.
"""

import time
from collections.abc import Callable
from statistics import median

import torch
from torch import Tensor, nn

from osler.runtime import graph_lines
from osler.runtime.graph_lines import GraphLines
from osler.runtime.guard import Guard
from osler.runtime.userlines import UserLines

ROUNDS = 40

torch.set_num_threads(1)
graph_lines.MOST = 10 * ROUNDS
model = nn.TransformerEncoder(nn.TransformerEncoderLayer(64, 4, 128, batch_first=True), 4)
inputs = torch.randn(8, 16, 64)
lines = GraphLines(UserLines(), Guard(print).gate("lines of operations"))


def plain() -> Tensor:
    """A forward alone."""
    return model(inputs).pow(2).mean()


def ours() -> Tensor:
    """A forward in which the lines are asked for."""
    lines.open()
    loss = plain()
    lines.close()
    return loss


def theirs() -> Tensor:
    """A forward in torch's anomaly mode."""
    torch.set_anomaly_enabled(True, False)
    loss = plain()
    torch.set_anomaly_enabled(False)
    return loss


def operations(loss: Tensor) -> int:
    """Operations in the graph of a loss, without the leaves."""
    todo = [loss.grad_fn]
    seen = {*todo}
    while todo:
        for node, _ in todo.pop().next_functions:
            if node is not None and node not in seen:
                seen.add(node)
                todo.append(node)
    return sum(type(node).__name__ != "AccumulateGrad" for node in seen)


def seconds(forward: Callable[[], Tensor]) -> float:
    """Processor time of one forward."""
    start = time.process_time()
    forward()
    return time.process_time() - start


if __name__ == "__main__":
    ways = (plain, ours, theirs)
    for way in ways:
        way()
    taken = {way: [] for way in ways}
    for _ in range(ROUNDS):
        for way in ways:
            taken[way].append(seconds(way))
    count = operations(plain())
    bare = median(taken[plain])
    print(f"{count} operations, {bare * 1e3:.1f} ms plain")
    for way in (ours, theirs):
        extra = median(taken[way]) - bare
        print(
            f"{way.__name__:7} {extra / count * 1e6:6.1f} µs per operation, {extra / bare:5.2f} of a forward"
        )

"""Does what stands at padding change what a transformer says of the rest?"""

from __future__ import annotations

import inspect
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm  # pyright: ignore[reportPrivateUsage]
from torch.nn.modules.conv import _ConvNd  # pyright: ignore[reportPrivateUsage]

from osler.model import counted
from osler.model.setupfacts import LeakyPaddingFact
from osler.preflight.bench import Bench, main_output
from osler.preflight.outcome import Outcome, Steps
from osler.preflight.padding import filled_axis
from osler.replay.turn import ForwardCall

QUESTION = "does padding change what the model says of the rest?"
COST = 0
ATTENTION = (
    nn.MultiheadAttention, nn.TransformerEncoderLayer, nn.TransformerDecoderLayer,
    nn.TransformerEncoder, nn.TransformerDecoder, nn.Transformer,
)  # fmt: skip
CARRIERS = (_ConvNd, nn.RNNBase, nn.RNNCellBase, _BatchNorm)
"""Layers that carry padding to its neighbours whatever a mask says."""

SMALL = 1e-4
"""Change, over the largest output, that rounding does not make."""


def reason(bench: Bench) -> str:
    """Why it cannot be asked."""
    if bench.forward is None:
        return "no model was called in the first turn"
    layers = list(bench.forward.module.modules())
    if not any(isinstance(layer, ATTENTION) for layer in layers):
        return "the model has no attention layer of torch"
    if not any(isinstance(layer, nn.Embedding) and layer.padding_idx is not None for layer in layers):
        return "no embedding of the model has a `padding_idx`"
    carrier = next((layer for layer in layers if isinstance(layer, CARRIERS)), None)
    return f"{type(carrier).__name__} layers carry padding to its neighbours by design" if carrier else ""


@dataclass(slots=True, eq=False)
class Ears:
    """What layers are called with.

    Attributes:
        padded: embeddings that are given sequences filled up with their `padding_idx`, and where that stands.
        mixed: embeddings that are given it elsewhere too.
        masked: some attention layer is given a mask.
        left_out: positions (batch, time) that key padding masks tell attention to leave out.
    """

    padded: dict[nn.Embedding, Tensor] = field(default_factory=dict[nn.Embedding, Tensor])
    mixed: set[nn.Embedding] = field(default_factory=set[nn.Embedding])
    masked: bool = False
    left_out: list[Tensor] = field(default_factory=list[Tensor])

    def embeds(self, layer: nn.Embedding, args: tuple[Any, ...]) -> None:
        """An embedding is called."""
        places = args[0] == layer.padding_idx
        known = self.padded.get(layer)
        if known is not None and torch.equal(known, places):
            return
        if known is None and places.dim() == 2 and filled_axis(places) is not None:
            self.padded[layer] = places
        elif places.any():
            self.mixed.add(layer)

    def attends(self, layer: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """An attention layer is called."""
        given = inspect.signature(type(layer).forward).bind_partial(layer, *args, **kwargs).arguments
        masks = {name: value for name, value in given.items() if "mask" in name and isinstance(value, Tensor)}
        self.masked |= bool(masks)
        for mask in (value for name, value in masks.items() if "key_padding" in name):
            self.left_out.append(mask if mask.dtype is torch.bool else mask == float("-inf"))

    @property
    def inverted(self) -> bool:
        """Whether some attention layer leaves out what is real and keeps what is padding, exactly."""
        kept = [~places if filled_axis(places) == 1 else ~places.T for places in self.padded.values()]
        return any(
            out.shape == real.shape and torch.equal(out, real) for out in self.left_out for real in kept
        )

    @contextmanager
    def listening(self, model: nn.Module) -> Generator[None]:
        """Listen to the layers of a model."""
        hooks = [m.register_forward_pre_hook(self.embeds) for m in model.modules()
                 if isinstance(m, nn.Embedding) and m.padding_idx is not None]  # fmt: skip
        hooks += [m.register_forward_pre_hook(self.attends, with_kwargs=True) for m in model.modules()
                  if isinstance(m, ATTENTION)]  # fmt: skip
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()


def perform(bench: Bench) -> Steps:
    """Put something else into the row of the embedding that stands for padding."""
    yield from ()
    forward, ears = bench.forward, Ears()
    assert forward is not None
    bench.calm()  # not evaluation: there torch takes shortcuts that wipe padding out
    with ears.listening(forward.module):
        base, again = main_output(bench.call(forward)), main_output(bench.call(forward))
        rows = {layer: places for layer, places in ears.padded.items() if layer not in ears.mixed}
        with another_padding(list(rows)):
            other = main_output(bench.call(forward))
    if not rows:
        return Outcome(skipped="no sequence of the first batch is filled up with `padding_idx`")
    if base is not None and ears.inverted and not bool(base.isfinite().all()):
        return Outcome("yes: attention leaves out all but the padding", {}, (broken(forward, base),))
    if base is None or again is None or other is None or not torch.equal(base, again):
        return Outcome(skipped="two calls with the same batch differ")
    real = real_places(base, list(rows.values()))
    if real is None:
        return Outcome(skipped="the output is neither one of each position nor one of each sequence")
    for layer in rows:
        if base.shape[-1] == layer.num_embeddings:  # the row may score the padding itself: tied weights
            kept = torch.arange(base.shape[-1], device=base.device) != layer.padding_idx
            base, other = base[..., kept], other[..., kept]
    change = (other - base).abs().flatten(real.dim()).amax(-1)[real] / (float(base.abs().max()) or 1.0)
    changed, apart = int((change > SMALL).sum()), float(change.max())
    fact = LeakyPaddingFact(
        type(forward.module).__name__, changed, int(real.sum()), apart, ears.masked,
        "real positions" if real.dim() == 2 else "samples", forward.site, ears.inverted,
    )  # fmt: skip
    told = f"yes: {changed} of {counted(int(real.sum()), 'output')} change" if changed else "no"
    return Outcome(told, {"changed": changed, "difference": apart}, (fact,))


def broken(forward: ForwardCall, base: Tensor) -> LeakyPaddingFact:
    """A sequence without padding, of which all that is real is left out, leaves attention nothing."""
    samples = int((~base.isfinite()).reshape(len(base), -1).any(1).sum())
    name = type(forward.module).__name__
    return LeakyPaddingFact(name, samples, len(base), float("nan"), True, "samples", forward.site, True)


@contextmanager
def another_padding(layers: list[nn.Embedding]) -> Generator[None]:
    """Meanwhile padding is embedded as something else."""
    before = [layer.weight.detach()[layer.padding_idx].clone() for layer in layers]
    numbers = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for layer in layers:
            row = torch.randn(layer.embedding_dim, generator=numbers).to(layer.weight)
            layer.weight[layer.padding_idx] = row * (layer.weight.std() + 1)
    try:
        yield
    finally:
        with torch.no_grad():
            for layer, row in zip(layers, before, strict=True):
                layer.weight[layer.padding_idx] = row


def real_places(output: Tensor, padded: list[Tensor]) -> Tensor | None:
    """Which outputs are about something else than padding: per position, or per sequence."""
    same = [places for places in padded if places.shape == output.shape[:2]]
    if output.dim() > 2 and same:
        return ~torch.stack(same).any(0)
    axes = {places.shape[1 - (filled_axis(places) or 0)] for places in padded}
    if output.dim() == 2 and axes == {len(output)}:
        return torch.ones(len(output), dtype=torch.bool, device=output.device)
    return None

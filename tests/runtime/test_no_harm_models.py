"""Models of every kind that torch offers: the same to the bit with Osler as without, and no finding."""

from collections.abc import Callable
from itertools import chain

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torch.utils.checkpoint import checkpoint, checkpoint_sequential

torch.set_num_threads(1)

STEPS, ROWS, WIDTH, LENGTH = 10, 12, 4, 5

Build = Callable[[], nn.Module]


class Through(nn.Module):
    """A layer between two others, given what it needs by a function."""

    def __init__(self, layer: nn.Module, call: Callable[[nn.Module, Tensor], Tensor], first: int = 8) -> None:
        super().__init__()
        self.first, self.layer, self.last = nn.Linear(3, first), layer, nn.LazyLinear(WIDTH)
        self.call = call

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.call(self.layer, self.first(x)).flatten(1))


def direct(layer: nn.Module, h: Tensor) -> Tensor:
    return layer(h)


def images(layer: nn.Module, h: Tensor) -> Tensor:
    return layer(h.view(ROWS, 2, 2, 2))


def signals(layer: nn.Module, h: Tensor) -> Tensor:
    return layer(h.view(ROWS, 2, 4))


def volumes(layer: nn.Module, h: Tensor) -> Tensor:
    return layer(h.view(ROWS, 1, 2, 2, 2))


def words(layer: nn.Module, h: Tensor) -> Tensor:
    return layer(h.view(ROWS, 2, 4))


def scanned(layer: nn.Module, h: Tensor) -> Tensor:
    return layer(h.view(ROWS, 2, 4).transpose(0, 1))[0].transpose(0, 1)


def packed(layer: nn.Module, h: Tensor) -> Tensor:
    sequences = pack_padded_sequence(h.view(ROWS, 2, 4), [2] * 6 + [1] * 6, batch_first=True)
    return pad_packed_sequence(layer(sequences)[0], batch_first=True)[0]


def stepwise(cell: nn.Module, h: Tensor) -> Tensor:
    state = None
    for part in h.view(ROWS, 2, 4).unbind(1):
        state = cell(part, state)
    return state[0] if isinstance(state, tuple) else state


def attended(layer: nn.Module, h: Tensor) -> Tensor:
    parts = h.view(ROWS, 2, 4)
    return layer(parts, parts, parts, need_weights=False)[0]


def both(layer: nn.Module, h: Tensor) -> Tensor:
    return layer(h.view(ROWS, 2, 4), h.view(ROWS, 2, 4))


def bilinear(layer: nn.Module, h: Tensor) -> Tensor:
    return layer(h[:, :4], h[:, 4:])


LAYERS = {
    "BatchNorm1d": (lambda: nn.BatchNorm1d(8), direct),
    "BatchNorm1d of signals": (lambda: nn.BatchNorm1d(2), signals),
    "BatchNorm1d without statistics": (lambda: nn.BatchNorm1d(8, track_running_stats=False), direct),
    "BatchNorm1d with a plain mean": (lambda: nn.BatchNorm1d(8, momentum=None), direct),
    "BatchNorm1d without weights": (lambda: nn.BatchNorm1d(8, affine=False), direct),
    "BatchNorm2d": (lambda: nn.BatchNorm2d(2), images),
    "BatchNorm3d": (lambda: nn.BatchNorm3d(1), volumes),
    "GroupNorm": (lambda: nn.GroupNorm(2, 8), direct),
    "LayerNorm": (lambda: nn.LayerNorm(8), direct),
    "RMSNorm": (lambda: nn.RMSNorm(8), direct),
    "InstanceNorm1d": (lambda: nn.InstanceNorm1d(2, affine=True), signals),
    "InstanceNorm2d with statistics": (lambda: nn.InstanceNorm2d(2, track_running_stats=True), images),
    "LocalResponseNorm": (lambda: nn.LocalResponseNorm(2), images),
    "Dropout": (lambda: nn.Dropout(0.3), direct),
    "Dropout2d": (lambda: nn.Dropout2d(0.3), images),
    "AlphaDropout": (lambda: nn.AlphaDropout(0.2), direct),
    "RReLU": (lambda: nn.RReLU(), direct),
    "PReLU": (lambda: nn.PReLU(), direct),
    "ReLU in place": (lambda: nn.Sequential(nn.Linear(8, 8), nn.ReLU(inplace=True)), direct),
    "Conv1d": (lambda: nn.Conv1d(2, 3, 3, padding="same"), signals),
    "Conv2d": (lambda: nn.Conv2d(2, 3, 1), images),
    "Conv3d": (lambda: nn.Conv3d(1, 2, 2), volumes),
    "ConvTranspose2d": (lambda: nn.ConvTranspose2d(2, 1, 2), images),
    "pooling": (lambda: nn.Sequential(nn.Conv2d(2, 3, 1), nn.AdaptiveAvgPool2d(1)), images),
    "pooling that keeps places": (lambda: nn.MaxPool2d(2, return_indices=True), lambda m, h: images(m, h)[0]),
    "Bilinear": (lambda: nn.Bilinear(4, 4, 6), bilinear),
    "RNN": (lambda: nn.RNN(4, 6), scanned),
    "GRU of two layers both ways": (lambda: nn.GRU(4, 6, num_layers=2, bidirectional=True), scanned),
    "LSTM": (lambda: nn.LSTM(4, 6), scanned),
    "LSTM of packed sequences": (lambda: nn.LSTM(4, 6, batch_first=True), packed),
    "GRU with dropout": (lambda: nn.GRU(4, 6, num_layers=2, dropout=0.2), scanned),
    "RNNCell": (lambda: nn.RNNCell(4, 6), stepwise),
    "GRUCell": (lambda: nn.GRUCell(4, 6), stepwise),
    "LSTMCell": (lambda: nn.LSTMCell(4, 6), stepwise),
    "attention": (lambda: nn.MultiheadAttention(4, 2, batch_first=True), attended),
    "an encoder": (lambda: nn.TransformerEncoderLayer(4, 2, 8, batch_first=True), words),
    "a decoder": (lambda: nn.TransformerDecoderLayer(4, 2, 8, batch_first=True), both),
    "a transformer": (
        lambda: nn.Transformer(4, 2, 1, 1, 8, batch_first=True),
        both,
    ),
    "LazyConv2d": (lambda: nn.LazyConv2d(3, 1), images),
    "LazyBatchNorm1d": (lambda: nn.LazyBatchNorm1d(), direct),
    "ChannelShuffle": (lambda: nn.ChannelShuffle(2), images),
    "Fold and Unfold": (lambda: nn.Sequential(nn.Unfold(2), nn.Fold((2, 2), 2)), images),
    "weight_norm": (lambda: parametrizations.weight_norm(nn.Linear(8, 6)), direct),
    "spectral_norm": (lambda: parametrizations.spectral_norm(nn.Linear(8, 6)), direct),
    "orthogonal": (lambda: parametrizations.orthogonal(nn.Linear(8, 8)), direct),
    "a parametrization of one's own": (lambda: symmetric(nn.Linear(8, 8)), direct),
    "a frozen layer": (lambda: nn.Linear(8, 8).requires_grad_(False), direct),
    "Identity": (lambda: nn.Identity(), direct),
}


class Symmetric(nn.Module):
    def forward(self, weight: Tensor) -> Tensor:
        return weight.triu() + weight.triu(1).T


def symmetric(layer: nn.Module) -> nn.Module:
    parametrize.register_parametrization(layer, "weight", Symmetric())
    return layer


def trained(model: nn.Module, *, dtype: torch.dtype = torch.float32) -> list[Tensor]:
    if dtype != torch.float32:
        model.to(dtype)
    model(torch.ones(ROWS, 3, dtype=dtype))  # lazy layers learn their size
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.01)
    left: list[Tensor] = []
    for _ in range(STEPS):
        x = torch.randn(ROWS, 3, dtype=dtype)
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), x.sin().sum(1, keepdim=True).expand(-1, WIDTH))
        loss.backward()
        optimizer.step()
        left.append(loss.detach())
    model.eval()
    with torch.no_grad():
        left.append(model(torch.ones(ROWS, 3, dtype=dtype)))
    return [*left, *model.parameters(), *model.buffers()]


@pytest.mark.parametrize(("build", "call"), LAYERS.values(), ids=LAYERS)
def test_every_kind_of_layer(unharmed, build: Build, call: Callable[..., Tensor]) -> None:
    session = unharmed(lambda: trained(Through(build(), call)))
    assert session.run.steps == STEPS
    assert "Through" in session.run.models


def stack() -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, WIDTH))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16], ids=str)
def test_other_types_of_float(unharmed, dtype: torch.dtype) -> None:
    assert unharmed(lambda: trained(stack(), dtype=dtype)).run.steps == STEPS


class Held(nn.Module):
    """Holds what it is made of in one of the many ways there are."""

    def __init__(self, forward: Callable[["Held", Tensor], Tensor], **parts: object) -> None:
        super().__init__()
        self.own = forward
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x: Tensor) -> Tensor:
        return self.own(self, x)


def matrix(*shape: int) -> nn.Parameter:
    return nn.Parameter(torch.randn(*shape) * 0.3)


def bare() -> Held:
    return Held(lambda m, x: (x @ m.one).tanh() @ m.two, one=matrix(3, 8), two=matrix(8, WIDTH))


def tied() -> Held:
    model = Held(lambda m, x: m.last(m.mid(m.first(x).tanh()).tanh()), first=nn.Linear(3, 4))
    model.mid, model.last = nn.Linear(4, 4), nn.Linear(4, 4)
    model.last.weight = model.mid.weight
    return model


def rotated() -> Held:
    """Complex weights, as layers of Fourier operators have them."""
    return Held(
        lambda m, x: (torch.fft.rfft(m.first(x)) * m.filter).abs() @ m.last,
        first=nn.Linear(3, 8),
        filter=nn.Parameter(torch.randn(5, dtype=torch.cfloat) * 0.3),
        last=matrix(5, WIDTH),
    )


def gated(m: Held, x: Tensor) -> Tensor:
    chances = m.gate(x).softmax(1)
    return sum(chances[:, i : i + 1] * expert(x) for i, expert in enumerate(m.experts))


def in_place(m: Held, x: Tensor) -> Tensor:
    h = m.first(x)
    h += 1.0
    h.mul_(0.5).clamp_(-3, 3)
    h[:, 0] = x.sum(1)
    return m.last(h.relu_())


def branches(m: Held, x: Tensor) -> Tensor:
    return m.last(m.left(x) if float(x.detach().sum()) > 0 else m.right(x))


MODELS: dict[str, Build] = {
    "a stack": stack,
    "bare parameters": bare,
    "a ParameterList": lambda: Held(
        lambda m, x: (x @ m.all[0]).tanh() @ m.all[1],
        all=nn.ParameterList([matrix(3, 8), matrix(8, WIDTH)]),
    ),
    "a ParameterDict": lambda: Held(
        lambda m, x: (x @ m.all["in"]).tanh() @ m.all["out"],
        all=nn.ParameterDict({"in": matrix(3, 8), "out": matrix(8, WIDTH)}),
    ),
    "a ModuleList": lambda: Held(
        lambda m, x: sum(part(x) for part in m.all),
        all=nn.ModuleList([nn.Linear(3, WIDTH) for _ in range(3)]),
    ),
    "a ModuleDict with odd names": lambda: Held(
        lambda m, x: sum(part(x) for part in m.all.values()),
        all=nn.ModuleDict({"größe": nn.Linear(3, WIDTH), "two words": nn.Linear(3, WIDTH)}),
    ),
    "tied weights": tied,
    "one layer used twice": lambda: Held(
        lambda m, x: m.last(m.mid(m.mid(m.first(x)).tanh()).tanh()),
        first=nn.Linear(3, 8),
        mid=nn.Linear(8, 8),
        last=nn.Linear(8, WIDTH),
    ),
    "complex numbers": rotated,
    "a mixture of experts": lambda: Held(
        gated, gate=nn.Linear(3, 3), experts=nn.ModuleList([nn.Linear(3, WIDTH) for _ in range(3)])
    ),
    "operations in place": lambda: Held(in_place, first=nn.Linear(3, 8), last=nn.Linear(8, WIDTH)),
    "one way or the other": lambda: Held(
        branches, left=nn.Linear(3, 8), right=nn.Linear(3, 8), last=nn.Linear(8, WIDTH)
    ),
    "checkpoints": lambda: Held(
        lambda m, x: m.last(checkpoint(m.body, x, use_reentrant=False)),
        body=nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.1), nn.Tanh()),
        last=nn.Linear(8, WIDTH),
    ),
    "reentrant checkpoints": lambda: Held(
        lambda m, x: m.last(
            checkpoint(m.body, m.first(x), use_reentrant=True) if m.training else m.body(m.first(x))
        ),
        first=nn.Linear(3, 8),
        body=nn.Sequential(nn.Linear(8, 8), nn.Tanh()),
        last=nn.Linear(8, WIDTH),
    ),
    "a sequence of checkpoints": lambda: Held(
        lambda m, x: checkpoint_sequential(m.body, 2, x, use_reentrant=False), body=stack()
    ),
    "a scripted part": lambda: nn.Sequential(
        nn.Linear(3, 8), torch.jit.script(nn.Sequential(nn.Linear(8, WIDTH)))
    ),
    "a function without a class": lambda: Held(
        lambda m, x: F.linear(F.linear(x, m.one).tanh(), m.two), one=matrix(8, 3), two=matrix(WIDTH, 8)
    ),
    "a buffer that is updated": lambda: Held(running, first=nn.Linear(3, 8), last=nn.Linear(8, WIDTH)),
    "a name that torch uses": lambda: Held(lambda m, x: m.name(x), name=nn.Linear(3, WIDTH)),
    "noise": lambda: Held(
        lambda m, x: m.last(m.first(x) + torch.randn(ROWS, 8) * 0.1),
        first=nn.Linear(3, 8),
        last=nn.Linear(8, WIDTH),
    ),
}  # fmt: skip


def running(m: Held, x: Tensor) -> Tensor:
    h = m.first(x)
    mean = h.detach().mean(0)
    m.mean = 0.9 * m.mean + 0.1 * mean if hasattr(m, "mean") else mean
    return m.last(h - m.mean)


@pytest.mark.parametrize("build", MODELS.values(), ids=MODELS)
def test_models_as_they_are_written(unharmed, build: Build) -> None:
    assert unharmed(lambda: trained(build())).run.steps == STEPS


class Tall(nn.Module):
    """As deep as a chain of residual blocks gets."""

    def __init__(self, depth: int) -> None:
        super().__init__()
        self.first = nn.Linear(3, WIDTH)
        self.blocks = nn.ModuleList([nn.Linear(WIDTH, WIDTH) for _ in range(depth)])

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(x)
        for block in self.blocks:
            h = h + block(h).tanh() / len(self.blocks)
        return h


def test_a_hundred_layers(unharmed) -> None:
    assert unharmed(lambda: trained(Tall(100))).run.steps == STEPS


def test_modules_nested_fifty_deep(unharmed) -> None:
    def nested() -> nn.Module:
        inner: nn.Module = nn.Linear(3, WIDTH)
        for _ in range(50):
            inner = nn.Sequential(inner)
        return inner

    assert unharmed(lambda: trained(nested())).run.steps == STEPS


class Answer(dict[str, Tensor]):
    """What libraries return: both a dict and an object."""

    def __getattr__(self, name: str) -> Tensor:
        return self[name]


@pytest.mark.parametrize(
    ("pack", "unpack"),
    [
        (lambda y: (y, None), lambda out: out[0]),
        (lambda y: [y, [y.detach()]], lambda out: out[0]),
        (lambda y: {"scores": y, "extra": 3}, lambda out: out["scores"]),
        (lambda y: Answer(logits=y), lambda out: out.logits),
        (lambda y: iter([y]), lambda out: next(out)),
        (lambda y: lambda: y, lambda out: out()),
        (lambda y: (part for part in y), lambda out: torch.stack(list(out))),
    ],
    ids=["tuple", "list", "dict", "object", "iterator", "function", "generator"],
)
def test_whatever_a_model_returns(
    unharmed, pack: Callable[..., object], unpack: Callable[..., Tensor]
) -> None:
    def train() -> list[Tensor]:
        model = Held(lambda m, x: pack(m.layer(x)), layer=nn.Linear(3, WIDTH))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(STEPS):
            optimizer.zero_grad()
            F.mse_loss(unpack(model(torch.randn(ROWS, 3))), torch.zeros(ROWS, WIDTH)).backward()
            optimizer.step()
        return list(model.parameters())

    assert unharmed(train).run.steps == STEPS


def test_sparse_rows_of_an_embedding(unharmed) -> None:
    def train() -> list[Tensor]:
        bag, head = nn.EmbeddingBag(20, 6, mode="sum", sparse=True), nn.Linear(6, WIDTH)
        optimizer = torch.optim.SGD(chain(bag.parameters(), head.parameters()), lr=0.1)
        for _ in range(STEPS):
            optimizer.zero_grad()
            ids = torch.randint(20, (24,))
            F.cross_entropy(head(bag(ids, torch.arange(0, 24, 2))), ids[::2] % WIDTH).backward()
            optimizer.step()
        return [*bag.parameters(), *head.parameters()]

    assert unharmed(train).run.steps == STEPS

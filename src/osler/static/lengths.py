"""How many samples a loader goes through, where the source says it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from osler.model import CallFact, Code, Const, Length, Loader, Series, Unknown, Value

SAMPLES: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        "MNIST": (60_000, 10_000),
        "FashionMNIST": (60_000, 10_000),
        "KMNIST": (60_000, 10_000),
        "CIFAR10": (50_000, 10_000),
        "CIFAR100": (50_000, 10_000),
        "SVHN": (73_257, 26_032),
    }
)
"""Training and test samples of data sets that torchvision ships."""

FILLED = tuple(f"torch.{n}" for n in ("rand", "randn", "zeros", "ones", "randint", "arange", "randperm"))
"""Makes as many rows as its first number says; `randint` as its shape says."""


def batch_size(loader: Loader) -> int:
    """Samples in one batch; 0 if the source does not say it."""
    match loader.options.get("batch_size", loader.options.get(1)):
        case None:
            return 1
        case Const(value=int() as size):
            return size
        case _:
            return 0


def is_whole(loader: Loader) -> bool:
    """One batch holds everything: `batch_size=len(data)`."""
    size = loader.options.get("batch_size", loader.options.get(1))
    return isinstance(size, Length) and size.plain


def may_be_one_batch(code: Code, loader: Loader) -> bool:
    """All of its samples may fit into one batch: an epoch is a step."""
    return is_whole(loader) or any(count <= batch_size(loader) for count in samples(code, loader))


def samples(code: Code, loader: Loader) -> set[int]:
    """Numbers of samples that the loader may go through; empty if the source does not say."""
    return set(_rows(code, loader.options.get("dataset", loader.options.get(0)), loader.place.file))


def _rows(code: Code, data: Value | None, file: str) -> Iterator[int]:
    for calls in code.calls.values():
        for call in calls:
            if _gives(call, data, file):
                yield from _made(code, call)


def _gives(call: CallFact, data: Value | None, file: str) -> bool:
    """The call returned these data; what is not known is recognised by the name it was given."""
    if isinstance(data, Unknown) and data.name:
        return call.target.rpartition(".")[2] == data.name and call.place.file == file
    return data is not None and call.result is data


def _made(code: Code, call: CallFact) -> Iterator[int]:
    first, second = call.arguments.get(0), call.arguments.get(1)
    if call.name in FILLED:
        yield from _shape(call)
    elif call.last == "TensorDataset":
        yield from _rows(code, first, call.place.file)
    elif call.name.startswith("torchvision.datasets.") and call.last in SAMPLES:
        train, test = SAMPLES[call.last]
        yield test if _is_false(call.argument(1, "train")) else train
    elif call.last == "random_split" and isinstance(second, Series):
        parts = (item.value for item in second.items if isinstance(item, Const))
        yield from (n for n in parts if isinstance(n, int))


def _shape(call: CallFact) -> Iterator[int]:
    given = call.arguments.get(0)
    if call.last == "randint":
        given = next((v for v in call.arguments.values() if isinstance(v, Series)), None)
    if isinstance(given, Series) and given.items:
        given = given.items[0]
    if isinstance(given, Const) and isinstance(given.value, int):
        yield given.value


def _is_false(value: Value | None) -> bool:
    return isinstance(value, Const) and value.value is False

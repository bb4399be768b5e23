"""How many samples a loader hands out, where the source says it."""

import pytest

from osler.model import Code, Length, Loader, Series
from osler.static.lengths import batch_size, is_whole, samples


def loader_of(code: Code, name: str = "loader") -> Loader:
    return next(found for found in code.loaders if found.name == name)


@pytest.mark.parametrize(
    ("arguments", "size"),
    [
        ("data", 1),
        ("data, 16", 16),
        ("data, batch_size=32", 32),
        ("data, batch_size=None", 0),
        ("data, batch_size=size", 0),
    ],
)
def test_batch_size(code, arguments: str, size: int) -> None:
    assert batch_size(loader_of(code(f"loader = DataLoader({arguments})"))) == size


TENSORS = "from torch.utils.data import TensorDataset, random_split"
IMAGES = "import torchvision\nfrom torchvision import datasets"


@pytest.mark.parametrize(
    ("data", "counts"),
    [
        ("TensorDataset(torch.randn(50, 8))", {50}),
        ("TensorDataset(torch.zeros((40, 8)), torch.zeros(40))", {40}),
        ("TensorDataset(torch.randint(0, 9, (30, 2)))", {30}),
        ("TensorDataset(torch.randn(count, 8))", set()),
        ("TensorDataset(torch.load('x.pt'))", set()),
        ("torch.arange(7)", {7}),
        ("datasets.MNIST('data')", {60_000}),
        ("datasets.MNIST('data', train=True)", {60_000}),
        ("datasets.CIFAR100('data', False)", {10_000}),
        ("torchvision.datasets.CIFAR10(root='data', train=False)", {10_000}),
        ("datasets.ImageFolder('data')", set()),
        ("MyData()", set()),
        ("[1, 2, 3]", set()),
    ],
)
def test_samples(code, data: str, counts: set[int]) -> None:
    found = code(f"{TENSORS}\n{IMAGES}\ndata = {data}\nloader = DataLoader(data, batch_size=4)")
    assert samples(found, loader_of(found)) == counts


def test_either_part_of_a_split(code) -> None:
    found = code(
        f"{TENSORS}\none, other = random_split(MyData(torch.ones(9)), [70, 30])\nloader = DataLoader(other)"
    )
    assert samples(found, loader_of(found)) <= {70, 30}


def test_the_call_that_made_these_samples(code) -> None:
    text = "def rows(count):\n    return TensorDataset(torch.randn(count, 8))\n"
    loaders = "loader = DataLoader(rows(50))\nother = DataLoader(rows(7))"
    found = code(f"{TENSORS}\n{text}{loaders}")
    assert samples(found, loader_of(found)) == {50}
    assert samples(found, loader_of(found, "other")) == {7}


def test_the_length_of_something_remembers_what_it_is_of(trained) -> None:
    read = trained("loader = DataLoader([])\nn = len(loader)\nlosses = []\nm = len(losses)\nk = len('text')")
    assert isinstance(read["n"], Length)
    assert read["n"].of is read["loader"]
    assert read["m"].of is read["losses"]
    assert not isinstance(read["k"], Length)


@pytest.mark.parametrize(
    ("size", "is_it"),
    [("len(data)", True), ("len(x)", True), ("len(data) // 4", False), ("4", False), ("size", False)],
)
def test_a_batch_of_everything(code, size: str, is_it: bool) -> None:
    found = code(f"x = torch.load('x.pt')\ndata = build(x)\nloader = DataLoader(data, batch_size={size})")
    assert is_whole(loader_of(found)) is is_it


@pytest.mark.parametrize("text", ["[0.0] * len(names)", "[0.0] * len(loader)", "(0.0,) * len(model(x))"])
def test_a_list_as_long_as_something_is_a_list(trained, text: str) -> None:
    read = trained(f"loader = DataLoader([])\nkept = {text}")
    assert isinstance(read["kept"], Series)

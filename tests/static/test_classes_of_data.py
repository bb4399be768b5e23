"""How many classes targets have, as far as a file says."""

import ast
from pathlib import Path

import pytest

from osler.static.classes_of_data import Classes
from osler.static.following import Following
from osler.static.origins import Origins
from osler.static.regions import regions
from osler.static.sources import parse


def classes(expression: str, before: str = "") -> int | None:
    """The classes of an expression in the last line of a script."""
    source = parse(Path("/x.py"), f"{before}\nasked = {expression}".encode())
    every = list(regions(source))
    last = every[0].lines[-1].node
    assert isinstance(last, ast.Assign)
    return Classes(Following(Origins(every))).of(every[0], last.value)


@pytest.mark.parametrize(
    ("expression", "count"),
    [
        ("torch.randint(10, (64,))", 10),
        ("torch.randint(0, 3, (64, 5)).long().to(device)", 3),
        ("torch.randint(5, size=(64,))", 5),
        ("load_iris().target", 3),
        ("torch.tensor(load_digits().target)", 10),
        ("torch.from_numpy(np.array(load_wine().target)).long()", 3),
        ("torch.randint(10, (64,)) % 2", None),
        ("torch.randint(0, classes, (64,))", None),
        ("torch.randint(10, shape)", None),
        ("np.random.randint(0, 10, 64)", None),
        ("load_boston().target", None),
        ("torch.randint(10, (64,)).clamp(max=3)", None),
        ("other", None),
        ("3", None),
    ],
)
def test_expressions(expression: str, count: int | None) -> None:
    assert classes(expression) == count


@pytest.mark.parametrize(
    ("before", "count"),
    [
        ("x, y = load_digits(return_X_y=True)", 10),
        ("x, y = load_digits(return_X_y=True, n_class=5)", None),
        ("x, y = load_digits()", None),
        ("d = load_iris()\na, b, y, c = train_test_split(d.data, d.target)", 3),
        ("d = load_iris()\ny = d.target\ny = torch.tensor(y).long()", 3),
        ("x, y = inputs, torch.randint(4, (9,))", 4),
        ("y = torch.randint(4, (9,))\ny = y % 2", None),
        ("y = torch.randint(4, (9,))\ny -= 1", None),
        ("y = torch.randint(4, (9,))\nfor y in ys: pass", None),
        ("if a:\n    y = torch.randint(4, (9,))\nelse:\n    y = torch.randint(5, (9,))", None),
        ("y = z\nz = y", None),
    ],
)
def test_names(before: str, count: int | None) -> None:
    assert classes("y", before) == count


LOOP = "for x, y in DataLoader(data, batch_size=4): pass"


@pytest.mark.parametrize(
    ("lines", "count"),
    [
        (["data = torchvision.datasets.CIFAR100(root)", LOOP], 100),
        (["data = FashionMNIST(root, train=True, transform=t)", "print(len(data))", LOOP], 10),
        (["data = TensorDataset(a, torch.randint(7, (9,)))", LOOP], 7),
        (["def make():\n    data = SVHN(root)\n    return data", "data = make()", LOOP], 10),
        (["data = MNIST(root)", "loader = DataLoader(data)", "for i, (x, y) in enumerate(loader): pass"], 10),
        (["data = MNIST(root)", LOOP.replace("x, y", "y, x")], None),
        (["data = MNIST(root)", LOOP.replace("x, y", "y")], None),
        (["data = MNIST(root)", LOOP.replace("4", "4, sampler=some")], None),
        (["data = MNIST(root)", LOOP.replace("4", "4, collate_fn=some")], None),
        (["data = MNIST(root, target_transform=t)", LOOP], None),
        (["data = MNIST(root, **options)", LOOP], None),
        (["data = MNIST(root)", "data.targets = data.targets % 2", LOOP], None),
        (["data = MNIST(root)", "choose(data)", LOOP], None),
        (["data = Subset(MNIST(root), chosen)", LOOP], None),
        (["data = TensorDataset(*tensors)", LOOP], None),
        (["data = MNIST(root)", "data = other(data)", LOOP], None),
        (["data = Own(root)", LOOP], None),
    ],
)
def test_batches(lines: list[str], count: int | None) -> None:
    assert classes("y", "\n".join(lines)) == count

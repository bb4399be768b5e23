"""How many axes data have, as far as a file says."""

import ast
from pathlib import Path

import pytest

from osler.static.following import Following
from osler.static.origins import Origins
from osler.static.ranks import Ranks
from osler.static.regions import regions
from osler.static.sources import parse


def rank(expression: str, before: str = "") -> int | None:
    """The rank of an expression in the last line of a script."""
    source = parse(Path("/x.py"), f"{before}\nasked = {expression}".encode())
    every = list(regions(source))
    last = every[0].lines[-1].node
    assert isinstance(last, ast.Assign)
    return Ranks(Following(Origins(every))).of(every[0], last.value)


@pytest.mark.parametrize(
    ("expression", "axes"),
    [
        ("torch.zeros(3)", 1),
        ("torch.zeros(3, n)", 2),
        ("torch.randn((3, 4, 5))", 3),
        ("torch.rand(size=[3, 4])", 2),
        ("torch.zeros(len(rows))", 1),
        ("np.random.randn(100, 1)", 2),
        ("torch.randint(0, 9, (16,))", 1),
        ("torch.randint(0, 9, (16, 4))", 2),
        ("torch.arange(9)", 1),
        ("np.linspace(0, 1, 9)", 1),
        ("torch.tensor([1.0, 2.0])", 1),
        ("torch.tensor([[1.0], [2.0]])", 2),
        ("np.array([1, 2]).astype('float32')", 1),
        ("torch.from_numpy(np.zeros((3, 4))).float().to(device)", 2),
        ("torch.zeros(8).view(-1, 1)", 2),
        ("torch.zeros(8).reshape((n, 1))", 2),
        ("torch.zeros(8, 1).view(-1)", 1),
        ("torch.zeros(8, 2).flatten()", 1),
        ("torch.zeros(8).unsqueeze(1)", 2),
        ("torch.zeros(8, 2).sum(dim=1)", 1),
        ("torch.zeros(8, 2).sum(1, keepdim=True)", 2),
        ("torch.argmax(torch.zeros(8, 2), 1)", 1),
        ("torch.sin(torch.zeros(8, 2))", 2),
        ("-torch.zeros(8) * 2 + 1", 1),
        ("torch.zeros(8) - torch.zeros(8, 1)", 2),
        ("torch.zeros(8, 2)[:, 0]", 1),
        ("torch.zeros(8, 2)[:4]", 2),
        ("torch.zeros(8, 2)[:, 1:]", 2),
        ("pd.read_csv(path)['price'].values", 1),
        ("load_diabetes().target", 1),
    ],
)
def test_known(expression: str, axes: int | None) -> None:
    assert rank(expression) == axes


@pytest.mark.parametrize(
    "expression",
    [
        "torch.zeros(1)",
        "torch.zeros(n)",
        "torch.zeros(*shape)",
        "torch.tensor(3.0)",
        "torch.tensor([1.0])",
        "torch.tensor(rows)",
        "torch.zeros(8).view(shape)",
        "torch.zeros(8).view(*shape)",
        "torch.zeros(8, 1).squeeze()",
        "torch.zeros(8)[0]",
        "torch.zeros(8)[mask]",
        "torch.zeros(8, 2)[..., 0]",
        "torch.zeros(8).max(dim=0)",
        "model(x)",
        "self.y",
        "frame['price']",
        "frame.target",
        "torch.zeros(8) + other",
        "torch.stack([a, b])",
    ],
)
def test_not_known(expression: str) -> None:
    assert rank(expression) is None


@pytest.mark.parametrize(
    ("before", "axes"),
    [
        ("y = torch.zeros(8)", 1),
        ("y = torch.zeros(8)\ny = y.float().to(device)", 1),
        ("y = torch.zeros(8)\ny = (y - y.mean()) / y.std()", 1),
        ("y = torch.zeros(8)\ny /= 255", 1),
        ("x, y = torch.zeros(8, 2), torch.zeros(8)", 1),
        ("x, y = load_diabetes(return_X_y=True)", 1),
        ("x, y = make_regression(100)", 1),
        ("a, b = torch.zeros(8, 2), torch.zeros(8)\nx, u, y, z = train_test_split(a, b)", 1),
        ("frame = pd.read_csv(path)\ny = frame['price'].to_numpy()", 1),
        ("if a:\n    y = torch.zeros(8)\nelse:\n    y = torch.ones(9)", 1),
        ("y = torch.zeros(8)\ny = y.view(-1, 1)", None),
        ("y = torch.zeros(8)\ny = y.unsqueeze(1)", None),
        ("if a:\n    y = torch.zeros(8)\nelse:\n    y = load()", None),
        ("y = torch.zeros(8)\nfor y in ys: pass", None),
        ("y = torch.zeros(8)\nwith f() as y: pass", None),
        ("x, y = load_diabetes()", None),
        ("x, y = make_regression(100, n_targets=2)", None),
        ("y = z\nz = y", None),
        ("def y(): pass", None),
    ],
)
def test_names(before: str, axes: int | None) -> None:
    assert rank("y", before) == axes


DATA = "data = TensorDataset(torch.zeros(8, 2), torch.zeros(8))"
LOADER = "loader = DataLoader(data, batch_size=4)"


@pytest.mark.parametrize(
    ("lines", "axes"),
    [
        ([DATA, LOADER, "for x, y in loader: pass"], 1),
        ([DATA, LOADER, "for i, (x, y) in enumerate(tqdm(loader)): pass"], 1),
        ([DATA, LOADER, "for x, y in loader:\n    x, y = x.to(d), y.to(d)"], 1),
        ([DATA, "for x, y in DataLoader(data, 16, shuffle=True): pass"], 1),
        ([DATA, LOADER, LOADER.replace("4", "size"), "for x, y in loader: pass"], 1),
        (
            [
                DATA.replace("data", "whole"),
                "data = Subset(whole, chosen)",
                LOADER,
                "for x, y in loader: pass",
            ],
            1,
        ),
        (["data = CIFAR10(root)", LOADER, "for x, y in loader: pass"], 1),
        (
            [
                "def make(n):\n    x = torch.zeros(n, 2)\n    return TensorDataset(x, x.sum(1))",
                "data = make(9)",
                LOADER,
                "for x, y in loader: pass",
            ],
            1,
        ),
        ([DATA, LOADER, "for y, x in loader: pass"], 2),
        ([DATA, LOADER, "for x, y in loader:\n    y = y.view(-1, 1)"], None),
        ([DATA, "for x, y in DataLoader(data): pass"], None),
        ([DATA, "for x, y in DataLoader(data, batch_size=1): pass"], None),
        ([DATA, "for x, y in DataLoader(data, batch_size=None): pass"], None),
        ([DATA, LOADER, "loader = DataLoader(other, 4)", "for x, y in loader: pass"], None),
        ([DATA, LOADER, "for batch in loader:\n    x, y = batch"], None),
        ([DATA, "loader = DataLoader(data, collate_fn=own)", "for x, y in loader: pass"], None),
        ([DATA, "loader = DataLoader(data, **options)", "for x, y in loader: pass"], None),
        ([DATA, LOADER, "loader = other", "for x, y in loader: pass"], None),
        (["data = TensorDataset(*tensors)", LOADER, "for x, y in loader: pass"], None),
        (["data = CIFAR10(root, target_transform=one_hot)", LOADER, "for x, y in loader: pass"], None),
        (["data = Own(root)", LOADER, "for x, y in loader: pass"], None),
    ],
)
def test_batches(lines: list[str], axes: int | None) -> None:
    assert rank("y", "\n".join(lines)) == axes


def test_parameters_of_a_function_are_not_known() -> None:
    source = parse(Path("/x.py"), b"y = torch.zeros(8)\ndef f(y):\n    a = y\ndef g():\n    b = y\n")
    every = list(regions(source))
    seen = {}
    for region in every[1:]:
        statement = region.lines[0].node
        assert isinstance(statement, ast.Assign)
        seen[region.function] = Ranks(Following(Origins(every))).of(region, statement.value)
    assert seen == {"f": None, "g": 1}

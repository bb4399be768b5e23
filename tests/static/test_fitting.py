"""Statistics that are computed from data before the data are split."""

import ast
from pathlib import Path
from textwrap import dedent

import pytest

from osler.static.fitting import fits_before_splits, whole
from osler.static.sources import parse


def fits(text: str) -> list[tuple[str, str]]:
    source = parse(Path("/home/user/data.py"), f"import sklearn\n{dedent(text)}".encode())
    assert not source.problem
    return [(f.by, f.data) for f in fits_before_splits(source)]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("x", "x"),
        ("self.x", "self.x"),
        ("table.values", "table"),
        ("table[['a', 'b']]", "table"),
        ("table['a']", "table"),
        ("table[columns]", "table"),
        ("x[:, 1:]", "x"),
        ("x.reshape(-1, 1).astype(float)", "x"),
        ("x[rows]", ""),
        ("x[:100]", ""),
        ("x[1:, :]", ""),
        ("load(x)", ""),
    ],
)
def test_what_stands_for_all_samples(text: str, name: str) -> None:
    assert whole(ast.parse(text, mode="eval").body) == name


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("x = PCA().fit_transform(x)\ntrain_test_split(x)", [("PCA", "x")]),
        ("s = PCA()\ns.fit(x)\nz = s.transform(x)\nrandom_split(z, [1, 2])", [("PCA", "x")]),
        ("z = PCA().fit_transform(x)\nw = torch.tensor(z)\ntrain_test_split(w)", [("PCA", "x")]),
        ("if a:\n    x = PCA().fit_transform(x)\ntrain_test_split(x)", [("PCA", "x")]),
        ("x -= x.mean(0)\ntrain_test_split(x)", [("mean", "x")]),
        ("m = x.mean()\nx = x - m\ntrain_test_split(x)", [("mean", "x")]),
        ("x = PCA().fit_transform(x)\nfor a, b in folds.split(x):\n    pass", [("PCA", "x")]),
        ("z = PCA().fit_transform(x)\ntrain, test = z[:n], z[n:]", [("PCA", "x")]),
        ("z = PCA().fit_transform(x)\ntrain_x = z[:n]\ntest_x = z[n - 5 :]", [("PCA", "x")]),
        ("z = PCA().fit_transform(x)\na, b = z[:n], z[n:]", []),
        ("z = PCA().fit_transform(x)\ntrain, test = z[:n], z[m:]", []),
        ("z = PCA().fit_transform(x)\nz = load()\ntrain_test_split(z)", []),
        ("z = PCA().fit_transform(x_train)\ntrain_test_split(z)", []),
        ("z = PCA().fit_transform(x)\ntrain_test_split(len(z), z.shape)", []),
        ("s = PCA()\nz = s.fit_transform(x)\nt = s.transform(x_test)\ntrain_test_split(z)", []),
        ("x = x - x.mean(1)\ntrain_test_split(x)", []),
        ("x = x - x.mean(axis=axis)\ntrain_test_split(x)", []),
        ("x = y - x.mean()\ntrain_test_split(x)", []),
        ("def f(x):\n    x = PCA().fit_transform(x)\ntrain_test_split(x)", []),
    ],
)
def test_fits_before_splits(text: str, found: list[tuple[str, str]]) -> None:
    assert fits(text) == found


def test_files_without_data_are_passed_over() -> None:
    source = parse(Path("/home/user/net.py"), b"x = x - x.mean()\nfor a, b in x.split(2):\n    pass\n")
    assert list(fits_before_splits(source)) == []

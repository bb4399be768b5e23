"""What a statement learns of data."""

import ast

import pytest

from osler.static.learning import Knowledge, learned, note


def kinds(lines: str) -> list[tuple[str, str, str]]:
    known = Knowledge()
    found: list[tuple[str, str, str]] = []
    for node in ast.parse(lines).body:
        assert isinstance(node, ast.Assign)
        names = tuple(ast.unparse(t) for t in node.targets)
        found += [(w.kind, w.by, ast.unparse(w.data)) for w in learned(known, names, node.value)]
        note(known, names[0], node.value)
    return found


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("x = StandardScaler().fit_transform(a)", ("class", "StandardScaler", "a")),
        ("s = PCA(2)\nx = s.fit_transform(a)", ("class", "PCA", "a")),
        ("x = PCA(2).fit(a).transform(a)", ("class", "PCA", "a")),
        ("a = (a - a.mean(0)) / a.std(0)", ("scale", "mean and deviation", "a")),
        ("m = a.min(0)\nx = (a - m) / (a.max(0) - m)", ("scale", "range", "a")),
        ("a = a - a.mean(0)\na = a / a.std(0)", ("scale", "mean and deviation", "a")),
        ("c = np.unique(a, return_inverse=True)", ("codes", "np.unique", "a")),
        ("c = pd.factorize(a)", ("codes", "factorize", "a")),
        ("c = a.astype('category').cat.codes", ("codes", "cat.codes", "a")),
        ("c = pd.Categorical(a).codes", ("codes", "Categorical", "a")),
        ("v = {w: i for i, w in enumerate(set(a))}", ("codes", "the dict", "set(a)")),
    ],
)
def test_is_learned(lines: str, expected: tuple[str, str, str]) -> None:
    assert kinds(lines) == [expected]


@pytest.mark.parametrize(
    "lines",
    [
        "x = scaler.fit_transform(a)",
        "x = PCA(2).fit(a).transform(b)",
        "x = a - a.mean(0)",
        "x = (a - a.mean(1)) / a.std(1)",
        "x = (a - b.mean(0)) / b.std(0)",
        "c = np.unique(a)",
        "c = pd.Categorical(a, categories=known).codes",
        "v = {w: i for i, w in enumerate(WORDS)}",
        "v = {i: w for i, w in enumerate(set(a))}",
    ],
)
def test_is_not_learned(lines: str) -> None:
    assert kinds(lines) == []

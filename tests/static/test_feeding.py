"""Whether values go on to a network."""

import ast

import pytest

from osler.static.feeding import is_fed, mentioned


@pytest.mark.parametrize(
    "lines",
    ["t = torch.tensor(x)", "loader = DataLoader(x)", "z = x[:5]\nprint(model(z))", "self.x = x", "run(x)"],
)
def test_goes_on(lines: str) -> None:
    assert is_fed(ast.parse(f"x = 1\n{lines}"), ("x",), 1)


@pytest.mark.parametrize(
    "lines", ["plt.plot(x)", "print(x)", "n = len(x)", "run(y[x])", "clf.score(x)", "x.shape"]
)
def test_goes_no_further(lines: str) -> None:
    assert not is_fed(ast.parse(f"x = 1\n{lines}"), ("x",), 1)


def test_lines_before_do_not_count() -> None:
    assert not is_fed(ast.parse("run(x)\nx = 1"), ("x",), 2)


def test_names_that_only_select_are_left_out() -> None:
    assert set(mentioned(ast.parse("a[b] + len(c)", mode="eval"))) == {"a"}

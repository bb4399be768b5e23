"""What the parts of a batch meet in one turn: `model` is the model, `loss` a loss of torch."""

import ast

import pytest

from osler.static.batch_parts import Output, Spot, Turn, follow, take
from osler.static.walking import walk

FILE = "/home/user/train.py"


def turn(body: str, target: str = "x, y", own: str = "") -> Turn:
    tree, functions = ast.parse(body), ast.parse(own).body
    spots: dict[str, list[Spot]] = {"model": [], "loss": []}
    for node in walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in spots:
            spots[node.func.id].append((FILE, node.lineno, node.col_offset + 1))
    defined = {f.name: ("/home/user/own.py", f) for f in functions if isinstance(f, ast.FunctionDef)}
    turn = Turn(FILE, frozenset(spots["model"]), frozenset(spots["loss"]), defined)
    take(turn, ast.parse(target, mode="eval").body)
    follow(turn, tree.body)
    return turn


@pytest.mark.parametrize(
    ("body", "pairs"),
    [
        ("loss(model(x), y)", {(0, 1)}),
        ("loss(y, model(x))", {(0, 1)}),
        ("loss(model(x), model(y))", set()),
        ("loss(model(x + y), y)", set()),
        ("loss(x, y)", set()),
        ("l = (model(x) - y) ** 2", {(0, 1)}),
        ("l = model(x) * y", {(0, 1)}),
        ("l = model(x) + y", set()),
        ("if a:\n    loss(model(x), y)\nelse:\n    loss(model(y), x)", {(0, 1), (1, 0)}),
        ("with c:\n    x, y = x.cuda(), y.float()\nreturn loss(model(x), y)", {(0, 1)}),
        ("y = y.mean()\nloss(model(x), y)", set()),
        ("y = other\nloss(model(x), y)", set()),
        ("total = 0\ntotal += model(x)\nloss(total, y)", {(0, 1)}),
    ],
)
def test_what_is_compared(body: str, pairs: set[tuple[int, int]]) -> None:
    assert turn(body).pairs == pairs


def test_a_batch_with_one_name() -> None:
    assert turn("x, y = batch\nloss(model(x), y)", "batch").pairs == {(0, 1)}
    assert turn("loss(model(batch['image']), batch['mask'])", "batch").pairs == {("image", "mask")}


def test_what_a_name_is_made_of() -> None:
    names = turn("out = model(x)\nboth = x.to(y)\nfeature = f(x)").names
    assert names["out"] == {Output(0)}
    assert names["both"] == {0, 1}
    assert names["feature"] == frozenset()


def test_functions_of_the_user_are_followed() -> None:
    assert turn("own(model(x), y)", own="def own(a, b):\n    return (a - b).mean()").pairs == {(0, 1)}
    assert turn("own(model(x), y)", own="def own(a, b):\n    return own(b, a)").pairs == set()

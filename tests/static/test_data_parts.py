"""Which part of the data an expression means."""

import ast

import pytest

from osler.static.data_parts import Part, described, is_mixed, named, part_of, split_names

TRAIN, HELD_OUT = Part.TRAIN, Part.HELD_OUT


def expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("x_train", TRAIN),
        ("trainX", TRAIN),
        ("Xtest", HELD_OUT),
        ("self.valid_rows", HELD_OUT),
        ("x[val_idx]", HELD_OUT),
        ("'test'", HELD_OUT),
        ("x[:n]", TRAIN),
        ("x[n:]", HELD_OUT),
        ("load(train=True)", TRAIN),
        ("load(is_train=False)", HELD_OUT),
        ("latest", None),
        ("model.train()", None),
        ("f(x_train, x_test)", None),
        ("(x - x[:n].mean(0))", None),
        ("x[:, 1:]", None),
    ],
)
def test_part(text: str, part: Part | None) -> None:
    assert part_of(expression(text), {}) is part


@pytest.mark.parametrize(
    ("one", "other"),
    [("x_train", "x_test"), ("xtrain", "x_val"), ("x[:n]", "x[n:]"), ("train['a']", "test['a']")],
)
def test_both_parts_share_the_rest(one: str, other: str) -> None:
    assert described(expression(one), {})[1] == described(expression(other), {})[1]


def test_what_is_known_counts_for_more_than_the_name() -> None:
    assert part_of(expression("a"), {"a": (HELD_OUT, "split")}) is HELD_OUT
    assert part_of(expression("train"), {"train": (None, "train")}) is None


def test_both_together() -> None:
    assert is_mixed(expression("Rows(test, vocab=train.vocab)"), {})
    assert named("train_test") is None


def test_split_names() -> None:
    node = ast.parse("a, b, c, d = train_test_split(x, y)").body[0]
    assert isinstance(node, ast.Assign)
    found = {name: part for name, part, _ in split_names(node.targets[0], node.value)}
    assert found == {"a": TRAIN, "b": HELD_OUT, "c": TRAIN, "d": HELD_OUT}

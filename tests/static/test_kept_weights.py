"""Dicts of a module's weights that still are its memory."""

import ast

import pytest

from osler.model import Helper, Unknown
from osler.static.kept_weights import keeps_values, kept_as, weights_in


def comprehension(code: str) -> ast.DictComp:
    node = ast.parse(code, mode="eval").body
    assert isinstance(node, ast.DictComp)
    return node


SAME = (
    "{k: v for k, v in w.items()}",
    "{k[7:]: v for k, v in w.items()}",
    "{k: v.detach() for k, v in w.items()}",
    "{k: v.data for k, v in w.items()}",
    "{k: v.data.detach() for k, v in w.items()}",
)
OTHER = (
    "{k: v.clone() for k, v in w.items()}",
    "{k: v.detach().clone() for k, v in w.items()}",
    "{k: v.cpu() for k, v in w.items()}",
    "{k: v * 1 for k, v in w.items()}",
    "{k: v for k, v in w.items() if k}",
    "{k: other for k, v in w.items()}",
    "{k: k for k, v in w.items()}",
    "{k: w[k] for k in w}",
    "{k: v for a in b for k, v in a.items()}",
)


@pytest.mark.parametrize("code", SAME)
def test_the_same_memory(code: str) -> None:
    assert keeps_values(comprehension(code))


@pytest.mark.parametrize("code", OTHER)
def test_other_memory(code: str) -> None:
    assert not keeps_values(comprehension(code))


def test_what_weights_are() -> None:
    weights = Helper("weights", "")
    assert weights_in(weights) is weights
    assert weights_in(Helper("schedule", "s")) is None
    assert weights_in(Unknown()) is None
    assert weights_in(None) is None


def test_the_first_name_stays() -> None:
    assert kept_as(Helper("weights", ""), "best").name == "best"
    assert kept_as(Helper("weights", "state"), "best").name == "state"

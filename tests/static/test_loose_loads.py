"""Weights that are loaded with `strict=False`, unseen."""

from collections.abc import Callable

import pytest

from osler.model import Code


def lines(code: Callable[..., Code], text: str) -> list[tuple[int, int]]:
    return [(f.site[0].line, f.origin[0].line) for f in code(text).loose_loads]


@pytest.mark.parametrize(
    "weights",
    [
        "torch.load(path)",
        "torch.load(path)['model']",
        "torch.load(path, map_location='cpu').get('model')",
        "load_state_dict_from_url(address)",
        "model_zoo.load_url(address)",
        "safetensors.torch.load_file(path)",
        "{'body.' + k: v for k, v in stored.items()}",
    ],
)
def test_taken_as_they_are(code: Callable[..., Code], weights: str) -> None:
    assert lines(code, f"net.load_state_dict({weights}, strict=False)") == [(2, 2)]
    named = f"stored = {weights}\nweights = stored\nnet.load_state_dict(weights, strict=False)"
    assert lines(code, named) == [(4, 2)]


@pytest.mark.parametrize("options", ["strict=False", "False", "strict=False, assign=True"])
def test_ways_to_say_it(code: Callable[..., Code], options: str) -> None:
    assert lines(code, f"net.load_state_dict(torch.load(path), {options})") == [(2, 2)]


@pytest.mark.parametrize("options", ["strict=True", "True", "strict=strict", "assign=False", "**options"])
def test_ways_not_to_say_it(code: Callable[..., Code], options: str) -> None:
    assert lines(code, f"net.load_state_dict(torch.load(path), {options})") == []


@pytest.mark.parametrize(
    "text",
    [
        "missing, _ = net.load_state_dict(stored, strict=False)",
        "print(net.load_state_dict(stored, strict=False))",
        "def read():\n    return net.load_state_dict(torch.load(path), strict=False)",
        "assert not net.load_state_dict(stored, strict=False).missing_keys",
    ],
)
def test_somebody_looks(code: Callable[..., Code], text: str) -> None:
    assert lines(code, f"stored = torch.load(path)\n{text}") == []


@pytest.mark.parametrize(
    "choice",
    [
        "del stored['head.weight']",
        "stored.pop('head.weight', None)",
        "stored.update(more)",
        "stored['head.weight'] = head",
        "stored = {k: v for k, v in stored.items() if k in own}",
        "stored = {k: v for k, v in stored.items()}",
        "stored = clean(stored)",
        "for k in list(stored):\n    if 'head' in k:\n        stored.pop(k)",
    ],
)
def test_entries_that_were_chosen(code: Callable[..., Code], choice: str) -> None:
    assert (
        lines(code, f"stored = torch.load(path)\n{choice}\nnet.load_state_dict(stored, strict=False)") == []
    )


@pytest.mark.parametrize("weights", ["other.state_dict()", "weights", "{}", "average(a, b)"])
def test_no_file_is_known(code: Callable[..., Code], weights: str) -> None:
    assert lines(code, f"net.load_state_dict({weights}, strict=False)") == []


def test_names_that_go_round(code: Callable[..., Code]) -> None:
    assert lines(code, "a = b\nb = a\na = b\nnet.load_state_dict(a, strict=False)") == []

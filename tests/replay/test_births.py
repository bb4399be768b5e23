"""Layers are known by the line that builds them."""

import copy
import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from osler.replay.births import Births
from osler.runtime.patches import Patches
from osler.runtime.userlines import UserLines


@pytest.fixture
def births() -> Iterator[Births]:
    patches = Patches()
    births = Births(UserLines(own=(str(Path(__file__).parent),)))
    births.install(patches)
    yield births
    patches.undo()


CODE = """\
import torch
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(2, 3)
        self.rest = nn.Sequential(
            nn.Dropout(0.1),
            nn.Linear(3, 3),
            nn.BatchNorm1d(
                3),
        )
        self.more = nn.ModuleList(nn.Linear(3, 3) for _ in range(2))
        self.scale = nn.Parameter(torch.ones(3))
net = Net()
flat = nn.Sequential(
    nn.ReLU(),
    nn.Linear(1, 1))
"""


def built(code: str = CODE) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(code, str(Path(__file__).with_name("script.py")), "exec"), names)
    return names


def lines(births: Births, root: nn.Module) -> dict[str, int]:
    return {
        name: site[0].line for name, module in root.named_modules() if (site := births.site(module)) and name
    }


def test_a_layer_with_parameters_is_known_by_its_own_line_and_another_by_that_of_its_place(
    births: Births,
) -> None:
    names = built()
    assert lines(births, names["net"]) == {
        "first": 6,
        "rest": 7,
        "rest.0": 7,
        "rest.1": 9,
        "rest.2": 10,
        "more": 13,
        "more.0": 13,
        "more.1": 13,
    }
    assert lines(births, names["flat"]) == {"0": 16, "1": 18}
    assert births.site(names["net"])[0].line == 14, "its parameter was set on the way"


def test_copies_and_strangers_have_none(births: Births) -> None:
    net = built()["net"]
    assert births.site(copy.deepcopy(net).first) == ()
    assert births.site(nn.ReLU()) == ()


def test_an_address_that_is_used_again_tells_nothing(births: Births) -> None:
    for _ in range(50):
        layer = nn.Linear(1, 1)
        del layer
    gc.collect()
    assert births.site(nn.ReLU()) == ()


def test_modules_that_compare_in_a_way_of_their_own(births: Births) -> None:
    code = "class Odd(nn.Linear):\n    def __eq__(self, other):\n        raise TypeError\nodd = Odd(1, 1)"
    names = built(f"from torch import nn\n{code}\n")
    assert births.site(names["odd"])[0].line == 5


def test_what_is_not_there_is_no_part(births: Births) -> None:
    layer = nn.Module()
    layer.register_module("nothing", None)
    layer.register_parameter("nor this", None)
    assert births.site(layer) != (None,)


def test_afterwards_nothing_is_remembered() -> None:
    patches, births = Patches(), Births(UserLines(own=(str(Path(__file__).parent),)))
    births.install(patches)
    patches.undo()
    assert lines(births, built()["net"]) == {}


def test_building_is_what_it_is_without(births: Births) -> None:
    torch.manual_seed(0)
    watched = built()["net"].state_dict()
    torch.manual_seed(0)
    plain = built()["net"].state_dict()
    assert list(watched) == list(plain)
    assert all(torch.equal(watched[name], plain[name]) for name in plain)

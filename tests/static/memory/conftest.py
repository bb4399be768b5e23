"""Small scripts whose memory is followed: which names stand for the same."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest

from osler.model import OverwrittenFact
from osler.static.memory.blocks import Block, Ref, Scope, Value
from osler.static.memory.calls import invoke
from osler.static.memory.expressions import evaluate
from osler.static.memory.overwriting import overwritten
from osler.static.memory.scene import Scene
from osler.static.memory.statements import follow_module, perform
from osler.static.project import project
from osler.static.sources import Source, parse

IMPORTS = (
    "import copy; import numpy as np; import torch; from torch import nn; from collections import deque\n"
)


@dataclass(frozen=True)
class Followed:
    """A script that was followed from its first line to its last."""

    scene: Scene
    scope: Scope

    def __getitem__(self, name: str) -> Value:
        return self.scene.state.cells[self.scope, name]

    def blocks(self, name: str) -> list[Block]:
        """The memory that a name may stand for."""
        return [one.block for one in self[name] if isinstance(one, Ref)]

    def shares(self, one: str, other: str) -> bool:
        """Two names stand for the same memory."""
        return self.blocks(one) == self.blocks(other) != []

    def is_changed(self, name: str) -> bool:
        """Its memory was changed in place, or may have been."""
        return any(block in self.scene.state.written for block in self.blocks(name))


def sources(text: str, others: dict[str, str]) -> list[Source]:
    texts = {"train.py": text, **others}
    return [
        parse(Path("/home/user") / n, (IMPORTS + dedent(t).lstrip("\n")).encode()) for n, t in texts.items()
    ]


@pytest.fixture
def follow() -> Callable[..., Followed]:
    """Follow a script; other files of its tree are given by name."""

    def following(text: str, others: dict[str, str] | None = None) -> Followed:
        read = sources(text, others or {})
        scene = Scene(evaluate, perform, invoke, project(read), 20_000, 320_000)
        return Followed(scene, follow_module(scene, read[0]))

    return following


@pytest.fixture
def told() -> Callable[..., list[OverwrittenFact]]:
    """What is found in a script, with other files of its tree."""

    def telling(text: str, others: dict[str, str] | None = None) -> list[OverwrittenFact]:
        read = sources(text, others or {})
        return list(overwritten(read, project(read)))

    return telling

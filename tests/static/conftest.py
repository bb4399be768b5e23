"""Small scripts, read as `osler lint` reads them: what their names stand for, and what they do."""

import ast
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest

from osler.model import Action, Code, Kind, Value, flat
from osler.static.calls import invoke, run
from osler.static.expressions import evaluate
from osler.static.machine import BUDGET, Frame, Machine
from osler.static.project import project
from osler.static.reader import follow_file, read_code
from osler.static.sources import Source, parse
from osler.static.statements import execute
from osler.static.values import Scope

IMPORTS = (
    "import torch; from torch import nn; from torch.nn import functional as F; "
    "from torch.utils.data import DataLoader"
)
"""Line 1 of every script: the text that a test gives begins at line 2."""

MODEL = "model = nn.Linear(4, 2); optimizer = torch.optim.SGD(model.parameters(), lr=0.1)"

FOLDER = Path("/home/user")


@dataclass(frozen=True)
class Script:
    """A script that was followed from its first line to its last; functions only where it calls them."""

    machine: Machine
    names: dict[str, Value]

    def __getitem__(self, name: str) -> Value:
        """What a name of the script stands for at its end; `model.body` is looked up in the model."""
        first, *rest = name.split(".")
        value = self.names[first]
        for part in rest:
            value = value.parts[part]
        return value

    @property
    def actions(self) -> list[Action]:
        return list(flat(self.machine.block))

    @property
    def told(self) -> list[str]:
        """What it does, one line each: the kind, the object's name, what else is true; not building."""
        return [spelled(a) for a in self.actions if a.kind is not Kind.BUILD]


def spelled(action: Action) -> str:
    subject = action.subject
    words = sorted(w for w in action.words if not w.startswith("name:") and w != "discarded")
    name = "" if subject is None else getattr(subject, "name", "") or type(subject).__name__
    return " ".join(filter(None, [action.kind, name, *words]))


def sources(text: str, others: dict[str, str]) -> list[Source]:
    texts = {"train.py": text, **others}
    parsed = [
        parse(FOLDER / name, f"{IMPORTS}\n{dedent(own).lstrip(chr(10))}".encode())
        for name, own in texts.items()
    ]
    assert [s.problem for s in parsed] == [""] * len(parsed)
    return parsed


def new_machine(read: list[Source]) -> Machine:
    return Machine(evaluate, execute, invoke, run, project(read))


@pytest.fixture
def script() -> Callable[..., Script]:
    """Follow a script; other files of its tree are given by name: `{"data.py": "…"}`."""

    def follow(text: str, others: dict[str, str] | None = None) -> Script:
        read = sources(text, others or {})
        machine = new_machine(read)
        tree = read[0].tree
        assert tree is not None
        follow_file(machine, read[0], tree, BUDGET)
        machine.block = [n for trace in machine.code.traces for n in trace.nodes]
        return Script(machine, machine.imported[read[0].file].names)

    return follow


@pytest.fixture
def code() -> Callable[..., Code]:
    """Read files as a whole, with the functions that nobody calls and the states of gradients and modes."""

    def read(text: str, others: dict[str, str] | None = None) -> Code:
        every = sources(text, others or {})
        return read_code(every, project(every))

    return read


@pytest.fixture
def trained(script: Callable[..., Script]) -> Callable[..., Script]:
    """Follow a script that has `model` and `optimizer` already, built in its second line."""
    return lambda text, others=None: script(f"{MODEL}\n{dedent(text).lstrip(chr(10))}", others)


@pytest.fixture
def machine() -> Machine:
    """A reader that stands at the first line of an empty script."""
    source = parse(FOLDER / "train.py", b"")
    machine = new_machine([source])
    machine.frames.append(Frame("", source, Scope()))
    return machine


@pytest.fixture
def node() -> ast.expr:
    """An expression at line 1 for actions that have to stand somewhere."""
    return ast.parse("f(x)", mode="eval").body

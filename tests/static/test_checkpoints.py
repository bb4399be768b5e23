"""What a program writes to a file to go on from."""

from pathlib import Path

import pytest

from osler.static.checkpoints import WRITTEN, Checkpoint, checkpoints_of, makers_of
from osler.static.sources import parse

BUILD = "optimizer = torch.optim.Adam(weights); decay = StepLR(optimizer, 3); scaler = torch.amp.GradScaler()"


def written(states: str, build: str = BUILD) -> list[Checkpoint]:
    source = parse(Path("/home/user/train.py"), f"{build}\ntorch.save({{{states}}}, path)".encode())
    return list(checkpoints_of(source, makers_of([source], set(WRITTEN.findall(source.text)))))


def test_states_and_plain_values() -> None:
    (file,) = written("'net': net.state_dict(), 'opt': self.optimizer.state_dict(), 'epoch': 3, KEY: 4")
    assert [(s.key, s.owner, s.kind, s.place.line) for s in file.states] == [
        ("net", "net", "", 2),
        ("opt", "self.optimizer", "optimizer", 2),
    ]
    assert file.others == {"epoch"}
    assert file.holds("net", "")
    assert file.holds("opt", "schedule", "optimizer")
    assert not file.holds("opt", "")
    assert not file.holds("epoch", "")


@pytest.mark.parametrize(
    ("owner", "build", "kind"),
    [
        ("optimizer", BUILD, "optimizer"),
        ("decay", BUILD, "schedule"),
        ("scaler", BUILD, "scaler"),
        ("optimizer", "", "optimizer"),
        ("scheduler", "", "schedule"),
        ("first", "first = optim.SGD(weights, 0.1)", "optimizer"),
        ("first", "self.first = optim.SGD(weights, 0.1)", "optimizer"),
    ],
)
def test_what_has_a_state(owner: str, build: str, kind: str) -> None:
    (file,) = written(f"'net': net.state_dict(), 'other': {owner}.state_dict()", build)
    assert [s.kind for s in file.states] == ["", kind]


@pytest.mark.parametrize(
    "states",
    [
        "'net': net.state_dict()",
        "'opt': optimizer.state_dict()",
        "'net': net.state_dict(), 'ema': ema.state_dict()",
        "'net': net, 'opt': optimizer",
        "KEY: net.state_dict(), 'opt': optimizer.state_dict()",
    ],
)
def test_nothing_to_go_on_from(states: str) -> None:
    assert written(states) == []


def test_a_file_is_searched_if_it_makes_something_with_a_state() -> None:
    source = parse(Path("/x.py"), b"net = Net()\nopt = Adam(net)\nother = Adam(net)")
    assert list(makers_of([source], {"net", "opt"})) == ["net", "opt"]
    assert makers_of([source], {"net"}) == {}

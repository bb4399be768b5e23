"""During experiments nothing reaches other machines."""

import os
import socket

import pytest

from osler.replay.outside import SILENT, refuse_connections, silence_trackers
from osler.runtime.patches import Patches


@pytest.fixture
def patches():
    patches = Patches()
    yield patches
    patches.undo()


def test_connections_to_other_machines_are_refused(patches: Patches) -> None:
    refuse_connections(patches)
    with socket.socket() as link, pytest.raises(ConnectionRefusedError):
        link.connect(("192.0.2.1", 80))


def test_this_machine_can_be_reached(patches: Patches) -> None:
    refuse_connections(patches)
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as link:
        link.connect(server.getsockname())


def test_it_is_undone() -> None:
    before = socket.socket.connect
    patches = Patches()
    refuse_connections(patches)
    patches.undo()
    assert socket.socket.connect is before


def test_trackers_are_silent_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.delenv("COMET_MODE", raising=False)
    patches = Patches()
    silence_trackers(patches)
    assert {name: os.environ[name] for name in SILENT} == dict(SILENT)
    patches.undo()
    assert os.environ["WANDB_MODE"] == "online"
    assert "COMET_MODE" not in os.environ

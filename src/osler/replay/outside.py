"""Keep experiments from reaching other machines: no new connections, and trackers that stay silent."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from osler.runtime.patches import Patches

SILENT: Mapping[str, str] = MappingProxyType(
    {
        "WANDB_MODE": "disabled",
        "WANDB_SILENT": "true",
        "COMET_MODE": "disabled",
        "NEPTUNE_MODE": "debug",
        "CLEARML_OFFLINE_MODE": "1",
        "MLFLOW_ENABLE_ASYNC_LOGGING": "false",
        "DVCLIVE_TEST": "true",
    }
)
"""Environment in which trackers of experiments record nothing."""

LOCAL = ("127.", "localhost", "::1", "0.0.0.0")
"""Beginnings of addresses of this machine."""


def silence_trackers(patches: Patches) -> None:
    """Set the environment of trackers until the patches are undone."""
    before = dict(os.environ)

    def put_back() -> None:
        for name in SILENT:
            if name in before:
                os.environ[name] = before[name]
            else:
                os.environ.pop(name, None)

    os.environ.update(SILENT)
    patches.on_undo(put_back)


def refuse_connections(patches: Patches) -> None:
    """Refuse connections to other machines."""

    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        def connect(self_: socket.socket, address: Any) -> Any:
            is_far = self_.family in (socket.AF_INET, socket.AF_INET6)
            if is_far and not str(address[0]).startswith(LOCAL):
                raise ConnectionRefusedError(111, "Connection refused by osler preflight", str(address))
            return original(self_, address)

        return connect

    inherited = socket.socket.connect
    socket.socket.connect = wrap(inherited)
    patches.on_undo(lambda: delattr(socket.socket, "connect"))

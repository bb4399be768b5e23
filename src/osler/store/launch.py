"""Processes that one `torchrun` has started together record into one run directory."""

from __future__ import annotations

import os
from collections.abc import Mapping
from hashlib import blake2b

from osler.store.layout import birth, host


def launch_of(variables: Mapping[str, str]) -> str:
    """What the ranks of one launch have in common and nobody else; empty where that is not known for certain.

    Several ranks may have any parent, a shell for example, that starts others later. Only of ``torchrun``, and
    of what is built on it, it is known that each launch is a process of its own. Ranks on another machine
    have another parent: they need ``--run-dir``.

    Args:
        variables: the environment; torchrun sets ``TORCHELASTIC_RUN_ID``, and counts its restarts.
    """
    parent = os.getppid()
    born = birth(parent)
    if not born or "TORCHELASTIC_RUN_ID" not in variables or variables.get("WORLD_SIZE", "1") == "1":
        return ""
    restart = variables.get("TORCHELASTIC_RESTART_COUNT", "0")
    return blake2b(f"{host()} {parent} {born} {restart}".encode(), digest_size=8).hexdigest()

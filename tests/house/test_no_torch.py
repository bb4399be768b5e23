"""Reading code and reporting work on a machine without torch, and do not load it where it is installed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

# Python imports `sitecustomize` before anything else, so even `python -m osler` starts without torch.
WITHOUT_TORCH = """
import sys

class WithoutTorch:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, WithoutTorch())
"""

TORCH_FREE = [
    "osler",
    "osler.model",
    "osler.engine",
    "osler.report",
    "osler.store.recorder",
    "osler.store.seal",
    "osler.cli",
]


@pytest.fixture
def without_torch(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "sitecustomize.py").write_text(WITHOUT_TORCH)
    paths = [str(tmp_path), os.environ.get("PYTHONPATH", "")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}


def python(*arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], env=env, capture_output=True, text=True, check=False)


def test_the_ban_works(without_torch: dict[str, str]) -> None:
    assert "No module named 'torch'" in python("-c", "import torch.nn", env=without_torch).stderr


@pytest.mark.parametrize("module", TORCH_FREE)
def test_imports_without_torch(module: str, without_torch: dict[str, str]) -> None:
    done = python("-c", f"import {module}", env=without_torch)
    assert done.returncode == 0, done.stderr


def test_every_check_loads_without_torch(without_torch: dict[str, str]) -> None:
    done = python("-c", "from osler.engine.catalogue import catalogue; assert catalogue()", env=without_torch)
    assert done.returncode == 0, done.stderr


def test_every_format_loads_without_torch(without_torch: dict[str, str]) -> None:
    done = python("-c", "from osler.report.formats import formats; assert formats()", env=without_torch)
    assert done.returncode == 0, done.stderr


def test_help_is_shown_without_torch(without_torch: dict[str, str]) -> None:
    done = python("-m", "osler", "--help", env=without_torch)
    assert done.returncode == 0, done.stderr
    assert "osler" in done.stdout


def test_torch_stays_unloaded_where_it_is_installed() -> None:
    done = python("-c", f"import sys, {', '.join(TORCH_FREE)}; assert 'torch' not in sys.modules")
    assert done.returncode == 0, done.stderr

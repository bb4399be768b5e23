"""The bundle that is shipped is what the sources in `web/` build, and small enough."""

import shutil
import subprocess
from pathlib import Path

import pytest

WEB = Path(__file__).parents[2] / "web"

pytestmark = pytest.mark.slow


@pytest.fixture
def node() -> str:
    found = shutil.which("node")
    if found is None or not (WEB / "node_modules/esbuild").exists():
        pytest.skip("node or its packages are missing: make web")
    return found


def test_the_committed_bundle_is_what_the_sources_build(node: str) -> None:
    done = subprocess.run(
        [node, "build.mjs", "--check"], cwd=WEB, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "tool",
    [["typescript/bin/tsc", "--noEmit"], ["eslint/bin/eslint.js", "--max-warnings", "0", "src", "build.mjs"]],
)
def test_the_sources_are_strict(node: str, tool: list[str]) -> None:
    done = subprocess.run(
        [node, f"node_modules/{tool[0]}", *tool[1:]], cwd=WEB, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_no_source_file_is_long() -> None:
    sources = [p for p in (WEB / "src").rglob("*") if p.suffix in (".ts", ".tsx", ".css")]
    assert {p.name: n for p in sources if (n := len(p.read_text().splitlines())) > 400} == {}

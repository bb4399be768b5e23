"""Golden files: whole outputs, word for word; `pytest --update-golden` writes them anew."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from osler.store import locate

# Started in the background of a shell, all processes ignore Ctrl-C, and so would the scripts under test.
signal.signal(signal.SIGINT, signal.default_int_handler)

GOLDEN = Path(__file__).parent / "golden"

Golden = Callable[[str, str], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="write the golden files instead of comparing"
    )


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Compare a text with the golden file of that name."""

    def compare(name: str, text: str) -> None:
        file = GOLDEN / name
        if request.config.getoption("--update-golden"):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        assert file.exists(), f"{file} is missing: run `pytest --update-golden` and read what it wrote"
        assert text == file.read_text(encoding="utf-8")

    return compare


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> str:
    """A name for the folder of runs that no folder above the test's own has, whoever recorded there."""
    monkeypatch.setattr(locate, "FOLDER", ".osler-of-this-test")
    return locate.FOLDER

"""`osler explain NAME` shows the page of a check."""

import io

import pytest

from osler.cli import explain, main
from osler.engine.catalogue import catalogue


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_page_in_a_pipe_is_markdown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "gradients-not-cleared"]) == 0
    text = capsys.readouterr().out
    check = catalogue()["gradients-not-cleared"]
    assert text.startswith("# gradients-not-cleared\n\nerror | gradients\n\nGradients pile up")
    assert "## Bad\n\n```python\n" in text
    assert text.endswith(f"## Fix\n\n{check.fix}\n")


def test_a_page_on_a_terminal_is_rendered(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr("sys.stdout", screen)
    assert main(["explain", "gradients-not-cleared"]) == 0
    assert "gradients-not-cleared" in screen.getvalue()
    assert "```" not in screen.getvalue()


@pytest.mark.parametrize("name", list(catalogue()))
def test_every_check_has_a_page(name: str) -> None:
    text = explain.page(catalogue()[name])
    assert "## Bad" in text
    assert "## Good" in text


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("gradient-not-cleared", "Did you mean 'gradients-not-cleared'?"),
        ("qqq", "List the names with `osler checks`."),
    ],
)
def test_unknown_names(name: str, fix: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", name]) == 2
    assert capsys.readouterr().err == f"osler: there is no check named '{name}'\n  fix: {fix}\n"


def test_no_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain"]) == 2
    assert capsys.readouterr().err == (
        "osler: the following arguments are required: NAME\n  fix: See `osler explain --help`.\n"
    )

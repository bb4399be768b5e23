"""The command line as a whole: commands, help, version, mistakes."""

import argparse
import subprocess
import sys

import pytest

from osler import __version__, cli
from osler.cli import Parser, main, names, promise
from osler.errors import UsageError


def test_every_file_is_a_command() -> None:
    assert {"run", "checks", "explain"} <= set(names())


@pytest.mark.parametrize("name", names())
def test_every_command_says_what_it_does(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert promise(name).endswith(".")
    assert len(promise(name)) <= 90
    with pytest.raises(SystemExit) as leaving:
        main([name, "--help"])
    assert leaving.value.code == 0
    assert f"usage: osler {name}" in capsys.readouterr().out


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as leaving:
        main(["--help"])
    text = capsys.readouterr().out
    assert leaving.value.code == 0
    assert all(promise(name) in text for name in names())


def test_no_command_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "osler run train.py" in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"osler {__version__}\n"


def test_version_for_a_bug_report(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version", "--verbose"]) == 0
    rows = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert list(rows) == ["osler", "python", "torch", "platform", "path"]
    assert rows["osler"] == __version__
    assert sys.executable in rows["python"]


def test_version_where_torch_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    assert "torch     not installed" in cli.version(verbose=True)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["rum"], "osler: there is no command named 'rum'\n  fix: Did you mean 'run'?\n"),
        (["xyz"], "osler: there is no command named 'xyz'\n  fix: List the commands with `osler --help`.\n"),
        (
            ["train.py"],
            "osler: 'train.py' is a script, not a command\n  fix: To watch it: osler run train.py\n",
        ),
        (["--versoin"], "osler: unrecognized arguments: --versoin\n  fix: Did you mean '--version'?\n"),
        (["checks", "--jsn"], "osler: unrecognized arguments: --jsn\n  fix: Did you mean '--json'?\n"),
        (["checks", "more"], "osler: unrecognized arguments: more\n  fix: See `osler checks --help`.\n"),
        (
            ["x\x1b[2J"],
            "osler: there is no command named 'x\\x1b[2J'\n  fix: List the commands with `osler --help`.\n",
        ),
    ],
)
def test_mistakes(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert capsys.readouterr().err == message


def test_help_loads_neither_torch_nor_rich() -> None:
    program = (
        "import sys, osler.cli\n"
        "try: osler.cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "print({'torch', 'rich'} & set(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stderr == "set()\n"


def test_a_reader_that_goes_away_is_no_error() -> None:
    done = subprocess.run(
        f"{sys.executable} -m osler checks --json | true; exit 0",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""


def test_abbreviations_are_mistakes() -> None:
    parser = Parser("osler x", "")
    parser.add_argument("--quiet", action="store_true")
    with pytest.raises(UsageError):
        parser.read(["--qui"])


def read(*words: str) -> argparse.Namespace:
    parser = Parser("osler x", "")
    parser.starts_a_script = True
    parser.add_argument("script", nargs="?")
    parser.add_argument("-m", dest="module")
    parser.add_argument("--quiet", action="store_true")
    parser.add_argument("--max-steps", type=int)
    return parser.read(words)


@pytest.mark.parametrize(
    ("words", "script", "module", "arguments"),
    [
        ("train.py", "train.py", None, ""),
        ("train.py --help", "train.py", None, "--help"),
        ("train.py --quiet -m x -- y", "train.py", None, "--quiet -m x -- y"),
        ("train.py -- y", "train.py", None, "-- y"),
        ("--quiet train.py --quiet", "train.py", None, "--quiet"),
        ("--max-steps 3 train.py 4", "train.py", None, "4"),
        ("--max-steps=3 train.py 4", "train.py", None, "4"),
        ("-m pkg.train", None, "pkg.train", ""),
        ("-m pkg.train --help -- -m z", None, "pkg.train", "--help -- -m z"),
        ("--quiet -m pkg.train train.py", None, "pkg.train", "train.py"),
        ("", None, None, ""),
        ("--quiet", None, None, ""),
    ],
)
def test_what_follows_the_script_belongs_to_it(
    words: str, script: str | None, module: str | None, arguments: str
) -> None:
    args = read(*words.split())
    assert (args.script, args.module, " ".join(args.arguments)) == (script, module, arguments)


@pytest.mark.parametrize("words", ["--max-steps", "--max-steps three train.py", "-m", "--unknown train.py"])
def test_mistakes_before_the_script(words: str) -> None:
    with pytest.raises(UsageError):
        read(*words.split())

"""Mistakes on the command line: told in one sentence with what was meant, exit code 2, nothing done."""

from pathlib import Path

import pytest

from osler.cli import main, names

COULD_NOT_RUN = 2


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without settings and without runs."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


@pytest.mark.parametrize(
    ("words", "fix"),
    [
        ("rum", "Did you mean 'run'?"),
        ("lnit", "Did you mean 'lint'?"),
        ("pre-flight", "Did you mean 'preflight'?"),
        ("check", "Did you mean 'checks'?"),
        ("explan", "Did you mean 'explain'?"),
        ("RUNS", "List the commands with `osler --help`."),
        ("zzz", "List the commands with `osler --help`."),
        ("train.py", "To watch it: osler run train.py"),
        ("größe", "List the commands with `osler --help`."),
    ],
)
def test_commands_that_do_not_exist(words: str, fix: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words.split()) == COULD_NOT_RUN
    assert capsys.readouterr().err.endswith(f"  fix: {fix}\n")


@pytest.mark.parametrize(
    ("words", "near"),
    [
        ("lint --exit-zer", "--exit-zero"),
        ("lint --unsafe-fix", "--unsafe-fixes"),
        ("lint --statistic", "--statistics"),
        ("lint --nocache", "--no-cache"),
        ("lint --add-base-line", "--add-baseline"),
        ("run --maxsteps=3 train.py", "--max-steps"),
        ("run --no-stor train.py", "--no-store"),
        ("report --formt=json", "--format"),
        ("runs --jsno", "--json"),
        ("compare a b --fail-on-nwe=error", "--fail-on-new"),
        ("checks --jsom", "--json"),
        ("export --to csv --outputt x", "--output"),
    ],
)
def test_options_that_do_not_exist(words: str, near: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words.split()) == COULD_NOT_RUN
    told = capsys.readouterr().err
    assert told.startswith("osler: unrecognized arguments: ")
    assert told.endswith(f"  fix: Did you mean '{near}'?\n")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("lint --jobs -1", "argument --jobs: invalid number of processes value: '-1'"),
        ("lint --jobs many", "argument --jobs: invalid number of processes value: 'many'"),
        ("lint --fail-on", "argument --fail-on: expected one argument"),
        ("lint --select nonsense", "there is no check named 'nonsense'"),
        ("lint nowhere.py", ""),
        ("explain", "the following arguments are required: NAME"),
        ("explain a b", "unrecognized arguments: b"),
        ("compare a", "the following arguments are required: B"),
        ("export", "the following arguments are required: --to"),
        ("export --to xls", "argument --to: invalid choice: 'xls'"),
        ("plot", "the following arguments are required: RUN, NAME"),
        ("run --overhead 0 train.py", "--overhead is 0.0, expected a share of the time above 0"),
        (
            "run --overhead nan train.py",
            "--overhead is nan, expected a share of the time above 0",
        ),
        ("run --overhead 2 train.py", "--overhead is 2.0, expected a share of the time above 0"),
        ("run --max-steps -3 train.py", "--max-steps is -3, expected a number of steps, 1 or more"),
        ("run --max-steps 1.5 train.py", "argument --max-steps: invalid int value: '1.5'"),
        ("run --stop-on hint train.py", "argument --stop-on: invalid choice: 'hint'"),
        ("run --keep everything train.py", "argument --keep: invalid choice: 'everything'"),
        ("runs nowhere", "there is no folder 'nowhere'"),
        ("report nothing", ""),
        ("report --select gradient-not-cleared", "there is no check named 'gradient-not-cleared'"),
    ],
)
def test_values_that_make_no_sense(words: str, complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words.split()) == COULD_NOT_RUN
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith(f"osler: {complaint}")
    assert "Traceback" not in told.err
    assert "\n  fix: " in told.err or ", expected " in told.err


@pytest.mark.parametrize("name", names())
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main([name, "--help"])
    assert left.value.code == 0
    told = capsys.readouterr().out
    assert told.startswith("usage: osler")
    assert name in told.splitlines()[0]


@pytest.mark.parametrize("name", names())
def test_no_command_leaves_anything_behind_after_a_mistake(
    name: str, elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([name, "--no-such-option-at-all"]) == COULD_NOT_RUN
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("words", ["", "--help-me", "-x", "--versio"])
def test_no_command_at_all(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words.split()) == COULD_NOT_RUN
    assert "osler" in capsys.readouterr().err


def test_control_characters_do_not_reach_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["\x1b[31mrun"]) == COULD_NOT_RUN
    assert "\x1b" not in capsys.readouterr().err

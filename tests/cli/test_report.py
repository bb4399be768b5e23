"""`osler report`: the verdict of a stored run, in every format, whatever happened to the run."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from osler.cli import main
from osler.report.formats import formats
from osler.store.process import Status
from osler.store.reader import open_run

ROOT = Path(__file__).parents[2]
EVAL_MODE = "faulty.py:9  error  training-in-eval-mode"


def report(capfd: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of `osler report`."""
    code = main(["report", *map(str, words)])
    return code, *capfd.readouterr()


def test_the_latest_run(faulty: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = report(capfd)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "osler: 1 error in faulty.py"
    assert EVAL_MODE in lines
    assert "  >  9 | model.eval()" in lines
    assert not any("not seen" in line for line in lines)


@pytest.mark.parametrize(
    "name", ["20260101", "20260101-120000-aaaaaaaa", ".osler/runs/20260101-120000-aaaaaaaa"]
)
def test_one_run(project: Path, name: str, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = report(capfd, name)
    assert (code, err) == (0, "")
    assert out.startswith("osler: no problem found in 48 steps (")


def test_as_it_was_reported_when_it_ended(faulty: Path, capfd: pytest.CaptureFixture[str]) -> None:
    _, out, _ = report(capfd, "--format", "json")
    told, stored = json.loads(out), json.loads((faulty / "r00000/report.json").read_text())
    assert told["subject"].pop("run") == str(faulty)
    stored["subject"].pop("run")  # it was renamed
    assert told == stored


@pytest.mark.parametrize("name", formats())
def test_formats(faulty: Path, name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    _, out, _ = report(capfd, "--format", name)
    assert "training-in-eval-mode" in out
    assert report(capfd, "--format", name, "--output", tmp_path / "x") == (0, "", "")
    assert (tmp_path / "x").read_text() == out


def test_the_ending_of_the_file_decides(
    faulty: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    report(capfd, "--output", tmp_path / "x.sarif")
    assert json.loads((tmp_path / "x.sarif").read_text())["version"] == "2.1.0"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ((), 0),
        (("--fail-on", "never"), 0),
        (("--fail-on", "error"), 1),
        (("--fail-on", "hint"), 1),
        (("--fail-on", "error", "--ignore", "training-in-eval-mode"), 0),
        (("--fail-on", "error", "--select", "loss-not-finite"), 0),
        (("20260101", "--fail-on", "hint"), 0),
    ],
)
def test_exit_codes(
    faulty: Path, words: tuple[str, ...], code: int, capfd: pytest.CaptureFixture[str]
) -> None:
    assert report(capfd, *words)[0] == code


def test_settings_of_this_project_are_not_those_of_the_run(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (project / "pyproject.toml").write_text('[tool.osler]\nfail-on = "error"\nformat = "json"\nselect = []\n')
    code, out, _ = report(capfd)
    assert (code, out[:5]) == (0, "osler")


def test_a_script_that_was_edited_since(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    script = project / "faulty.py"
    script.write_text("# a new line\n" + script.read_text())
    os.utime(script, (time.time() + 60, time.time() + 60))
    _, out, _ = report(capfd)
    assert out.endswith(
        "osler: not seen: faulty.py as it was run: it has changed since, and its lines may have moved\n"
    )
    script.unlink()
    _, out, _ = report(capfd)
    assert out.endswith("osler: not seen: the source of faulty.py: the file is not there\n")
    assert EVAL_MODE in out


def test_a_run_that_was_cut_short(
    faulty: Path, unfinish: Callable[..., None], capfd: pytest.CaptureFixture[str]
) -> None:
    unfinish(faulty)
    code, out, _ = report(capfd, "--fail-on", "error")
    lines = out.splitlines()
    assert code == 1
    assert lines[:2] == [
        "osler: faulty.py was cut short, killed or with its machine, after 60 steps",
        "osler: 1 error in faulty.py",
    ]
    assert "cost unknown" in out


def test_a_run_that_goes_on(
    faulty: Path, unfinish: Callable[..., None], capfd: pytest.CaptureFixture[str]
) -> None:
    unfinish(faulty, alive=True)
    _, out, _ = report(capfd)
    assert out.splitlines()[:2] == [
        "osler: faulty.py is still running after 60 steps",
        "osler: 1 error in faulty.py",
    ]


def test_a_run_without_its_last_segment(faulty: Path, capfd: pytest.CaptureFixture[str]) -> None:
    segment = faulty / "r00000/scalars-000000.arrows"
    segment.write_bytes(segment.read_bytes()[:-50])
    code, out, _ = report(capfd)
    assert code == 0
    assert "osler: not seen: the record: r00000/scalars-000000.arrows: 1 damaged batch left out\n" in out
    assert EVAL_MODE in out


def test_the_report_that_is_stored_does_not_matter(faulty: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (faulty / "r00000/report.json").write_text("{")
    assert EVAL_MODE in report(capfd)[1]


def test_damaged_facts(faulty: Path, capfd: pytest.CaptureFixture[str]) -> None:
    facts = faulty / "r00000/facts.jsonl"
    data = facts.read_bytes()
    for at in range(0, len(data), len(data) // 20):
        facts.write_bytes(data[:at])
        assert report(capfd)[0] == 0
        facts.write_bytes(data[:at] + b"#" + data[at + 1 :])
        code, out, _ = report(capfd)
        assert code == 0
        assert "not seen: the record: r00000/facts.jsonl" in out


@pytest.mark.parametrize(
    "kind", ["seen", "pattern", "event", "run", "parameters", "losses", "note", "series"]
)
def test_facts_of_a_kind_are_lost(faulty: Path, kind: str, capfd: pytest.CaptureFixture[str]) -> None:
    facts = faulty / "r00000/facts.jsonl"
    lines = facts.read_bytes().splitlines(keepends=True)
    kept = [line for line in lines if f'"t":"{kind}"'.encode() not in line]
    assert len(kept) < len(lines)
    facts.write_bytes(b"".join(kept))
    code, out, err = report(capfd)
    assert (code, err) == (0, "")
    assert out.startswith("osler: ")


def test_several_processes(faulty: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (faulty / "r00001").mkdir()
    assert "osler: not seen: 1 more process of this run: r00000 is judged\n" in report(capfd)[1]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (
            ["20260101-120000-aaaaaaab"],
            "there is no run '20260101-120000-aaaaaaab' in {home}\n"
            "  fix: Did you mean '20260101-120000-aaaaaaaa'?",
        ),
        (
            ["2026"],
            "'2026' may be any of 2 runs: 20260102-120000-bbbbbbbb, 20260101-120000-aaaaaaaa\n"
            "  fix: Give more of its name.",
        ),
        (
            ["faulty.py"],
            "'faulty.py' is a file, not a run directory\n  fix: List the runs with `osler runs`.",
        ),
        (["."], "{project} holds no recorded run\n  fix: List the runs with `osler runs`."),
        (["no/such"], "there is no folder 'no/such'\n  fix: List the runs with `osler runs`."),
        (
            ["--select", "training-in-evil-mode"],
            "there is no check named 'training-in-evil-mode'\n  fix: Did you mean 'training-in-eval-mode'?",
        ),
        (
            ["--output", "no/x"],
            "--output is 'no/x', expected a file in a folder that exists\n  fix: Create {project}/no first.",
        ),
    ],
)
def test_mistakes(
    words: list[str], complaint: str, home: Path, project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    told = f"osler: {complaint.format(home=home, project=project)}\n"
    assert report(capfd, *words) == (2, "", told)


def test_a_newer_format(faulty: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from osler.store.manifest import Manifest, to_json

    (faulty / "r00000/manifest.json").write_text(to_json(Manifest(schema=9)))
    assert report(capfd) == (
        2,
        "",
        f"osler: cannot read {faulty}: written in format 9, this version reads up to 1\n"
        "  fix: Upgrade with `pip install -U osler`.\n",
    )


def test_a_full_disk(faulty: Path, capfd: pytest.CaptureFixture[str]) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no device that is full")
    assert report(capfd, "--output", "/dev/full") == (
        2,
        "",
        "osler: cannot write /dev/full: No space left on device\n  fix: Choose another --output.\n",
    )


def environment(**more: str) -> dict[str, str]:
    return os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "src")} | more


def in_terminal(folder: Path, columns: int, **more: str) -> str:
    """What `osler report` writes to a terminal."""
    ours, theirs = os.openpty()
    words = [sys.executable, "-m", "osler", "report"]
    env = environment(COLUMNS=str(columns), TERM="xterm", **more)
    with subprocess.Popen(words, cwd=folder, env=env, stdout=theirs) as started:
        os.close(theirs)
        seen = b""
        while chunk := read(ours):
            seen += chunk
        assert started.wait(60) == 0
    os.close(ours)
    return seen.decode().replace("\r\n", "\n")


def read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 1 << 16)
    except OSError:  # the other side was closed
        return b""


def test_terminals(faulty: Path) -> None:
    wide, plain, narrow = (
        in_terminal(faulty, 100, NO_COLOR=""),
        in_terminal(faulty, 100, NO_COLOR="1"),
        in_terminal(faulty, 40, NO_COLOR="1"),
    )
    assert "\x1b[1;31merror\x1b[0m" in wide
    assert "\x1b" not in plain
    assert EVAL_MODE in plain
    assert max(map(len, plain.splitlines()[2:])) <= 100
    assert "\x1b" not in narrow
    assert max(map(len, narrow.splitlines()[4:])) <= 40


def test_killed_while_training(
    tmp_path: Path, write_script: Callable[..., Path], capfd: pytest.CaptureFixture[str]
) -> None:
    write_script(tmp_path, "train.py", first="model.eval()", epochs=100_000)
    words = [sys.executable, "-m", "osler", "run", "--run-dir", "run", "train.py"]
    with subprocess.Popen(words, cwd=tmp_path, env=environment(), stderr=subprocess.DEVNULL) as started:
        facts = tmp_path / "run/r00000/facts.jsonl"
        until = time.monotonic() + 120
        while time.monotonic() < until and not (facts.exists() and b'"kind":"finding"' in facts.read_bytes()):
            time.sleep(0.1)
        code, out, _ = report(capfd, tmp_path / "run")
        assert code == 0
        assert out.startswith("osler: train.py is still running after ")
        started.send_signal(signal.SIGKILL)
    assert open_run(tmp_path / "run").status is Status.CUT_SHORT
    code, out, _ = report(capfd, tmp_path / "run", "--fail-on", "error")
    assert code == 1
    lines = out.splitlines()
    assert lines[0].startswith("osler: train.py was cut short, killed or with its machine, after ")
    assert lines[1] == "osler: 1 error in train.py"


def test_no_torch_is_loaded(faulty: Path) -> None:
    program = (
        "import sys; from osler.cli import main; main(['report', '--output', '/dev/null']); "
        "print('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=faulty,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("False\n", "")

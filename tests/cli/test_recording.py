"""A run is recorded without the script noticing, whatever happens to the disk."""

import json
import resource
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from osler.engine.stored import examined
from osler.store.reader import open_run

SCRIPT = """
    import hashlib, shutil, sys, time, torch
    from torch import nn
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 3))
    optimizer = torch.optim.Adam(model.parameters())
    for step in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(torch.randn(8, 4)), torch.randint(3, (8,))).backward()
        optimizer.step()
        if step == 30:
            time.sleep(1.2)  # the recorder has begun to write
            for name in sys.argv[1:]:
                shutil.rmtree(name)
    state = b"".join(p.detach().numpy().tobytes() for p in model.parameters())
    print(hashlib.sha256(state + torch.get_rng_state().numpy().tobytes()).hexdigest())
"""


def start(
    folder: Path, *words: str, before: Callable[[], None] | None = None
) -> subprocess.CompletedProcess[str]:
    script = folder / "train.py"
    script.write_text(textwrap.dedent(SCRIPT))
    return subprocess.run(
        [sys.executable, *words], cwd=folder, capture_output=True, text=True, timeout=120, check=False,
        preexec_fn=before,
    )  # fmt: skip


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the script prints by itself."""
    return start(tmp_path_factory.mktemp("plain"), "train.py").stdout


def only_run(folder: Path) -> Path:
    (run,) = (folder / ".osler" / "runs").iterdir()
    return run


def test_a_run_is_kept_and_training_is_the_same(plain: str, tmp_path: Path) -> None:
    done = start(tmp_path, "-m", "osler", "run", "train.py")
    assert (done.returncode, done.stdout) == (0, plain)
    run = only_run(tmp_path)
    assert f"recorded as {run.name}" in done.stderr.replace("\n", " ")
    stored = open_run(run)
    assert stored.problems == ()
    assert stored.manifest.argv[-2:] == ("run", "train.py")
    assert len(stored.series("loss")[0]) == 60
    assert (examined(stored).subject.steps, examined(stored).headlines) == (60, ())
    assert (tmp_path / ".osler" / ".gitignore").read_text() == "*\n"
    assert json.loads(stored.main.document("report.json") or "")["subject"]["run"] == str(run)


@pytest.mark.slow
def test_nothing_is_kept_if_asked(plain: str, tmp_path: Path) -> None:
    done = start(tmp_path, "-m", "osler", "run", "--no-store", "train.py")
    assert (done.returncode, done.stdout) == (0, plain)
    assert "recorded" not in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["train.py"]


@pytest.mark.slow
def test_a_directory_of_ones_own(plain: str, tmp_path: Path) -> None:
    words = ("-m", "osler", "run", "--run-dir", "mine/first", "train.py")
    done = start(tmp_path, *words)
    assert (done.returncode, done.stdout) == (0, plain)
    assert open_run(tmp_path / "mine" / "first").run.steps == 60
    assert not (tmp_path / ".osler").exists()
    again = start(tmp_path, *words)
    assert (again.returncode, again.stdout) == (2, "")
    assert again.stderr == (
        f"osler: {tmp_path}/mine/first holds a run already\n"
        "  fix: Choose an empty folder, or one to be made.\n"
    )


def no_more_than(size: int) -> Callable[[], None]:
    """Files of this process cannot grow beyond so many bytes, as on a full disk."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


SMALL, LATER = (pytest.param(n, marks=pytest.mark.slow) for n in (100, 9_000))


@pytest.mark.parametrize("size", [SMALL, 3_000, LATER])
def test_a_full_disk_is_one_warning(plain: str, size: int, tmp_path: Path) -> None:
    done = start(tmp_path, "-m", "osler", "run", "train.py", before=no_more_than(size))
    assert (done.returncode, done.stdout) == (0, plain)
    warnings = [line for line in done.stderr.splitlines() if "record" in line and "training goes on" in line]
    assert len(warnings) == 1, done.stderr
    assert "no problem found in 60 steps" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_directory_that_vanishes_is_one_warning(plain: str, tmp_path: Path) -> None:
    done = start(tmp_path, "-m", "osler", "run", "train.py", ".osler")
    assert (done.returncode, done.stdout) == (0, plain)
    assert done.stderr.count("recording stopped") == 1, done.stderr
    assert not (tmp_path / ".osler").exists()


@pytest.mark.slow
def test_where_no_directory_can_be_made_nothing_is_recorded(plain: str, tmp_path: Path) -> None:
    (tmp_path / ".osler").write_text("a file")
    done = start(tmp_path, "-m", "osler", "run", "train.py")
    assert (done.returncode, done.stdout) == (0, plain)
    assert done.stderr.count("nothing is recorded: cannot make a run directory in") == 1


@pytest.mark.slow
def test_a_script_that_is_not_there_leaves_nothing(tmp_path: Path) -> None:
    done = start(tmp_path, "-m", "osler", "run", "missing.py")
    assert done.returncode == 2
    assert not (tmp_path / ".osler").exists()

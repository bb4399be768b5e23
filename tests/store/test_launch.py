"""Ranks that belong together share a run; everybody else has one of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from osler.errors import StoreError
from osler.model import Kind
from osler.store import launch
from osler.store.launch import launch_of
from osler.store.layout import new_run
from osler.store.logbook import Logbook, Plan
from osler.store.reader import open_run
from osler.store.records import Ending
from osler.testing import event, run_of

RANK = {"TORCHELASTIC_RUN_ID": "none", "WORLD_SIZE": "2", "TORCHELASTIC_RESTART_COUNT": "0"}


def test_all_ranks_of_one_launch_agree() -> None:
    first, second = ({**RANK, "RANK": rank, "LOCAL_RANK": rank} for rank in "01")
    assert launch_of(first) == launch_of(second)
    assert len(launch_of(first)) == 16


def test_a_restart_is_another_launch() -> None:
    assert launch_of(RANK) != launch_of({**RANK, "TORCHELASTIC_RESTART_COUNT": "1"})


def test_another_parent_is_another_launch(monkeypatch: pytest.MonkeyPatch) -> None:
    known = launch_of(RANK)
    monkeypatch.setattr(launch, "birth", lambda pid: "77")
    assert launch_of(RANK) != known


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"RANK": "1", "WORLD_SIZE": "2"},
        {"TORCHELASTIC_RUN_ID": "none"},
        {**RANK, "WORLD_SIZE": "1"},
        {"SLURM_PROCID": "1", "WORLD_SIZE": "4", "RANK": "1"},
    ],
    ids=["alone", "started by hand", "no world", "a world of one", "another launcher"],
)
def test_who_may_be_alone_is_alone(variables: dict[str, str]) -> None:
    assert launch_of(variables) == ""


def test_a_parent_that_cannot_be_known_is_no_launch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "birth", lambda pid: "")
    assert launch_of(RANK) == ""


def test_a_launch_names_its_run_once(tmp_path: Path) -> None:
    assert new_run(tmp_path, "a" * 16) == new_run(tmp_path, "a" * 16)
    assert new_run(tmp_path, "a" * 16) != new_run(tmp_path, "b" * 16)
    assert new_run(tmp_path) != new_run(tmp_path)
    assert len(list((tmp_path / ".osler" / "runs").iterdir())) == 4


def test_a_run_that_was_deleted_is_made_again(tmp_path: Path) -> None:
    run = new_run(tmp_path, "a" * 16)
    run.rmdir()
    assert new_run(tmp_path, "a" * 16) == run
    assert run.is_dir()


@pytest.mark.parametrize("target", ["../../elsewhere", "/etc", "20260102-030405-xyz"])
def test_a_link_that_leads_elsewhere_is_refused(tmp_path: Path, target: str) -> None:
    new_run(tmp_path, "a" * 16)
    (tmp_path / ".osler" / "launches" / ("b" * 16)).symlink_to(target)
    with pytest.raises(StoreError, match="the link of this launch names no run"):
        new_run(tmp_path, "b" * 16)


def test_ranks_record_beside_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in RANK.items():
        monkeypatch.setenv(name, value)
    run = run_of([[event(Kind.STEP, "SGD", 14, "fresh")]] * 3)
    books: list[Logbook] = []
    for rank in "10":
        monkeypatch.setenv("RANK", rank)
        books.append(Logbook(Plan(tmp_path, script="train.py")))
        books[-1].turn(run, 1, changed=True)
    for book in books:
        book.close(Ending(0), "{}")
    assert books[0].path is not None
    assert books[0].path == books[1].path
    stored = open_run(books[0].path)
    assert [(p.name, p.manifest.rank) for p in stored.processes] == [("r00000", 0), ("r00001", 1)]


SCRIPT = """\
import torch, torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel
dist.init_process_group("gloo")
torch.manual_seed(0)
net = DistributedDataParallel(torch.nn.Linear(4, 2))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for _ in range(5):
    if dist.get_rank() == 0:
        optimizer.zero_grad()
    net(torch.randn(8, 4)).square().mean().backward()
    optimizer.step()
dist.destroy_process_group()
"""


@pytest.mark.slow
def test_torchrun(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(SCRIPT)
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "osler"]
    done = subprocess.run(
        [sys.executable, *torchrun, "run", "--output", "verdict.json", "train.py"],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (run,) = (tmp_path / ".osler" / "runs").iterdir()
    stored = open_run(run)
    assert [(p.manifest.rank, p.manifest.world_size, p.run.steps) for p in stored.processes] == [
        (0, 2, 5),
        (1, 2, 5),
    ]
    assert done.stderr.count("no problem found in 5 steps") == 1
    assert "osler: rank 1: 1 error in train.py: gradients-not-cleared at train.py:" in done.stderr
    verdicts = [json.loads((tmp_path / f"verdict{rank}.json").read_text()) for rank in ("", ".rank1")]
    assert [[f["check"] for f in verdict["findings"]] for verdict in verdicts] == [
        [],
        ["gradients-not-cleared"],
    ]

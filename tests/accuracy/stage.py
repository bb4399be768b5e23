"""Run a training script in a forked child, plain or watched, and bring back what happened.

The parent imports torch once; each child starts from there, so a program costs its own work and no imports.
"""

import hashlib
import io
import json
import math
import os
import random
import re
import sys
import tempfile
import tomllib
import traceback
import types
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import sklearn.datasets
import torch
from torch.optim.optimizer import register_optimizer_step_post_hook

from osler.engine.catalogue import catalogue
from osler.engine.stored import examined
from osler.model import Diagnosis, Finding, Place
from osler.session import Session
from osler.settings import Settings
from osler.store.logbook import Plan
from osler.store.reader import open_run

HERE = Path(__file__).parents[1] / "programs"
assert sklearn.datasets  # imported here so that no child has to
torch.set_num_threads(1)
torch.optim.Adam([torch.zeros(1, requires_grad=True)]).step()  # builds what torch builds lazily
catalogue()


@dataclass(frozen=True)
class Program:
    """A script, perhaps with one edit that makes it faulty."""

    path: Path
    edits: tuple[tuple[str, str, str], ...] = ()  # file, text, replacement

    def copy_to(self, folder: Path) -> Path:
        """Write the script and its siblings to a folder, edited; the path of the script there."""
        source = self.path.parent
        siblings = [self.path] if source == HERE else list(source.glob("*.py"))
        for file in siblings:
            text = file.read_text()
            for name, old, new in self.edits:
                if name == file.name:
                    assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times in {file}"
                    text = text.replace(old, new)
            (folder / file.name).write_text(text)
        return folder / self.path.name


@dataclass(frozen=True)
class Seen:
    """A finding as the child saw it."""

    check: str
    severity: str
    message: str
    lines: tuple[tuple[str, int, str], ...]  # file name, line, text of the line


@dataclass(frozen=True)
class Outcome:
    """What one run of a program did."""

    stdout: str = ""
    stderr: str = ""
    state: dict[str, str] = field(default_factory=dict)
    crash: str = ""
    headlines: tuple[Seen, ...] = ()
    hints: tuple[Seen, ...] = ()
    checked: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    steps: int = 0
    cost: float = 0.0
    as_stored: tuple[str, ...] = ()


def run(program: Program, *, watched: bool, overhead: float = 0.01) -> Outcome:
    """Run a program in a child process.

    Args:
        program: what to run.
        watched: with Osler, or plain.
        overhead: the budget; next to nothing makes the watcher rest as soon as the loop is steady.
    """
    with tempfile.TemporaryDirectory() as folder:
        script = program.copy_to(Path(folder))
        answer = Path(folder) / "answer.json"
        child = os.fork()
        if not child:
            status = 1
            try:
                answer.write_text(json.dumps(perform(script, watched, overhead)))
                status = 0
            except BaseException:  # noqa: BLE001 - the parent must hear of it
                traceback.print_exc()
            finally:
                os._exit(status)
        _, status = os.waitpid(child, 0)
        assert status == 0, f"the child that ran {program.path.name} ended with {status}"
        told = json.loads(answer.read_text())
        for name in ("headlines", "hints"):
            told[name] = tuple(
                Seen(s["check"], s["severity"], s["message"], tuple(tuple(x) for x in s["lines"]))
                for s in told[name]
            )
        told |= {name: tuple(told[name]) for name in ("checked", "failures", "as_stored") if name in told}
        return Outcome(**told)


def perform(script: Path, watched: bool, overhead: float) -> dict[str, object]:
    """In the child: run the script as `__main__`."""
    random.seed(0)  # a fork seeds it anew
    sys.argv = [str(script)]
    sys.path.insert(0, str(script.parent))
    main = types.ModuleType("__main__")
    main.__file__ = str(script)
    sys.modules["__main__"] = main
    digest = hashlib.sha256()
    register_optimizer_step_post_hook(lambda optimizer, *_: digest.update(state(optimizer)))
    out, err = io.StringIO(), io.StringIO()
    plan = Plan(script.parent, script=str(script))
    session = Session(Settings(overhead=overhead), plan=plan) if watched else None
    error: BaseException | None = None
    if session:
        session.attach()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            exec(compile(script.read_text(), str(script), "exec"), main.__dict__)
        except BaseException as raised:  # noqa: BLE001 - a faulty program may end as it likes
            error = raised
    if session:
        session.detach()
    told: dict[str, object] = {"stdout": out.getvalue(), "stderr": err.getvalue()}
    told["state"] = {
        "steps": digest.hexdigest(),
        "torch": hashed(torch.get_rng_state().numpy().tobytes()),
        "python": hashed(repr(random.getstate()).encode()),
        "numpy": hashed(np.random.get_state()[1].tobytes()),
        "tensors": hashed(b"".join(state(v) for v in vars(main).values())),
    }
    told["crash"] = f"{type(error).__name__}: {error}" if error else ""
    if not session:
        return told | verdict(Diagnosis())
    files = [script, *(p for p in sorted(script.parent.glob("*.py")) if p != script)]
    diagnosis = session.finish(script=str(script), crash=error, files=files)
    session.close("{}")
    return told | verdict(diagnosis) | {"as_stored": differences(diagnosis, session)}


def differences(live: Diagnosis, session: Session) -> list[str]:
    """What is not the same when the recorded run is judged instead of the live one."""
    if session.logbook is None or session.logbook.path is None:
        return ["nothing was recorded"]
    stored = examined(open_run(session.logbook.path))
    pairs = [(name, getattr(live, name), getattr(stored, name)) for name in type(live).__dataclass_fields__]
    return [f"{name}: {one!r} and stored {other!r}" for name, one, other in pairs if repr(one) != repr(other)]


def hashed(data: bytes) -> str:
    """A short name for data."""
    return hashlib.sha256(data).hexdigest()[:12]


def verdict(diagnosis: Diagnosis) -> dict[str, object]:
    """The diagnosis as plain data."""
    headlines = diagnosis.headlines
    hints = [g.cause for g in diagnosis.groups if g.cause not in headlines]
    return {
        "headlines": [seen(f) for f in headlines],
        "hints": [seen(f) for f in hints],
        "checked": diagnosis.checked,
        "failures": [*diagnosis.cost.failures, *diagnosis.failed.values()],
        "steps": diagnosis.subject.steps,
        "cost": diagnosis.cost.measured,
    }


def seen(finding: Finding) -> dict[str, object]:
    """A finding with the text of its lines."""
    places = [finding.place, *(r.place for r in finding.related)]
    lines = [(Path(p.file).name, p.line, text_of(p)) for p in places if p.line]
    return {
        "check": finding.check,
        "severity": finding.severity.label,
        "message": finding.message,
        "lines": lines,
    }


def text_of(place: Place) -> str:
    """The source line at a place."""
    file = Path(place.file)
    lines = file.read_text().splitlines() if file.exists() else []
    return lines[place.line - 1].strip() if 0 < place.line <= len(lines) else ""


def state(thing: object) -> bytes:
    """Bytes of everything a step can change: parameters, gradients, buffers, optimizer state."""
    if isinstance(thing, torch.optim.Optimizer):
        tensors = [p for g in thing.param_groups for p in g["params"]]
        tensors += [p.grad for p in tensors if p.grad is not None]
        tensors += [v for s in thing.state.values() for v in s.values() if isinstance(v, torch.Tensor)]
    elif isinstance(thing, torch.nn.Module):
        tensors = [*thing.parameters(), *thing.buffers()]
    else:
        tensors = [thing] if isinstance(thing, torch.Tensor) else []
    return b"".join(dense(t.detach()).cpu().numpy().tobytes() for t in tensors if t.dtype != torch.bfloat16)


def dense(tensor: torch.Tensor) -> torch.Tensor:
    """The tensor in one piece, also if it is sparse."""
    return tensor.to_dense() if tensor.is_sparse else tensor.contiguous()


@dataclass(frozen=True)
class Learned:
    """A number that the healthy program prints last, and what it must be for the program to have learned."""

    after: str
    above: float = -math.inf
    below: float = math.inf
    seconds: float = 2  # of processor time, roughly: CI looks for faults where they cost least

    def number_in(self, text: str) -> float:
        """The first number behind the last occurrence of the words."""
        found = re.search(r"[-+]?\d+(\.\d+)?", text.rpartition(self.after)[2])
        assert self.after in text, f"{self.after!r} was not printed"
        assert found is not None, f"no number after {self.after!r}"
        return float(found[0])


def healthy() -> list[Program]:
    """Every healthy program: a file, or a folder that starts with its `train.py`."""
    return [Program(p) for p in sorted([*HERE.glob("*.py"), *HERE.glob("*/train.py")])]


def name_of(program: Program) -> str:
    """The file's name, or that of its folder."""
    return program.path.stem if program.path.parent == HERE else program.path.parent.name


def learned(program: Program) -> Learned:
    """What the program must have learned."""
    text = (HERE / "faults" / f"{name_of(program)}.toml").read_text()
    return Learned(**tomllib.loads(text)["learned"])


@dataclass(frozen=True)
class Fault:
    """A small edit that makes a healthy program faulty."""

    name: str
    check: str
    guilty: tuple[str, ...]
    program: Program
    crashes: bool
    hint: bool = False


def faults() -> list[Fault]:
    """Every edit of every program."""
    found: list[Fault] = []
    for file in sorted((HERE / "faults").glob("*.toml")):
        folder = HERE / file.stem
        path = folder / "train.py" if folder.is_dir() else HERE / f"{file.stem}.py"
        for row in tomllib.loads(file.read_text()).get("fault", []):
            guilty = row["guilty"] if isinstance(row["guilty"], list) else [row["guilty"]]
            edit = (row.get("file", path.name), row["replace"], row["with"])
            program = Program(path, (edit,))
            crashes, hint = row.get("crashes", False), row.get("hint", False)
            found.append(
                Fault(f"{file.stem}-{row['name']}", row["check"], tuple(guilty), program, crashes, hint)
            )
    return found

"""`osler preflight`, torchtest2 and preflight-ml on the same programs: found, alarms, seconds.

    python benchmarks/preflight/compare.py [--only TOOL ...] [--programs NAME ...] [--into FOLDER]

The programs are those of `tests/programs`: for each check that a tool of the three has a test for, one edit
that makes a healthy program faulty in that way; the healthy programs that were edited; and some healthy
programs more. The two libraries are installed into a folder of their own (`--into`), without torch. Their
users would write a call into the script; it is made for them at the first backward
(`benchmarks/accuracy/rivals/examining.py`) with the model, its inputs, the loss, the optimizer and the
loader of the program.

torchtest2 makes its default 200 steps of overfitting and checks gradients in double precision too; Osler has
time for all its experiments (`--budget 10m`: the default, 60 s by the clock, is little on a busy machine).
Each program is a process of its own with one thread. Seconds are of CPU time, which other work on the
machine hardly changes: Osler's of the whole process, those of the libraries without the import of torch,
from the start of the script to the answer.

A fault is *named* if a warning or error of the tool explains it (`codes.py`) and is not said of the healthy
program too, *noticed* if the tool says anything new about it, else missed; `n`: nothing could be handed to
the tool, or it broke on that. Of Osler only the first headline counts, and for faults that are only worth a
hint the hints. What is said of a healthy program is an alarm. The table goes to `results/rivals.md`, what
was said to `results/rivals.json`; tools and programs that are left out keep what an earlier run wrote.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
RESULTS = HERE / "results"
RIVALS = ROOT / "benchmarks" / "accuracy" / "rivals"
sys.path[:0] = [str(RIVALS), str(ROOT / "tests" / "accuracy")]

from codes import CODES, explains  # noqa: E402
from stage import HERE as PROGRAMS  # noqa: E402
from stage import Program, faults, healthy, name_of  # noqa: E402

from osler.engine.catalogue import catalogue  # noqa: E402

PINS = ["torchtest2==0.1.0", "preflight-ml==0.1.1"]
NEEDED = ["click>=8,<9", "rich>=12"]
"""What they import besides torch and numpy."""

LIBRARIES = ["torchtest2", "preflight-ml"]
TOOLS = ["osler preflight", *LIBRARIES]
OVERFIT = 200
"""Steps of overfitting that torchtest2 makes unless told otherwise."""

LIMIT = 1200
"""Seconds that a tool may take for one program."""

FIRST = ["kfold_fresh", "bf16_autocast", "tied_lm_tbptt", "date_translation", "two_file", "gan_rings"]
"""Programs whose edits are taken before those of others, so that few healthy programs have to be asked."""

MORE = [
    "unet_shapes",
    "simclr_digits",
    "lora_adapter",
    "vq_codes",
    "mc_dropout",
    "trainer_class",
    "crf_tagger",
]
"""Healthy programs that are asked too, because they are unlike the others."""

Answer = dict[str, Any]
Said = dict[str, dict[str, Answer]]


@dataclass(frozen=True)
class Case:
    """A faulty program, and the check that its fault stands for."""

    name: str
    check: str
    program: Program
    hint: bool = False

    @property
    def base(self) -> str:
        """The healthy program that was edited."""
        return name_of(Program(self.program.path))


def cases() -> list[Case]:
    """One edit for each check that one of the tools has a test for."""
    rows = tomllib.loads((PROGRAMS / "faults" / "preflight" / "edits.toml").read_text())["fault"]
    known = [Case(r["name"], r["check"], edited(r), r.get("hint", False)) for r in rows]
    known += [Case(f.name, f.check, f.program, f.hint) for f in faults()]
    tested = {name for name, check in catalogue().items() if check.setup_detector}
    tested |= {name for rival in LIBRARIES for names in CODES[rival].values() for name in names}
    rank = {name: place for place, name in enumerate(FIRST)}
    found: list[Case] = []
    for check in sorted(tested):
        own = sorted((c for c in known if c.check == check), key=lambda c: rank.get(c.base, len(FIRST)))
        found += own[:1]
    return found


def edited(row: dict[str, str]) -> Program:
    """A program with an edit of the pre-flight's own list."""
    return Program(PROGRAMS / row["file"], ((Path(row["file"]).name, row["replace"], row["with"]),))


def main() -> None:
    """Install, ask, judge, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--into", type=Path, default=ROOT / ".venv" / "preflight-rivals")
    parser.add_argument("--only", nargs="+", choices=TOOLS, default=TOOLS)
    parser.add_argument("--programs", nargs="+", help="names of healthy programs or of edits")
    options = parser.parse_args()
    install(options.into)
    chosen = cases()
    programs = {c.base: Program(c.program.path) for c in chosen} | {c.name: c.program for c in chosen}
    programs |= {name_of(p): p for p in healthy() if name_of(p) in MORE}
    store = RESULTS / "rivals.json"
    said: Said = json.loads(store.read_text())["said"] if store.exists() else {}
    names = options.programs or list(programs)
    with tempfile.TemporaryDirectory() as folder:
        scripts = {name: laid_out(programs[name], Path(folder) / name) for name in names}
        for tool in options.only:
            for name, answer in asked(tool, scripts, options.into):
                said.setdefault(tool, {})[name] = answer
                print(f"{tool:16} {name:40} {answer['seconds']:6.1f} s {codes(answer)}", flush=True)
                write(said, chosen)


def laid_out(program: Program, folder: Path) -> Path:
    """A program in a folder of its own."""
    folder.mkdir()
    return program.copy_to(folder)


def codes(answer: Answer) -> str:
    """What was said, in codes."""
    return "n" if answer["rows"] is None else ", ".join(row["code"] for row in answer["rows"]) or "nothing"


def install(folder: Path) -> None:
    """The libraries and what they need, without torch."""
    if all((folder / name).is_dir() for name in ("torchtest2", "preflight", "click")):
        return
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    needed = [*NEEDED, "markdown-it-py", "mdurl", "pygments"]
    subprocess.run([*command, "--target", str(folder), *PINS, *needed], check=True)


def asked(tool: str, scripts: dict[str, Path], rivals: Path) -> Iterator[tuple[str, Answer]]:
    """What a tool says about each program, and how long it takes."""
    paths = [str(ROOT / "src"), str(rivals)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}
    if tool in LIBRARIES:
        yield from examined(tool, scripts, environment)
        return
    for name, script in scripts.items():
        report = script.parent / "report.json"
        command = [sys.executable, "-m", "osler", "preflight", "--quiet", "--no-store", "--budget", "10m"]
        command += ["--output", str(report), script.name]
        before = spent()
        subprocess.run(
            command, cwd=script.parent, env=environment, capture_output=True, timeout=LIMIT, check=False
        )
        yield name, {"rows": headlines(report), "seconds": round(spent() - before, 1)}


def spent() -> float:
    """CPU seconds of all processes that were started from here and have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def examined(
    tool: str, scripts: dict[str, Path], environment: dict[str, str]
) -> Iterator[tuple[str, Answer]]:
    """The same for a library."""
    command = [sys.executable, str(RIVALS / "examining.py"), tool, *map(str, scripts.values())]
    command += ["--overfit-steps", str(OVERFIT), "--seconds"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as process:
        for name, line in zip(scripts, process.stdout or (), strict=False):
            answer = json.loads(line)
            broke = [row["code"] for row in answer["rows"] or []] == ["crash"]
            yield name, answer | {"rows": None} if broke else answer


def headlines(report: Path) -> list[dict[str, str]] | None:
    """What Osler found, the causes only, hints marked as such."""
    told = json.loads(report.read_text()) if report.exists() else None
    if told is None:
        return None
    causes = [told["findings"][group["cause"]] for group in told["diagnoses"]]
    return [{"code": f["check"], "message": f["message"], "severity": f["severity"]} for f in causes]


def loud(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Warnings and errors."""
    return [row for row in rows if row.get("severity") != "hint"]


def judged(tool: str, case: Case, said: Said) -> str:
    """named, noticed, missed, n (could not be asked) or empty (was not asked)."""
    answers = said.get(tool, {})
    if case.name not in answers or case.base not in answers:
        return ""
    rows, before = answers[case.name]["rows"], answers[case.base]["rows"] or []
    if rows is None:
        return "n"
    known = {row["code"] for row in before}
    new = [row for row in rows if row["code"] not in known]
    if tool in LIBRARIES:
        right = any(explains(tool, row["code"], row["message"], case.check) for row in new)
    elif case.hint:
        right = case.check in [row["code"] for row in new]
    else:
        right = case.check in [row["code"] for row in loud(rows)[:1]]
    return "named" if right else "noticed" if loud(new) else "missed"


def write(said: Said, chosen: list[Case]) -> None:
    """The answers as JSON, the judgement as Markdown."""
    RESULTS.mkdir(exist_ok=True)
    verdicts = {c.name: {tool: judged(tool, c, said) for tool in TOOLS} for c in chosen}
    told = {"pins": PINS, "verdicts": verdicts, "said": said}
    (RESULTS / "rivals.json").write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    (RESULTS / "rivals.md").write_text(markdown(said, chosen, verdicts))


def markdown(said: Said, chosen: list[Case], verdicts: dict[str, dict[str, str]]) -> str:
    """The table of tools, then that of faults."""
    clean = sorted({*MORE, *(c.base for c in chosen)})
    lines = [
        "# Osler's pre-flight, torchtest2 and preflight-ml",
        "",
        "Written by `python benchmarks/preflight/compare.py`, which says how answers are judged. One fault "
        "for each check that any of the three has a test for. The faulty programs were written for Osler's "
        "own tests, so its column shows what it is built for; the libraries are asked to look at one batch "
        "and never see the loop. Seconds are medians of CPU time: of Osler's whole processes, and of the "
        "libraries without the import of torch.",
        "",
        "| tool | faults asked | named | noticed | missed | healthy asked | with an alarm | alarms "
        "| seconds |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for tool in TOOLS:
        counts = Counter(row[tool] for row in verdicts.values())
        whole = said.get(tool, {})
        answers = [
            loud(whole[name]["rows"]) for name in clean if name in whole and whole[name]["rows"] is not None
        ]
        took = [answer["seconds"] for answer in whole.values()]
        lines.append(
            f"| {tool} | {counts['named'] + counts['noticed'] + counts['missed']} | {counts['named']} "
            f"| {counts['noticed']} | {counts['missed']} | {len(answers)} | {sum(map(bool, answers))} "
            f"| {sum(map(len, answers))} | {median(took) if took else 0:.0f} |"
        )
    lines += ["", f"| fault | program | {' | '.join(TOOLS)} |", f"|---|---|{'---|' * len(TOOLS)}"]
    for case in chosen:
        cells = " | ".join(verdicts[case.name][tool] for tool in TOOLS)
        lines.append(f"| {case.check} | {case.base} | {cells} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()

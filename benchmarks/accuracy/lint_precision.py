"""What `osler lint` says of other people's code, and how two readers judged it: the tables of `lint.md`.

    python benchmarks/accuracy/lint_precision.py collect MIRROR TREES REPORTS
    python benchmarks/accuracy/lint_precision.py judge first|second VERDICTS.jsonl
    python benchmarks/accuracy/lint_precision.py list

MIRROR holds snapshots, TREES their files, REPORTS the JSON report of each, all named `owner+name`. A finding
keeps its number when it is collected again; one that is no longer made is kept as well. VERDICTS has a line
for each finding, `{"number": 1, "verdict": "true", "reason": "..."}`, where a verdict is `true`, `overstated`
(it is there, but harmless, or less than is said) or `false`. `list` prints what a reader needs who must not
know the other's verdict. None of the code that was read is kept.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
STORE = HERE / "results" / "lint.json"
PAGE = HERE / "lint.md"
JUDGED = ("error", "warning")
SHOWN = ("repository", "path", "cell", "check", "first", "second")

Row = dict[str, Any]


def main(command: str, arguments: list[str]) -> None:
    """Bring the store up to date, then the page."""
    stored: Row = (
        json.loads(STORE.read_text("utf-8")) if STORE.exists() else {"repositories": [], "findings": []}
    )
    match command, arguments:
        case "collect", [mirror, trees, reports]:
            collect(stored, Path(mirror), Path(trees), Path(reports))
        case "judge", [("first" | "second") as reader, verdicts]:
            judge(stored, reader, Path(verdicts))
        case "list", []:
            told = ("number", "repository", "commit", "path", "cell", "line", "check", "severity", "message")
            print(*(json.dumps({k: f[k] for k in told}) for f in stored["findings"] if f["now"]), sep="\n")
            return
        case _:
            sys.exit(__doc__)
    STORE.write_text(json.dumps(stored, indent=1, ensure_ascii=False) + "\n", "utf-8")
    page = PAGE.read_text("utf-8")
    for name, rows in tables(stored):
        page = put(page, name, rows)
    PAGE.write_text(page, "utf-8")


def collect(stored: Row, mirror: Path, trees: Path, reports: Path) -> None:
    """Take what the reports say; findings that they no longer make are marked."""
    groups = {r["repository"]: r["group"] for r in stored["repositories"]}
    known = {identity(f): f for f in stored["findings"]}
    stored["repositories"] = []
    for finding in known.values():
        finding["now"] = False
    for report in sorted(reports.glob("*.json")):
        name = report.stem.replace("+", "/", 1)
        found = [f for f in json.loads(report.read_text("utf-8"))["findings"] if not f["suppressed"]]
        commit = commit_of(mirror / report.stem)
        files = sum(1 for p in (trees / report.stem).rglob("*") if p.suffix in (".py", ".ipynb"))
        counts = Counter(f["severity"] for f in found)
        entry: Row = {"repository": name, "commit": commit, "files": files, "group": groups.get(name, "")}
        stored["repositories"].append(entry | {s: counts[s] for s in (*JUDGED, "hint")})
        for finding in found:
            if finding["severity"] in JUDGED:
                row = as_row(finding, name, commit)
                known.setdefault(identity(row), row | {"number": len(known) + 1})["now"] = True
    stored["findings"] = sorted(known.values(), key=lambda f: f["number"])


def as_row(finding: Row, repository: str, commit: str) -> Row:
    """What is kept of a finding."""
    place = finding["place"]
    text = {"check": finding["check"], "severity": finding["severity"], "message": finding["message"]}
    where = {"path": place["file"], "cell": place["cell"], "line": place["line"]}
    return {"repository": repository, "commit": commit} | where | text


def identity(finding: Row) -> tuple[Any, ...]:
    """What makes it the same finding the next time."""
    return tuple(finding[k] for k in ("repository", "path", "cell", "line", "check", "message"))


def commit_of(bare: Path) -> str:
    """The newest commit of a snapshot."""
    repository = bare / "repo" / ".git" if (bare / "repo" / ".git").is_dir() else bare / "repo"
    command = ["git", "-C", str(repository), "rev-parse", "--short=10", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def judge(stored: Row, reader: str, verdicts: Path) -> None:
    """Take the verdicts of a reader."""
    by_number = {f["number"]: f for f in stored["findings"]}
    for line in verdicts.read_text("utf-8").splitlines():
        verdict = json.loads(line)
        by_number[verdict["number"]][reader] = {"verdict": verdict["verdict"], "reason": verdict["reason"]}


def tables(stored: Row) -> Iterator[tuple[str, list[str]]]:
    """Every table of the page, by its name."""
    now = [f for f in stored["findings"] if f["now"]]
    yield "repositories", repositories(stored["repositories"], now)
    yield "agreement", agreement(stored["findings"], now)
    yield "verdicts", verdict_rows(now)
    yield "corrected", verdict_rows([f for f in stored["findings"] if not f["now"]])


def repositories(rows: list[Row], now: list[Row]) -> list[str]:
    """One line for each repository, and their sum."""
    named = ("repository", "commit", "group", "files", "errors", "warnings", "hints", "false", "overstated")
    lines = [f"| {' | '.join(named)} |", "|" + "---|" * len(named)]
    total: Counter[str] = Counter()
    for row in rows:
        mine = Counter(said(f, "first") for f in now if f["repository"] == row["repository"])
        numbers = {k: row[k] for k in ("files", *JUDGED, "hint")} | {
            k: mine[k] for k in ("false", "overstated")
        }
        total.update(numbers)
        values = " | ".join(str(v) for v in numbers.values())
        lines.append(f"| {row['repository']} | {row['commit']} | {row['group']} | {values} |")
    return [*lines, f"| all {len(rows)} | | | {' | '.join(str(v) for v in total.values())} |"]


def agreement(every: list[Row], now: list[Row]) -> list[str]:
    """How often each reader said what, and how often they agree."""
    lines = ["| | findings | true | overstated | false |", "|---|---|---|---|---|"]
    for reader in ("first", "second"):
        for title, findings in (("all findings", every), ("those still made", now)):
            counts = Counter(said(f, reader) for f in findings)
            if judged := sum(counts.values()) - counts[""]:
                numbers = " | ".join(str(counts[v]) for v in ("true", "overstated", "false"))
                lines.append(f"| {reader} reader, {title} | {judged} | {numbers} |")
    pairs = Counter((said(f, "first"), said(f, "second")) for f in every)
    both = {pair: count for pair, count in pairs.items() if all(pair)}
    if not both:
        return [*lines, "", "The second reader has not judged yet."]
    same = sum(count for (first, second), count in both.items() if first == second)
    apart = [f"{first} and {second} {n}" for (first, second), n in sorted(both.items()) if first != second]
    of = f"Same verdict of both readers: {same} of {sum(both.values())}."
    return [*lines, "", f"{of} Different, first and second: {', '.join(apart)}." if apart else of]


def verdict_rows(findings: Iterable[Row]) -> list[str]:
    """Findings of one file that were judged alike share a line."""
    lines = ["| repository | place | check | first reader | second reader | reason |", "|" + "---|" * 6]
    key = lambda f: tuple(json.dumps(f.get(k), ensure_ascii=False) for k in SHOWN)  # noqa: E731
    for _, group in groupby(sorted(findings, key=key), key):
        alike = sorted(group, key=lambda f: f["line"])
        first = alike[0]
        places = ", ".join(str(f["line"]) for f in alike)
        reason = first.get("first", {}).get("reason", "")
        if said(first, "second") not in ("", said(first, "first")):
            reason += f" Second reader: {first['second']['reason']}"
        cell = f", cell {first['cell']}" if first["cell"] else ""
        place = f"{first['path']}{cell}:{places} | {first['check']}"
        verdicts = f"{said(first, 'first')} | {said(first, 'second') or '–'}"
        lines.append(f"| {first['repository']} | {place} | {verdicts} | {reason} |")
    return lines


def said(finding: Row, reader: str) -> str:
    """The verdict of a reader; empty if there is none."""
    return finding.get(reader, {}).get("verdict", "")


def put(page: str, name: str, lines: list[str]) -> str:
    """Replace what stands between the two marks of this name."""
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    head, rest = page.split(begin)
    return head + begin + "\n".join(lines) + "\n" + end + rest.split(end)[1]


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "", sys.argv[2:])

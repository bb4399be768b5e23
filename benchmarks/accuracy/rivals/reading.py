"""The rivals that read source: torch-preflight and the linter of pulseml. Prints one JSON object.

python reading.py torch-preflight|pulseml FOLDER
"""

from __future__ import annotations

import ast
import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

Told = dict[str, list[dict[str, Any]]]


def torch_preflight(folder: Path) -> Told:
    """Its command on the whole folder; notes are left out."""
    command = [sys.executable, "-m", "torch_preflight", "check", str(folder), "-f", "json", "-j", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    answer = json.loads(done.stdout)
    told: Told = {}
    for found in answer["diagnostics"] if isinstance(answer, dict) else answer:
        if found["severity"] in ("error", "warning"):
            row = {"code": found["code"], "message": found["message"], "line": found.get("line")}
            told.setdefault(program_of(Path(found["path"]), folder), []).append(row)
    return told


def pulseml(folder: Path) -> Told:
    """Its heuristic scan, as its own directive calls it, program by program."""
    scan = importlib.import_module("pulse.pulse")._mllint_scan
    told: Told = {}
    for program in sorted(p for p in folder.iterdir() if p.is_dir()):
        texts = [(p, p.read_text()) for p in sorted(program.glob("*.py"))]
        trees = [(p.name, str(p), text, ast.parse(text)) for p, text in texts]
        told[program.name] = [
            {"code": "mllint", "message": message, "line": line} for _, line, message in scan(trees)
        ]
    return told


def program_of(file: Path, folder: Path) -> str:
    """The program that a file belongs to: each lies in a folder of its own."""
    return file.resolve().relative_to(folder.resolve()).parts[0]


if __name__ == "__main__":
    rival, place = sys.argv[1:]
    print(json.dumps({"torch-preflight": torch_preflight, "pulseml": pulseml}[rival](Path(place))))

"""CPU seconds of `osler lint` beside torchfix, torch-preflight and dslinter on the same files.

    python benchmarks/lint/rivals.py [--environment FOLDER] [--limit SECONDS] FOLDER...

The others are installed into an environment of their own, made at the first time. dslinter asks for versions
of pylint that no longer install; it is installed without its dependencies beside a later pylint. Each tool
runs alone, in one process, with all of its rules, and is stopped at the limit.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import venv
from pathlib import Path

from osler.static.files import python_files

INSTALLED = (
    ("torchfix", "torch-preflight"),
    ("--no-deps", "dslinter", "pylint==2.17.7"),
    ("mypy", "astroid<2.16", "tomlkit", "isort<6", "mccabe<0.8", "dill", "platformdirs"),
)
DSLINTER = (
    "gradient-clear-pytorch forward-pytorch randomness-control-pytorch deterministic-pytorch "
    "randomness-control-dataloader-pytorch hyperparameters-pytorch mask-missing-pytorch"
)


def main() -> None:
    """Install, run, compare."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--environment", default=".rivals", type=Path)
    parser.add_argument("--limit", default=600, type=int, help="seconds of CPU for each tool")
    args = parser.parse_args()
    installed(args.environment)
    files = [str(p) for p in python_files([Path(f) for f in args.folders]) if p.suffix == ".py"]
    print(f"{len(files)} files, {sum(Path(f).stat().st_size for f in files) / 1e6:.2f} MB")
    own = None
    for name, command in commands(args.environment / "bin").items():
        seconds, whole = measured([*command, *files], args.limit)
        own = own or seconds
        more = "" if whole else " (stopped at the limit)"
        rate = len(files) / seconds
        print(f"{name:16} {seconds:7.1f} s CPU  {rate:7.1f} files/s  {seconds / own:5.1f} x{more}")


def installed(environment: Path) -> None:
    """Make the environment of the others, once."""
    if (environment / "bin" / "torchfix").exists():
        return
    venv.create(environment, with_pip=True)
    for packages in INSTALLED:
        subprocess.run([environment / "bin" / "pip", "install", "-q", *packages], check=True)


def commands(bin_: Path) -> dict[str, list[str]]:
    """How each tool is called, all of its rules on."""
    enabled = ",".join(DSLINTER.split())
    return {
        "osler lint": [sys.executable, "-m", "osler", "lint", "--no-cache", "--exit-zero"],
        "torchfix": [str(bin_ / "torchfix"), "--select", "ALL", "-j", "1"],
        "torch-preflight": [str(bin_ / "torch-preflight"), "check"],
        "dslinter": [str(bin_ / "pylint"), "--load-plugins=dslinter", "--disable=all", f"--enable={enabled}"],
    }


def measured(command: list[str], limit: int) -> tuple[float, bool]:
    """CPU seconds of a command with its children, and whether it came to its end."""

    def bounded() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, preexec_fn=bounded, capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return spent, done.returncode >= 0


if __name__ == "__main__":
    main()

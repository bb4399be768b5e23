"""CPU seconds of `osler lint` on a tree, as a multiple of bare `ast.parse` on the same files, in one process.

python benchmarks/lint/speed.py FOLDER...
"""

from __future__ import annotations

import ast
import resource
import sys
import time
import warnings
from pathlib import Path

from osler.engine.catalogue import catalogue
from osler.engine.linting import lint
from osler.static.files import python_files


def main(folders: list[str]) -> None:
    """Parse, lint, compare."""
    warnings.simplefilter("ignore")
    paths = [p for p in python_files([Path(f) for f in folders]) if p.suffix == ".py"]
    texts = [p.read_bytes() for p in paths]
    start = time.process_time()
    for text in texts:
        try:
            ast.parse(text)
        except (SyntaxError, ValueError):
            continue
    parsing = time.process_time() - start
    checks = tuple(catalogue().values())
    start = time.process_time()
    verdict = lint(paths, checks)
    linting = time.process_time() - start
    size = sum(map(len, texts)) / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{len(paths)} files, {size:.2f} MB, {verdict.read} concerned")
    print(f"ast.parse {parsing:.2f} s, osler lint {linting:.2f} s CPU: {linting / parsing:.1f} x")
    print(f"peak {peak:.0f} MiB")
    print(f"given up: {dict(verdict.given_up)}")


if __name__ == "__main__":
    main(sys.argv[1:])

"""CPU seconds of `osler lint` on a tree, cold and warm, as a multiple of bare `ast.parse` on the same files.

One process; peak memory is that of the cold pass.

python benchmarks/lint/speed.py FOLDER...
"""

from __future__ import annotations

import ast
import resource
import sys
import tempfile
import time
import warnings
from pathlib import Path

from osler.engine.cache import open_cache
from osler.engine.catalogue import catalogue
from osler.engine.linting import lint
from osler.model import Check
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
    warm = again(paths, checks)
    print(f"{len(paths)} files, {size:.2f} MB, {verdict.read} concerned")
    print(f"ast.parse {parsing:.2f} s, osler lint {linting:.2f} s CPU: {linting / parsing:.1f} x")
    print(f"peak {peak:.0f} MiB")
    print(f"with a warm cache {warm:.2f} s: {linting / warm:.0f} x faster")
    print(f"given up: {dict(verdict.given_up)}")


def again(paths: list[Path], checks: tuple[Check, ...]) -> float:
    """CPU seconds of a second time, with a cache that the first has filled."""
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(2):
            start = time.process_time()
            cache = open_cache(Path(folder), "benchmark")
            lint(paths, checks, memory=cache)
            cache.save()
    return time.process_time() - start


if __name__ == "__main__":
    main(sys.argv[1:])

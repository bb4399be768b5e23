"""Recall by mutation: break correct training code in one place and ask whether `osler lint` names it.

    python benchmarks/lint/mutations.py [-v] FOLDER...

Each folder is a checkout of somebody's training code. Only files on which the check is silent are mutated. A
mutation that changes nothing for training is still counted unless that was seen by reading, so the true
recall is higher. With `-v` the files of the missed ones are listed.
"""

from __future__ import annotations

import ast
import random
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from osler.engine.catalogue import catalogue
from osler.engine.linting import lint_sources
from osler.static.files import concerned, python_files
from osler.static.project import project
from osler.static.sources import Source, parse, read

Mutation = Callable[[Source], Iterator[str]]
MOST = 60
"""Mutants of one kind."""


def statements(source: Source, *methods: str) -> Iterator[ast.Expr]:
    """Statements that only call one of these methods."""
    for node in ast.walk(source.tree) if source.tree else ():
        match node:
            case ast.Expr(value=ast.Call(func=ast.Attribute(attr=attr))) if attr in methods:
                if node.lineno == node.end_lineno:
                    yield node


def without(source: Source, nodes: list[ast.Expr]) -> str:
    """The text with statements replaced by `pass`."""
    lines = source.text.split("\n")
    for node in nodes:
        line = lines[node.lineno - 1]
        lines[node.lineno - 1] = line[: node.col_offset] + "pass" + line[node.end_col_offset :]
    return "\n".join(lines)


def delete_clear(source: Source) -> Iterator[str]:
    """No `zero_grad()` anywhere."""
    if found := list(statements(source, "zero_grad")):
        yield without(source, found)


def clear_late(source: Source) -> Iterator[str]:
    """A second `zero_grad()` right before each step."""
    clears = {ast.unparse(n.value.func.value) for n in statements(source, "zero_grad")}
    for step in statements(source, "step"):
        name = ast.unparse(step.value.func.value)
        lines = source.text.split("\n")
        if name in clears:
            line = lines[step.lineno - 1]
            lines[step.lineno - 1] = (
                line[: step.col_offset] + f"{name}.zero_grad(); " + line[step.col_offset :]
            )
            yield "\n".join(lines)


SENSITIVE = re.compile(r"[Dd]ropout|BatchNorm|torchvision\.models|models\.resnet|Transformer")
"""Without one of these, both modes are the same."""


def trains(source: Source) -> bool:
    """Modes and recording matter here: something is trained in this file."""
    return ".backward(" in source.text


def delete_train(source: Source) -> Iterator[str]:
    """No `train()`, although there is an `eval()`."""
    found = [n for n in statements(source, "train") if not n.value.args]
    if found and trains(source) and any(statements(source, "eval")):
        yield without(source, found)


def delete_eval(source: Source) -> Iterator[str]:
    """No `eval()`."""
    found = list(statements(source, "eval"))
    if found and trains(source):
        yield without(source, found)


def delete_no_grad(source: Source) -> Iterator[str]:
    """`with torch.no_grad():` becomes `if True:`."""
    text = source.text.replace("with torch.no_grad():", "if True:")
    if text != source.text and ".eval()" in source.text and trains(source):
        yield text


def list_for_module_list(source: Source) -> Iterator[str]:
    """`nn.ModuleList(…)` becomes `list(…)`."""
    text = source.text.replace("nn.ModuleList(", "list(")
    if text != source.text:
        yield text


def clip_late(source: Source) -> Iterator[str]:
    """The line that clips changes places with the line that steps after it."""
    lines = source.text.split("\n")
    for clip in statements(source, "clip_grad_norm_", "clip_grad_value_"):
        for step in statements(source, "step"):
            if step.lineno == clip.lineno + 1 and step.col_offset == clip.col_offset:
                swapped = lines[:]
                swapped[clip.lineno - 1], swapped[step.lineno - 1] = (
                    lines[step.lineno - 1],
                    lines[clip.lineno - 1],
                )
                yield "\n".join(swapped)


def step_early(source: Source) -> Iterator[str]:
    """`backward()` and the `step()` in the next line change places."""
    lines = source.text.split("\n")
    others = {node.lineno for node in statements(source, "backward")}
    for backward in statements(source, "backward"):
        for step in statements(source, "step"):
            alone = backward.lineno - 1 not in others  # else the step may belong to the one before
            if alone and step.lineno == backward.lineno + 1 and step.col_offset == backward.col_offset:
                yield swapped(lines, backward.lineno, step.lineno)


def swapped(lines: list[str], one: int, other: int) -> str:
    """The text with two lines in each other's place."""
    changed = lines[:]
    changed[one - 1], changed[other - 1] = lines[other - 1], lines[one - 1]
    return "\n".join(changed)


def delete_step(source: Source) -> Iterator[str]:
    """No `optimizer.step()`."""
    clears = {ast.unparse(n.value.func.value) for n in statements(source, "zero_grad")}
    found = [n for n in statements(source, "step") if ast.unparse(n.value.func.value) in clears]
    if found:
        yield without(source, found)


MUTATIONS: dict[Mutation, set[str]] = {
    delete_clear: {"gradients-not-cleared"},
    clear_late: {"gradients-cleared-before-step"},
    step_early: {"step-before-backward", "gradients-cleared-before-step", "gradients-not-cleared"},
    clip_late: {"clipping-after-step"},
    delete_step: {"optimizer-never-steps"},
    delete_train: {"training-in-eval-mode"},
    delete_eval: {"evaluating-in-train-mode"},
    delete_no_grad: {"evaluation-tracks-gradients", "graph-kept-in-accumulator"},
    list_for_module_list: {"parameters-not-registered"},
}


def main(folders: list[str]) -> None:
    """Mutate, lint, count."""
    cases = [(f, group) for f in folders for group in groups(Path(f)) for f in group]
    random.Random(0).shuffle(cases)
    for mutation, expected in MUTATIONS.items():
        missed = [source.file for source, seen in judged(mutation, expected, cases) if not seen]
        tried = TRIED[mutation.__name__]
        share = 1 - len(missed) / max(1, tried)
        print(f"{mutation.__name__:24} {tried - len(missed):4} of {tried:4}  {share:.0%}")
        if "-v" in sys.argv:
            print("".join(f"    {m}\n" for m in missed), end="")


EQUIVALENT = {
    "/srgan/srgan.py": "eval() on the features of a VGG19, which has no layer that knows modes",
    "/esrgan/esrgan.py": "eval() on the features of a VGG19, which has no layer that knows modes",
    "/cyclegan/cyclegan.py": "generators with InstanceNorm, which is the same in both modes",
    "/neural_style/neural_style.py": "a network with InstanceNorm, which is the same in both modes",
    "/makemore.py": "no layer that knows modes: the dropout of the original was taken out",
    "/training_script_ppi.py": "the only layers that know modes are Dropout with a rate of 0",
    "/rpc_parameter_server.py": "it only refers to a module in another process, which no mode reaches",
}
"""Ends of paths of files in which deleting `eval()` or `train()` changes nothing, and why; each was read."""


TRIED = Counter[str]()


def judged(
    mutation: Mutation, expected: set[str], cases: list[tuple[Source, list[Source]]]
) -> Iterator[tuple[Source, bool]]:
    """Each mutant's file, and whether it was named."""
    checks = catalogue().values()
    by_mode = mutation in (delete_train, delete_eval)
    for source, group in cases:
        same = source.path.as_posix().endswith(tuple(EQUIVALENT))
        if by_mode and (same or not any(SENSITIVE.search(s.text) for s in group)):
            continue
        for text in mutation(source):
            mutant = parse(source.path, text.encode())
            if TRIED[mutation.__name__] < MOST and mutant.tree and not names(group, checks, expected):
                TRIED[mutation.__name__] += 1
                yield source, names([mutant if s is source else s for s in group], checks, expected)


def groups(folder: Path) -> Iterator[list[Source]]:
    """Files that belong together, if they are few and some of them train."""
    tree = project(concerned([read(p) for p in python_files([folder])]))
    for group in tree.groups():
        if len(group) <= 12 and any(".backward(" in s.text for s in group):
            yield group


def names(group: list[Source], checks: object, expected: set[str]) -> bool:
    """Whether one of these checks speaks, hints included."""
    diagnosis = lint_sources(group, list(checks)).diagnosis
    return any(f.check in expected for f in diagnosis.findings)


if __name__ == "__main__":
    main([a for a in sys.argv[1:] if not a.startswith("-")])

"""Parts of a tree, read in one process or in several."""

import gc
from pathlib import Path

from osler.engine.catalogue import catalogue
from osler.engine.linting import lint, open_source, parts_of
from osler.static.files import concerned, python_files
from osler.testing import PRELUDE

CHECKS = tuple(catalogue().values())
FAULTY = f"{PRELUDE}\nfor x, y in loader:\n    loss_fn(model(x), y).backward()\n    optimizer.step()\n"


def names(folder: Path) -> list[set[str]]:
    sources = [open_source(p) for p in python_files([folder])]
    return [{s.path.name for s in part.sources} for part in parts_of(sources, concerned(sources))]


def test_several_processes_give_the_same_in_the_same_order(tmp_path: Path) -> None:
    for number in range(12):
        (tmp_path / f"train{number}.py").write_text(FAULTY + "\n" * (number % 3))
        (tmp_path / f"broken{number}.py").write_text("x = \n")
    one, several = lint([tmp_path], CHECKS), lint([tmp_path], CHECKS, jobs=3)
    assert several == one
    assert len(one.diagnosis.findings) == len(one.unread) == 12


def test_files_that_import_each_other_are_read_together(tmp_path: Path) -> None:
    texts = {
        "train.py": "import torch\nfrom loops import (\n    fit,  # (the loop)\n    test as check,\n)\n",
        "loops.py": "import torch; import layers as l\n",
        "layers.py": "import torch\n",
        "alone.py": "import torch\n",
        "unconcerned.py": "x = 1\n",
        "late.py": "import torch\n\ndef main():\n    from package import \\\n        part\n",
        "package/__init__.py": "",
        "package/part.py": "import torch\nfrom . import other\nfrom .deeper.still import x\n",
        "package/other.py": "import torch\n",
        "package/deeper/still.py": "import torch\nfrom ..sideways import x\n",
        "package/sideways.py": "import torch\n",
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    groups = names(tmp_path)
    assert {"train.py", "loops.py", "layers.py"} in groups
    assert {"alone.py"} in groups
    assert {"unconcerned.py"} in groups
    assert {"late.py", "__init__.py", "part.py", "other.py", "still.py", "sideways.py"} in groups


def test_the_collector_is_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(FAULTY)
    for is_on in (True, False):
        gc.enable() if is_on else gc.disable()
        lint([tmp_path], CHECKS)
        assert gc.isenabled() == is_on
    gc.enable()

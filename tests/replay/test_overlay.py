"""What a script writes is not written, and yet is there when it reads it again."""

import os
import pickle
import shutil
import sys
import tempfile
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from osler.replay.overlay import Overlay
from osler.runtime.patches import Patches


@pytest.fixture
def folder(tmp_path):
    home = tmp_path / "user"
    (home / "models").mkdir(parents=True)
    (home / "old.txt").write_text("old")
    (home / "log.csv").write_text("a,b\n")
    (home / "models" / "best.pt").write_bytes(b"precious")
    return home


@pytest.fixture
def fence(folder, monkeypatch):
    """A fence, and the user's files before: they must be the same afterwards."""
    monkeypatch.chdir(folder)
    before = listing(folder)
    overlay, patches = Overlay(), Patches()
    overlay.install(patches)
    yield overlay
    patches.undo()
    overlay.remove()
    assert listing(folder) == before
    assert not overlay.scratch.exists()


def listing(folder):
    return {str(p): (p.stat().st_mtime_ns, p.read_bytes() if p.is_file() else b"") for p in folder.rglob("*")}


def test_new_files_are_read_again(fence):
    Path("new.txt").write_text("new")
    assert Path("new.txt").read_text() == "new"
    assert Path("new.txt").exists()
    with open("other.txt", "w") as file:
        file.write("x")
    assert os.path.getsize("other.txt") == 1


def test_old_files_are_appended_to_elsewhere(fence):
    with open("log.csv", "a") as file:
        file.write("1,2\n")
    assert Path("log.csv").read_text() == "a,b\n1,2\n"


def test_old_files_are_overwritten_elsewhere(fence):
    Path("old.txt").write_text("changed")
    assert Path("old.txt").read_text() == "changed"


def test_models_are_saved_and_loaded(fence):
    torch.save({"w": torch.ones(2)}, "models/best.pt")
    assert torch.load("models/best.pt")["w"].tolist() == [1.0, 1.0]
    torch.save([1], Path("models") / "last.pt")
    with open("third.pt", "wb") as file:
        torch.save([2], file)
    assert torch.load("third.pt") == [2]


def test_folders(fence):
    os.makedirs("runs/a/b", exist_ok=True)
    Path("runs/a/b/x.txt").write_text("x")
    Path("plots").mkdir(exist_ok=True)
    Path("plots").mkdir(exist_ok=True)
    assert Path("runs/a/b").is_dir()
    with pytest.raises(FileExistsError):
        Path("models").mkdir()
    with pytest.raises(FileNotFoundError):
        open("nowhere/x.txt", "w")


def test_removing_and_moving(fence):
    os.remove("old.txt")
    assert not Path("old.txt").exists()
    with pytest.raises(FileNotFoundError):
        open("old.txt")
    Path("new.tmp").write_text("n")
    os.replace("new.tmp", "log.csv")
    assert Path("log.csv").read_text() == "n"
    Path("models/best.pt").rename("models/older.pt")
    assert Path("models/older.pt").read_bytes() == b"precious"
    assert not Path("models/best.pt").exists()
    shutil.rmtree("models")
    with pytest.raises(FileNotFoundError):
        os.remove("nothing.txt")


def test_times_and_modes(fence):
    os.utime("old.txt", (0, 0))
    os.chmod("old.txt", 0o600)
    shutil.copy2("old.txt", "copy.txt")
    assert Path("copy.txt").read_text() == "old"


def test_numpy_and_pickle(fence):
    np.save("x.npy", np.ones(3))
    np.savez("x.npz", a=np.ones(2))
    with open("x.pkl", "wb") as file:
        pickle.dump({"a": 1}, file)
    assert np.load("x.npy").tolist() == [1, 1, 1]
    assert np.load("x.npz")["a"].tolist() == [1, 1]


def test_temporary_files_are_real(fence):
    """Compilers and worker processes look for them without the fence."""
    with tempfile.TemporaryDirectory() as scratch:
        assert fence.twin(scratch) is None
        path = Path(scratch, "x.txt")
        path.write_text("x")
        assert fence.has(str(path))
    with tempfile.NamedTemporaryFile() as file:
        assert fence.has(file.name)
    with tempfile.TemporaryFile() as file:
        file.write(b"x")


def test_descriptors_and_devices(fence):
    number = os.open("raw.bin", os.O_WRONLY | os.O_CREAT)
    os.write(number, b"raw")
    os.close(number)
    assert Path("raw.bin").read_bytes() == b"raw"
    with open(os.devnull, "w") as sink:
        sink.write("x")


def test_everything_is_undone(folder, monkeypatch):
    names = [(os, "open"), (os, "stat"), (os, "mkdir"), (shutil, "rmtree"), (torch, "save")]
    before = [vars(owner)[name] for owner, name in names], open, torch.save.__code__
    overlay, patches = Overlay(), Patches()
    overlay.install(patches)
    patches.undo()
    overlay.remove()
    assert ([vars(owner)[name] for owner, name in names], open, torch.save.__code__) == before


def test_safetensors_that_write_from_rust(fence, monkeypatch):
    named = []

    def save_file(tensors, filename, metadata=None):
        named.append((os.fspath(filename), metadata))

    library = ModuleType("safetensors.torch")
    library.save_file = save_file
    monkeypatch.setitem(sys.modules, "safetensors.torch", library)
    os.makedirs("out/checkpoint-1")
    library.save_file({}, "out/checkpoint-1/model.safetensors", metadata={"format": "pt"})
    save_file({}, filename=Path("models") / "last.safetensors")
    home = os.getcwd()
    assert named == [
        (f"{fence.scratch}{home}/out/checkpoint-1/model.safetensors", {"format": "pt"}),
        (f"{fence.scratch}{home}/models/last.safetensors", None),
    ]
    with pytest.raises(FileNotFoundError):
        library.save_file({}, "nowhere/model.safetensors")


def test_a_library_that_has_no_such_function_is_left_alone(fence, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors.torch", ModuleType("safetensors.torch"))
    os.mkdir("out")
    assert os.path.isdir("out")

"""Folders behind the fence: what is real and what was written, less what was removed, as without it."""

import glob
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osler.replay.overlay import Overlay
from osler.runtime.patches import Patches

Script = Callable[[], object]
Plain = Callable[[Script], object]


def made(home: Path) -> Path:
    """A project as it lies on the disk."""
    (home / "models" / "old").mkdir(parents=True)
    (home / "empty").mkdir()
    (home / "notes.txt").write_text("notes")
    (home / "models" / "best.pt").write_text("best")
    (home / "models" / "old" / "first.pt").write_text("first")
    return home


def listing(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): p.read_text() if p.is_file() else "" for p in folder.rglob("*")}


@pytest.fixture
def fence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Overlay]:
    home = made(tmp_path / "user")
    monkeypatch.chdir(home)
    before = listing(home)
    overlay, patches = Overlay(), Patches()
    overlay.install(patches)
    yield overlay
    patches.undo()
    overlay.remove()
    assert listing(home) == before


def write(path: str, text: str = "new") -> None:
    Path(path).write_text(text)


def appended(path: str) -> None:
    with open(path, "a") as file:
        file.write("more")


def names(folder: str) -> list[str]:
    return sorted(os.listdir(folder))


# --- whatever a script does to folders, it sees the same as without a fence


def rewrites_its_folder() -> object:
    for turn in range(3):
        if os.path.exists("out"):
            shutil.rmtree("out")
        os.makedirs("out")
        write("out/x.txt", str(turn))
    return names("out"), Path("out/x.txt").read_text()


def rewrites_a_folder_that_was_there() -> object:
    for _ in range(2):
        shutil.rmtree("models")
        os.makedirs("models")
        write("models/last.pt")
    return names("models"), os.path.exists("models/best.pt"), os.path.exists("models/old/first.pt")


def removes_all_and_looks() -> object:
    shutil.rmtree("models")
    return os.path.exists("models"), os.path.exists("models/best.pt"), os.path.isdir("models/old"), names(".")


def removes_what_is_not_there() -> object:
    shutil.rmtree("nothing", ignore_errors=True)
    shutil.rmtree("models")
    shutil.rmtree("models", ignore_errors=True)
    with pytest.raises(FileNotFoundError):
        shutil.rmtree("models")
    with pytest.raises(FileNotFoundError):
        shutil.rmtree("nothing")
    return names(".")


def lists_old_and_new() -> object:
    write("models/last.pt")
    return names("models"), sorted(e.name for e in os.scandir("models")), sorted(glob.glob("models/*.pt"))


def lists_without_what_was_removed() -> object:
    os.remove("models/best.pt")
    return names("models"), sorted(p.name for p in Path("models").iterdir()), glob.glob("models/*.pt")


def lists_what_was_overwritten_once() -> object:
    write("models/best.pt")
    return names("models"), [Path(p).read_text() for p in glob.glob("models/*.pt")]


def keeps_the_last_two() -> object:
    for turn in range(5):
        write(f"models/ckpt-{turn}.pt")
        kept = sorted(Path("models").glob("ckpt-*.pt"))
        for path in kept[:-2]:
            path.unlink()
    return names("models")


def empties_a_folder() -> object:
    write("models/last.pt")
    for name in os.listdir("models"):
        path = os.path.join("models", name)
        shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)
    return names("models"), os.path.isdir("models")


def walks() -> object:
    write("models/old/second.pt")
    os.makedirs("models/new")
    os.remove("models/old/first.pt")
    return sorted((top, sorted(folders), sorted(files)) for top, folders, files in os.walk("."))


def renames_a_folder() -> object:
    os.rename("models", "before")
    os.makedirs("models")
    write("models/best.pt")
    return names("before"), names("before/old"), Path("before/best.pt").read_text(), names("models")


def moves_a_folder_into_another() -> object:
    write("models/last.pt")
    shutil.move("models", "empty")
    return names("empty"), names("empty/models"), os.path.exists("models")


def copies_a_folder() -> object:
    write("models/last.pt")
    os.remove("models/best.pt")
    shutil.copytree("models", "copy")
    return names("copy"), names("copy/old"), Path("copy/last.pt").read_text()


def copies_files_with_their_times() -> object:
    write("last.pt", "last")
    shutil.copy2("last.pt", "models/best.pt")
    shutil.copy("models/old/first.pt", "models/second.pt")
    shutil.copyfile("last.pt", "notes.txt")
    return Path("models/best.pt").read_text(), names("models"), Path("notes.txt").read_text()


def moves_files() -> object:
    write("last.pt", "last")
    shutil.move("last.pt", "models/best.pt")
    shutil.move("models/old/first.pt", "models")
    os.replace("notes.txt", "models/notes.txt")
    return names("."), names("models"), names("models/old"), Path("models/best.pt").read_text()


def moves_onto_a_folder_that_is_full() -> object:
    os.makedirs("a/b")
    with pytest.raises(OSError, match="not empty"):
        os.rename("a", "models")
    os.rename("a", "empty")
    return names("."), names("empty")


def removes_a_folder_as_a_file() -> object:
    for folder in ("models", "empty"):
        with pytest.raises((IsADirectoryError, PermissionError)):
            os.remove(folder)
    with pytest.raises(NotADirectoryError):
        os.rmdir("notes.txt")
    return names(".")


def writes_into_a_folder_that_is_gone() -> object:
    shutil.rmtree("models")
    with pytest.raises(FileNotFoundError):
        write("models/last.pt")
    with pytest.raises(FileNotFoundError):
        os.mkdir("models/new")
    os.makedirs("models/old")
    return names("models"), names("models/old")


def appends_to_what_it_removed() -> object:
    os.remove("notes.txt")
    with open("notes.txt", "a") as file:
        file.write("more")
    return Path("notes.txt").read_text()


def removes_folders_one_by_one() -> object:
    os.rmdir("empty")
    os.makedirs("a/b")
    os.removedirs("a/b")
    return names(".")


def removes_a_folder_that_is_not_empty() -> object:
    with pytest.raises(OSError, match="not empty"):
        os.rmdir("models")
    os.makedirs("a/b")
    with pytest.raises(OSError, match="not empty"):
        os.rmdir("a")
    return names(".")


def makes_again_what_it_removed() -> object:
    os.remove("notes.txt")
    write("notes.txt", "again")
    return Path("notes.txt").read_text(), names(".")


def lists_the_current_folder() -> object:
    write("new.txt")
    return sorted(os.listdir()), sorted(e.name for e in os.scandir())


def asks_entries() -> object:
    write("models/last.pt", "four")
    os.makedirs("models/new")
    with os.scandir("models") as entries:
        return sorted(
            (e.name, e.is_dir(), e.is_file(), e.stat().st_size if e.is_file() else 0) for e in entries
        )


def lists_what_is_not_there() -> object:
    with pytest.raises(FileNotFoundError):
        os.listdir("nothing")
    shutil.rmtree("empty")
    with pytest.raises(FileNotFoundError):
        os.listdir("empty")
    with pytest.raises(NotADirectoryError):
        os.listdir("notes.txt")
    return names(".")


def lists_bytes() -> object:
    write("models/last.pt")
    return sorted(os.listdir(b"models"))


def names_that_are_not_ascii() -> object:
    os.makedirs("größe/モデル", exist_ok=True)
    write("größe/モデル/ü.txt", "ü")
    return names("größe"), names("größe/モデル"), Path("größe/モデル/ü.txt").read_text()


SCRIPTS = [
    rewrites_its_folder, rewrites_a_folder_that_was_there, removes_all_and_looks, removes_what_is_not_there,
    lists_old_and_new, lists_without_what_was_removed, lists_what_was_overwritten_once, keeps_the_last_two,
    empties_a_folder, walks, renames_a_folder, moves_a_folder_into_another, copies_a_folder,
    copies_files_with_their_times, moves_files, moves_onto_a_folder_that_is_full, removes_a_folder_as_a_file,
    writes_into_a_folder_that_is_gone, appends_to_what_it_removed,
    removes_folders_one_by_one, removes_a_folder_that_is_not_empty, makes_again_what_it_removed,
    lists_the_current_folder, asks_entries, lists_what_is_not_there, lists_bytes, names_that_are_not_ascii,
]  # fmt: skip


@pytest.fixture
def plain(tmp_path: Path) -> Plain:
    """What a script sees without a fence, in a project of its own."""

    def run(script: Script) -> object:
        here = os.getcwd()
        os.chdir(made(tmp_path / "alone"))
        try:
            return script()
        finally:
            os.chdir(here)

    return run


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.__name__.replace("_", " "))
def test_a_script_sees_the_same_behind_the_fence(
    plain: Callable[[Callable[[], object]], object],
    request: pytest.FixtureRequest,
    script: Callable[[], object],
) -> None:
    expected = plain(script)
    request.getfixturevalue("fence")
    assert script() == expected


PATHS = st.sampled_from(
    [
        "notes.txt",
        "models",
        "models/best.pt",
        "models/old",
        "models/old/first.pt",
        "empty",
        "new",
        "new/x.txt",
    ]
)
MOVES: dict[str, Callable[..., object]] = {
    "write": lambda path: Path(path).write_text("new") and None,
    "append": appended,
    "read": lambda path: Path(path).read_text(),
    "remove": lambda path: os.remove(path),
    "mkdir": lambda path: os.mkdir(path),
    "makedirs": lambda path: os.makedirs(path, exist_ok=True),
    "rmdir": lambda path: os.rmdir(path),
    "rmtree": lambda path: shutil.rmtree(path, ignore_errors=os.path.isdir(path)),
    "rename": lambda path: os.rename(path, "new"),
    "rename back": lambda path: os.rename("new", path),
    "copy": lambda path: shutil.copy2(path, "empty/copy") and None,
    "exists": lambda path: (os.path.exists(path), os.path.isdir(path), os.path.isfile(path)),
    "names": lambda path: names(path),
    "scan": lambda path: sorted((e.name, e.is_dir()) for e in os.scandir(path)),
    "glob": lambda path: sorted(glob.glob(f"{path}/*")),
}


def done(moves: list[tuple[str, str]]) -> list[object]:
    """What each of some moves gives, or that it fails, and what lies there in the end."""
    seen: list[object] = []
    for name, path in moves:
        try:
            seen.append(MOVES[name](path))
        except OSError:
            seen.append("it fails")
    return [*seen, sorted((t, sorted(f), sorted(n)) for t, f, n in os.walk("."))]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(sorted(MOVES)), PATHS), max_size=12))
def test_whatever_a_script_does_it_sees_the_same(moves: list[tuple[str, str]]) -> None:
    here = os.getcwd()
    with tempfile.TemporaryDirectory() as alone, tempfile.TemporaryDirectory() as fenced:
        try:
            os.chdir(made(Path(alone, "user")))
            expected = done(moves)
            home = made(Path(fenced, "user"))
            os.chdir(home)
            before = listing(home)
            overlay, patches = Overlay(), Patches()
            overlay.install(patches)
            try:
                assert done(moves) == expected
            finally:
                patches.undo()
                overlay.remove()
            assert listing(home) == before
        finally:
            os.chdir(here)

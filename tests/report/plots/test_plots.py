"""Every plot shows the numbers of the page, and says so when there are none."""

import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from osler.cli import main
from osler.errors import UnknownName, UsageError
from osler.model import Answer, Setup
from osler.model.setup import Curve
from osler.report.page.preflight import traces
from osler.report.plots.boxes import cropped, ranks
from osler.report.plots.drawing import known, plot, save
from osler.store.answers import notes_of
from osler.store.layout import new_run, process_folder
from osler.store.manifest import begin
from osler.store.reader import StoredRun, open_run
from osler.store.recorder import Recorder

pytest.importorskip("matplotlib")


OVERFIT = Answer(
    "overfit-one-batch",
    "can it memorise one batch?",
    "no: loss 2.3 → 1.9 in 4 turns",
    {"floor": 0.5},
    curves=(
        Curve("learning rate × 1", (2.3, 2.2, 2.1, 1.9)),
        Curve("learning rate × 3", (2.3, math.nan, math.inf)),
    ),
)
HUNDRED = Answer(
    "overfit-hundred-samples", "can it memorise a hundred?", "yes", curves=(Curve("$a$", (3e3, 1.0)),)
)
REFUSED = Answer("exchange-the-future", "does it see the future?", skipped="no labels")


@pytest.fixture(scope="session")
def stored(shown: Any) -> StoredRun:
    return shown.stored


@pytest.fixture(scope="session")
def flown(tmp_path_factory: pytest.TempPathFactory) -> StoredRun:
    """A pre-flight of which nothing but its answers is left."""
    run = new_run(tmp_path_factory.mktemp("flown"))
    recorder = Recorder(process_folder(run), begin([], "train.py", {}, {}))
    recorder.start()
    for kind, content in notes_of(Setup((), (REFUSED, OVERFIT, HUNDRED))):
        recorder.note(kind, content)
    assert recorder.close()
    return open_run(run)


def test_the_plots_that_the_manual_promises() -> None:
    promised = ["autograd", "classes", "gradient-flow", "graph", "layers", "learning-rate", "logits", "loss"]
    promised.append("overfit")
    assert list(known()) == promised


@pytest.mark.parametrize("name", known())
def test_says_what_it_shows(name: str) -> None:
    assert len(known()[name].__doc__.splitlines()[0].split()) > 5


@pytest.mark.parametrize("ending", [".png", ".svg"])
@pytest.mark.parametrize("name", known())
def test_every_plot_becomes_a_file(
    stored: StoredRun, flown: StoredRun, name: str, ending: str, tmp_path: Path
) -> None:
    path = tmp_path / f"{name}{ending}"
    with warnings.catch_warnings(action="error"):
        save(plot(flown if name == "overfit" else stored, name), path)
    assert path.read_bytes().startswith(b"\x89PNG" if ending == ".png" else b"<?xml")


def test_the_loss_is_that_of_the_script(stored: StoredRun, shown: Any) -> None:
    line = plot(stored, "loss").axes[0].lines[0]
    assert list(line.get_xdata()) == list(range(36))
    assert list(line.get_ydata()) == pytest.approx(shown.truth["loss"])


def test_gradient_flow_is_that_of_the_script(stored: StoredRun, shown: Any) -> None:
    axes = plot(stored, "gradient-flow").axes[0]
    names = [text.get_text() for text in axes.get_xticklabels()]
    line, lost = axes.lines[:2]
    sampled = [int(s) for s in stored.series("gradient_norm:head.bias")[0]]
    for at, value in zip(line.get_xdata(), line.get_ydata(), strict=True):
        norms = [shown.truth["norms"][s][names[int(at)].removeprefix("Net.")] for s in sampled]
        assert value == pytest.approx(sum(norms) / len(norms), rel=1e-4)
    assert [names[int(at)] for at in lost.get_xdata()] == ["Net.side.weight", "Net.side.bias"]


def test_bars_are_the_classes_of_the_page(stored: StoredRun, shown: Any) -> None:
    bars = [int(bar.get_height()) for bar in plot(stored, "classes").axes[0].patches]
    assert bars == [c["seen"] for c in shown.page["data"]["classes"]]


def test_layers_are_the_series_of_the_page(stored: StoredRun, shown: Any) -> None:
    axes = plot(stored, "layers").axes[0]
    names = [text.get_text() for text in axes.get_yticklabels()]
    assert names == [f"Net.{n}" for n in shown.truth["norms"][0]]
    heat = axes.collections[0].get_array()
    sampled = [int(s) for s in stored.series("gradient_norm:head.bias")[0]]
    for row, name in enumerate(names):
        norms = [shown.truth["norms"][s][name.removeprefix("Net.")] for s in sampled]
        assert heat[row].tolist() == pytest.approx(norms, rel=1e-4)


def test_the_curves_of_memorising_are_those_of_the_page(flown: StoredRun) -> None:
    figure = plot(flown, "overfit")
    one, hundred = figure.axes
    drawn = {line.get_label(): line for line in one.lines}
    for trace in traces(OVERFIT):
        line = drawn[trace.name]
        assert tuple(line.get_xdata()) == trace.x
        kept = [v if math.isfinite(v) else math.nan for v in trace.y]
        assert line.get_ydata().tolist() == pytest.approx(kept, nan_ok=True)
    assert drawn["floor: no model gets below"].get_ydata() == [0.5, 0.5]
    assert [(list(line.get_xdata()), line.get_marker()) for line in one.lines[2:4]] == [
        ([2], "x"),
        ([3], "^"),
    ]
    assert one.get_title() == "can it memorise one batch?\nno: loss 2.3 → 1.9 in 4 turns"
    assert hundred.get_yscale() == "log"


def texts(stored: StoredRun, name: str) -> list[str]:
    return [text.get_text() for text in plot(stored, name).axes[0].texts]


def test_the_cut_stands_in_the_picture_with_its_line(stored: StoredRun, shown: Any, monkeypatch: Any) -> None:
    monkeypatch.chdir(shown.script.parent)
    assert f"detach() {shown.line('# the cut')}" in texts(stored, "autograd")


def test_equal_blocks_are_drawn_once(stored: StoredRun) -> None:
    drawn = texts(stored, "graph")
    assert "Net.blocks.0.first ×4" in drawn
    assert not [text for text in drawn if "blocks.1" in text]


def test_the_nature_of_the_input_is_told(stored: StoredRun) -> None:
    assert "wants logits, was given logits" in plot(stored, "logits").axes[0].title.get_text()


def test_a_run_may_be_named_by_its_path(stored: StoredRun) -> None:
    assert plot(stored.path, "loss").axes


def test_an_unknown_plot(stored: StoredRun) -> None:
    with pytest.raises(UnknownName, match="there is no plot named 'los'"):
        plot(stored, "los")


@pytest.mark.parametrize("name", ["x.jpeg", "x", "nowhere/x.png"])
def test_a_file_that_cannot_be_written(stored: StoredRun, name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot write"):
        save(plot(stored, "loss"), tmp_path / name)


@pytest.fixture
def empty(stored: StoredRun, tmp_path: Path) -> StoredRun:
    """A run of which nothing but its manifest is left."""
    folder = tmp_path / "run/r00000"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_bytes((stored.path / "r00000/manifest.json").read_bytes())
    return open_run(tmp_path / "run")


@pytest.mark.parametrize("name", known())
def test_a_run_without_numbers_says_what_is_missing(empty: StoredRun, name: str) -> None:
    with pytest.raises(UsageError, match=r"^(no|the run has no) "):
        plot(empty, name)


def test_the_command(
    shown: Any, monkeypatch: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["plot", str(shown.stored.path), "loss", "-o", "l.svg"]) == 0
    assert capsys.readouterr().err == "osler: loss written to l.svg\n"
    assert (tmp_path / "l.svg").exists()
    assert main(["plot", str(shown.stored.path), "los"]) == 2


@pytest.mark.parametrize(
    ("edges", "rows"),
    [
        ([], [0, 0, 0, 0]),
        ([(0, 1), (1, 2), (2, 3)], [0, 1, 2, 3]),
        ([(0, 3), (1, 2), (2, 3)], [1, 0, 1, 2]),
        ([(3, 0), (0, 1)], [0, 1, 0, 0]),
    ],
)
def test_boxes_stand_below_what_they_use(edges: list[tuple[int, int]], rows: list[int]) -> None:
    assert ranks(4, edges) == rows


@pytest.mark.parametrize(("label", "kept"), [("a$b$", r"a\$b\$"), ("\x1b[0m", r"\x1b[0m")])
def test_a_label_is_no_markup(label: str, kept: str) -> None:
    assert cropped(label) == kept
    assert len(cropped("x" * 100)) <= 36


def test_matplotlib_is_asked_for(monkeypatch: pytest.MonkeyPatch, stored: StoredRun) -> None:
    raising: Callable[..., Any] = monkeypatch.setitem
    raising(__import__("sys").modules, "matplotlib.figure", None)
    with pytest.raises(UsageError, match="plots need the package matplotlib"):
        plot(stored, "loss")

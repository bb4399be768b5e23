"""A stored run is judged as the live one was: the same findings, in the same order."""

import contextlib
import re
from pathlib import Path

import pytest

from osler.engine.catalogue import catalogue
from osler.engine.context import derive
from osler.engine.judge import judge
from osler.model import Check
from osler.session import watch
from osler.store.layout import new_run, process_folder
from osler.store.manifest import begin
from osler.store.reader import open_run
from osler.store.recorder import Options, Recorder
from osler.testing import PRELUDE

CHECKS = [c for c in catalogue().values() if c.run_detector]


def bad(check: Check) -> str:
    page = __import__(check.module, fromlist=["check"]).__doc__ or ""
    return re.findall(r"^## Bad\n.*?^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)[0]


@pytest.mark.filterwarnings("ignore::UserWarning")  # torch sees some of them too
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_the_bad_example_of(check: Check, tmp_path: Path) -> None:
    path = tmp_path / "example.py"
    path.write_text(f"{PRELUDE}\n\n{bad(check)}", "utf-8")
    run = new_run(tmp_path)
    recorder = Recorder(process_folder(run), begin([], str(path), {}, {}), Options(period=0.02))
    recorder.start()
    program = compile(path.read_text("utf-8"), str(path), "exec")
    raised = contextlib.suppress(RuntimeError, AttributeError, IndexError, ValueError)
    with raised, watch(quiet=True) as session:
        session.watcher.measuring.on_column = recorder.watch
        session.watcher.after_turn = lambda: recorder.put(session.run)
        exec(program, {"__name__": "__main__", "__file__": str(path)})
    recorder.put(session.run)
    assert recorder.close()
    stored = open_run(run)
    assert stored.problems == ()
    stored.run.context = derive(stored.run)
    live, again = judge(session.run, CHECKS), judge(stored.run, CHECKS)
    assert check.name in [finding.check for finding in live.findings]
    assert repr(again) == repr(live)  # NaN does not equal itself

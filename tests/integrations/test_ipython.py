"""A diagnosis shows itself in a notebook, in a frame that reaches nothing outside."""

from collections.abc import Callable
from html.parser import HTMLParser
from types import SimpleNamespace

from osler.integrations.ipython import framed, load_ipython_extension
from osler.model import Diagnosis, Subject


class Attributes(HTMLParser):
    """The attributes of each element."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_a_diagnosis_is_one_frame_that_may_run_scripts_and_nothing_else() -> None:
    text = framed(Diagnosis(Subject(script='a"><script>alert(1)</script>.py', steps=3, backwards=3)))
    ((tag, attributes),) = Attributes(text).found
    assert tag == "iframe"
    assert attributes["sandbox"] == "allow-scripts"
    assert str(attributes["srcdoc"]).startswith("<!doctype html>")


def test_runs_and_diagnoses_are_told_to_the_shell() -> None:
    told: dict[str, Callable[..., str]] = {}
    formatter = SimpleNamespace(
        for_type_by_name=lambda module, name, how: told.update({f"{module}.{name}": how})
    )
    load_ipython_extension(
        SimpleNamespace(display_formatter=SimpleNamespace(formatters={"text/html": formatter}))
    )
    assert told == {"osler.model.diagnosis.Diagnosis": framed, "osler.store.reader.StoredRun": framed}


def test_the_classes_are_where_they_are_looked_for() -> None:
    from osler.store.reader import StoredRun

    assert (Diagnosis.__module__, StoredRun.__module__) == ("osler.model.diagnosis", "osler.store.reader")

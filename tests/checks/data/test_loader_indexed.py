import pytest

from osler.checks.data.loader_indexed import check
from osler.testing import read

CODE = """
x, y = list(loader)[0]
print(model(x).shape)
"""


def test_says_what_was_seen() -> None:
    (found,) = read(CODE, [check]).findings
    assert found.message == ("a loader is indexed: every batch is loaded to use one.")


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings


SILENT = {
    "the next batch": "x, y = next(iter(loader))",
    "a part of a batch": "x = next(iter(loader))[0]",
    "a batch in a loop": """
for batch in loader:
    x, y = batch[0], batch[1]
""",
    "the dataset": "x, y = loader.dataset[0]",
    "batches that are kept": """
batches = list(loader)
for epoch in range(epochs):
    for x, y in batches:
        model(x)
""",
    "batches that are kept, by their number": """
batches = list(loader)
for step in range(99):
    x, y = batches[step % len(batches)]
""",
    "a dict of loaders": """
loaders = {name: DataLoader(rows(32)) for name in ("train", "val")}
for x, y in loaders["train"]:
    model(x)
""",
    "loaders that a function returns": """
def make():
    return loader, val_loader


loaders = make()
for x, y in loaders[0]:
    model(x)
""",
    "a loader of its own kind": """
class BatchLoader:
    def __getitem__(self, index):
        return rows(4)[index]


train_loader = BatchLoader()
x, y = train_loader[3]
""",
    "a parameter of that name": """
def first(train_loader):
    return train_loader[0]
""",
}


@pytest.mark.parametrize("code", SILENT.values(), ids=SILENT)
def test_stays_quiet(code: str) -> None:
    assert read(code, [check]).findings == ()

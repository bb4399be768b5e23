import pytest

from osler.checks.modules.output_size_mismatch import check
from osler.model import Confidence, Severity
from osler.testing import read

CODE = """
from torchvision import datasets

pictures = datasets.CIFAR10("data")
net = nn.Sequential(nn.Flatten(), nn.Linear(3072, {columns}))
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for x, y in DataLoader(pictures, batch_size=64):
    optimizer.zero_grad()
    F.cross_entropy(net(x), y).backward()
    optimizer.step()
"""


def test_says_what_was_seen() -> None:
    (found,) = read(CODE.format(columns=5), [check]).findings
    assert found.message == (
        "`cross_entropy` compares 5 columns, from the layer in line 37, with targets of 10 classes."
    )
    assert (found.severity, found.confidence, found.place.line) == (Severity.ERROR, Confidence.LIKELY, 41)
    assert [(r.place.line, r.label) for r in found.related] == [(37, "5 columns come out here")]


@pytest.mark.parametrize(
    ("columns", "severity"),
    [
        (1, Severity.ERROR),
        (9, Severity.ERROR),
        (10, None),
        (11, None),
        (12, Severity.HINT),
        (1000, Severity.HINT),
    ],
)
def test_too_many_is_a_hint(columns: int, severity: Severity | None) -> None:
    found = read(CODE.format(columns=columns), [check]).findings
    assert [f.severity for f in found] == ([] if severity is None else [severity])


def test_is_silent_where_the_width_is_not_known() -> None:
    assert not read(CODE.format(columns="classes"), [check]).findings

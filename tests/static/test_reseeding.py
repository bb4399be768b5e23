"""Seeds that are set in each turn of a loop that trains are found with what training draws."""

from osler.static.reseeding import reseeded

EPOCHS = """
model = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
loader = torch.utils.data.DataLoader(d, shuffle=True)
for epoch in range(epochs):
    {line}
    for x in loader:
        model(x + torch.randn_like(x)).sum().backward()
        optimizer.step()
"""


def test_what_is_drawn(code) -> None:
    (found,) = reseeded(code(EPOCHS.format(line="torch.manual_seed(1)")))
    assert (found.seed, found.family, found.loop.place.line) == ("1", "torch", 5)
    assert [(d.what, d.order) for d in found.drawn] == [
        ("`torch.randn_like`", False),
        ("the dropout of `model`", False),
        ("the order of samples in `loader`", True),
    ]


def test_the_first_line_that_leads_to_several_seeds_counts_once(code) -> None:
    text = EPOCHS.format(line="fix()").replace(
        "model =", "def fix():\n    torch.manual_seed(1)\n    torch.manual_seed(1)\nmodel =", 1
    )
    assert len(list(reseeded(code(text)))) == 1


def test_none_with_the_epoch(code) -> None:
    assert list(reseeded(code(EPOCHS.format(line="torch.manual_seed(epoch)")))) == []

"""A layer over sequences goes through the samples of a batch, or through something that looks like it."""

import pytest

from osler.checks.modules.samples_leak_across_batch import check
from osler.model import Finding
from osler.testing import PRELUDE, examine

START = """
class Reader(nn.Module):
    def __init__(self, width=6):
        super().__init__()
        {layer}
        self.head = nn.Linear(width, 4)

    def forward(self, x):
        {body}
        return self.head(h)

def data(count, steps=10):
    x = torch.randn(count, steps, 6)
    return TensorDataset(x, torch.randint(4, (count,)))

{more}
model = Reader()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
"""
LOADER = "loader = DataLoader(data(96), batch_size=16, shuffle=True)"
LOOP = """
for epoch in range(2):
    for x, y in loader:
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
"""
GRU = "self.gru = nn.GRU(6, width)"
LAST = "h = self.gru(x)[0][:, -1]"
ATTENTION = "self.attend = nn.MultiheadAttention(width, 2)"
POOLED = "h = self.attend(x, x, x)[0].mean(1)"


def spoken(code: str) -> list[Finding]:
    diagnosis = examine(code)
    assert diagnosis.subject.steps >= 4, "the program has failed"
    return [f for f in diagnosis.findings if f.check == check.name]


def program(layer: str, body: str, more: str = LOADER, loop: str = LOOP) -> str:
    body = body.replace("\n", "\n        ")
    return START.format(layer=layer.replace("\n", "\n        "), body=body, more=more) + loop


def line_of(text: str, code: str) -> int:
    return f"{PRELUDE}\n\n{code}".split(text)[0].count("\n") + 1


FAULTY = {
    "gru": (GRU, LAST, LOADER),
    "rnn, by name": (
        "self.rnn = nn.RNN(input_size=6, hidden_size=width)",
        "h = self.rnn(input=x)[1][-1][:1].expand(len(x), -1)",
        LOADER,
    ),
    "through a projection": (
        "self.lift = nn.Linear(6, 6)\n" + GRU,
        "h = self.gru(torch.relu(self.lift(x)))[0].mean(1)",
        LOADER,
    ),
    "attention": (ATTENTION, POOLED, LOADER),
    "encoder": (
        "layer = nn.TransformerEncoderLayer(width, 2, 12)\n"
        "self.body = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)",
        "h = self.body(x).mean(1)",
        LOADER,
    ),
    "patches of pictures": (
        "self.cut = nn.Conv1d(10, 6, 2)\n" + ATTENTION,
        "x = self.cut(x).transpose(1, 2)\nx = torch.cat([x, x[:, :2]], 1)\n" + POOLED,
        LOADER,
    ),
    "last batch smaller": (
        "self.cut = nn.Conv1d(10, 6, 3)\n" + GRU,
        "x = self.cut(x).transpose(1, 2)\n" + LAST,
        "loader = DataLoader(data(24), batch_size=16, shuffle=True)",
    ),
    "padded by the user": (
        GRU,
        LAST,
        """
def collate(items):
    x, y = zip(*items)
    keep = int(torch.randint(7, 10, ()))
    return nn.utils.rnn.pad_sequence([t[:keep] for t in x], batch_first=True), torch.stack(y)
loader = DataLoader(data(96), batch_size=16, shuffle=True, collate_fn=collate)
""",
    ),
    "weighted": (
        GRU,
        LAST,
        "order = torch.utils.data.WeightedRandomSampler(torch.ones(96), 96)\n"
        "loader = DataLoader(data(96), batch_size=16, sampler=order)",
    ),
    "recurrent batch first, attention not": (
        "self.gru = nn.GRU(6, width, batch_first=True)\n" + ATTENTION,
        "x = self.gru(x)[0]\n" + POOLED,
        LOADER,
    ),
}


@pytest.mark.parametrize("name", FAULTY)
def test_samples_taken_for_time(name: str) -> None:
    code = program(*FAULTY[name])
    (found,) = spoken(code)
    lines = [
        line_of(start, code) for start in ("nn.GRU(6, w", "nn.RNN(", "nn.Multi", "nn.TransformerEncoderL")
    ]
    assert found.place.line in lines
    assert [r.label for r in found.related] == ["called here", "`Reader` is called here"]


def test_a_layer_that_is_a_model_itself() -> None:
    (found,) = spoken(
        "body, head = nn.LSTM(6, 6), nn.Linear(6, 4)\n"
        "rows = TensorDataset(torch.randn(96, 10, 6), torch.randint(4, (96,)))\n"
        "loader = DataLoader(rows, 16, shuffle=True)\n"
        "optimizer = torch.optim.Adam([*body.parameters(), *head.parameters()])\n"
        "for x, y in loader:\n"
        "    optimizer.zero_grad()\n"
        "    F.cross_entropy(head(body(x)[0][:, -1]), y).backward()\n"
        "    optimizer.step()\n"
    )
    assert found.related == ()


SWAPPED = """
class Swapped(nn.GRU):
    def forward(self, x):
        return super().forward(x.transpose(0, 1))
"""
STORED_TIME_FIRST = """
def collate(items):
    x, y = zip(*items)
    return nn.utils.rnn.pad_sequence(x), torch.stack(y)
loader = DataLoader(data(96), batch_size=16, shuffle=True, collate_fn=collate)
"""
SERIES = """
stations = torch.randn(96, 10, 6)
loader = DataLoader(TensorDataset(stations, torch.randint(4, (96,))), batch_size=16)
"""
CHUNKS = """
text = torch.randn(100, 10, 6)
loader = [(text[i : i + 16], torch.randint(4, (len(text[i : i + 16]),))) for i in range(0, 100, 16)]
"""
WHOLE = """
class Songs(torch.utils.data.Dataset):
    def __len__(self):
        return 12
    def __getitem__(self, i):
        return torch.randn(14 + i, 10, 6), torch.randint(4, (14 + i,))
loader = DataLoader(Songs(), batch_size=None, shuffle=True)
"""
HEALTHY = {
    "batch first": ("self.gru = nn.GRU(6, width, batch_first=True)", LAST, LOADER),
    "transposed before": (GRU, "h = self.gru(x.transpose(0, 1))[0][-1]", LOADER),
    "permuted before": (ATTENTION, "x = x.permute(1, 0, 2)\nh = self.attend(x, x, x)[0].mean(0)", LOADER),
    "transposed inside": ("self.gru = Swapped(6, width)", "h = self.gru(x)[0][-1]", SWAPPED + LOADER),
    "transposed by a hook": (
        GRU + "\nself.gru.register_forward_pre_hook(lambda _, given: (given[0].transpose(0, 1),))",
        "h = self.gru(x)[0][-1]",
        LOADER,
    ),
    "padded time first": (GRU, "h = self.gru(x)[0][-1]", STORED_TIME_FIRST),
    "as many steps as samples": (
        GRU,
        "h = self.gru(x.transpose(0, 1))[0][-1]",
        LOADER.replace("96", "96, 16"),
    ),
    "packed": (
        GRU,
        "h = self.gru(nn.utils.rnn.pack_padded_sequence(x, [10] * len(x), batch_first=True))[1][-1]",
        LOADER,
    ),
    "steps of one series": (GRU, LAST, SERIES),
    "chunks without a loader": (GRU, LAST, CHUNKS),
    "whole sequences from a loader": (GRU, LAST, WHOLE),
    "one position": (GRU, "h = self.gru(x[:, :1])[0][:, 0]", LOADER),
    "attention over samples": (ATTENTION, "x = x.mean(1, keepdim=True)\n" + POOLED, LOADER),
    "attention over a set": (ATTENTION, "x = x.mean(1)\nh = self.attend(x, x, x)[0]", LOADER),
    "attention over samples and steps": (
        ATTENTION + "\nself.along = nn.MultiheadAttention(width, 2, batch_first=True)",
        "x = x + self.attend(x, x, x)[0]\nx = x + self.along(x, x, x)[0]\nh = x.mean(1)",
        LOADER,
    ),
    "attention over samples that a mask keeps apart": (
        ATTENTION,
        "own = ~torch.eye(len(x), dtype=torch.bool)\nh = self.attend(x, x, x, attn_mask=own)[0].mean(1)",
        LOADER,
    ),
    "attention to slots": (
        ATTENTION + "\nself.slots = nn.Parameter(torch.randn(5, 10, 6))",
        "h = self.attend(x, self.slots, self.slots)[0].mean(1)",
        LOADER,
    ),
    "each sample alone": (
        GRU,
        "h = torch.stack([self.gru(one)[0][-1] for one in x])",
        LOADER,
    ),
    "state passed along": (
        GRU,
        "h, state = self.gru(x, getattr(self, 'state', None))\nself.state, h = state.detach(), h[:, -1]",
        LOADER,
    ),
    "two views of each sample, and as many steps as samples": (
        "self.lift = nn.Linear(10, 16)\n" + GRU,
        "x = self.lift(x.transpose(1, 2)).permute(2, 0, 1)\nh = self.gru(torch.cat([x, -x], 1))[0][-1][:16]",
        LOADER,
    ),
    "patches first": (
        "self.cut = nn.Conv1d(6, 6, 2)\n" + ATTENTION,
        "x = self.cut(x.transpose(1, 2)).permute(2, 0, 1)\nh = self.attend(x, x, x)[0].mean(0)",
        LOADER,
    ),
    "environments of a rollout": (
        GRU,
        LAST,
        "loader = [(torch.randn(16, 10, 6), torch.randint(4, (16,))) for _ in range(5)]",
    ),
    "not trained": (GRU + "\nself.gru.requires_grad_(False)", LAST, LOADER),
}


@pytest.mark.parametrize("name", HEALTHY)
def test_is_silent(name: str) -> None:
    assert spoken(program(*HEALTHY[name])) == []

"""Character model over one long text, read as parallel streams (stateful GRU)."""
import math
import random

import torch
import torch.nn as nn

torch.manual_seed(8)
random.seed(8)

WHO = ["the captain", "a sailor", "my brother", "the old cook", "nobody"]
DID = ["watched", "painted", "mended", "counted", "forgot"]
WHAT = ["the sails", "a lantern", "seven barrels", "the northern shore", "his map"]
WHEN = ["at dawn", "before the storm", "every sunday", "in silence"]


def story(n):
    return " ".join(
        f"{random.choice(WHO)} {random.choice(DID)} {random.choice(WHAT)} {random.choice(WHEN)}."
        for _ in range(n))


train_text, valid_text = story(620), story(90)
chars = sorted(set(train_text + valid_text))
stoi = {c: i for i, c in enumerate(chars)}
V = len(chars)


def streams(text, lanes):
    ids = torch.tensor([stoi[c] for c in text])
    keep = (len(ids) // lanes) * lanes
    return ids[:keep].view(lanes, -1)


class CharGRU(nn.Module):
    def __init__(self, dim=48, hidden=96):
        super().__init__()
        self.emb = nn.Embedding(V, dim)
        self.cell = nn.GRU(dim, hidden, batch_first=True)
        self.out = nn.Linear(hidden, V)

    def forward(self, x, h=None):
        y, h = self.cell(self.emb(x), h)
        return self.out(y), h


SPAN = 32
LANES = 16
net = CharGRU()
opt = torch.optim.RMSprop(net.parameters(), lr=3e-3)
ce = nn.CrossEntropyLoss(reduction="sum")


def pieces(mat):
    # in reading order: piece k+1 continues piece k in every lane
    for s in range(0, mat.size(1) - 1, SPAN):
        e = min(s + SPAN, mat.size(1) - 1)
        yield mat[:, s:e], mat[:, s + 1:e + 1]


def bits(text):
    net.eval()
    h, nats, n = None, 0.0, 0
    with torch.no_grad():
        for x, y in pieces(streams(text, 4)):
            logits, h = net(x, h)
            nats += ce(logits.reshape(-1, V), y.reshape(-1)).item()
            n += y.numel()
    net.train()
    return nats / n / math.log(2)


data = streams(train_text, LANES)
print("chars", len(train_text), "vocab", V, "lanes", tuple(data.shape))
for epoch in range(6):
    h = None
    nats, n = 0.0, 0
    for x, y in pieces(data):
        logits, h = net(x, h)
        h = h.detach()
        loss = ce(logits.reshape(-1, V), y.reshape(-1))
        for p in net.parameters():
            p.grad = None
        (loss / y.numel()).backward()
        nn.utils.clip_grad_value_(net.parameters(), 0.5)
        opt.step()
        nats += loss.item()
        n += y.numel()
    for grp in opt.param_groups:
        grp["lr"] *= 0.8
    print(f"epoch {epoch}  train {nats / n / math.log(2):.3f} bits  valid {bits(valid_text):.3f} bits")


@torch.no_grad()
def sample(prompt, n=120):
    net.eval()
    out, h, x = prompt, None, torch.tensor([[stoi[c] for c in prompt]])
    for _ in range(n):
        logits, h = net(x, h)
        x = torch.multinomial((logits[:, -1] / 0.7).softmax(-1), 1)
        out += chars[x.item()]
    return out


print(sample("the "))

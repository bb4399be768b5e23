"""Tell which of four random languages (Markov chains over letters) a word was drawn from.

A small transformer encoder, trained in bfloat16 autocast with AdamW and a warm-up, counted in steps and not in epochs.
"""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset

LETTERS, LANGUAGES, LONGEST, PAD = 8, 4, 16, 0


class Words(Dataset):
    def __init__(self, count, chains, generator):
        self.words = torch.full((count, LONGEST), PAD)
        self.language = torch.randint(LANGUAGES, (count,), generator=generator)
        length = torch.randint(8, LONGEST + 1, (count,), generator=generator)
        letter = torch.randint(LETTERS, (count,), generator=generator)
        for position in range(LONGEST):
            inside = position < length
            self.words[inside, position] = letter[inside] + 1
            letter = torch.multinomial(chains[self.language, letter], 1, generator=generator).squeeze(1)

    def __len__(self):
        return len(self.words)

    def __getitem__(self, index):
        return self.words[index], self.language[index]


class Reader(nn.Module):
    def __init__(self, width=24, depth=2, heads=4, dropout=0.1):
        super().__init__()
        self.letter = nn.Embedding(LETTERS + 1, width, padding_idx=PAD)
        self.place = nn.Parameter(0.02 * torch.randn(LONGEST, width))
        self.layers = nn.ModuleList(
            [
                nn.TransformerEncoderLayer(width, heads, 2 * width, dropout, batch_first=True, norm_first=True)
                for _ in range(depth)
            ]
        )
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, LANGUAGES)

    def forward(self, words):
        padding = words == PAD
        x = self.letter(words) + self.place
        for layer in self.layers:
            x = layer(x, src_key_padding_mask=padding)
        keep = (~padding).unsqueeze(-1)
        pooled = (self.norm(x) * keep).sum(dim=1) / keep.sum(dim=1)
        return self.head(pooled)


def parameter_groups(model, decay):
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    vectors = [p for p in model.parameters() if p.ndim < 2]
    return [
        {"params": matrices, "weight_decay": decay},
        {"params": vectors, "weight_decay": 0.0},
    ]


def warm_then_cosine(warm, total, floor=0.1):
    def factor(step):
        if step < warm:
            return (step + 1) / warm
        done = min(1.0, (step - warm) / (total - warm))
        return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * done))

    return factor


@torch.inference_mode()
def accuracy(model, loader):
    model.eval()
    hits, seen = 0, 0
    for words, language in loader:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            answer = model(words)
        hits += (answer.argmax(dim=-1) == language).sum().item()
        seen += len(language)
    return hits / seen


def endless(loader):
    while True:
        yield from loader


torch.manual_seed(17)
generator = torch.Generator().manual_seed(4)
chains = torch.distributions.Dirichlet(torch.full((LETTERS,), 0.2)).sample((LANGUAGES, LETTERS))
train_loader = DataLoader(Words(1280, chains, generator), batch_size=32, shuffle=True)
held_out_loader = DataLoader(Words(320, chains, generator), batch_size=160)

model = Reader()
steps, every = 100, 20
optimizer = torch.optim.AdamW(parameter_groups(model, decay=0.01), lr=5e-3)
scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, warm_then_cosine(warm=12, total=steps))

recent = []
batches = endless(train_loader)
for step in range(1, steps + 1):
    model.train()
    words, language = next(batches)
    optimizer.zero_grad(set_to_none=True)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        scores = model(words)
        loss = F.cross_entropy(scores, language)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
    optimizer.step()
    scheduler.step()
    recent.append(loss.item())
    if step % every == 0:
        share = accuracy(model, held_out_loader)
        print(f"step {step}: loss {sum(recent) / len(recent):.3f}, held out {share:.1%}")
        recent.clear()

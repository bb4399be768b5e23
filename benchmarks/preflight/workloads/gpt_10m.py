"""A language model of ten million parameters: six transformer layers, 368 wide, context 32, batch 4.

The number of steps is an argument, so that the bare script can be measured for as long as memory grows.
"""

import sys

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
torch.set_num_threads(1)
WORDS, WIDTH, LENGTH, BATCH, HEADS = 512, 368, 32, 4, 8
STEPS = int(sys.argv[1]) if len(sys.argv) > 1 else 400


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.qkv, self.proj = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)
        self.drop = nn.Dropout(0.1)

    def forward(self, x):
        batch, length, _ = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(batch, length, 3, HEADS, -1).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.drop(self.proj(mixed.transpose(1, 2).reshape(batch, length, WIDTH)))
        return x + self.drop(self.down(F.gelu(self.up(self.norm2(x)))))


class GPT(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.places = nn.Embedding(WORDS, WIDTH), nn.Embedding(LENGTH, WIDTH)
        self.layers = nn.ModuleList(Layer() for _ in range(6))
        self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, WORDS, bias=False)

    def forward(self, ids):
        x = self.words(ids) + self.places.weight[: ids.shape[1]]
        for layer in self.layers:
            x = layer(x)
        return self.head(self.norm(x))


text = torch.randint(0, WORDS, (BATCH * STEPS, LENGTH + 1))
loader = DataLoader(TensorDataset(text), batch_size=BATCH, shuffle=True)
model = GPT()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4)
for (ids,) in loader:
    logits = model(ids[:, :-1])
    loss = F.cross_entropy(logits.reshape(-1, WORDS), ids[:, 1:].reshape(-1))
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
print(f"{sum(p.numel() for p in model.parameters())} parameters, loss {loss.item():.3f}")

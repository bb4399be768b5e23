"""Adapt a trained network to new data with low-rank adapters; the old weights stay as they are.

First a plain network learns the digits. Then every digit is turned by 90 degrees and only rank-4 adapters (and the biases of the
norms) may learn. At the end the adapters are merged and the merged network must answer the same.
"""

import math

import torch
from sklearn.datasets import load_digits
from torch import nn, optim
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset


class Attention(nn.Module):
    """Self-attention over the eight rows of an image."""

    def __init__(self, dim, heads=2):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x):
        b, t, d = x.shape
        q, k, v = self.qkv(x).view(b, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        return self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, t, d))


class Block(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attention = Attention(dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class RowTransformer(nn.Module):
    def __init__(self, dim=32, depth=2):
        super().__init__()
        self.embed = nn.Linear(8, dim)
        self.position = nn.Parameter(0.02 * torch.randn(1, 8, dim))
        self.blocks = nn.Sequential(*[Block(dim) for _ in range(depth)])
        self.head = nn.Linear(dim, 10)

    def forward(self, images):
        return self.head(self.blocks(self.embed(images) + self.position).mean(dim=1))


class LoRALinear(nn.Module):
    def __init__(self, base: nn.Linear, rank=4, alpha=8):
        super().__init__()
        self.base = base
        self.base.weight.requires_grad_(False)
        self.base.bias.requires_grad_(False)
        self.lora_A = nn.Parameter(torch.empty(rank, base.in_features))
        self.lora_B = nn.Parameter(torch.zeros(base.out_features, rank))
        nn.init.kaiming_uniform_(self.lora_A, a=math.sqrt(5))
        self.scaling = alpha / rank

    def forward(self, x):
        return self.base(x) + (x @ self.lora_A.T @ self.lora_B.T) * self.scaling

    @torch.no_grad()
    def merged(self):
        self.base.weight += self.scaling * self.lora_B @ self.lora_A
        return self.base


def inject(model):
    for p in model.parameters():
        p.requires_grad = False
    for name, module in list(model.named_modules()):
        if isinstance(module, nn.Linear):
            parent = model.get_submodule(name.rpartition(".")[0])
            setattr(parent, name.rpartition(".")[2], LoRALinear(module))
        if isinstance(module, nn.LayerNorm):
            module.bias.requires_grad = True


def merge(model):
    for name, module in list(model.named_modules()):
        if isinstance(module, LoRALinear):
            parent = model.get_submodule(name.rpartition(".")[0])
            setattr(parent, name.rpartition(".")[2], module.merged())


def accuracy(model, loader):
    model.eval()
    with torch.no_grad():
        hits = sum((model(x).argmax(-1) == y).sum().item() for x, y in loader)
    return hits / len(loader.dataset)


def fit(model, loader, test_loader, epochs, lr, title):
    trainable = [p for p in model.parameters() if p.requires_grad]
    print(f"{title}: {sum(p.numel() for p in trainable)} of {sum(p.numel() for p in model.parameters())} parameters learn")
    optimizer = optim.AdamW(trainable, lr=lr, weight_decay=0.01)
    for epoch in range(epochs):
        model.train()
        for x, y in loader:
            loss = F.cross_entropy(model(x), y, label_smoothing=0.05)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        print(f"  epoch {epoch + 1}: loss {loss.item():.3f} accuracy {accuracy(model, test_loader):.3f}")


torch.manual_seed(17)
digits = load_digits()
x, y = torch.tensor(digits.images, dtype=torch.float32) / 16, torch.tensor(digits.target)
order = torch.randperm(len(x))
train, test = order[:1400], order[1400:]
upright = DataLoader(TensorDataset(x[train], y[train]), 50, shuffle=True), DataLoader(TensorDataset(x[test], y[test]), 200)
turned = x.rot90(1, dims=(1, 2))
lying = (
    DataLoader(TensorDataset(turned[train], y[train]), 50, shuffle=True),
    DataLoader(TensorDataset(turned[test], y[test]), 200),
)
model = RowTransformer()
fit(model, *upright, epochs=4, lr=3e-3, title="pretraining")
print(f"turned digits before: {accuracy(model, lying[1]):.3f}")
inject(model)
fit(model, *lying, epochs=6, lr=6e-3, title="adapters")
adapted = accuracy(model, lying[1])
merge(model)
print(f"merged {accuracy(model, lying[1]):.3f}, adapters accuracy {adapted:.3f}")

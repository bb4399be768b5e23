"""Every parameter has an optimizer of its own that steps as soon as its gradient is there, and forgets it.

No gradient outlives the backward pass, which saves the memory of a second copy of the model.
"""
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(33)


class Highway(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.transform, self.gate = nn.Linear(width, width), nn.Linear(width, width)
        nn.init.constant_(self.gate.bias, -1.0)

    def forward(self, x):
        g = torch.sigmoid(self.gate(x))
        return g * torch.relu(self.transform(x)) + (1 - g) * x


model = nn.Sequential(nn.Linear(64, 40), nn.ReLU(), *[Highway(40) for _ in range(4)], nn.LayerNorm(40), nn.Linear(40, 10))
optimizers = {p: torch.optim.Adam([p], lr=4e-3, foreach=False) for p in model.parameters()}


def step_and_forget(parameter):
    optimizers[parameter].step()
    optimizers[parameter].zero_grad()


for parameter in model.parameters():
    parameter.register_post_accumulate_grad_hook(step_and_forget)

digits = load_digits()
x = torch.tensor(digits.data, dtype=torch.float32) / 8 - 1
y = torch.tensor(digits.target)
shuffled = torch.randperm(len(x))
test, train = shuffled[:360], shuffled[360:]


def evaluate():
    model.eval()
    with torch.no_grad():
        logits = model(x[test])
    model.train()
    return F.cross_entropy(logits, y[test]).item(), (logits.argmax(1) == y[test]).float().mean().item()


for epoch in range(6):
    total = 0.0
    chunks = train[torch.randperm(len(train))].split(48)
    for rows in chunks:
        loss = F.cross_entropy(model(x[rows]), y[rows])
        loss.backward()
        total += loss.item()
    held = sum(p.grad is not None for p in model.parameters())
    test_loss, accuracy = evaluate()
    print(f"epoch {epoch}: loss {total / len(chunks):.4f} test {test_loss:.4f} accuracy {accuracy:.3f}, gradients held {held}")

"""R-Drop: the same batch twice through dropout, and both answers have to agree (symmetric KL, gradients through both sides).

An entropy term, written out with a small epsilon, keeps the network from being too sure of itself.
"""
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_wine
from torch.utils.data import DataLoader, TensorDataset

ALPHA, BETA = 1.0, 0.02


class Net(nn.Module):
    def __init__(self, features=13, width=32, classes=3):
        super().__init__()
        self.inp = nn.Linear(features, width)
        self.hidden = nn.Linear(width, width)
        self.out = nn.Linear(width, classes)
        self.p = 0.3

    def forward(self, x):
        h = F.dropout(F.gelu(self.inp(x)), self.p, self.training)
        h = F.dropout(F.gelu(self.hidden(h)), self.p, self.training)
        return self.out(h)


def symmetric_kl(a, b):
    log_a, log_b = F.log_softmax(a, -1), F.log_softmax(b, -1)
    forward = F.kl_div(log_a, F.softmax(b, -1), reduction="none").sum(-1)
    backward = F.kl_div(log_b, F.softmax(a, -1), reduction="none").sum(-1)
    return 0.5 * (forward + backward).mean()


def entropy(logits):
    p = F.softmax(logits, dim=-1)
    return -(p * (p + 1e-8).log()).sum(-1).mean()


def get_data():
    x, y = load_wine(return_X_y=True)
    x, y = torch.tensor(x, dtype=torch.float32), torch.tensor(y)
    idx = torch.randperm(len(x))
    tr, te = idx[:120], idx[120:]
    x = (x - x[tr].mean(0)) / x[tr].std(0)
    return TensorDataset(x[tr], y[tr]), (x[te], y[te])


def main():
    torch.manual_seed(6)
    train_set, (x_test, y_test) = get_data()
    loader = DataLoader(train_set, batch_size=20, shuffle=True)
    net = Net()
    opt = torch.optim.Adamax(net.parameters(), lr=8e-3)
    for epoch in range(16):
        net.train()
        totals = [0.0, 0.0]
        for x, y in loader:
            first, second = net(x), net(x)
            ce = 0.5 * (F.cross_entropy(first, y) + F.cross_entropy(second, y))
            agreement = symmetric_kl(first, second)
            loss = ce + ALPHA * agreement - BETA * entropy(first)
            opt.zero_grad()
            loss.backward()
            opt.step()
            totals[0] += ce.item()
            totals[1] += agreement.item()
        if epoch % 4 == 3:
            net.eval()
            with torch.no_grad():
                logits = net(x_test)
                accuracy = (logits.argmax(1) == y_test).float().mean()
                print(f"epoch {epoch + 1} ce {totals[0] / len(loader):.3f} kl {totals[1] / len(loader):.4f} "
                      f"entropy {entropy(logits):.3f} accuracy {accuracy:.3f}")


if __name__ == "__main__":
    main()

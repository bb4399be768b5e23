"""Unsupervised domain adaptation by a minimax game, written as two steps: digits from a scanner that smears them to the right must look like clean ones.

The judge learns to tell the domains apart; the features learn the labels and, with the sign turned round, to fool the judge.
"""
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset


class Features(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.InstanceNorm2d(16, affine=True), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 24, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        )
        self.project = nn.Linear(96, 32)

    def forward(self, x):
        return torch.relu(self.project(self.conv(x).flatten(1)))


def domains(seed):
    digits = load_digits()
    x, y = torch.tensor(digits.images, dtype=torch.float32)[:, None] / 16, torch.tensor(digits.target)
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))
    source, target, test = order[:700], order[700:1400], order[1400:]
    smeared = 0.6 * x + 0.6 * x.roll(1, dims=3) + 0.15 * torch.randn(x.shape)
    return TensorDataset(x[source], y[source]), TensorDataset(smeared[target]), (smeared[test], y[test])


def main(epochs=12, weight=0.1):
    torch.manual_seed(25)
    source_set, target_set, (x_test, y_test) = domains(25)
    source_loader = DataLoader(source_set, batch_size=50, shuffle=True)
    target_loader = DataLoader(target_set, batch_size=50, shuffle=True)
    features, labeller, judge = Features(), nn.Linear(32, 10), nn.Sequential(nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))
    learner = torch.optim.Adam([*features.parameters(), *labeller.parameters()], lr=2e-3)
    referee = torch.optim.Adam(judge.parameters(), lr=2e-3)
    bce, ce = nn.BCEWithLogitsLoss(), nn.CrossEntropyLoss()

    def domain_loss(a, b):
        return bce(judge(a), torch.ones(len(a), 1)) + bce(judge(b), torch.zeros(len(b), 1))

    for epoch in range(epochs):
        for (x_source, y_source), (x_target,) in zip(source_loader, target_loader):
            with torch.no_grad():
                a, b = features(x_source), features(x_target)
            judged = domain_loss(a, b)
            referee.zero_grad()
            judged.backward()
            referee.step()

            a, b = features(x_source), features(x_target)
            labelled = ce(labeller(a), y_source)
            loss = labelled - weight * domain_loss(a, b)
            learner.zero_grad()
            loss.backward()
            learner.step()
        if epoch % 4 == 3:
            features.eval()
            with torch.no_grad():
                accuracy = (labeller(features(x_test)).argmax(1) == y_test).float().mean()
            features.train()
            print(f"epoch {epoch + 1}: labels {labelled.item():.3f} judge {judged.item():.3f} other domain accuracy {accuracy:.3f}")


if __name__ == "__main__":
    main()

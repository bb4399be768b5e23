"""Fill the holes of a table: a fifth of the measurements is missing (NaN), and the network is asked for what it can know.

NaN marks what is missing in the input and in the target; neither may reach the loss.
"""
import torch
import torch.nn as nn
from sklearn.datasets import load_breast_cancer
from torch.utils.data import DataLoader, Dataset


class Holes(Dataset):
    def __init__(self, table, seed):
        self.table = table
        self.generator = torch.Generator().manual_seed(seed)

    def __len__(self):
        return len(self.table)

    def __getitem__(self, index):
        row = self.table[index].clone()
        hidden = torch.rand(len(row), generator=self.generator) < 0.2
        hidden &= ~row.isnan()
        target = torch.where(hidden, row, torch.nan)
        row[hidden] = torch.nan
        return row, target


class Imputer(nn.Module):
    def __init__(self, columns, width=64):
        super().__init__()
        self.unknown = nn.Parameter(torch.zeros(columns))
        self.net = nn.Sequential(
            nn.Linear(2 * columns, width), nn.ReLU(), nn.Dropout(0.05), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, columns)
        )

    def forward(self, row):
        gone = row.isnan()
        filled = torch.where(gone, self.unknown, row)
        return self.net(torch.cat([filled, gone.float()], dim=1))


def masked_mse(guess, target):
    known = ~target.isnan()
    return (guess[known] - target[known]).square().mean()


def evaluate(model, loader):
    model.eval()
    with torch.no_grad():
        errors = [masked_mse(model(row), target) for row, target in loader]
    model.train()
    return torch.stack(errors).mean().item()


def main():
    torch.manual_seed(40)
    table = torch.tensor(load_breast_cancer().data, dtype=torch.float32)
    table = table[torch.randperm(len(table))]
    table = (table - table[:420].mean(0)) / table[:420].std(0)
    table[torch.rand(table.shape) < 0.05] = torch.nan  # some were never measured
    train_loader = DataLoader(Holes(table[:420], 1), batch_size=42, shuffle=True)
    test_loader = DataLoader(Holes(table[420:], 2), batch_size=75)
    model = Imputer(table.shape[1])
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=8)
    print(f"untrained: error {evaluate(model, test_loader):.3f}")
    for epoch in range(24):
        total = 0.0
        for i, (row, target) in enumerate(train_loader):
            loss = masked_mse(model(row), target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step(epoch + i / len(train_loader))
            total += loss.item()
        if epoch % 6 == 5:
            print(f"epoch {epoch}: loss {total / len(train_loader):.3f} error {evaluate(model, test_loader):.3f}")


if __name__ == "__main__":
    main()

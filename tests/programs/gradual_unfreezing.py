"""Transfer from upright to mirrored digits, unfreezing one block after the other from the top.

Each stage adds the newly thawed block to the optimizer as a parameter group with a smaller learning rate.
"""
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Tower(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.block1 = nn.Sequential(nn.Linear(64, 64), nn.LayerNorm(64), nn.Mish())
        self.block2 = nn.Sequential(nn.Linear(64, 48), nn.LayerNorm(48), nn.Mish(), nn.Dropout(0.1))
        self.block3 = nn.Sequential(nn.Linear(48, 32), nn.LayerNorm(32), nn.Mish(), nn.Dropout(0.1))
        self.head = nn.Linear(32, classes)

    def forward(self, x):
        return self.head(self.block3(self.block2(self.block1(x))))

    def freeze(self, *names):
        for name in names:
            for p in getattr(self, name).parameters():
                p.requires_grad = False

    def thaw(self, name):
        block = getattr(self, name)
        for p in block.parameters():
            p.requires_grad = True
        return block.parameters()


def loaders(flip, seed):
    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32) / 8 - 1
    images = images.flip(2) if flip else images
    data = TensorDataset(images.flatten(1), torch.tensor(digits.target))
    train, test = torch.utils.data.random_split(data, [0.8, 0.2], torch.Generator().manual_seed(seed))
    return DataLoader(train, batch_size=60, shuffle=True), DataLoader(test, batch_size=180)


def epoch_of(model, loader, optimizer):
    model.train()
    total = 0.0
    for x, y in loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item()
    return total / len(loader)


@torch.no_grad()
def accuracy(model, loader):
    model.eval()
    return sum((model(x).argmax(1) == y).sum().item() for x, y in loader) / len(loader.dataset)


def main():
    torch.manual_seed(10)
    model = Tower(10)
    loader, test_loader = loaders(flip=False, seed=1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
    for _ in range(3):
        epoch_of(model, loader, optimizer)
    print(f"upright accuracy {accuracy(model, test_loader):.3f}")

    loader, test_loader = loaders(flip=True, seed=2)
    model.head = nn.Linear(32, 10)
    model.freeze("block1", "block2", "block3")
    optimizer = torch.optim.AdamW(model.head.parameters(), lr=6e-3)
    rate = 6e-3
    for thawed in [None, "block3", "block2", "block1"]:
        if thawed:
            rate /= 1.3
            optimizer.add_param_group({"params": model.thaw(thawed), "lr": rate})
        for _ in range(2):
            loss = epoch_of(model, loader, optimizer)
        learning = sum(p.numel() for p in model.parameters() if p.requires_grad)
        print(f"{thawed or 'head'}: {learning} weights learn, loss {loss:.3f}, mirrored accuracy {accuracy(model, test_loader):.3f}")


main()

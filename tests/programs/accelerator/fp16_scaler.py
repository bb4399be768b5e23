"""A convolutional network on a GPU in fp16: autocast, GradScaler, clipping after unscaling, pinned batches."""

import hashlib

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

DEVICE = torch.device("cuda")


class Block(nn.Module):
    def __init__(self, inside, outside):
        super().__init__()
        self.conv = nn.Conv2d(inside, outside, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(outside)

    def forward(self, x):
        return torch.relu(self.norm(self.conv(x)))


class Net(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        self.body = nn.Sequential(Block(3, 32), nn.MaxPool2d(2), Block(32, 64), nn.AdaptiveAvgPool2d(4))
        self.drop = nn.Dropout(0.2)
        self.head = nn.Linear(64 * 16, classes)

    def forward(self, x):
        return self.head(self.drop(self.body(x).flatten(1)))


def make_data(count, seed):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, 10, (count,), generator=generator)
    prototypes = torch.randn(10, 3, 16, 16, generator=torch.Generator().manual_seed(99))
    images = prototypes[labels] + 0.8 * torch.randn(count, 3, 16, 16, generator=generator)
    return TensorDataset(images, labels)


def train_epoch(model, loader, criterion, optimizer, scaler):
    model.train()
    total = 0.0
    for step, (images, labels) in enumerate(loader):
        images = images.to(DEVICE, non_blocking=True)
        labels = labels.to(DEVICE, non_blocking=True)
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cuda", dtype=torch.float16):
            logits = model(images)
            loss = criterion(logits, labels)
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
        total += loss.item() * len(labels)
    return total / len(loader.dataset)


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    right = 0
    for images, labels in loader:
        right += (model(images.to(DEVICE)).argmax(1).cpu() == labels).sum().item()
    return right / len(loader.dataset)


def main():
    torch.manual_seed(0)
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False
    train = DataLoader(make_data(2048, 1), batch_size=64, shuffle=True, pin_memory=True)
    test = DataLoader(make_data(512, 2), batch_size=128)
    model = Net().to(DEVICE)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    scaler = torch.amp.GradScaler("cuda")
    for epoch in range(4):
        loss = train_epoch(model, train, criterion, optimizer, scaler)
        print(f"epoch {epoch} loss {loss:.6f} accuracy {evaluate(model, test):.4f}")
    digest = hashlib.sha256()
    for tensor in model.state_dict().values():
        digest.update(tensor.detach().cpu().numpy().tobytes())
    print("weights", digest.hexdigest()[:16], "scale", scaler.get_scale())


if __name__ == "__main__":
    main()

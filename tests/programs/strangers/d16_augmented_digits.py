import argparse
import random

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, Dataset


class Compose:
    def __init__(self, transforms):
        self.transforms = transforms

    def __call__(self, img):
        for t in self.transforms:
            img = t(img)
        return img


class RandomShift:
    """Shifts the picture by at most one pixel, zero padded."""

    def __init__(self, p=0.5):
        self.p = p

    def __call__(self, img):
        if random.random() > self.p:
            return img
        dy, dx = random.randint(-1, 1), random.randint(-1, 1)
        padded = F.pad(img, (1, 1, 1, 1))
        return padded[:, 1 + dy:9 + dy, 1 + dx:9 + dx]


class Cutout:
    """Blanks one square of the picture."""

    def __init__(self, size=3, p=0.5):
        self.size, self.p = size, p

    def __call__(self, img):
        if random.random() > self.p:
            return img
        _, h, w = img.shape
        top = random.randint(0, h - self.size)
        left = random.randint(0, w - self.size)
        img[:, top:top + self.size, left:left + self.size] = 0.0
        return img


class DigitsDataset(Dataset):
    def __init__(self, images, labels, transform=None):
        self.images = torch.tensor(images / 16.0, dtype=torch.float32).unsqueeze(1)
        self.labels = torch.tensor(labels, dtype=torch.long)
        self.transform = transform

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        image, label = self.images[index], self.labels[index]
        if self.transform is not None:
            image = self.transform(image)
        return image, label


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 24, 3, padding=1), nn.BatchNorm2d(24), nn.ReLU(),
            nn.Conv2d(24, 48, 3, padding=1), nn.BatchNorm2d(48), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(48, 48, 3, padding=1), nn.BatchNorm2d(48), nn.ReLU(), nn.MaxPool2d(2))
        self.classifier = nn.Linear(48 * 2 * 2, 10)

    def forward(self, x):
        return self.classifier(torch.flatten(self.features(x), 1))


def train(args, model, device, train_loader, optimizer, epoch):
    model.train()
    total, correct, seen = 0.0, 0, 0
    for data, target in train_loader:
        data, target = data.to(device), target.to(device)
        optimizer.zero_grad()
        output = model(data)
        loss = F.cross_entropy(output, target)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(data)
        correct += (output.argmax(1) == target).sum().item()
        seen += len(data)
    print(f'Epoch {epoch:2d}  train loss {total / seen:.4f}  acc {100. * correct / seen:.1f}%', end='  ')


def test(model, device, test_loader):
    model.eval()
    total, correct = 0.0, 0
    with torch.no_grad():
        for data, target in test_loader:
            data, target = data.to(device), target.to(device)
            output = model(data)
            total += F.cross_entropy(output, target, reduction='sum').item()
            correct += (output.argmax(1) == target).sum().item()
    n = len(test_loader.dataset)
    print(f'test loss {total / n:.4f}  acc {100. * correct / n:.2f}%')
    return correct / n


def main():
    parser = argparse.ArgumentParser(description='Digits with light augmentation')
    parser.add_argument('--epochs', type=int, default=25)
    parser.add_argument('--batch-size', type=int, default=64)
    parser.add_argument('--lr', type=float, default=0.05)
    parser.add_argument('--momentum', type=float, default=0.9)
    parser.add_argument('--weight-decay', type=float, default=5e-4)
    parser.add_argument('--train-size', type=int, default=900)
    parser.add_argument('--seed', type=int, default=12)
    args = parser.parse_args()

    random.seed(args.seed)
    np.random.seed(args.seed)
    torch.manual_seed(args.seed)
    device = torch.device('cpu')

    digits = load_digits()
    x_train, x_test, y_train, y_test = train_test_split(
        digits.images, digits.target, train_size=args.train_size, stratify=digits.target,
        random_state=args.seed)
    train_set = DigitsDataset(x_train, y_train, Compose([Cutout(3, 0.9), RandomShift(0.5)]))
    test_set = DigitsDataset(x_test, y_test)
    train_loader = DataLoader(train_set, batch_size=args.batch_size, shuffle=True, drop_last=True)
    test_loader = DataLoader(test_set, batch_size=256)

    model = Net().to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=args.momentum,
                                weight_decay=args.weight_decay, nesterov=True)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=args.epochs)
    acc = 0.0
    for epoch in range(1, args.epochs + 1):
        train(args, model, device, train_loader, optimizer, epoch)
        acc = test(model, device, test_loader)
        scheduler.step()
    print(f'final test accuracy {100. * acc:.2f}%')


if __name__ == '__main__':
    main()

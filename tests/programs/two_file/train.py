"""Learn three things about handwritten digits at once; how many loops they have is known for few of them only."""

import argparse

import torch
from engine import UNKNOWN, Engine
from network import DigitTasks
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, Dataset

LOOPS = torch.tensor([1, 0, 0, 0, 0, 0, 1, 0, 2, 1])


class Digits(Dataset):
    def __init__(self, images, labels, known):
        self.images = images
        self.labels = labels
        self.loops = torch.where(known, LOOPS[labels], UNKNOWN)
        ink = images.mean(dim=(1, 2, 3))
        self.ink = (ink - 0.305) / 0.045

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        targets = {"digit": self.labels[index], "loops": self.loops[index], "ink": self.ink[index]}
        return self.images[index], targets


def make_loaders(batch_size, share_known):
    raw = load_digits()
    images = torch.tensor(raw.images, dtype=torch.float32).unsqueeze(1) / 16
    labels = torch.tensor(raw.target)
    order = torch.randperm(len(images))
    images, labels = images[order], labels[order]
    known = torch.rand(len(images)) < share_known
    train = Digits(images[:1000], labels[:1000], known[:1000])
    held_out = Digits(images[1000:], labels[1000:], torch.ones(len(images) - 1000, dtype=torch.bool))
    return DataLoader(train, batch_size=batch_size, shuffle=True), DataLoader(held_out, batch_size=400)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=50)
    parser.add_argument("--half", action="store_true", help="scale the loss, for float16 devices")
    arguments = parser.parse_args()
    torch.manual_seed(12)
    loader, held_out = make_loaders(arguments.batch_size, share_known=0.05)
    engine = Engine(DigitTasks(), lr=5e-3, head_lr=1e-2, half=arguments.half)
    history = engine.fit(loader, held_out, arguments.epochs)
    best = max(row["accuracy"] for row in history)
    print(f"best accuracy {best:.3f} after {len(history)} epochs")


if __name__ == "__main__":
    main()

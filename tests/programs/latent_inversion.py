"""What does the classifier think a digit looks like? Trains a classifier, then changes pixels until it is sure.

In the second part the network is only a measuring instrument: it stays in eval mode and the optimizer holds an image, nothing else.
"""
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset


def make_classifier():
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(),
        nn.Conv2d(16, 24, 3, stride=2, padding=1), nn.BatchNorm2d(24), nn.ReLU(),
        nn.Flatten(), nn.Dropout(0.3), nn.Linear(24 * 16, 10),
    )


def train(net, loader, epochs):
    opt = torch.optim.Adam(net.parameters(), lr=3e-3)
    net.train()
    for epoch in range(epochs):
        for x, y in loader:
            opt.zero_grad()
            loss = F.cross_entropy(net(x), y)
            loss.backward()
            opt.step()
        print(f"classifier epoch {epoch}: loss {loss.item():.3f}")


def smoothness(image):
    return (image[..., 1:, :] - image[..., :-1, :]).abs().mean() + (image[..., 1:] - image[..., :-1]).abs().mean()


def invert(net, labels, steps=120):
    """Images that the network takes for these labels."""
    net.eval()
    image = (0.5 + 0.05 * torch.randn(len(labels), 1, 8, 8)).requires_grad_()
    opt = torch.optim.Adam([image], lr=0.05)
    for step in range(steps):
        opt.zero_grad()
        logits = net(image)
        loss = F.cross_entropy(logits, labels) + 0.5 * smoothness(image) + 0.1 * image.square().mean()
        loss.backward()
        opt.step()
        with torch.no_grad():
            image.clamp_(0, 1)
        if step % 40 == 39:
            sure = logits.softmax(1).gather(1, labels[:, None]).mean()
            print(f"inversion step {step + 1}: loss {loss.item():.3f}, sure {sure.item():.3f}")
    return image.detach()


def nearest(images, x, y):
    """Labels of the real digits that look most like these images."""
    similarity = F.normalize(images.flatten(1) - 0.3) @ F.normalize(x.flatten(1) - 0.3).T
    return y[similarity.topk(5).indices].mode(dim=1).values


def main():
    torch.manual_seed(27)
    digits = load_digits()
    x, y = torch.tensor(digits.images, dtype=torch.float32)[:, None] / 16, torch.tensor(digits.target)
    order = torch.randperm(len(x))
    x, y = x[order], y[order]
    net = make_classifier()
    train(net, DataLoader(TensorDataset(x[:1400], y[:1400]), batch_size=70, shuffle=True), epochs=4)
    net.eval()
    with torch.no_grad():
        print(f"classifier accuracy {(net(x[1400:]).argmax(1) == y[1400:]).float().mean():.3f}")
    labels = torch.arange(10).repeat(2)
    images = invert(net, labels)
    print(f"real digits agree: {(nearest(images, x[1400:], y[1400:]) == labels).float().mean():.2f}")


if __name__ == "__main__":
    main()

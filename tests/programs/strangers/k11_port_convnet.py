"""PyTorch port of our 2017 TF-slim digit network (NHWC arrays in, same layers, same optimiser constants).

Original arg scope:
    conv2d: 3x3, SAME, no bias, relu after batch_norm, weights_regularizer=l2(5e-5), truncated normal initialiser
    batch_norm: decay 0.99, epsilon 1e-3, center and scale
    MomentumOptimizer(0.9); exponential_decay(0.94 every 2 epochs, staircase)
"""
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

FLAGS = dict(batch_size=16, num_epochs=14, learning_rate=0.01, lr_decay=0.94, epochs_per_decay=2,
             l2=5e-5, bn_decay=0.99, bn_epsilon=1e-3, keep_prob=0.8, seed=20170504)


def conv_bn(cin, cout, stride=1):
    conv = nn.Conv2d(cin, cout, 3, stride=stride, padding=1, bias=False)
    std = (2.0 / (cin * 9)) ** 0.5
    nn.init.trunc_normal_(conv.weight, std=std, a=-2 * std, b=2 * std)
    return nn.Sequential(conv, nn.BatchNorm2d(cout, eps=FLAGS["bn_epsilon"], momentum=FLAGS["bn_decay"]),
                         nn.ReLU(inplace=True))


class DigitNet(nn.Module):
    def __init__(self, num_classes=10):
        super().__init__()
        self.conv1 = conv_bn(1, 16)
        self.conv2 = conv_bn(16, 24, stride=2)
        self.conv3 = conv_bn(24, 32)
        self.conv4 = conv_bn(32, 48, stride=2)
        self.dropout = nn.Dropout(1.0 - FLAGS["keep_prob"])
        self.logits = nn.Linear(48 * 4, num_classes)
        nn.init.zeros_(self.logits.bias)

    def forward(self, x):
        for layer in (self.conv1, self.conv2, self.conv3, self.conv4):
            x = layer(x)
        return self.logits(self.dropout(torch.flatten(x, 1)))


def to_nchw(batch):
    return torch.from_numpy(np.ascontiguousarray(batch.transpose(0, 3, 1, 2)))


def load(rng):
    images, labels = load_digits(return_X_y=True)
    images = (images.reshape(-1, 8, 8, 1) / 8.0 - 1.0).astype(np.float32)
    order = rng.permutation(len(images))
    images, labels = images[order], labels[order]
    n = len(images) - 500
    return (images[:n], labels[:n]), (images[n:], labels[n:])


def distort(batch, rng):
    """tf.pad + tf.random_crop + random_brightness"""
    out = np.empty_like(batch)
    padded = np.pad(batch, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=-1.0)
    for i in range(len(batch)):
        r, c = rng.integers(0, 3, size=2)
        out[i] = padded[i, r:r + 8, c:c + 8]
    return out + rng.uniform(-0.1, 0.1, size=(len(batch), 1, 1, 1)).astype(np.float32)


def l2_loss(model):
    return sum(0.5 * m.weight.square().sum() for m in model.modules() if isinstance(m, (nn.Conv2d, nn.Linear)))


def evaluate(model, images, labels):
    model.eval()
    correct, xent = 0, 0.0
    with torch.no_grad():
        for i in range(0, len(images), 100):
            out = model(to_nchw(images[i:i + 100]))
            lab = torch.from_numpy(labels[i:i + 100])
            correct += (out.argmax(1) == lab).sum().item()
            xent += F.cross_entropy(out, lab, reduction="sum").item()
    return correct / len(images), xent / len(images)


def main():
    torch.manual_seed(FLAGS["seed"])
    rng = np.random.default_rng(FLAGS["seed"])
    (train_x, train_y), (test_x, test_y) = load(rng)
    model = DigitNet()
    optimizer = torch.optim.SGD(model.parameters(), lr=FLAGS["learning_rate"], momentum=0.9)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, FLAGS["epochs_per_decay"], FLAGS["lr_decay"])
    for epoch in range(FLAGS["num_epochs"]):
        model.train()
        order = rng.permutation(len(train_x))
        total, hits = 0.0, 0
        for start in range(0, len(order), FLAGS["batch_size"]):
            idx = order[start:start + FLAGS["batch_size"]]
            x = to_nchw(distort(train_x[idx], rng))
            y = torch.from_numpy(train_y[idx])
            logits = model(x)
            loss = F.cross_entropy(logits, y) + FLAGS["l2"] * l2_loss(model)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(idx)
            hits += (logits.argmax(1) == y).sum().item()
        scheduler.step()
        acc, xent = evaluate(model, test_x, test_y)
        print(f"epoch {epoch + 1:2d}  lr {scheduler.get_last_lr()[0]:.5f}  train loss {total / len(order):.4f} "
              f"acc {hits / len(order):.4f}   test xent {xent:.4f} precision@1 {acc:.4f}")


if __name__ == "__main__":
    main()

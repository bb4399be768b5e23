# Port of our old Keras notebook (shapes_cnn.ipynb) to PyTorch.
import numpy as np
import torch
import torch.nn as nn

BATCH_SIZE = 32
NUM_CLASSES = 4
IMG = 24
EPOCHS = 8


def generate_images(n, seed):
    """uint8 RGB images, channels last, like the arrays the notebook used."""
    rs = np.random.RandomState(seed)
    images = rs.randint(0, 90, size=(n, IMG, IMG, 3)).astype(np.uint8)
    labels = rs.randint(0, NUM_CLASSES, size=n)
    yy, xx = np.mgrid[:IMG, :IMG]
    for i in range(n):
        cy, cx = rs.randint(8, IMG - 8, size=2)
        r = rs.randint(5, 8)
        dy, dx = yy - cy, xx - cx
        if labels[i] == 0:      # disc
            m = dy ** 2 + dx ** 2 <= r ** 2
        elif labels[i] == 1:    # ring
            m = (dy ** 2 + dx ** 2 <= r ** 2) & (dy ** 2 + dx ** 2 >= (r - 2) ** 2)
        elif labels[i] == 2:    # diamond
            m = abs(dy) + abs(dx) <= r + 1
        else:                   # square
            m = np.maximum(abs(dy), abs(dx)) <= r - 1
        colour = rs.randint(60, 256, size=3)
        images[i][m] = np.clip(colour + rs.randint(-30, 31, size=(m.sum(), 3)), 0, 255)
    return images, labels


def to_tensors(images, labels):
    x = images.astype("float32") / 255.0
    x = x.reshape(-1, 3, IMG, IMG)
    x = (x - 0.25) / 0.25
    return torch.from_numpy(x), torch.from_numpy(labels).long()


def build_model():
    return nn.Sequential(
        nn.Conv2d(3, 16, kernel_size=3, padding="same"),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, kernel_size=3, padding="same"),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32 * 6 * 6, 64),
        nn.ReLU(),
        nn.Dropout(0.3),
        nn.Linear(64, NUM_CLASSES),
    )


def fit(model, x, y, validation_data, epochs, batch_size):
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for epoch in range(epochs):
        model.train()
        order = torch.randperm(len(x))
        loss_sum, hits = 0.0, 0
        for i in range(0, len(x), batch_size):
            b = order[i:i + batch_size]
            optimizer.zero_grad()
            out = model(x[b])
            loss = loss_fn(out, y[b])
            loss.backward()
            optimizer.step()
            loss_sum += loss.item() * len(b)
            hits += (out.argmax(1) == y[b]).sum().item()
        val_loss, val_acc = evaluate(model, *validation_data)
        print(f"Epoch {epoch + 1}/{epochs} - loss: {loss_sum / len(x):.4f} - accuracy: {hits / len(x):.4f}"
              f" - val_loss: {val_loss:.4f} - val_accuracy: {val_acc:.4f}")


def evaluate(model, x, y):
    model.eval()
    with torch.no_grad():
        out = model(x)
        return nn.functional.cross_entropy(out, y).item(), (out.argmax(1) == y).float().mean().item()


if __name__ == "__main__":
    torch.manual_seed(0)
    x_train, y_train = to_tensors(*generate_images(900, seed=1))
    x_val, y_val = to_tensors(*generate_images(300, seed=2))
    fit(build_model(), x_train, y_train, (x_val, y_val), EPOCHS, BATCH_SIZE)

import random

import numpy as np
import torch
from torch.utils.data import Dataset

SIZE = 32


def draw_sample(rng):
    """Bright 'cells' (to segment) and bright thin rods (to ignore) on a noisy background."""
    yy, xx = np.mgrid[0:SIZE, 0:SIZE]
    img = rng.normal(0.25, 0.08, (SIZE, SIZE))
    img += 0.2 * (xx * rng.uniform(-1, 1) + yy * rng.uniform(-1, 1)) / SIZE
    mask = np.zeros((SIZE, SIZE), dtype=np.float32)
    for _ in range(rng.integers(1, 4)):
        cx, cy = rng.uniform(5, SIZE - 5, 2)
        a, b = rng.uniform(3, 6, 2)
        t = rng.uniform(0, np.pi)
        u = (xx - cx) * np.cos(t) + (yy - cy) * np.sin(t)
        v = -(xx - cx) * np.sin(t) + (yy - cy) * np.cos(t)
        cell = (u / a) ** 2 + (v / b) ** 2 <= 1
        img[cell] += rng.uniform(0.3, 0.5)
        mask[cell] = 1.0
    for _ in range(rng.integers(1, 4)):
        cx, cy = rng.uniform(0, SIZE, 2)
        t = rng.uniform(0, np.pi)
        u = (xx - cx) * np.cos(t) + (yy - cy) * np.sin(t)
        v = -(xx - cx) * np.sin(t) + (yy - cy) * np.cos(t)
        rod = (np.abs(v) < 0.8) & (np.abs(u) < 10)
        img[rod & (mask == 0)] += rng.uniform(0.3, 0.5)
    img = np.clip(img + rng.normal(0, 0.05, img.shape), 0, 1)
    return img.astype(np.float32), mask


def make_arrays(n, seed):
    rng = np.random.default_rng(seed)
    pairs = [draw_sample(rng) for _ in range(n)]
    return np.stack([p[0] for p in pairs]), np.stack([p[1] for p in pairs])


class RandomFlipRotate:
    """Random horizontal flip and a random multiple of 90 degrees."""

    def __init__(self, p=0.5):
        self.p = p

    def __call__(self, t):
        if random.random() < self.p:
            t = torch.flip(t, dims=[-1])
        if random.random() < self.p:
            t = torch.rot90(t, random.randint(1, 3), dims=[-2, -1])
        return t


class CellDataset(Dataset):
    def __init__(self, images, masks, transform=None):
        self.images = images
        self.masks = masks
        self.transform = transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, idx):
        image = torch.from_numpy(self.images[idx]).unsqueeze(0)
        mask = torch.from_numpy(self.masks[idx]).unsqueeze(0)
        image = (image - 0.35) / 0.2
        if self.transform is not None:
            image = self.transform(image)
            mask = self.transform(mask)
        return image, mask

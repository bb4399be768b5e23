# fault: pictures and masks in files, with a transform of torchvision for each
from pathlib import Path

from PIL import Image
from torch.utils.data import Dataset
from torchvision import transforms


class Streets(Dataset):
    def __init__(self, root, transform):
        self.pictures = sorted(Path(root, "pictures").glob("*.png"))
        self.masks = sorted(Path(root, "masks").glob("*.png"))
        self.transform = transform

    def __len__(self):
        return len(self.pictures)

    def __getitem__(self, index):
        picture = Image.open(self.pictures[index]).convert("RGB")
        mask = Image.open(self.masks[index]).convert("L")
        if self.transform:
            picture = self.transform(picture)
            mask = self.transform(mask)  # <-
        return picture, mask


augmented = transforms.Compose(
    [
        transforms.RandomHorizontalFlip(),
        transforms.RandomResizedCrop(64),
        transforms.ToTensor(),
    ]
)
streets = DataLoader(Streets("streets", augmented), batch_size=8, shuffle=True)
net = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 1, 1))
optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
criterion = nn.BCEWithLogitsLoss()
for epoch in range(10):
    for picture, mask in streets:
        optimizer.zero_grad()
        criterion(net(picture), mask).backward()
        optimizer.step()
# fault: arrays of heights and of what they were, in a class that trains
import numpy as np
from torch.utils.data import Dataset


def turned(field):
    quarter = np.random.randint(4)
    return np.rot90(field, quarter).copy()


class Heights(Dataset):
    def __init__(self, coarse, fine):
        self.coarse, self.fine = coarse, fine

    def __len__(self):
        return len(self.coarse)

    def __getitem__(self, i):
        a = torch.from_numpy(turned(self.coarse[i]))
        b = torch.from_numpy(turned(self.fine[i]))  # <-
        return a[None], b[None]


class Sharpening:
    def __init__(self, net, loader):
        self.net, self.loader = net, loader
        self.optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)

    def loss(self, batch):
        coarse, fine = batch
        return F.l1_loss(self.net(coarse), fine)

    def fit(self, epochs):
        for _ in range(epochs):
            for batch in self.loader:
                self.optimizer.zero_grad()
                self.loss(batch).backward()
                self.optimizer.step()


fields = np.random.default_rng(0).normal(size=(2, 128, 16, 16)).astype("float32")
heights = DataLoader(Heights(fields[0], fields[1]), batch_size=16, shuffle=True)
Sharpening(nn.Conv2d(1, 1, 5, padding=2), heights).fit(5)
# near: one draw for both
import random

from torch.utils.data import Dataset


class Cells(Dataset):
    def __init__(self, images, masks):
        self.images, self.masks = images, masks

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        image, mask = self.images[i], self.masks[i]
        flips = [axis for axis in (-1, -2) if random.random() < 0.5]
        return torch.flip(image, flips), torch.flip(mask, flips)


cells = DataLoader(Cells(torch.randn(64, 1, 16, 16), torch.ones(64, 1, 16, 16)), batch_size=16, shuffle=True)
net = nn.Conv2d(1, 1, 3, padding=1)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
for epoch in range(10):
    for image, mask in cells:
        optimizer.zero_grad()
        F.binary_cross_entropy_with_logits(net(image), mask).backward()
        optimizer.step()
# near: two views of each picture, and a loss that draws their features together
import random

from torch.utils.data import Dataset


class Views(Dataset):
    def __init__(self, images):
        self.images = images

    def __len__(self):
        return len(self.images)

    def view(self, x):
        return x.flip(-1) if random.random() < 0.5 else x

    def __getitem__(self, i):
        return self.view(self.images[i]), self.view(self.images[i])


views = DataLoader(Views(torch.randn(64, 1, 16, 16)), batch_size=16, shuffle=True)
net = nn.Sequential(nn.Flatten(), nn.Linear(256, 32))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
for epoch in range(10):
    for one, other in views:
        optimizer.zero_grad()
        similar = F.normalize(net(one), dim=1) @ F.normalize(net(other), dim=1).T
        F.cross_entropy(similar / 0.1, torch.arange(len(similar))).backward()
        optimizer.step()
# near: the picture is seeded before it is moved, and so is the mask
import random

from torch.utils.data import Dataset
from torchvision import transforms as T


class Seeded(Dataset):
    def __init__(self, images, masks):
        self.images, self.masks = images, masks
        self.move = T.RandomAffine(20, translate=(0.1, 0.1))

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        seed = random.randrange(1 << 30)
        torch.manual_seed(seed)
        image = self.move(self.images[i])
        torch.manual_seed(seed)
        return image, self.move(self.masks[i])


seeded = DataLoader(Seeded(torch.randn(64, 1, 16, 16), torch.ones(64, 1, 16, 16)), batch_size=16, shuffle=True)
net = nn.Conv2d(1, 1, 3, padding=1)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
for epoch in range(10):
    for image, mask in seeded:
        optimizer.zero_grad()
        F.binary_cross_entropy_with_logits(net(image), mask).backward()
        optimizer.step()

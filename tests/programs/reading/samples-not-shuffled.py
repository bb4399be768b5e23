# fault: a folder of images
from torchvision.datasets import ImageFolder

images = DataLoader(ImageFolder("train"), batch_size=32)  # <-
for x, y in images:
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
# fault: a class
class Trainer:
    def __init__(self):
        self.batches = DataLoader(rows(64), 16, shuffle=False)  # <-

    def fit(self):
        for x, y in self.batches:
            optimizer.zero_grad()
            loss_fn(model(x), y).backward()
            optimizer.step()


Trainer().fit()
# near: shuffled
for x, y in loader:
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
# near: a sampler
from somewhere import make_sampler

batches = DataLoader(rows(64), batch_size=16, sampler=make_sampler())
for x, y in batches:
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
# near: only evaluated
model.eval()
with torch.no_grad():
    for x, y in val_loader:
        print(loss_fn(model(x), y))
# near: nobody knows
batches = DataLoader(rows(64), **options)
for x, y in batches:
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()

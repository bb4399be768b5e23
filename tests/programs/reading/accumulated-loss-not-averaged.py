# fault: a loop
for i, (x, y) in enumerate(loader):
    loss = loss_fn(model(x), y)
    loss.backward()  # <-
    if (i + 1) % 4 == 0:
        optimizer.step()
        optimizer.zero_grad()
# fault: a class
class Trainer:
    def __init__(self, every):
        self.every = every
        self.count = 0

    def fit(self):
        for x, y in loader:
            self.count += 1
            F.cross_entropy(model(x), y).backward()  # <-
            if self.count % self.every == 0:
                optimizer.step()
                optimizer.zero_grad()


Trainer(8).fit()
# near: divided
for i, (x, y) in enumerate(loader):
    loss = loss_fn(model(x), y) / 4
    loss.backward()
    if (i + 1) % 4 == 0:
        optimizer.step()
        optimizer.zero_grad()
# near: divided later
for i, (x, y) in enumerate(loader):
    loss = loss_fn(model(x), y)
    loss = loss / 4
    loss.backward()
    if (i + 1) % 4 == 0:
        optimizer.step()
        optimizer.zero_grad()
# near: a sum
summed = nn.CrossEntropyLoss(reduction="sum")
for i, (x, y) in enumerate(loader):
    loss = summed(model(x), y)
    loss.backward()
    if (i + 1) % 4 == 0:
        optimizer.step()
        optimizer.zero_grad()
# near: everything now and then
for i, (x, y) in enumerate(loader):
    loss = loss_fn(model(x), y)
    if i % 4 == 0:
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

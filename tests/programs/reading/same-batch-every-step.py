# fault: a counted loop
for step in range(100):
    x, y = next(iter(val_loader))  # <-
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
# fault: a method
class Trainer:
    def __init__(self, batches):
        self.batches = batches

    def draw(self):
        return next(iter(self.batches))  # <-

    def fit(self):
        while True:
            x, y = self.draw()
            optimizer.zero_grad()
            loss_fn(model(x), y).backward()
            optimizer.step()


Trainer(DataLoader(rows(64), batch_size=16, shuffle=False)).fit()
# near: an iterator made before
batches = iter(val_loader)
for step in range(4):
    x, y = next(batches)
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
# near: a loader that shuffles
for step in range(100):
    x, y = next(iter(loader))
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
# near: one batch on purpose
x, y = next(iter(val_loader))
for step in range(100):
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
# near: a look at the data in every epoch
for epoch in range(epochs):
    x, y = next(iter(val_loader))
    print(x.mean())
# near: the first batch of the validation data, looked at now and then
for step, (x, y) in enumerate(loader):
    model.train()
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
    if step % 10 == 0:
        model.eval()
        with torch.no_grad():
            x, y = next(iter(val_loader))
            print(loss_fn(model(x), y).item())

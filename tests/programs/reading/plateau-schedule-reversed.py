# fault: the best loss is awaited at the top
schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, "max", patience=2)
for epoch in range(epochs):
    losses = []
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    schedule.step(sum(losses) / len(losses))  # <-
# fault: an accuracy, in a class, with the mode that comes by itself
class Trainer:
    def __init__(self, net):
        self.net = net
        self.optimizer = torch.optim.Adam(net.parameters())
        self.scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(self.optimizer, factor=0.5)

    def train(self):
        self.net.train()
        for x, y in loader:
            self.optimizer.zero_grad()
            loss_fn(self.net(x), y).backward()
            self.optimizer.step()

    @torch.no_grad()
    def accuracy(self):
        self.net.eval()
        right = total = 0
        for x, y in val_loader:
            guess = self.net(x).argmax(dim=1)
            right += (guess == y).sum().item()
            total += y.size(0)
        return 100.0 * right / total

    def fit(self):
        for epoch in range(epochs):
            self.train()
            self.scheduler.step(self.accuracy())  # <-


Trainer(model).fit()
# near: the loss is to fall
schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)
for epoch in range(epochs):
    total = 0.0
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item()
    schedule.step(total / len(loader))
# near: the accuracy is to rise
def accuracy():
    model.eval()
    with torch.no_grad():
        hits = [(model(x).argmax(1) == y).float().mean().item() for x, y in val_loader]
    model.train()
    return sum(hits) / len(hits)


schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, mode="max")
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    schedule.step(accuracy())
# near: the loss with its sign turned
schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, mode="max")
for epoch in range(epochs):
    total = 0.0
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item()
    schedule.step(-total / len(loader))
# near: the error rate
schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, mode="min")
for epoch in range(epochs):
    right = 0
    for x, y in loader:
        optimizer.zero_grad()
        scores = model(x)
        loss_fn(scores, y).backward()
        optimizer.step()
        right += (scores.argmax(1) == y).sum().item()
    schedule.step(1 - right / 192)
# near: a signal-to-noise ratio made of a loss
schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, mode="max")
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), F.one_hot(y, 4).float())
        loss.backward()
        optimizer.step()
    schedule.step(10 * torch.log10(1 / loss.detach()))
# near: a mode from the settings
import sys

schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, mode=sys.argv[1])
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
    schedule.step(loss.item())
# near: two losses of which one is a reward
schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, mode="max")
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        scores = model(x)
        loss = loss_fn(scores, y)
        loss.backward()
        optimizer.step()
    reward = (scores.argmax(1) == y).float().mean() - 0.1 * loss.item()
    schedule.step(reward)
# near: the share of mistakes
schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, mode="min")
for epoch in range(epochs):
    wrong = 0
    for x, y in loader:
        optimizer.zero_grad()
        scores = model(x)
        loss_fn(scores, y).backward()
        optimizer.step()
        wrong += (scores.argmax(1) != y).sum().item()
    schedule.step(wrong / 192)

# fault: a horizon of epochs, stepped after every batch
schedule = torch.optim.lr_scheduler.PolynomialLR(optimizer, total_iters=epochs)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
        schedule.step()  # <-
# fault: a class that trains longer than planned
class Trainer:
    def __init__(self, longest):
        self.net = Net()
        self.opt = torch.optim.SGD(self.net.parameters(), lr=0.1)
        self.schedule = torch.optim.lr_scheduler.LinearLR(self.opt, 1.0, end_factor=0, total_iters=50)
        self.longest = longest

    def epoch(self):
        for x, y in loader:
            self.opt.zero_grad()
            F.cross_entropy(self.net(x), y).backward()
            self.opt.step()
        self.schedule.step()  # <-

    def fit(self):
        for _ in range(self.longest):
            self.epoch()


Trainer(longest=90).fit()
# near: a horizon of all batches
schedule = torch.optim.lr_scheduler.PolynomialLR(optimizer, total_iters=epochs * len(loader))
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
        schedule.step()
# near: a horizon of epochs, stepped after each
schedule = torch.optim.lr_scheduler.PolynomialLR(optimizer, total_iters=100)
for epoch in range(100):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    schedule.step()
# near: 0 with the last epochs
schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=95)
for epoch in range(100):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    schedule.step()
# near: a warm-up
schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 0.1, total_iters=5)
for epoch in range(100):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    schedule.step()
# near: training ends when the schedule does
schedule = torch.optim.lr_scheduler.PolynomialLR(optimizer, total_iters=30)
for epoch in range(100):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    schedule.step()
    if schedule.get_last_lr()[0] == 0:
        break
# near: the decay is only a part of the schedule
decay = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=20)
steady = torch.optim.lr_scheduler.ConstantLR(optimizer, 0.1, total_iters=80)
schedule = torch.optim.lr_scheduler.SequentialLR(optimizer, [decay, steady], milestones=[20])
for epoch in range(100):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    schedule.step()
# near: stepped only as long as it lasts
schedule = torch.optim.lr_scheduler.PolynomialLR(optimizer, total_iters=30)
for epoch in range(100):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    if epoch < 20:
        schedule.step()
# near: a number that is not written there
import sys

schedule = torch.optim.lr_scheduler.PolynomialLR(optimizer, total_iters=30)
for epoch in range(int(sys.argv[1])):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    schedule.step()

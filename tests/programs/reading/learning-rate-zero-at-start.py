# fault: a function with a constant
WARMUP = 20


def factor(step):
    if step < WARMUP:
        return step / WARMUP
    return 1.0


schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lr_lambda=factor)  # <-
for x, y in loader:
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
    schedule.step()
# fault: a method of a class
class Trainer:
    def __init__(self, net, warmup):
        self.warmup = warmup
        self.optimizer = torch.optim.Adam(net.parameters())
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, self.factor)  # <-

    def factor(self, step):
        return min(float(step) / float(max(1, self.warmup)), 1.0)

    def fit(self):
        for x, y in loader:
            self.optimizer.zero_grad()
            loss_fn(model(x), y).backward()
            self.optimizer.step()
            self.schedule.step()


Trainer(model, 100).fit()
# fault: cycles from the bottom
schedule = torch.optim.lr_scheduler.CyclicLR(optimizer, base_lr=0.0, max_lr=0.1)  # <-
for x, y in loader:
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
    schedule.step()
# near: counted from 1
schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / 10))
for x, y in loader:
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
    schedule.step()
# near: one group waits
model = Net()
groups = [{"params": model.body.parameters()}, {"params": model.head.parameters()}]
optimizer = torch.optim.SGD(groups, lr=0.1)
schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, [lambda step: min(1.0, step / 10), lambda step: 1.0])
for x, y in loader:
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
    schedule.step()
# near: a floor
schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: max(0.01, min(1.0, step / 10)))
for x, y in loader:
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
    schedule.step()
# near: a decay
schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 0.95**epoch)
for x, y in loader:
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
    schedule.step()
# near: a warm-up that is left out when it is 0
warmup = 0
schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: step / warmup if step < warmup else 1.0)
for x, y in loader:
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
    schedule.step()
# near: a function from elsewhere
from mine import factor

schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
for x, y in loader:
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
    schedule.step()

# fault: at the start of the epoch
schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1)
for epoch in range(epochs):
    schedule.step()  # <-
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
# fault: a class
class Trainer:
    def __init__(self):
        self.opt = torch.optim.SGD(model.parameters(), 0.1)
        self.schedule = torch.optim.lr_scheduler.ExponentialLR(self.opt, 0.9)

    def fit(self):
        for x, y in loader:
            self.opt.zero_grad()
            loss_fn(model(x), y).backward()
            self.schedule.step()  # <-
            self.opt.step()


Trainer().fit()
# near: after the epoch
schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    schedule.step()
# near: told the epoch
schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1)
for epoch in range(epochs):
    schedule.step(epoch)
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
# near: after the warm-up
schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1)
for epoch in range(epochs):
    if epoch > 0:
        schedule.step()
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()

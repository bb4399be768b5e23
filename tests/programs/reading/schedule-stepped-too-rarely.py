# fault: one cycle over all batches, a step for each epoch
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, epochs=epochs, steps_per_epoch=len(loader))
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    schedule.step()  # <-
# fault: a cosine over all batches, in a class
class Trainer:
    def __init__(self, net, batches, count):
        self.net, self.batches, self.count = net, batches, count
        self.optimizer = torch.optim.Adam(net.parameters())
        total = count * len(batches)
        self.scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, T_max=total)

    def train(self):
        for x, y in self.batches:
            self.optimizer.zero_grad()
            loss_fn(self.net(x), y).backward()
            self.optimizer.step()

    def fit(self):
        for epoch in range(self.count):
            self.train()
            self.scheduler.step()  # <-


Trainer(model, loader, 5).fit()
# fault: built and forgotten
schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)  # <-
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    print(epoch, schedule.get_last_lr())
# near: a step for each batch
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=epochs * len(loader))
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
        schedule.step()
# near: counted in epochs
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    schedule.step()
# near: as many steps at once as there were batches
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=epochs * len(loader))
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    for _ in range(len(loader)):
        schedule.step()
# near: one part of another schedule
warm = torch.optim.lr_scheduler.LinearLR(optimizer, 0.1, total_iters=2)
main = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=8)
schedule = torch.optim.lr_scheduler.SequentialLR(optimizer, [warm, main], milestones=[2])
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    schedule.step()
# near: schedules in a list
schedules = [
    torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9),
    torch.optim.lr_scheduler.StepLR(optimizer, 30),
]
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    for schedule in schedules:
        schedule.step()
# near: schedules in a dict, by name
schedules = {"main": torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)}
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    for name, schedule in schedules.items():
        schedule.step()
# near: given to a function that cannot be read
from mine import finish_epoch

schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    finish_epoch(epoch, schedule)
# near: its step is called under another name
schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
advance = schedule.step
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    advance()
# near: stepped by a method of a class that the script makes
class Warm:
    def __init__(self, inner):
        self.inner = inner

    def advance(self):
        self.inner.step()


schedule = Warm(torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9))
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    schedule.advance()
# near: stepped in the second phase only
schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    if epoch >= 2:
        schedule.step()
# near: one of two
import sys

if sys.argv[1] == "cosine":
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10)
else:
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    schedule.step()
# near: built by name, if at all
def schedule_of(name):
    if name == "cosine":
        return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10)
    if name == "decay":
        return torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
    return None


import sys

schedule = schedule_of(sys.argv[1])
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    if schedule is not None:
        schedule.step()
# near: an epoch of one cycle is a chunk of batches
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=epochs * len(loader))
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
        if epoch < 1:
            schedule.step()
    if epoch >= 1:
        schedule.step()
# near: stepped by a function that the optimizer calls
schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.99)
optimizer.register_step_post_hook(lambda *given: schedule.step())
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
# near: an attribute of an object from elsewhere
from mine import State

state = State()
state.schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.99)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    state.finish_epoch()

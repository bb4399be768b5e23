# fault: backward without a step
for x, y in loader:
    optimizer.zero_grad()
    loss = loss_fn(model(x), y)
    loss.backward()  # <-
# fault: a class that forgets one of two
class Pair:
    def __init__(self):
        self.one, self.two = nn.Linear(8, 16), nn.Linear(16, 4)
        self.first = torch.optim.SGD(self.one.parameters(), 0.1)
        self.second = torch.optim.SGD(self.two.parameters(), 0.1)

    def run(self):
        for x, y in loader:
            self.first.zero_grad()
            self.second.zero_grad()
            F.cross_entropy(self.two(self.one(x)), y).backward()  # <-
            self.first.step()


Pair().run()
# near: a wrapper steps
class Scheduled:
    def __init__(self, inner):
        self.inner = inner

    def advance(self):
        self.inner.step()
        self.inner.zero_grad()


scheduled = Scheduled(optimizer)
for x, y in loader:
    loss_fn(model(x), y).backward()
    scheduled.advance()
# near: a scaler steps
scaler = torch.amp.GradScaler()
for x, y in loader:
    optimizer.zero_grad()
    scaler.scale(loss_fn(model(x), y)).backward()
    scaler.step(optimizer)
    scaler.update()
# near: gradients are only looked at
x, y = next(iter(loader))
loss_fn(model(x), y).backward()
print(model[0].weight.grad.norm())
# near: given to code that cannot be read
from somewhere import train

train(model, optimizer)
for x, y in loader:
    loss_fn(model(x), y).backward()
# near: a counter decides
count = 0
for x, y in loader:
    count += 1
    (loss_fn(model(x), y) / 8).backward()
    if count % 8 == 0:
        optimizer.step()
        optimizer.zero_grad()
# near: a flag that the loop changes
first = True
for x, y in loader:
    loss_fn(model(x), y).backward()
    if not first:
        optimizer.step()
        optimizer.zero_grad()
    first = False
# near: a function counts the turns
turns = 0


def is_due():
    global turns
    turns += 1
    return turns % 2 == 0


for x, y in loader:
    loss_fn(model(x), y).backward()
    if is_due():
        optimizer.step()
        optimizer.zero_grad()

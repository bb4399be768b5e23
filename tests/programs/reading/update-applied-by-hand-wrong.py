# fault: the name of the loop is given to the new tensor
for epoch in range(epochs):
    for x, y in loader:
        model.zero_grad()
        loss_fn(model(x), y).backward()
        with torch.no_grad():
            for p in model.parameters():
                p = p - 0.05 * p.grad  # <-
# fault: an optimizer of one's own, in a class
class Descent:
    def __init__(self, parameters, lr):
        self.parameters, self.lr = list(parameters), lr

    def step(self):
        for p in self.parameters:
            p = p - self.lr * p.grad.data  # <-
            p.grad = None


descent = Descent(model.parameters(), 0.05)
for x, y in loader:
    loss_fn(model(x), y).backward()
    descent.step()
# fault: the parameter is lost in the first turn
w = torch.zeros(8, 4, requires_grad=True)
for x, y in loader:
    F.cross_entropy(x @ w, y).backward()
    w = w - 0.1 * w.grad  # <-
# fault: in a class that made its parameter as a leaf
class Regression:
    def __init__(self):
        self.weight = torch.zeros(8, 4, requires_grad=True)

    def learn(self, x, y):
        F.cross_entropy(x @ self.weight, y).backward()
        self.weight = self.weight - 0.1 * self.weight.grad  # <-


regression = Regression()
for x, y in loader:
    regression.learn(x, y)
# fault: in place while gradients are recorded
w = torch.zeros(8, 4, requires_grad=True)
for x, y in loader:
    F.cross_entropy(x @ w, y).backward()
    w -= 0.1 * w.grad  # <-
    w.grad.zero_()
# near: without recording
def fit():
    w = torch.zeros(8, 4, requires_grad=True)
    for x, y in loader:
        F.cross_entropy(x @ w, y).backward()
        with torch.no_grad():
            w -= 0.1 * w.grad
        w.grad = None
# near: a new leaf at each step
def fit():
    w = torch.zeros(8, 4, requires_grad=True)
    for x, y in loader:
        F.cross_entropy(x @ w, y).backward()
        w = (w - 0.1 * w.grad).detach().requires_grad_()
# near: the image of an attack, made a leaf in every turn
def fit():
    image = torch.zeros(1, 8)
    for turn in range(10):
        image.requires_grad_()
        F.cross_entropy(model(image), torch.tensor([1])).backward()
        image = image - 0.1 * image.grad
        image = image.detach()
# near: an attack on the batch that a loop hands out
def attack(net, batches):
    for x, y in batches:
        x.requires_grad_()
        F.cross_entropy(net(x), y).backward()
        x = x + 0.1 * x.grad.sign()
# near: fast weights that are used
fast = []
loss_fn(model(torch.zeros(4, 8)), torch.zeros(4, dtype=torch.long)).backward(create_graph=True)
for p in model.parameters():
    p = p - 0.1 * p.grad
    fast.append(p)
# near: the data of the parameters
for x, y in loader:
    model.zero_grad()
    loss_fn(model(x), y).backward()
    for p in model.parameters():
        p.data -= 0.05 * p.grad.data
# near: gradients that are off for the whole function
@torch.no_grad()
def step(parameters, lr):
    for p in parameters:
        p -= lr * p.grad


for x, y in loader:
    model.zero_grad()
    loss_fn(model(x), y).backward()
    step(model.parameters(), 0.05)

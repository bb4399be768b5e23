# fault: a gradient of ones
for x, y in loader:
    optimizer.zero_grad()
    loss = F.cross_entropy(model(x), y, reduction="none")
    loss.backward(torch.ones_like(loss))  # <-
    optimizer.step()
# fault: a class with a loss object
class Trainer:
    def __init__(self):
        self.net = Net()
        self.opt = torch.optim.SGD(self.net.parameters(), lr=0.1)
        self.criterion = nn.CrossEntropyLoss(reduction="none")

    def fit(self):
        for x, y in loader:
            self.opt.zero_grad()
            loss = self.criterion(self.net(x), y)
            loss.backward()  # <-
            self.opt.step()


Trainer().fit()
# near: averaged
for x, y in loader:
    optimizer.zero_grad()
    loss = F.cross_entropy(model(x), y, reduction="none").mean()
    loss.backward()
    optimizer.step()
# near: weighted and summed
weights = torch.ones(16)
for x, y in loader:
    optimizer.zero_grad()
    loss = (F.cross_entropy(model(x), y, reduction="none") * weights[: len(y)]).sum()
    loss.backward()
    optimizer.step()
# near: the gradient of one sample
for x, y in loader:
    optimizer.zero_grad()
    losses = F.cross_entropy(model(x), y, reduction="none")
    losses[0].backward()
    optimizer.step()
# near: the mean is the default
for x, y in loader:
    optimizer.zero_grad()
    F.cross_entropy(model(x), y).backward()
    optimizer.step()
# near: averaged by the gradient that backward starts from
for x, y in loader:
    optimizer.zero_grad()
    losses = F.cross_entropy(model(x), y, reduction="none")
    losses.backward(gradient=torch.ones_like(losses) / len(losses))
    optimizer.step()
# near: weights of the samples, by position
weights = torch.full((16,), 1 / 16)
for x, y in loader:
    optimizer.zero_grad()
    losses = F.cross_entropy(model(x), y, reduction="none")
    torch.autograd.backward(losses, weights[: len(losses)])
    optimizer.step()
# near: the gradient of each sample in its own input
for x, y in loader:
    x.requires_grad_()
    losses = F.cross_entropy(model(x), y, reduction="none")
    (slopes,) = torch.autograd.grad(losses, x, torch.ones_like(losses), create_graph=True)
    optimizer.zero_grad()
    (losses.mean() + slopes.square().mean()).backward()
    optimizer.step()
# fault: ones by name
for x, y in loader:
    optimizer.zero_grad()
    loss = F.cross_entropy(model(x), y, reduction="none")
    torch.autograd.backward(loss, grad_tensors=torch.ones(16))  # <-
    optimizer.step()

# fault: a hidden state
cell = nn.GRUCell(8, 16)
head = nn.Linear(16, 4)
optimizer = torch.optim.Adam([*cell.parameters(), *head.parameters()])
state = torch.zeros(16, 16)
for x, y in loader:
    state = cell(x, state)
    optimizer.zero_grad()
    loss = loss_fn(head(state), y)
    loss.backward(retain_graph=True)  # <-
    optimizer.step()
# fault: a running mean, in a class
class Trainer:
    def __init__(self, net):
        self.net = net
        self.optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        self.mean = torch.zeros(4)

    def fit(self):
        for x, y in loader:
            scores = self.net(x)
            self.mean = 0.9 * self.mean + 0.1 * scores.mean(dim=0)
            loss = loss_fn(scores, y) + self.mean.square().sum()
            self.optimizer.zero_grad()
            loss.backward(retain_graph=True)  # <-
            self.optimizer.step()


Trainer(model).fit()
# near: detached for the next turn
cell = nn.GRUCell(8, 16)
head = nn.Linear(16, 4)
optimizer = torch.optim.Adam([*cell.parameters(), *head.parameters()])
state = torch.zeros(16, 16)
for x, y in loader:
    state = cell(x, state.detach())
    optimizer.zero_grad()
    loss = loss_fn(head(state), y)
    loss.backward(retain_graph=True)
    optimizer.step()
# near: detached every few steps
cell = nn.GRUCell(8, 16)
head = nn.Linear(16, 4)
optimizer = torch.optim.Adam([*cell.parameters(), *head.parameters()])
state = torch.zeros(16, 16)
for i, (x, y) in enumerate(loader):
    if i % 4 == 0:
        state = state.detach()
    state = cell(x, state)
    optimizer.zero_grad()
    loss_fn(head(state), y).backward(retain_graph=True)
    optimizer.step()
# near: a new state for each batch
cell = nn.GRUCell(8, 16)
head = nn.Linear(16, 4)
optimizer = torch.optim.Adam([*cell.parameters(), *head.parameters()])
for x, y in loader:
    state, loss = torch.zeros(16, 16), 0.0
    for _ in range(4):
        state = cell(x, state)
        loss = loss + loss_fn(head(state), y)
    optimizer.zero_grad()
    loss.backward(retain_graph=True)
    optimizer.step()
# near: two losses over one graph
for x, y in loader:
    optimizer.zero_grad()
    scores = model(x)
    loss_fn(scores, y).backward(retain_graph=True)
    (0.01 * scores.square().mean()).backward()
    optimizer.step()
# near: a number is carried on
mean = 0.0
for x, y in loader:
    optimizer.zero_grad()
    scores = model(x)
    loss = loss_fn(scores, y)
    mean = 0.9 * mean + 0.1 * loss.item()
    (loss / max(mean, 0.1)).backward(retain_graph=True)
    optimizer.step()
# near: computed without gradients
level = torch.zeros(4)
for x, y in loader:
    optimizer.zero_grad()
    scores = model(x)
    with torch.no_grad():
        level = 0.9 * level + 0.1 * scores.mean(dim=0)
    loss_fn(scores - level, y).backward(retain_graph=True)
    optimizer.step()
# near: a part that is computed once
anchor = model(torch.zeros(2, 8)).mean()
for x, y in loader:
    optimizer.zero_grad()
    (loss_fn(model(x), y) + anchor).backward(retain_graph=True)
    optimizer.step()

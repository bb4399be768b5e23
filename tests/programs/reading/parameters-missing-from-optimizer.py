# fault: only the head
net = Net()
opt = torch.optim.Adam(net.head.parameters())  # <-
for x, y in loader:
    opt.zero_grad()
    loss_fn(net(x), y).backward()
    opt.step()
# fault: a class that forgets one group
class Learner:
    def __init__(self):
        self.net = Net()
        self.extra = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4))
        groups = [{"params": self.net.parameters()}, {"params": self.extra[0].parameters(), "lr": 0.01}]
        self.opt = torch.optim.SGD(groups, lr=0.1)  # <-

    def learn(self):
        for x, y in loader:
            self.opt.zero_grad()
            F.cross_entropy(self.extra(self.net(x)), y).backward()
            self.opt.step()


Learner().learn()
# near: two optimizers
net = Net()
body, head = torch.optim.SGD(net.body.parameters(), 0.1), torch.optim.SGD(net.head.parameters(), 0.1)
for x, y in loader:
    body.zero_grad()
    head.zero_grad()
    loss_fn(net(x), y).backward()
    body.step()
    head.step()
# near: the rest is frozen
net = Net()
for p in net.body.parameters():
    p.requires_grad = False
opt = torch.optim.SGD(net.head.parameters(), 0.1)
for x, y in loader:
    opt.zero_grad()
    loss_fn(net(x), y).backward()
    opt.step()
# near: weights that come from elsewhere
net = Net()
net.load_state_dict(torch.load("pretrained.pt"))
opt = torch.optim.SGD(net.head.parameters(), 0.1)
for x, y in loader:
    opt.zero_grad()
    loss_fn(net(x), y).backward()
    opt.step()
# near: a discriminator that another optimizer holds
judge = nn.Linear(4, 1)
critic = torch.optim.SGD(judge.parameters(), 0.1)
net = Net()
opt = torch.optim.SGD(net.parameters(), 0.1)
for x, y in loader:
    opt.zero_grad()
    judge(net(x)).mean().backward()
    opt.step()
    critic.zero_grad()
    judge(net(x).detach()).mean().backward()
    critic.step()
# near: groups by name
net = Net()
decayed = [p for n, p in net.named_parameters() if n.endswith("weight")]
plain = [p for n, p in net.named_parameters() if not n.endswith("weight")]
opt = torch.optim.AdamW([{"params": decayed}, {"params": plain, "weight_decay": 0.0}])
for x, y in loader:
    opt.zero_grad()
    loss_fn(net(x), y).backward()
    opt.step()
# near: the list of parameters is extended
net = Net()
given = list(net.head.parameters())
given.extend(net.body.parameters())
own = torch.optim.SGD(given, lr=0.05)
for x, y in loader:
    own.zero_grad()
    loss_fn(net(x), y).backward()
    own.step()
# near: lists of parameters are added
net = Net()
own = torch.optim.SGD(list(net.head.parameters()) + list(net.body.parameters()), lr=0.05)
for x, y in loader:
    own.zero_grad()
    loss_fn(net(x), y).backward()
    own.step()

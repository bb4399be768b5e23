# fault: a penalty on the slope of a critic
def gradient_penalty(critic, real, fake):
    mix = torch.rand(len(real), 1)
    between = (mix * real + (1 - mix) * fake).requires_grad_(True)
    scores = critic(between)
    slope = torch.autograd.grad(scores, between, torch.ones_like(scores), retain_graph=True)[0]  # <-
    return ((slope.norm(2, dim=1) - 1) ** 2).mean()


critic = nn.Sequential(nn.Linear(8, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
opt = torch.optim.Adam(critic.parameters(), lr=1e-3)
for real, _ in loader:
    fake = torch.randn_like(real)
    loss = critic(fake).mean() - critic(real).mean() + 10 * gradient_penalty(critic, real, fake)
    opt.zero_grad()
    loss.backward()
    opt.step()
# fault: the residual of an equation in a class
class Decay:
    def __init__(self):
        self.net = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 1))
        self.opt = torch.optim.Adam(self.net.parameters(), lr=1e-3)

    def residual(self, t):
        t.requires_grad_(True)
        u = self.net(t)
        u_t = torch.autograd.grad(u.sum(), t, retain_graph=True)[0]  # <-
        return u_t + 0.5 * u

    def fit(self):
        for _ in range(100):
            start = (self.net(torch.zeros(1, 1)) - 1).pow(2).mean()
            loss = self.residual(torch.rand(32, 1)).pow(2).mean() + start
            self.opt.zero_grad()
            loss.backward()
            self.opt.step()


Decay().fit()
# near: a graph is created
net = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 1))
opt = torch.optim.Adam(net.parameters(), lr=1e-3)
for _ in range(100):
    t = torch.rand(32, 1, requires_grad=True)
    u = net(t)
    u_t = torch.autograd.grad(u.sum(), t, create_graph=True)[0]
    loss = (u_t + 0.5 * u).pow(2).mean() + (net(torch.zeros(1, 1)) - 1).pow(2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
# near: a step along the gradient makes the input of an adversary
classifier = Net()
opt = torch.optim.SGD(classifier.parameters(), lr=0.05)
for x, y in loader:
    x.requires_grad_(True)
    slope = torch.autograd.grad(F.cross_entropy(classifier(x), y), x)[0]
    moved = x + 0.1 * slope.sign()
    loss = F.cross_entropy(classifier(moved.detach()), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
# near: the size of the slope weighs the samples
classifier = Net()
opt = torch.optim.SGD(classifier.parameters(), lr=0.05)
for x, y in loader:
    x.requires_grad_(True)
    losses = F.cross_entropy(classifier(x), y, reduction="none")
    slope = torch.autograd.grad(losses.sum(), x, retain_graph=True)[0]
    loss = (slope.norm(dim=1) * losses).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
# near: another network learns the slope
classifier, slopes = Net(), nn.Linear(8, 8)
opt = torch.optim.SGD([*classifier.parameters(), *slopes.parameters()], lr=0.05)
for x, y in loader:
    x.requires_grad_(True)
    loss = F.cross_entropy(classifier(x), y)
    slope = torch.autograd.grad(loss, x, retain_graph=True)[0]
    total = loss + F.mse_loss(slopes(x), slope)
    opt.zero_grad()
    total.backward()
    opt.step()

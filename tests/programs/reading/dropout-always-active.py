# fault: a class
class Noisy(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(8, 16), nn.Linear(16, 4)

    def forward(self, x):
        x = F.dropout(torch.relu(self.body(x)), 0.5)  # <-
        return self.head(x)


noisy = Noisy()
opt = torch.optim.Adam(noisy.parameters())
for x, y in loader:
    opt.zero_grad()
    loss_fn(noisy(x), y).backward()
    opt.step()
# fault: a function
def noisy(x):
    return F.dropout(x, p=0.2)  # <-


for x, y in loader:
    optimizer.zero_grad()
    loss_fn(noisy(model(x)), y).backward()
    optimizer.step()
# fault: attention
class Noisy(nn.Module):
    def __init__(self):
        super().__init__()
        self.rate = 0.1
        self.body, self.head = nn.Linear(8, 16), nn.Linear(16, 4)

    def forward(self, x):
        h = self.body(x).view(-1, 1, 4, 4)
        h = F.scaled_dot_product_attention(h, h, h, dropout_p=self.rate)  # <-
        return self.head(h.flatten(1))


noisy = Noisy()
opt = torch.optim.Adam(noisy.parameters())
for x, y in loader:
    opt.zero_grad()
    loss_fn(noisy(x), y).backward()
    opt.step()
# near: told
class Noisy(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(8, 16), nn.Linear(16, 4)

    def forward(self, x):
        x = F.dropout(self.body(x), 0.5, training=self.training)
        return self.head(x)


noisy = Noisy()
opt = torch.optim.Adam(noisy.parameters())
for x, y in loader:
    opt.zero_grad()
    loss_fn(noisy(x), y).backward()
    opt.step()
# near: told by position
class Noisy(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(8, 16), nn.Linear(16, 4)

    def forward(self, x):
        x = F.dropout(self.body(x), 0.5, self.training)
        return self.head(x)


noisy = Noisy()
opt = torch.optim.Adam(noisy.parameters())
for x, y in loader:
    opt.zero_grad()
    loss_fn(noisy(x), y).backward()
    opt.step()
# near: guarded
class Noisy(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(8, 16), nn.Linear(16, 4)

    def forward(self, x):
        x = self.body(x)
        if self.training:
            x = F.dropout(x, 0.5)
        return self.head(x)


noisy = Noisy()
opt = torch.optim.Adam(noisy.parameters())
for x, y in loader:
    opt.zero_grad()
    loss_fn(noisy(x), y).backward()
    opt.step()
# near: attention that is switched
class Noisy(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(8, 16), nn.Linear(16, 4)

    def forward(self, x):
        h = self.body(x).view(-1, 1, 4, 4)
        h = F.scaled_dot_product_attention(h, h, h, dropout_p=0.1 if self.training else 0.0)
        return self.head(h.flatten(1))


noisy = Noisy()
opt = torch.optim.Adam(noisy.parameters())
for x, y in loader:
    opt.zero_grad()
    loss_fn(noisy(x), y).backward()
    opt.step()
# near: arguments that are not known
class Noisy(nn.Module):
    def __init__(self):
        super().__init__()
        self.options = load_options()
        self.body, self.head = nn.Linear(8, 16), nn.Linear(16, 4)

    def forward(self, x):
        x = F.dropout(self.body(x), **self.options)
        return self.head(x)


noisy = Noisy()
opt = torch.optim.Adam(noisy.parameters())
for x, y in loader:
    opt.zero_grad()
    loss_fn(noisy(x), y).backward()
    opt.step()

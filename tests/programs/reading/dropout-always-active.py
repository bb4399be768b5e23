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
# near: evaluations leave before
class Noisy(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 16)
        self.head = nn.Linear(16, 4)

    def forward(self, x):
        x = torch.relu(self.body(x))
        if not self.training:
            return self.head(x)
        x = F.dropout(x, p=0.5)
        return self.head(x)


noisy = Noisy()
optimizer = torch.optim.SGD(noisy.parameters(), lr=0.05)
for epoch in range(epochs):
    noisy.train()
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(noisy(x), y).backward()
        optimizer.step()
    noisy.eval()
    with torch.no_grad():
        for x, y in val_loader:
            loss_fn(noisy(x), y)
# near: evaluations go on with the next layer
class Noisy(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(8, 8), nn.Linear(8, 8)])
        self.head = nn.Linear(8, 4)

    def forward(self, x):
        for layer in self.layers:
            x = torch.relu(layer(x))
            if not self.training:
                continue
            x = F.dropout(x, p=0.5)
        return self.head(x)


noisy = Noisy()
optimizer = torch.optim.SGD(noisy.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(noisy(x), y).backward()
        optimizer.step()
# near: a method that is called in training only
class Noisy(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 16)
        self.head = nn.Linear(16, 4)

    def noise(self, x):
        return F.dropout(x, p=0.5)

    def forward(self, x):
        x = torch.relu(self.body(x))
        if self.training:
            x = self.noise(x)
        return self.head(x)


noisy = Noisy()
optimizer = torch.optim.SGD(noisy.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(noisy(x), y).backward()
        optimizer.step()
# near: a rate that was chosen by the mode
class Noisy(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 16)
        self.head = nn.Linear(16, 4)

    def forward(self, x):
        rate = 0.5 if self.training else 0.0
        x = F.dropout(self.body(x), p=rate)
        return self.head(x)


noisy = Noisy()
optimizer = torch.optim.SGD(noisy.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(noisy(x), y).backward()
        optimizer.step()
# near: a function that evaluations leave before
def head(x, w, is_training):
    if not is_training:
        return x @ w
    return F.dropout(x, 0.5) @ w


class Noisy(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 16)
        self.w = nn.Parameter(torch.randn(16, 4))

    def forward(self, x):
        return head(self.body(x), self.w, self.training)


noisy = Noisy()
optimizer = torch.optim.SGD(noisy.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(noisy(x), y).backward()
        optimizer.step()
# near: evaluations leave before, for another reason too
class Noisy(nn.Module):
    def __init__(self, rate):
        super().__init__()
        self.rate = rate
        self.body = nn.Linear(8, 16)
        self.head = nn.Linear(16, 4)

    def forward(self, x):
        x = self.body(x)
        if self.rate == 0 or not self.training:
            return self.head(x)
        keep = F.dropout(torch.ones_like(x), self.rate)
        return self.head(x * keep)


noisy = Noisy(0.3)
optimizer = torch.optim.SGD(noisy.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(noisy(x), y).backward()
        optimizer.step()
# fault: a way that is left for another reason
class Noisy(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 16)
        self.head = nn.Linear(16, 4)

    def forward(self, x, features_only=False):
        x = torch.relu(self.body(x))
        if features_only:
            return x
        return self.head(F.dropout(x, p=0.5))  # <-


noisy = Noisy()
optimizer = torch.optim.SGD(noisy.parameters(), lr=0.05)
for x, y in loader:
    optimizer.zero_grad()
    loss_fn(noisy(x), y).backward()
    optimizer.step()
# fault: called where the script asks whether to train
class Noisy(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 4)

    def forward(self, x):
        return self.body(F.dropout(x))  # <-


def fit(noisy, do_train):
    if do_train:
        optimizer = torch.optim.SGD(noisy.parameters(), lr=0.05)
        for x, y in loader:
            optimizer.zero_grad()
            loss_fn(noisy(x), y).backward()
            optimizer.step()


fit(Noisy(), bool(torch.randint(2, ())))

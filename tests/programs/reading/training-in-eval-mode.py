# fault: a test two calls away leaves eval on
def evaluate(net, batches):
    net.eval()
    with torch.no_grad():
        return sum((net(x).argmax(1) == y).sum().item() for x, y in batches)


def report(epoch):
    print(epoch, evaluate(model, val_loader))


def train_epoch():
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()  # <-
        optimizer.step()


model.train()
for epoch in range(epochs):
    train_epoch()
    report(epoch)
# fault: a trainer class that switches once
class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU())
        self.head = nn.Linear(16, 4)

    def forward(self, x):
        return self.head(self.features(x))


class Trainer:
    def __init__(self):
        self.net = Classifier()
        self.opt = torch.optim.Adam(self.net.parameters())

    def fit(self):
        for _ in range(epochs):
            self.fit_epoch()
            self.score()

    def fit_epoch(self):
        for x, y in loader:
            self.opt.zero_grad()
            F.cross_entropy(self.net(x), y).backward()  # <-
            self.opt.step()

    @torch.no_grad()
    def score(self):
        self.net.eval()
        return [self.net(x).argmax(1) for x, _ in val_loader]


Trainer().fit()
# near: switched back after the evaluation
def evaluate():
    model.eval()
    with torch.no_grad():
        hits = sum((model(x).argmax(1) == y).sum().item() for x, y in val_loader)
    model.train()
    return hits


for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    evaluate()
# near: phases of one loop
for epoch in range(epochs):
    for phase in ["train", "val"]:
        if phase == "train":
            model.train()
        else:
            model.eval()
        for x, y in loader if phase == "train" else val_loader:
            optimizer.zero_grad()
            with torch.set_grad_enabled(phase == "train"):
                loss = loss_fn(model(x), y)
                if phase == "train":
                    loss.backward()
                    optimizer.step()
# near: one function for both, told by a flag
def run(batches, is_training):
    if is_training:
        model.train()
    else:
        model.eval()
    for x, y in batches:
        with torch.set_grad_enabled(is_training):
            loss = loss_fn(model(x), y)
        if is_training:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


for epoch in range(epochs):
    run(loader, True)
    run(val_loader, False)
# near: a model without Dropout and BatchNorm
plain = Net()
opt = torch.optim.SGD(plain.parameters(), 0.1)
plain.eval()
for x, y in loader:
    opt.zero_grad()
    loss_fn(plain(x), y).backward()
    opt.step()
# near: an attack on a model that is not stepped
model.eval()
for x, y in val_loader:
    x.requires_grad_(True)
    loss_fn(model(x), y).backward()
    x = x + 0.1 * x.grad.sign()
# fault: an evaluation now and then, which may leave eval on
def evaluate():
    model.eval()
    with torch.no_grad():
        return sum((model(x).argmax(1) == y).sum().item() for x, y in val_loader)


model.train()
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()  # <-
        optimizer.step()
    if epoch % 5 == 0:
        evaluate()
# near: the mode is set by a match
def switch(mode):
    match mode:
        case "train":
            model.train()
        case _:
            model.eval()


for epoch in range(epochs):
    switch("train")
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    switch("eval")
    with torch.no_grad():
        for x, y in val_loader:
            model(x)

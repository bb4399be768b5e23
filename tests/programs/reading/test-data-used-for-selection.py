# fault: the best checkpoint and the schedule
test_loader = DataLoader(rows(64), batch_size=16)
schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)


def evaluate(net, batches):
    net.eval()
    loss, right = 0.0, 0
    with torch.no_grad():
        for x, y in batches:
            out = net(x)
            loss += loss_fn(out, y).item() * len(x)
            right += (out.argmax(dim=1) == y).sum().item()
    return loss / len(batches.dataset), right / len(batches.dataset)


best = 0.0
for epoch in range(epochs):
    model.train()
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    val_loss, val_right = evaluate(model, val_loader)
    test_loss, test_right = evaluate(model, test_loader)
    schedule.step(test_loss)  # <-
    if epoch > 1 and test_right > best:  # <-
        best = test_right
        torch.save(model.state_dict(), "best.pt")
# fault: attributes, and the best weights in memory
import copy


class Trainer:
    def __init__(self):
        self.net = Net()
        self.opt = torch.optim.Adam(self.net.parameters())
        self.train_loader = DataLoader(rows(96), batch_size=16, shuffle=True)
        self.dev_loader = DataLoader(rows(32), batch_size=16)
        self.test_loader = DataLoader(rows(32), batch_size=16)
        self.lowest, self.best = 1e9, None

    def loss_on(self, batches):
        self.net.eval()
        losses = []
        with torch.no_grad():
            for x, y in batches:
                losses.append(F.cross_entropy(self.net(x), y).item())
        return sum(losses) / len(losses)

    def fit(self):
        for epoch in range(epochs):
            self.net.train()
            for x, y in self.train_loader:
                self.opt.zero_grad()
                F.cross_entropy(self.net(x), y).backward()
                self.opt.step()
            print(self.loss_on(self.dev_loader))
            result = self.loss_on(self.test_loader)
            if result < self.lowest:  # <-
                self.lowest = result
                self.best = copy.deepcopy(self.net.state_dict())


Trainer().fit()
# fault: no third set
testloader = DataLoader(rows(64), batch_size=16)
best_acc = 0


def test(epoch):
    global best_acc
    model.eval()
    correct, total = 0, 0
    with torch.no_grad():
        for batch_idx, (inputs, targets) in enumerate(testloader):
            _, predicted = model(inputs).max(1)
            total += targets.size(0)
            correct += predicted.eq(targets).sum().item()
    acc = 100.0 * correct / total
    if acc > best_acc:  # <-
        torch.save({"net": model.state_dict(), "acc": acc}, "ckpt.pth")
        best_acc = acc


for epoch in range(epochs):
    model.train()
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    test(epoch)
# near: chosen by validation data, tested beside it
test_loader = DataLoader(rows(64), batch_size=16)
schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)


def right(net, batches):
    net.eval()
    count = 0
    with torch.no_grad():
        for x, y in batches:
            count += (net(x).argmax(dim=1) == y).sum().item()
    return count / len(batches.dataset)


best, at_best = 0.0, 0.0
for epoch in range(epochs):
    model.train()
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    score = right(model, val_loader)
    test_score = right(model, test_loader)
    schedule.step(1 - score)
    if score > best:
        best, at_best = score, test_score
        torch.save(model.state_dict(), "best.pt")
print(at_best)
# near: the best test result is only shown
test_loader = DataLoader(rows(64), batch_size=16)
highest = 0.0
for epoch in range(epochs):
    model.train()
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    torch.save(model.state_dict(), f"{epoch}.pt")
    model.eval()
    count = 0
    with torch.no_grad():
        for x, y in test_loader:
            count += (model(x).argmax(dim=1) == y).sum().item()
    if count > highest:
        highest = count
        print("best so far", count)
# near: a set aside that is no test set, and names that only begin so
import copy

latest_loader = DataLoader(rows(64), batch_size=16)
test_val_loader = DataLoader(rows(64), batch_size=16)
best, lowest = None, 1e9
for epoch in range(epochs):
    model.train()
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    model.eval()
    total = 0.0
    with torch.no_grad():
        for x, y in latest_loader:
            total += F.cross_entropy(model(x), y, reduction="sum").item()
        for x, y in test_val_loader:
            total += F.cross_entropy(model(x), y, reduction="sum").item()
    if total < lowest:
        lowest, best = total, copy.deepcopy(model.state_dict())
# near: other schedules, other conditions
test_loader = DataLoader(rows(64), batch_size=16)
schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1)
for epoch in range(epochs):
    model.train()
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    schedule.step()
    model.eval()
    total = 0.0
    with torch.no_grad():
        for x, y in test_loader:
            total += F.cross_entropy(model(x), y, reduction="sum").item()
    print(total)
    if total > 1e4:
        print("far off")
    if epoch > 1:
        torch.save(model.state_dict(), "late.pt")

# fault: the optimizer stays behind, the epoch does not
optimizer = torch.optim.Adam(model.parameters())
stored = torch.load("last.pt")
model.load_state_dict(stored["model"])  # <-
start = stored["epoch"] + 1
for epoch in range(start, 20):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epoch}, "last.pt")
# fault: the schedule stays behind, in a class
class Trainer:
    def __init__(self, net):
        self.net = net
        self.optimizer = torch.optim.AdamW(net.parameters())
        self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, 20)

    def save(self, path):
        state = {
            "net": self.net.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
        }
        torch.save(state, path)

    def resume(self, path):
        state = torch.load(path)
        self.net.load_state_dict(state["net"])  # <-
        self.optimizer.load_state_dict(state["optimizer"])

    def train(self):
        for x, y in loader:
            self.optimizer.zero_grad()
            loss_fn(self.net(x), y).backward()
            self.optimizer.step()
        self.schedule.step()


trainer = Trainer(model)
trainer.resume("last.pt")
trainer.train()
trainer.save("last.pt")
# near: everything is restored
optimizer = torch.optim.Adam(model.parameters())
stored = torch.load("last.pt")
model.load_state_dict(stored["model"])
optimizer.load_state_dict(stored["optimizer"])
for epoch in range(stored["epoch"], 20):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epoch}, "last.pt")
# near: a fresh fine-tuning from the weights
optimizer = torch.optim.Adam(model.parameters())
model.load_state_dict(torch.load("last.pt")["model"])
for epoch in range(20):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epoch}, "last.pt")
# near: an evaluation that says which epoch it was
torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3}, "last.pt")
stored = torch.load("last.pt")
model.load_state_dict(stored["model"])
epoch = stored["epoch"]
print("epoch", epoch)
# near: a function takes up the rest
def restore(optimizer, stored):
    for name, part in {"optimizer_state": optimizer}.items():
        part.load_state_dict(stored[name])


optimizer = torch.optim.Adam(model.parameters())
stored = torch.load("last.pt")
model.load_state_dict(stored["model"])
restore(optimizer, stored)
start = stored["epoch"]
for epoch in range(start, 20):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    torch.save({"model": model.state_dict(), "optimizer_state": optimizer.state_dict(), "epoch": epoch}, "last.pt")
# near: a schedule that is told where it stands
optimizer = torch.optim.Adam(model.parameters())
stored = torch.load("last.pt")
model.load_state_dict(stored["model"])
optimizer.load_state_dict(stored["optimizer"])
start = stored["epoch"]
schedule = torch.optim.lr_scheduler.StepLR(optimizer, 5, last_epoch=start - 1)
for epoch in range(start, 20):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    schedule.step()
    states = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "schedule": schedule.state_dict()}
    torch.save({**states, "epoch": epoch}, "last.pt")
# near: an optimizer without a state
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
stored = torch.load("last.pt")
model.load_state_dict(stored["model"])
start = stored["epoch"]
for epoch in range(start, 20):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epoch}, "last.pt")

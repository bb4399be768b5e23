# fault: a loop
scaler = torch.amp.GradScaler("cuda")
for x, y in loader:
    optimizer.zero_grad()
    scaler.scale(loss_fn(model(x), y)).backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)  # <-
    scaler.step(optimizer)
    scaler.update()
# fault: a class
class Trainer:
    def __init__(self):
        self.net = Net()
        self.opt = torch.optim.Adam(self.net.parameters())
        self.scaler = torch.cuda.amp.GradScaler()

    def fit(self):
        for x, y in loader:
            self.opt.zero_grad()
            with torch.autocast("cuda"):
                loss = F.cross_entropy(self.net(x), y)
            self.scaler.scale(loss).backward()
            torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)  # <-
            self.scaler.unscale_(self.opt)
            self.scaler.step(self.opt)
            self.scaler.update()


Trainer().fit()
# near: unscaled first
scaler = torch.amp.GradScaler("cuda")
for x, y in loader:
    optimizer.zero_grad()
    scaler.scale(loss_fn(model(x), y)).backward()
    scaler.unscale_(optimizer)
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    scaler.step(optimizer)
    scaler.update()
# near: no clipping
scaler = torch.amp.GradScaler("cuda")
for x, y in loader:
    optimizer.zero_grad()
    scaler.scale(loss_fn(model(x), y)).backward()
    scaler.step(optimizer)
    scaler.update()
# near: no scaler
for x, y in loader:
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()

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
# near: the limit carries the scale
scaler = torch.amp.GradScaler("cpu")
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        scaler.scale(loss_fn(model(x), y)).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0 * scaler.get_scale())
        scaler.step(optimizer)
        scaler.update()
# near: a limit that was multiplied by the scale
scaler = torch.amp.GradScaler("cpu")
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        scaler.scale(loss_fn(model(x), y)).backward()
        limit = 1.0 * scaler.get_scale()
        torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm=limit)
        scaler.step(optimizer)
        scaler.update()
# near: the norm is measured and divided
scaler = torch.amp.GradScaler("cpu")
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        scaler.scale(loss_fn(model(x), y)).backward()
        norm = nn.utils.clip_grad_norm_(model.parameters(), float("inf")) / scaler.get_scale()
        scaler.step(optimizer)
        scaler.update()
# near: divided by the scale by hand
scaler = torch.amp.GradScaler("cuda")
for x, y in loader:
    optimizer.zero_grad()
    scaler.scale(loss_fn(model(x), y)).backward()
    inverse = 1.0 / scaler.get_scale()
    for p in model.parameters():
        p.grad.mul_(inverse)
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    scaler.update()
# fault: a limit from the settings, the scale only looked at
import argparse

parser = argparse.ArgumentParser()
parser.add_argument("--clip", type=float, default=1.0)
args = parser.parse_args()
scaler = torch.amp.GradScaler("cuda")
for x, y in loader:
    optimizer.zero_grad()
    scaler.scale(loss_fn(model(x), y)).backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm=args.clip)  # <-
    scaler.step(optimizer)
    scaler.update()
    print(scaler.get_scale())

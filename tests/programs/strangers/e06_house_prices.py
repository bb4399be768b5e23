# House prices with entity embeddings (à la Rossmann), tabular data, plain PyTorch
import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import Dataset, DataLoader

SEED = 2023
np.random.seed(SEED)
torch.manual_seed(SEED)

# ---------------------------------------------------------------- data
N = 6000
N_DISTRICT, N_AGENCY, N_TYPE = 180, 60, 6

district = np.random.zipf(1.3, size=N * 3)
district = district[district <= N_DISTRICT][:N] - 1
agency = np.random.randint(0, N_AGENCY, N)
htype = np.random.choice(N_TYPE, N, p=[.35, .25, .15, .1, .1, .05])
# district codes carry no order
district = np.random.permutation(N_DISTRICT)[district]
N = len(district)
agency, htype = agency[:N], htype[:N]

area = np.random.lognormal(4.5, 0.4, N)
rooms = np.clip(np.round(area / 28 + np.random.normal(0, 0.8, N)), 1, 10)
year = np.random.randint(1920, 2021, N)
dist_km = np.random.gamma(2.0, 3.0, N)

d_eff = np.random.normal(0, 0.45, N_DISTRICT)
d_slope = np.random.normal(0.75, 0.15, N_DISTRICT)
a_eff = np.random.normal(0, 0.12, N_AGENCY)
t_eff = np.array([0.0, 0.12, -0.18, 0.3, -0.25, 0.45])
log_price = (8.0 + d_slope[district] * np.log(area) + d_eff[district] + a_eff[agency] + t_eff[htype]
             + 0.03 * rooms - 0.015 * dist_km + 0.1 * np.cos((year - 1920) / 16.0)
             + np.random.normal(0, 0.08, N))

cats = np.stack([district, agency, htype], 1).astype(np.int64)
conts = np.stack([np.log(area), rooms, year, dist_km], 1).astype(np.float32)
target = log_price.astype(np.float32)

idx = np.random.permutation(N)
n_tr, n_va = int(N * .7), int(N * .15)
tr, va, te = idx[:n_tr], idx[n_tr:n_tr + n_va], idx[n_tr + n_va:]

c_mu, c_sd = conts[tr].mean(0), conts[tr].std(0)
t_mu, t_sd = target[tr].mean(), target[tr].std()
conts = (conts - c_mu) / c_sd


class HouseDataset(Dataset):
    def __init__(self, rows):
        self.cats = torch.from_numpy(cats[rows])
        self.conts = torch.from_numpy(conts[rows])
        self.y = torch.from_numpy((target[rows] - t_mu) / t_sd)

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return self.cats[i], self.conts[i], self.y[i]


# ---------------------------------------------------------------- model
class TabularModel(nn.Module):
    def __init__(self, emb_szs, n_cont, layers=(128, 64), p=0.05):
        super().__init__()
        self.embeds = [nn.Embedding(ni, nf) for ni, nf in emb_szs]
        self.emb_drop = nn.Dropout(p)
        self.bn_cont = nn.BatchNorm1d(n_cont)
        n_in = sum(nf for _, nf in emb_szs) + n_cont
        blocks = []
        for n_out in layers:
            blocks += [nn.Linear(n_in, n_out), nn.ReLU(inplace=True), nn.BatchNorm1d(n_out), nn.Dropout(p)]
            n_in = n_out
        blocks.append(nn.Linear(n_in, 1))
        self.layers = nn.Sequential(*blocks)

    def forward(self, x_cat, x_cont):
        x = torch.cat([e(x_cat[:, i]) for i, e in enumerate(self.embeds)], 1)
        x = self.emb_drop(x)
        x = torch.cat([x, self.bn_cont(x_cont)], 1)
        return self.layers(x).squeeze(1)


def rmse(model, dl):
    model.eval()
    p, t = [], []
    with torch.no_grad():
        for xc, xn, y in dl:
            p.append(model(xc, xn))
            t.append(y)
    p, t = torch.cat(p) * t_sd, torch.cat(t) * t_sd
    return torch.sqrt(((p - t) ** 2).mean()).item()


train_dl = DataLoader(HouseDataset(tr), batch_size=128, shuffle=True, drop_last=True)
valid_dl = DataLoader(HouseDataset(va), batch_size=512)
test_dl = DataLoader(HouseDataset(te), batch_size=512)

emb_szs = [(c, min(10, (c + 1) // 2)) for c in (N_DISTRICT, N_AGENCY, N_TYPE)]
print("embedding sizes:", emb_szs)
model = TabularModel(emb_szs, conts.shape[1])
print(model)

EPOCHS = 22
opt = torch.optim.AdamW(model.parameters(), lr=5e-3, weight_decay=1e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=EPOCHS)
loss_func = nn.MSELoss()

for epoch in range(EPOCHS):
    model.train()
    tot = 0.0
    for xc, xn, y in train_dl:
        loss = loss_func(model(xc, xn), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        tot += loss.item()
    sched.step()
    print(f"epoch {epoch:02d} | train mse {tot / len(train_dl):.4f} | valid rmse(log) {rmse(model, valid_dl):.4f}")

base = np.sqrt(((target[te] - t_mu) ** 2).mean())
print(f"predict-the-mean rmse(log): {base:.4f}")
print(f"TEST rmse(log): {rmse(model, test_dl):.4f}")

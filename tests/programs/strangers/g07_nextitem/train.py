import torch
import torch.nn.functional as F
from data import MAXLEN, N_ITEMS, leave_two_out, query_tensors, simulate, training_tensors
from sasrec import SASRec


def rank_metrics(scores, target, k=10):
    own = scores.gather(1, target[:, None])
    rank = (scores > own).sum(1)
    hit = rank < k
    ndcg = torch.where(hit, 1 / torch.log2(rank.float() + 2), torch.zeros(()))
    return hit.float().mean().item(), ndcg.mean().item()


@torch.no_grad()
def evaluate(model, x, y):
    model.eval()
    scores = torch.cat([model(c)[:, -1] for c in x.split(256)])
    return rank_metrics(scores, y)


def main():
    torch.manual_seed(0)
    histories = simulate(1500, seed=42)
    fit_h, val_h, test_h = leave_two_out(histories)
    x, y = training_tensors(fit_h)
    val, test = query_tensors(val_h), query_tensors(test_h)

    counts = torch.bincount(y.flatten(), minlength=N_ITEMS + 1).float()
    counts[0] = -1
    hr, ndcg = rank_metrics(counts.expand(len(test[1]), -1), test[1])
    print(f"popularity: HR@10 {hr:.3f}  NDCG@10 {ndcg:.3f}")

    model = SASRec(N_ITEMS, MAXLEN)
    opt = torch.optim.Adam(model.parameters(), lr=3e-3, betas=(0.9, 0.98))
    epochs, batch = 14, 64
    for epoch in range(epochs):
        model.train()
        total, tokens = 0.0, 0
        for idx in torch.randperm(len(x)).split(batch):
            logits = model(x[idx])
            n = (y[idx] != 0).sum()
            loss = F.cross_entropy(logits.flatten(0, 1), y[idx].flatten(), ignore_index=0)
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item() * n.item()
            tokens += n.item()
        hr, ndcg = evaluate(model, *val)
        print(f"epoch {epoch + 1:2d}  loss {total / tokens:.3f}  val HR@10 {hr:.3f}  NDCG@10 {ndcg:.3f}")

    hr, ndcg = evaluate(model, *test)
    print(f"test: HR@10 {hr:.3f}  NDCG@10 {ndcg:.3f}")


if __name__ == "__main__":
    main()

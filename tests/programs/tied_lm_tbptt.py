"""A character language model on the first pages of Alice in Wonderland.

A GRU whose output layer shares its weights with the embedding.  The text is cut
into parallel streams that are read in chunks; the hidden state goes on from one
chunk to the next but the gradient does not.  Reports perplexity per character.
"""
import math

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils import clip_grad_norm_

TEXT = """
Alice was beginning to get very tired of sitting by her sister on the bank, and of having nothing to do: once or
twice she had peeped into the book her sister was reading, but it had no pictures or conversations in it, and what
is the use of a book, thought Alice, without pictures or conversations? So she was considering in her own mind, as
well as she could, for the hot day made her feel very sleepy and stupid, whether the pleasure of making a daisy-chain
would be worth the trouble of getting up and picking the daisies, when suddenly a White Rabbit with pink eyes ran
close by her. There was nothing so very remarkable in that; nor did Alice think it so very much out of the way to
hear the Rabbit say to itself, Oh dear! Oh dear! I shall be late! When she thought it over afterwards, it occurred
to her that she ought to have wondered at this, but at the time it all seemed quite natural; but when the Rabbit
actually took a watch out of its waistcoat-pocket, and looked at it, and then hurried on, Alice started to her feet,
for it flashed across her mind that she had never before seen a rabbit with either a waistcoat-pocket, or a watch to
take out of it, and burning with curiosity, she ran across the field after it, and fortunately was just in time to
see it pop down a large rabbit-hole under the hedge. In another moment down went Alice after it, never once
considering how in the world she was to get out again. The rabbit-hole went straight on like a tunnel for some way,
and then dipped suddenly down, so suddenly that Alice had not a moment to think about stopping herself before she
found herself falling down a very deep well. Either the well was very deep, or she fell very slowly, for she had
plenty of time as she went down to look about her and to wonder what was going to happen next. First, she tried to
look down and make out what she was coming to, but it was too dark to see anything; then she looked at the sides of
the well, and noticed that they were filled with cupboards and book-shelves; here and there she saw maps and pictures
hung upon pegs. She took down a jar from one of the shelves as she passed; it was labelled Orange Marmalade, but to
her great disappointment it was empty: she did not like to drop the jar for fear of killing somebody underneath, so
managed to put it into one of the cupboards as she fell past it. Well! thought Alice to herself, after such a fall
as this, I shall think nothing of tumbling down stairs! How brave they will all think me at home!
"""


class CharModel(nn.Module):
    def __init__(self, symbols, size=72):
        super().__init__()
        self.embedding = nn.Embedding(symbols, size)
        nn.init.normal_(self.embedding.weight, std=0.1)
        self.gru = nn.GRU(size, size)
        self.drop = nn.Dropout(0.2)
        self.decoder = nn.Linear(size, symbols)
        self.decoder.weight = self.embedding.weight

    def forward(self, symbols, state=None):
        vectors = self.drop(self.embedding(symbols) * math.sqrt(self.embedding.embedding_dim))
        outputs, state = self.gru(vectors, state)
        scores = self.decoder(self.drop(outputs))
        return F.log_softmax(scores, dim=-1), state


def streams(codes, columns):
    """The text as columns that are read downwards side by side."""
    rows = len(codes) // columns
    return codes[: rows * columns].view(columns, rows).t().contiguous()


def perplexity(model, data, chunk):
    model.eval()
    state, nll, count = None, 0.0, 0
    with torch.no_grad():
        for top in range(0, len(data) - 1, chunk):
            inputs = data[top : top + chunk][: len(data) - 1 - top]
            targets = data[top + 1 : top + 1 + len(inputs)]
            guesses, state = model(inputs, state)
            nll += F.nll_loss(guesses.flatten(0, 1), targets.flatten(), reduction="sum").item()
            count += targets.numel()
    return math.exp(nll / count)


torch.manual_seed(31)
text = " ".join(TEXT.split()).lower()
alphabet = sorted(set(text))
codes = torch.tensor([alphabet.index(c) for c in text])
border = int(0.85 * len(codes))
train_data, valid_data = streams(codes[:border], 8), streams(codes[border:], 4)

CHUNK = 20
model = CharModel(len(alphabet))
optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
print(f"{len(alphabet)} symbols, start perplexity {perplexity(model, valid_data, CHUNK):.2f}")

for epoch in range(8):
    model.train()
    state = None
    total_nll, total_count = 0.0, 0
    last = len(train_data) - 1
    for top in range(0, last, CHUNK):
        size = min(CHUNK, last - top)
        inputs = train_data[top : top + size]
        targets = train_data[top + 1 : top + 1 + size]
        if state is not None:
            state = state.detach()
        optimizer.zero_grad()
        log_probs, state = model(inputs, state)
        loss = F.nll_loss(log_probs.view(-1, len(alphabet)), targets.reshape(-1))
        loss.backward()
        clip_grad_norm_(model.parameters(), max_norm=1.0)
        optimizer.step()
        total_nll += loss.item() * targets.numel()
        total_count += targets.numel()
    if epoch % 2 == 1:
        print(
            f"epoch {epoch + 1:2d}  train {math.exp(total_nll / total_count):6.2f}  "
            f"valid {perplexity(model, valid_data, CHUNK):6.2f}"
        )

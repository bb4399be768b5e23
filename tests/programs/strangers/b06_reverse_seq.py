# -*- coding: utf-8 -*-
# GRU encoder / decoder which learns to write a digit string backwards.
import random
import time

import torch
import torch.nn as nn
from torch import optim

random.seed(42)
torch.manual_seed(42)

VOCAB = 8
SOS_token = VOCAB
LENGTH = 5
HIDDEN = 96
teacher_forcing_ratio = 0.8


class EncoderRNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super(EncoderRNN, self).__init__()
        self.embedding = nn.Embedding(input_size, 24)
        self.gru = nn.GRU(24, hidden_size, batch_first=True)

    def forward(self, src):
        _, hidden = self.gru(self.embedding(src))
        return hidden


class DecoderRNN(nn.Module):
    def __init__(self, hidden_size, output_size):
        super(DecoderRNN, self).__init__()
        self.embedding = nn.Embedding(output_size + 1, 24)
        self.gru = nn.GRU(24, hidden_size, batch_first=True)
        self.out = nn.Linear(hidden_size, output_size)

    def forward(self, tok, hidden):
        output, hidden = self.gru(self.embedding(tok), hidden)
        return self.out(output), hidden


def make_pairs(n):
    src = torch.randint(0, VOCAB, (n, LENGTH))
    return src, src.flip(1)


def train_batch(src, tgt, encoder, decoder, encoder_optimizer, decoder_optimizer, criterion):
    decoder_optimizer.zero_grad()
    hidden = encoder(src)
    sos = torch.full((src.size(0), 1), SOS_token)

    if random.random() < teacher_forcing_ratio:
        # Teacher forcing: the decoder reads the target shifted right
        logits, _ = decoder(torch.cat([sos, tgt[:, :-1]], dim=1), hidden)
    else:
        # Without teacher forcing: it reads its own predictions
        tok, steps = sos, []
        for _ in range(LENGTH):
            out, hidden = decoder(tok, hidden)
            steps.append(out)
            tok = out.argmax(-1).detach()
        logits = torch.cat(steps, dim=1)

    loss = criterion(logits.reshape(-1, VOCAB), tgt.reshape(-1))
    loss.backward()
    encoder_optimizer.step()
    decoder_optimizer.step()
    return loss.item()


def evaluate(encoder, decoder, src, tgt):
    encoder.eval()
    decoder.eval()
    with torch.no_grad():
        hidden = encoder(src)
        tok = torch.full((src.size(0), 1), SOS_token)
        guess = []
        for _ in range(LENGTH):
            out, hidden = decoder(tok, hidden)
            tok = out.argmax(-1)
            guess.append(tok)
    encoder.train()
    decoder.train()
    guess = torch.cat(guess, dim=1)
    return (guess == tgt).float().mean().item(), (guess == tgt).all(1).float().mean().item()


def trainIters(encoder, decoder, n_iters, print_every=150, learning_rate=0.003, batch=128):
    start, running = time.time(), 0.0
    encoder_optimizer = optim.Adam(encoder.parameters(), lr=learning_rate)
    decoder_optimizer = optim.Adam(decoder.parameters(), lr=learning_rate)
    criterion = nn.CrossEntropyLoss()
    val_src, val_tgt = make_pairs(500)
    for it in range(1, n_iters + 1):
        src, tgt = make_pairs(batch)
        running += train_batch(src, tgt, encoder, decoder, encoder_optimizer, decoder_optimizer, criterion)
        if it % print_every == 0:
            tok_acc, seq_acc = evaluate(encoder, decoder, val_src, val_tgt)
            print("%ds (%d/%d) loss %.4f  val token acc %.3f  val exact %.3f" % (
                time.time() - start, it, n_iters, running / print_every, tok_acc, seq_acc))
            running = 0.0


encoder1 = EncoderRNN(VOCAB, HIDDEN)
decoder1 = DecoderRNN(HIDDEN, VOCAB)
trainIters(encoder1, decoder1, 750)
test_src, test_tgt = make_pairs(1000)
print("test: token acc %.3f, exact match %.3f" % evaluate(encoder1, decoder1, test_src, test_tgt))

"""Experiments on the first batches of a training, by repeating and varying the script's own first turn."""

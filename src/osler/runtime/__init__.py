"""Watch the training process: the running program in, events and facts out."""

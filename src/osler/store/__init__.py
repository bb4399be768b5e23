"""The run directory: what was recorded, written while training and read anywhere later."""

"""Read training code without running it: text in, `Code` out. Standard library only."""

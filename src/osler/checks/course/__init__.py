"""Problems in the course of training, seen in its curves."""

"""Problems of the loss: the right function, the right inputs, the right scale."""

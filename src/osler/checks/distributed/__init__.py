"""Problems of training on several processes."""

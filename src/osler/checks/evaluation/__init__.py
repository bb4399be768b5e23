"""Problems of evaluation: what it costs and what its numbers mean."""

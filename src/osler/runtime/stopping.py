"""How the watcher ends a training from inside the script's own loop."""

from __future__ import annotations


class StopTraining(BaseException):
    """Raised inside the script's loop to end it: `finally:` blocks run, the process ends well.

    Not an `Exception`, so that a script which survives bad batches does not survive this.

    Args:
        reason: why the training is over, for example ``5 optimizer steps were asked for``.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

"""A process that records as fast as it can and acknowledges what is safe, until it is killed.

Run by test_kill.py: ``killed.py RUN RANK PLACE COUNT``. It kills itself when it passes the checkpoint PLACE
for the COUNTth time; the place ``random`` waits to be killed from outside. Each line on stdout is a number of
steps that the recorder has said are written.
"""

import os
import signal
import sys
from itertools import count
from pathlib import Path

from osler.model import Column, Kind
from osler.store.layout import process_folder
from osler.store.manifest import begin
from osler.store.recorder import Options, Recorder
from osler.testing import event, run_of

SERIES = 10
STEPS_PER_FLUSH = 20


def main(run: Path, rank: int, place: str, times: int) -> None:
    passed = 0

    def checkpoint(here: str) -> None:
        nonlocal passed
        passed += here == place
        if here == place and passed >= times:
            os.kill(os.getpid(), signal.SIGKILL)

    folder = process_folder(run, rank)
    options = Options(period=0.01, segment=5_000, checkpoint=checkpoint)
    recorder = Recorder(folder, begin(sys.argv, __file__, {}, os.environ), options)
    recorder.start()
    columns = [Column() for _ in range(SERIES)]
    for number, column in enumerate(columns):
        recorder.watch(f"series-{number}", column)
    train = [event(Kind.BATCH, "DataLoader", 1), event(Kind.STEP, "SGD", 2, "fresh")]
    for step in count():
        for column in columns:
            column.add(step, step / 4)
        if step % STEPS_PER_FLUSH == STEPS_PER_FLUSH - 1:
            recorder.put(run_of([train] * (step // STEPS_PER_FLUSH % 50 + 1)))
            if recorder.flush():
                os.write(1, f"{step + 1}\n".encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))

"""The first thing a worker does, before NumPy and TensorFlow are loaded in it."""

import os
import signal
import threading
import time


def begin(parent: int) -> None:
    """In a worker: Ctrl-C is for its parent, without which it does not stay."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent):
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)

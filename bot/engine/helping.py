"""What a process that helps is told first. Imports nothing of ours: it has to begin quickly."""

import gc
import signal


def begin() -> None:
    """Ctrl-C is the parent's to hear, and what is worked on makes no cycles."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()

"""What the process a command runs in is given: open streams, and signals that end it in order."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


def open_streams() -> None:
    """Let closed standard streams lead nowhere.

    Python calls them None. Left closed, their numbers would go to the files that are opened next,
    and what a library prints would go into those.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        # A terminal that cannot show a character gets a stand-in, not a traceback.
        getattr(sys, name).reconfigure(errors="backslashreplace")


@contextmanager
def ending_in_order() -> Iterator[None]:
    """Have Ctrl-C and SIGTERM unwind what is under way, and end with 128 + the signal's number.

    Unwinding removes files that are half written. Whatever a library makes of a Ctrl-C while it is
    being imported (an ImportError, say), it stays a Ctrl-C.
    """
    came: list[int] = []

    def stop(number: int, _: FrameType | None) -> None:
        came.append(number)
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(128 + number)

    before = {}
    if threading.current_thread() is threading.main_thread():
        usual = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
        for number, handler in usual.items():
            # Not where the caller has it ignored, as nohup and background jobs do.
            if signal.getsignal(number) == handler:
                before[number] = signal.signal(number, stop)
    try:
        yield
    except Exception:
        if not came:
            raise
        raise SystemExit(128 + came[0]) from None
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)

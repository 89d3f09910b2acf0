"""Ctrl-C that no library can swallow, and that waits while files are put in place."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class _Asked:
    """What Ctrl-C has asked for so far.

    Attributes
    ----------
    stop : whether it was pressed.
    held : whether to stop only later.
    """

    stop = False
    held = False


@contextmanager
def heeding_interruption() -> Iterator[None]:
    """Remember that Ctrl-C was pressed, besides raising ``KeyboardInterrupt``.

    A library that catches everything while it is imported or computes can make the exception
    vanish, and the run would go on; what is remembered stops it at the next stage.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # Python gives signals to the main thread only
        return
    before = signal.signal(signal.SIGINT, _remember)
    _Asked.stop = _Asked.held = False
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        _Asked.stop = False


@contextmanager
def undisturbed() -> Iterator[None]:
    """Do all of something or nothing: Ctrl-C is heeded before and after it, not within.

    Raises
    ------
    KeyboardInterrupt
        It was pressed before, or within (then afterwards).
    """
    stop_if_asked()
    _Asked.held = True
    try:
        yield
    finally:
        _Asked.held = False
    stop_if_asked()


def stop_if_asked() -> None:
    """Raise ``KeyboardInterrupt`` where Ctrl-C was pressed and a library made it vanish."""
    if _Asked.stop:
        _Asked.stop = False
        raise KeyboardInterrupt


def _remember(number: int, frame: FrameType | None) -> None:
    _Asked.stop = True
    if not _Asked.held:
        raise KeyboardInterrupt

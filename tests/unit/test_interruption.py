import contextlib
import signal

import pytest

from causal.interruption import heeding_interruption, stop_if_asked, undisturbed


def press_ctrl_c():
    signal.raise_signal(signal.SIGINT)


def swallow_ctrl_c():
    with contextlib.suppress(BaseException):
        press_ctrl_c()


def test_ctrl_c_raises_at_once():
    with heeding_interruption(), pytest.raises(KeyboardInterrupt):
        press_ctrl_c()


def test_ctrl_c_a_library_swallowed_stops_the_next_stage_and_what_would_be_put_in_place():
    for stage in (stop_if_asked, lambda: undisturbed().__enter__()):
        with heeding_interruption():
            swallow_ctrl_c()
            with pytest.raises(KeyboardInterrupt):
                stage()


def test_ctrl_c_within_what_is_undisturbed_waits_for_its_end():
    done = []

    def all_of_it():
        with undisturbed():
            press_ctrl_c()
            done.append("the rest")

    with heeding_interruption(), pytest.raises(KeyboardInterrupt):
        all_of_it()
    assert done == ["the rest"]


def test_afterwards_ctrl_c_is_as_before_and_nothing_is_remembered():
    before = signal.getsignal(signal.SIGINT)
    with heeding_interruption():
        swallow_ctrl_c()
    assert signal.getsignal(signal.SIGINT) is before
    with heeding_interruption():
        stop_if_asked()
        with undisturbed():
            pass

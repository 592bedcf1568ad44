"""Waiting for what another thread, process or server is about to do."""

import time


def wait_for(what, seconds=20.0):
    """What `what` returns, once that is true."""
    give_up = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < give_up, "it did not happen in time"
        time.sleep(0.02)
    return found

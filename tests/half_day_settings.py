"""Settings of processes that live on another day: their clock is shifted from the start."""

import os
import time

_SHIFT_NS = int(os.environ["TEST_CLOCK_SHIFT_NS"])
_time_ns, _time = time.time_ns, time.time
time.time_ns = lambda: _time_ns() + _SHIFT_NS
time.time = lambda: _time() + _SHIFT_NS / 1e9

from tests.process_settings import *  # noqa: E402, F403 - the clock first

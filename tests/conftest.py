"""What holds for all tests."""

import os
import signal

import pytest
from hypothesis import HealthCheck, settings

from pcl.evolution import march
from pcl.factor import registry
from pcl.training import methods

# Few examples, the same ones each time: EXAMPLES=500 looks further, with new ones.
settings.register_profile("same", deadline=None, max_examples=8, derandomize=True, database=None,
                          suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("further", settings.get_profile("same"), derandomize=False,
                          max_examples=int(os.environ.get("EXAMPLES", "100")))
settings.load_profile("further" if "EXAMPLES" in os.environ else "same")


def pytest_configure():
    """Ctrl-C is heard: shells start background jobs with SIGINT ignored, and children inherit that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def registered():
    """A solver, a method and a scheme that a test registers are forgotten after it."""
    tables = (registry._solvers, methods.METHODS, march._FIRST_ORDER)
    before = [dict(table) for table in tables]
    yield
    for table, entries in zip(tables, before):
        table.clear()
        table.update(entries)

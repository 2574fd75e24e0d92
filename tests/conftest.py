"""What holds for all tests."""

import os
import signal

from hypothesis import HealthCheck, settings

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

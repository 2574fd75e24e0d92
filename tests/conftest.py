"""What holds for all tests."""

import signal


def pytest_configure():
    """Ctrl-C is heard: shells start background jobs with SIGINT ignored, and children inherit that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)

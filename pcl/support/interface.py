"""What a problem has to offer, and which errors count as a failed evaluation."""

import numpy as np

from pcl.errors import TrialFailure

FAILURES = (TrialFailure, ArithmeticError, np.linalg.LinAlgError)


def require_interface(problem, *names):
    """Raise a TypeError that says what a problem is unless it has all attributes `names`."""
    missing = [name for name in names if not hasattr(problem, name)]
    if missing:
        raise TypeError(
            f"problem is a {type(problem).__name__} without {', '.join(missing)}; expected a "
            f"pcl.Problem or an object with {', '.join(names)}.")

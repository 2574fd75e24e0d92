"""What may go wrong in the middle of a fit; errors of the user's callback are told from that."""

import numpy as np

from pcl.errors import TrialFailure
from pcl.interior_point.result import Result
from pcl.interior_point.status import Status

FAILURES = (TrialFailure, ArithmeticError, LookupError, MemoryError, RuntimeError, TypeError, ValueError)


class CallbackRaised(Exception):
    """Carries what the user's callback raised through a solve.

    Attributes
    ----------
    error : Exception
    """

    def __init__(self, error):
        super().__init__(str(error))
        self.error = error


def guarded(callback):
    """The callback, whose errors become `CallbackRaised`; StopIteration, which ends a solve, passes."""
    def call(snapshot):
        try:
            callback(snapshot)
        except StopIteration:
            raise
        except Exception as error:
            raise CallbackRaised(error) from error
    return None if callback is None else call


def said(error):
    """An exception in words: its kind where it says nothing."""
    return str(error) or type(error).__name__


def failed(program, x, words):
    """A `Result` without success at x (n,), for a fit of which no solve was possible."""
    n, m = program.n, program.m
    return Result(x=x, fun=np.nan, success=False, status=Status.ERROR, message=words, nit=0,
                  lam=np.zeros(m), z_lower=np.zeros(n), z_upper=np.zeros(n), constraint_violation=np.nan,
                  dual_residual=np.nan, complementarity=np.nan, barrier=np.nan, history=np.zeros((0, 6)),
                  counts={}, seconds=0.0)

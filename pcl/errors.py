"""What can go wrong while a model is evaluated, as exceptions with a meaning."""

import numpy as np


class TrialFailure(Exception):
    """The model cannot be evaluated at this θ.

    At the start of a training run it reaches the caller. At a trial point of an optimizer
    it stands for a loss of +inf: the step is shortened and the run goes on.
    """


class NotFinite(TrialFailure, ValueError):
    """A quantity became NaN or infinite; the message names it and the first index."""


class InvalidCoefficient(TrialFailure, ValueError):
    """A coefficient of the equation left its admissible range (not finite, or ≤ 0)."""


class FailedCheck(TrialFailure, ValueError):
    """An assertion or another check of the user's own TensorFlow code failed at this θ."""


class SingularMatrix(TrialFailure, np.linalg.LinAlgError):
    """A matrix cannot be factorised, or its solution would carry no correct digit.

    Attributes
    ----------
    null_space : ndarray (n, r) or None
        Orthonormal vectors that the matrix annihilates to rounding, where they were found.
    """

    def __init__(self, *args: object, null_space: np.ndarray | None = None):
        super().__init__(*args)
        self.null_space = null_space

    @property
    def null_vector(self) -> np.ndarray | None:
        """The first of them (n,), or None."""
        return None if self.null_space is None else self.null_space[:, 0]


class NotConverged(TrialFailure, RuntimeError):
    """A nonlinear solve did not reach its tolerance; the message tells the residual history."""


class TimesNotChosen(ValueError):
    """Adaptive times are asked for before a march has chosen them."""


class MultipleEigenvalue(TrialFailure, ValueError):
    """Vectors or derivatives of one eigenvalue are asked for where several coincide."""

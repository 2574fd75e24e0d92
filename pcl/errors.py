"""What can go wrong while a model is evaluated, as exceptions with a meaning."""

import numpy as np


class TrialFailure(Exception):
    """The model cannot be evaluated at this θ.

    At the start of a training run it reaches the caller. At a trial point of an optimizer
    it stands for a loss of +inf: the step is shortened and the run goes on.

    Examples
    --------
    ln k has no value for k ≤ 0; a minimisation that steps there goes back and on:

    >>> import tensorflow as tf, pcl
    >>> problem = pcl.Problem(lambda t: t["k"] - tf.math.log(t["k"]), {"k": 0.1})
    >>> try:
    ...     problem.value([-1.0])
    ... except pcl.TrialFailure as error:
    ...     print(type(error).__name__)
    NotFinite
    >>> pcl.minimize(problem).x.round(6)
    array([1.])
    """


class NotFinite(TrialFailure, ValueError):
    """A quantity became NaN or infinite; the message names it and the first index.

    Examples
    --------
    >>> import tensorflow as tf, pcl
    >>> pcl.Problem(lambda t: tf.math.log(t["k"]), {"k": 1.0}).value([-1.0])
    Traceback (most recent call last):
        ...
    pcl.errors.NotFinite: the loss is NaN; a logarithm, root or division in it left its domain.
    """


class InvalidCoefficient(TrialFailure, ValueError):
    """A coefficient of the equation left its admissible range (not finite, or ≤ 0).

    Examples
    --------
    >>> import pcl
    >>> problem = pcl.Problem(lambda t: pcl.guard(t["k"], "conductivity", positive=True)**2, {"k": 1.0})
    >>> problem.value([-1.0])
    Traceback (most recent call last):
        ...
    pcl.errors.InvalidCoefficient: conductivity is not positive at 1 of 1 points, first at point 0 ...
    """


class FailedCheck(TrialFailure, ValueError):
    """An assertion or another check of the user's own TensorFlow code failed at this θ.

    Examples
    --------
    >>> import tensorflow as tf, pcl
    >>> def loss(t):
    ...     check = tf.debugging.assert_less(t["k"], tf.constant(5.0, tf.float64))
    ...     with tf.control_dependencies([check]):              # else nothing asks for the check
    ...         return tf.identity(t["k"])**2
    >>> pcl.Problem(loss, {"k": 1.0}).value([6.0])
    Traceback (most recent call last):
        ...
    pcl.errors.FailedCheck: an operation of the loss refuses its input: ...
    """


class SingularMatrix(TrialFailure, np.linalg.LinAlgError):
    """A matrix cannot be factorised, or its solution would carry no correct digit.

    Attributes
    ----------
    null_space : ndarray (n, r) or None
        Orthonormal vectors that the matrix annihilates to rounding, where they were found.

    Examples
    --------
    >>> import pcl
    >>> A = pcl.SparseMatrix.from_entries([0, 0, 1, 1], [0, 1, 0, 1], [1.0, -1.0, -1.0, 1.0], (2, 2))
    >>> try:
    ...     pcl.solve(A, [1.0, 0.0])
    ... except pcl.SingularMatrix as error:
    ...     print(abs(error.null_vector).round(4))              # A (1, 1) = 0
    [0.7071 0.7071]
    """

    def __init__(self, *args: object, null_space: np.ndarray | None = None):
        super().__init__(*args)
        self.null_space = null_space

    @property
    def null_vector(self) -> np.ndarray | None:
        """The first of them (n,), or None."""
        return None if self.null_space is None else self.null_space[:, 0]


class NotConverged(TrialFailure, RuntimeError):
    """A nonlinear solve did not reach its tolerance; the message tells the residual history.

    Examples
    --------
    >>> import pcl
    >>> pcl.solve_nonlinear(lambda u: u**2 + 1.0, [2.0], maxiter=5)
    Traceback (most recent call last):
        ...
    pcl.errors.NotConverged: Newton's method failed after 5 steps (iteration limit); ...
    """


class TimesNotChosen(ValueError):
    """Adaptive times are asked for before a march has chosen them."""


class MultipleEigenvalue(TrialFailure, ValueError):
    """Vectors or derivatives of one eigenvalue are asked for where several coincide.

    Examples
    --------
    >>> import numpy as np, pcl
    >>> K = pcl.SparseMatrix.from_entries([0, 1], [0, 1], [2.0, 2.0], (2, 2))
    >>> pcl.eigenvalues(K, count=2).numpy()
    array([2., 2.])
    >>> pcl.eigenvalues(K, count=1, vectors=True)
    Traceback (most recent call last):
        ...
    pcl.errors.MultipleEigenvalue: eigenvalues 0, 1 coincide at 2 ...: their vectors are not ...
    """

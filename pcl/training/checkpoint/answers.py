"""The answers of a problem as a log, from which a driver can be replayed.

A driver is a deterministic function of the answers it gets. Given the same ones again it goes
through the same states, without any evaluation, up to where the log ends.
"""

import hashlib

import numpy as np

import pcl.errors
from pcl.errors import TrialFailure
from pcl.support.interface import FAILURES
from pcl.support.validate import float64_array
from pcl.training.checkpoint.file import CheckpointError

_RAISED = {kind.__name__: kind for kind in (
    *(kind for kind in vars(pcl.errors).values()
      if isinstance(kind, type) and issubclass(kind, TrialFailure)),
    ArithmeticError, FloatingPointError, OverflowError, ZeroDivisionError,
    np.linalg.LinAlgError)}


class AnswerLog:
    """Answers in the order they were given: numbers, or the failure in their place.

    `keeping` False: nothing is added any more and what was recorded is forgotten.
    """

    def __init__(self):
        self._keys, self._answers, self._failures, self._next = [], [], {}, 0
        self.keeping, self._path = True, None

    @classmethod
    def from_file(cls, checkpoint):
        """The log of a file, to be replayed from its beginning."""
        log, arrays = cls(), checkpoint.arrays
        log._path = checkpoint.path
        log._keys = list(arrays["log_keys"])
        log._answers = np.split(arrays["log_values"], np.cumsum(arrays["log_sizes"])[:-1])
        log._failures = {int(i): tuple(words) for i, words in checkpoint.meta["failures"].items()}
        return log

    @property
    def replaying(self):
        """True while recorded answers are left."""
        return self._next < len(self._answers)

    def stop(self):
        """Forget all answers and add none."""
        self.keeping = False
        self._keys, self._answers, self._failures, self._next = [], [], {}, 0

    def add(self, key, values, failure=None):
        """Append one answer."""
        if failure is not None:
            self._failures[len(self._answers)] = failure
        self._keys.append(key)
        self._answers.append(values)
        self._next = len(self._answers)

    def take(self, key):
        """The next recorded answer; a recorded failure is raised again."""
        i = self._next
        if not np.array_equal(self._keys[i], key):
            raise CheckpointError(
                f"{self._path} cannot be replayed: evaluation {i} is asked for at another point "
                "than recorded, as with another machine or number of threads. Start anew with "
                "x0=read_checkpoint(path).x.")
        self._next += 1
        if i in self._failures:
            name, words = self._failures[i]
            raise _RAISED[name](words)
        return self._answers[i]

    def as_arrays(self):
        """({name: array}, failures) for a file."""
        n = min(len(self._keys), len(self._answers))
        sizes = np.array([answer.size for answer in self._answers[:n]], dtype=np.int64)
        values = np.concatenate([np.zeros(0), *self._answers[:n]])
        keys = np.array(self._keys[:n], dtype=np.uint64)
        failures = {i: words for i, words in self._failures.items() if i < n}
        return {"log_keys": keys, "log_sizes": sizes, "log_values": values}, failures


class RecordedProblem:
    """A problem whose answers go through an `AnswerLog`.

    Losses, gradients, products with the Hessian, and residuals are logged; Hessians and
    Jacobians are too large and always computed. All else is the problem's own.
    """

    def __init__(self, problem, log, live):
        self._problem, self._log, self._live = problem, log, live

    def __getattr__(self, name):
        return getattr(self._problem, name)

    def value(self, theta):
        """The loss."""
        return float(self._answer("value", _loss, theta)[0])

    def gradient(self, theta):
        """The gradient (p,)."""
        return self._answer("gradient", self._gradient, theta)

    def value_and_gradient(self, theta):
        """Both in one call."""
        both = self._answer("value_and_gradient", self._both, theta)
        return float(both[0]), both[1:].copy()

    def hvp(self, theta, v):
        """The Hessian times v, (p,)."""
        return self._answer("hvp", self._product, theta, v)

    def residuals(self, theta):
        """The residuals (m,)."""
        return self._answer("residuals", _residuals, theta)

    def _answer(self, name, flat, *arguments):
        key = _key(name, *arguments)
        if self._log.replaying:
            return self._log.take(key).copy()
        self._live()
        try:
            values = flat(getattr(self._problem, name)(*arguments))
        except FAILURES as error:
            if self._log.keeping:
                self._log.add(key, np.zeros(0), (_known(error), str(error)))
            raise
        if self._log.keeping:
            self._log.add(key, values.copy())
        return values

    def _gradient(self, value):
        return float64_array("gradient", value, shape=(int(self._problem.size),), finite=False)

    def _product(self, value):
        return float64_array("hvp", value, shape=(int(self._problem.size),), finite=False)

    def _both(self, pair):
        loss, gradient = pair
        return np.concatenate([_loss(loss), self._gradient(gradient)])


def _loss(value):
    return float64_array("loss", value, shape=(), finite=False).reshape(1)


def _residuals(value):
    return float64_array("residuals", value, shape=(None,), finite=False)


def _key(name, *arguments):
    digest = hashlib.blake2b(name.encode(), digest_size=8)
    for array in arguments:
        digest.update(np.ascontiguousarray(array).tobytes())
    return np.frombuffer(digest.digest(), dtype=np.uint64)[0]


def _known(error):
    return next(kind.__name__ for kind in type(error).__mro__ if kind.__name__ in _RAISED)

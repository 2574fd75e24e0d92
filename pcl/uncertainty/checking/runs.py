"""The runs test: whether signs of residuals alternate as independent ones do."""

import numpy as np
from scipy.special import gammaln

from pcl.support.types import Array


def runs(signs: Array) -> int:
    """How many runs of equal sign there are, zeros left out."""
    signs = np.sign(signs[signs != 0.0])
    return int(signs.size and 1 + np.count_nonzero(np.diff(signs)))


def few_runs(signs: Array) -> tuple[int, float, float]:
    """(runs, their expectation, P(no more runs)) for independent signs in any order, exactly.

        P(2k runs) = 2 C(a−1, k−1) C(b−1, k−1)/C(n, a),   a + b = n positive and negative signs
        P(2k+1)    = (C(a−1, k) C(b−1, k−1) + C(a−1, k−1) C(b−1, k))/C(n, a)

    Source: A. Wald and J. Wolfowitz, 1940, On a test whether two samples are from the same population.
    """
    found, a, b = runs(signs), int(np.sum(signs > 0.0)), int(np.sum(signs < 0.0))
    if not a or not b:
        return found, float(found), 1.0 if a + b < 2 else 2.0 ** (1 - a - b)
    chances = np.array([_chance(r, a, b) for r in range(2, found + 1)])
    return found, 1.0 + 2.0 * a * b / (a + b), float(min(chances.sum(), 1.0))


def _chance(r, a, b):
    k, whole = r // 2, _log_choose(a + b, a)

    def pair(i, j):
        return np.exp(_log_choose(a - 1, i) + _log_choose(b - 1, j) - whole)
    return pair(k, k - 1) + pair(k - 1, k) if r % 2 else 2.0 * pair(k - 1, k - 1)


def _log_choose(n, k):
    if k > n:
        return -np.inf
    return gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)

"""Which eigenvalues are given: numbers, means of several, and how they meet multiple ones."""

import numpy as np

from pcl.errors import MultipleEigenvalue
from pcl.support.validate import positive_integer, whole_numbers

# Neighbours |λ_i − λ_j| ≤ CLUSTER max(|λ|, |σ|) are one multiple eigenvalue: not half of the digits of
# their vectors are right. A mean over them is differentiated twice with a relative error of this size.
CLUSTER = 1e-7

# Adjoints of the members of a cluster that differ by less than this, relative to the largest, are equal.
EQUAL = 1e-9


class Choice:
    """y_e = mean of λ_i over the numbers i of entry e; `weights` is the matrix (entries, total) of it.

    Parameters
    ----------
    count : int, or a list of numbers and of tuples of numbers
        The first `count`; or these, a tuple standing for the mean.
    n : int
        Number of eigenvalues of the pencil.

    Attributes
    ----------
    total : int
        Eigenvalues needed.
    entries : list of int64 arrays
    """

    def __init__(self, count, n):
        self.entries = _entries(count, n)
        self.total = 1 + max(int(e.max()) for e in self.entries)
        self.weights = np.zeros((len(self.entries), self.total))
        for row, numbers in zip(self.weights, self.entries):
            row[numbers] = 1.0 / len(numbers)
        self.numbers = np.concatenate(self.entries)
        self.has_means = any(len(e) > 1 for e in self.entries)


def _entries(count, n):
    if not isinstance(count, (list, tuple, np.ndarray, range)):
        return list(np.arange(positive_integer("count", count, maximum=n))[:, None])
    if not len(count):
        raise ValueError("count is empty; expected a number of eigenvalues, or a list of theirs.")
    return [_numbers(f"count[{k}]", entry, n) for k, entry in enumerate(count)]


def _numbers(name, entry, n):
    numbers = whole_numbers(name, np.atleast_1d(np.asarray(entry)), n)
    if not numbers.size or len(np.unique(numbers)) < len(numbers):
        raise ValueError(f"{name} is {entry}; expected a number or a tuple of different numbers.")
    return numbers


def clusters(values, shift):
    """The eigenvalues (ascending) in groups of one or of several that are equal to `CLUSTER`."""
    size = np.maximum(np.maximum(np.abs(values[1:]), np.abs(values[:-1])), abs(shift))
    ends = np.flatnonzero(np.diff(values) > CLUSTER * size) + 1
    return np.split(np.arange(len(values)), ends)


# Neighbours nearer than this, in the same measure, and of one adjoint are differentiated together: each
# for itself has terms a²/(λ_i − λ_j) that cancel. Their spread is at most this part of the gap around.
NEAR, ISOLATED = 1e-3, 0.1


def together(values, weights, shift):
    """[(members, w)]: eigenvalues with adjoints w ≠ 0, those differentiated together in one entry.

    Adjoints of the members of a cluster are equal already.
    """
    size = np.maximum(np.maximum(np.abs(values[1:]), np.abs(values[:-1])), abs(shift))
    equal = np.abs(np.diff(weights)) <= EQUAL * np.maximum(np.abs(weights[1:]), np.abs(weights[:-1]))
    ends = np.flatnonzero(~equal | (np.diff(values) > NEAR * size)) + 1
    parts = []
    for chain in np.split(np.arange(len(values)), ends):
        whole = _is_isolated(values, chain)
        parts += [chain] if whole else [chain[c] for c in clusters(values[chain], shift)]
    return [(part, float(weights[part].mean())) for part in parts if np.any(weights[part] != 0.0)]


def _is_isolated(values, chain):
    """Whether a chain is narrow against the distance to its neighbours on both sides."""
    first, last = chain[0], chain[-1]
    above = values[last + 1] - values[last] if last + 1 < len(values) else 0.0
    below = values[first] - values[first - 1] if first > 0 else np.inf
    return values[last] - values[first] <= ISOLATED * min(above, below)


def multiple(values, cluster, why):
    """The refusal of a derivative, or of vectors, of members of a cluster."""
    found = values[cluster]
    gap = (found[-1] - found[0]) / max(np.abs(found).max(), np.finfo(float).tiny)
    numbers = ", ".join(map(str, cluster))
    return MultipleEigenvalue(
        f"eigenvalues {numbers} coincide at {found.mean():.8g} (relative gap {gap:.1e}; told apart are "
        f"{CLUSTER:.0e}): {why} Use a symmetric function of them: their mean is the entry "
        f"({numbers}) of a list `count`; or break the symmetry of the problem.")


def require_equal(values, cluster, adjoints):
    """The common adjoint of the members of a cluster; refused where they differ."""
    if np.ptp(adjoints) > EQUAL * np.abs(adjoints).max(initial=0.0):
        raise multiple(values, cluster, "each for itself is not differentiable there.")
    return float(adjoints.mean())

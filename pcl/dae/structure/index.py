"""The index of E w' + A w = 0, and which equations have to be differentiated for it."""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Derived:
    """A constraint without derivatives: the `order`-th derivative of row `row`, with other rows inserted.

    Attributes
    ----------
    row, order : int
    origin : sorted tuple of the rows that were differentiated as often, `row` among them
    helpers : sorted tuple of all other rows that were inserted
    coefficients : (n,), of w
    """

    row: int
    order: int
    origin: tuple
    helpers: tuple
    coefficients: np.ndarray


@dataclass
class Reduction:
    """What the shuffle algorithm found.

    Attributes
    ----------
    index : int, or None if the pencil is singular
    constraints : list of Derived
    dependent : tuple of rows of which a combination, or one of their derivatives, vanishes
    """

    index: int | None = None
    constraints: list = field(default_factory=list)
    dependent: tuple = ()


def reduction(E, A, tolerance=1e-9):
    """Differentiate rows without derivatives until E is nonsingular; the number of rounds is the index.

    Rows of E that depend on others are removed by combinations N E = 0. What remains is 0 = N A w; its
    derivative takes the place of the row, and so on. For constant E and A this is the index of the
    pencil. For a nonlinear system linearised at a point it is the differentiation index where the
    system has Hessenberg form of index 1, 2 or 3, and wherever the ranks alone decide; derivatives
    of the coefficients are not used.

    Parameters
    ----------
    E, A : (n, n)
    tolerance : what counts as zero, relative to the terms that were added

    Notes
    -----
    Source: D. G. Luenberger, Time-invariant descriptor systems, Automatica 14 (1978) 473–480 (shuffle
    algorithm). Here only dependent rows are replaced, those that were differentiated most often first, so
    that a row keeps its name.
    """
    E, A = _scaled(np.array(E, dtype=float), np.array(A, dtype=float))
    n, found = len(E), Reduction()
    count = np.zeros(n, dtype=int)
    helpers: list[set] = [set() for _ in range(n)]
    for rounds in range(n + 1):
        combinations = _dependencies(E, np.argsort(count, kind="stable"), tolerance)
        if not combinations:
            found.index = rounds
            return found
        derived = [_derive(row, c, A, count, helpers, tolerance) for row, c in combinations]
        lost = [d for d in derived if not d.coefficients.any()]
        if lost:
            found.dependent = tuple(sorted({*lost[0].origin, *lost[0].helpers}))
            return found
        found.constraints += derived
        for d in derived:
            E[d.row], A[d.row] = d.coefficients / np.abs(d.coefficients).max(), 0.0
            helpers[d.row] = {*d.helpers, *d.origin} - {d.row}
            count[d.row] += 1
    found.dependent = tuple(range(n))
    return found


def _derive(row, combination, A, count, helpers, tolerance):
    terms = combination[:, None] * A
    c = terms.sum(axis=0)
    c[np.abs(c) <= tolerance * np.abs(terms).sum(axis=0)] = 0.0
    used = np.flatnonzero(combination).tolist()
    origin = {i for i in used if count[i] == count[row]}
    inserted = set(used).union(*(helpers[i] for i in used)) - origin
    return Derived(row, int(count[row]), tuple(sorted(origin)), tuple(sorted(inserted)), c)


def _dependencies(E, order, tolerance):
    """[(row, combination (n,) with entry 1 at the row and combination @ E = 0), …], rows taken in
    order."""
    basis, Q, found = [], np.zeros((0, E.shape[1])), []
    length = np.linalg.norm(E, axis=1)
    for row in order:
        rest = E[row] / (length[row] or 1.0)
        for _ in range(2):                      # Gram–Schmidt, twice is enough
            rest = rest - Q.T @ (Q @ rest)
        if np.linalg.norm(rest) > tolerance:
            basis.append(row)
            Q = np.vstack([Q, rest / np.linalg.norm(rest)])
        else:
            found.append((row, _combination(E, row, basis, length, tolerance)))
    return found


def _combination(E, row, basis, length, tolerance):
    combination = np.zeros(len(E))
    combination[row] = 1.0
    if basis and length[row]:
        unit = (E[basis] / length[basis][:, None]).T
        c = np.linalg.lstsq(unit, E[row] / length[row], rcond=None)[0]
        c[np.abs(c) <= tolerance * np.abs(c).max(initial=0.0)] = 0.0
        combination[basis] = -c * length[row] / length[basis]
    return combination


def _scaled(E, A):
    """Rows and columns of both divided by the same numbers, so that |E| + |A| has largest entries near
    1."""
    for _ in range(3):
        for axis in (1, 0):
            size = (np.abs(E) + np.abs(A)).max(axis=axis, keepdims=True, initial=0.0)
            size[size == 0.0] = 1.0
            E, A = E / np.sqrt(size), A / np.sqrt(size)
    return E, A

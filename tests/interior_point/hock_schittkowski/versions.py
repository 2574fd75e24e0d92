"""The same problem in other words: permuted, scaled, shifted, or from another start.

    x = d ∘ y[place] + s,      f̃(y) = σ f(x),      c̃_j(y) = r_j c_{row(j)}(x)

A solver that is right for a problem should be right for every version of it.
"""
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from .problem import Problem

_DECADES = 3.0      # sizes of variables and rows are 10^u, u uniform in ±3


@dataclass(frozen=True)
class Version:
    """A problem in other words; `back(y)` is the point of the original."""

    original: Problem
    problem: Problem
    back: Callable


def mapped(problem, place=None, size=1.0, shift=0.0, rows=None, row_size=1.0, factor=1.0):
    """The version with x = size ∘ y[place] + shift, rows[j] × row_size[j], factor × f."""
    n, m = len(problem.x0), len(problem.rows)
    place = np.arange(n) if place is None else np.asarray(place)
    rows = np.arange(m) if rows is None else np.asarray(rows)
    size, shift = np.broadcast_to(size, n), np.broadcast_to(shift, n)
    row_size = np.broadcast_to(row_size, m)
    terms = list(zip(place.tolist(), size.tolist(), shift.tolist()))
    chosen = list(zip(rows.tolist(), row_size.tolist()))
    order = np.argsort(place)

    def inner(y):
        return [d * y[i] + s for i, d, s in terms]

    def constraints(y, m):
        c = problem.constraints(inner(y), m)
        return [r * c[j] for j, r in chosen]

    def pairs(lower, upper):
        return tuple(zip(lower.tolist(), upper.tolist()))

    def outer(x):
        return ((np.asarray(x, dtype=float) - shift) / size)[order]

    new = replace(
        problem, x0=tuple(outer(problem.x0)),
        objective=lambda y, m: factor * problem.objective(inner(y), m),
        optimum=factor * problem.optimum, other_optima=tuple(factor * f for f in problem.other_optima),
        bounds=pairs(outer(problem.lower), outer(problem.upper)), constraints=constraints,
        rows=pairs(row_size * problem.c_lower[rows], row_size * problem.c_upper[rows]), minimiser=None)
    return Version(problem, new, lambda y: size * np.asarray(y)[place] + shift)


def _sizes(rng, count):
    return 10.0 ** rng.uniform(-_DECADES, _DECADES, count)


def permuted(problem, rng):
    """Unknowns and rows in another order."""
    n, m = len(problem.x0), len(problem.rows)
    return mapped(problem, place=rng.permutation(n), rows=rng.permutation(m))


def scaled_variables(problem, rng):
    """Unknowns in other units, 1e-3 to 1e3."""
    return mapped(problem, size=_sizes(rng, len(problem.x0)))


def scaled_rows(problem, rng):
    """Rows in other units, 1e-3 to 1e3."""
    return mapped(problem, row_size=_sizes(rng, len(problem.rows)))


def larger(problem, rng):
    """The objective times 1e6."""
    return mapped(problem, factor=1e6)


def smaller(problem, rng):
    """The objective times 1e-6."""
    return mapped(problem, factor=1e-6)


def shifted(problem, rng):
    """Another origin, about ten sizes of the start away."""
    x0 = np.array(problem.x0, dtype=float)
    return mapped(problem, shift=10.0 * np.maximum(1.0, np.abs(x0)) * rng.uniform(-1.0, 1.0, x0.size))


def perturbed(problem, rng):
    """A start one size of the start away, at random."""
    x0 = np.array(problem.x0, dtype=float)
    x0 = x0 + np.maximum(1.0, np.abs(x0)) * rng.standard_normal(x0.size)
    return Version(problem, replace(problem, x0=tuple(x0)), np.asarray)


def published(problem, rng):
    """As in the book."""
    return Version(problem, problem, np.asarray)


KINDS = {kind.__name__: kind for kind in (
    published, permuted, scaled_variables, scaled_rows, larger, smaller, shifted, perturbed)}
REPEATS = {"perturbed": 5}      # seeds of a kind; one of the others


def versions(problem, kind):
    """The versions of one kind, with seeds of their own."""
    for seed in range(REPEATS.get(kind, 1)):
        yield KINDS[kind](problem, np.random.default_rng((problem.number, seed)))

"""Blocks of trajectories side by side on threads, the same blocks however many threads there are.

What an iteration does with N = ∂z/∂θ and its like, arrays of (points × outputs) rows by p weights, it
does for blocks of rows: the blocks of an array are written in place, those of a sum are added in their
order, and BLAS stays on one thread in each. So the bits of a result do not depend on how many threads.
Small arrays are one block, worked on as if there were none.
"""

import contextlib
import contextvars
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from pcl.execute import threads
from pcl.support.types import Array

ENTRIES = 2 ** 18       # of an array a block: less costs more to hand over than to work on
MOST = 16               # blocks; each of a sum has a result of its own

_asked: contextvars.ContextVar[int | None] = contextvars.ContextVar("pcl_dae_threads", default=None)


@contextlib.contextmanager
def side_by_side(n: int | None) -> Iterator[None]:
    """n blocks at a time inside; None: as many as NumPy's BLAS has threads."""
    token = _asked.set(n)
    try:
        yield
    finally:
        _asked.reset(token)


def spans(n: int, entries: int, least: int = 1) -> list[slice]:
    """0 … n in nearly equal pieces of about `ENTRIES` of all entries, and of at least so many."""
    count = min(MOST, n // least, entries // ENTRIES)
    if count <= 1:
        return [slice(0, n)]
    ends = [n * i // count for i in range(count + 1)]
    return [slice(a, b) for a, b in zip(ends, ends[1:])]


def ordered(function: Callable[[slice], Any], pieces: list[slice]) -> Iterator[Any]:
    """function(piece) of each, in their order; an error reaches the caller at the turn of its piece."""
    if len(pieces) == 1:
        yield function(pieces[0])
        return
    with threads.single():
        yield from threads.ordered(function, pieces, _asked.get())


def filled(out: Array, function: Callable[[slice], Array], pieces: list[slice]) -> Array:
    """out, with out[piece] = function(piece)."""
    if len(pieces) == 1:
        out[pieces[0]] = function(pieces[0])
        return out

    def fill(piece):
        out[piece] = function(piece)
    for _ in ordered(fill, pieces):
        pass
    return out


def total(function: Callable[[slice], Array], pieces: list[slice]) -> Array:
    """Σ function(piece), in their order."""
    if len(pieces) == 1:
        return function(pieces[0])
    found = ordered(function, pieces)
    result = np.array(next(found))
    for part in found:
        result += part
    return result


def multiplied(array: Array, factor: Array | float) -> Array:
    """array (n, …) ∘ factor, which is the same for all n."""
    out = np.empty_like(array)

    def multiply(piece):
        np.multiply(array[piece], factor, out=out[piece])
    for _ in ordered(multiply, spans(len(array), array.size)):
        pass
    return out


def summed(y: Array, rows: Array) -> Array:
    """Σ y_ek rows_ekp (p,) of y (n, k) and rows (n, k, p), as products."""
    pieces = spans(len(rows), rows.size)
    if len(pieces) == 1:
        return y.ravel() @ rows.reshape(y.size, rows.shape[2])
    return total(lambda s: y[s].ravel() @ rows[s].reshape(y[s].size, rows.shape[2]), pieces)


def along(rows: Array, theta: Array) -> Array:
    """rows (n, k, p) @ theta (p,)."""
    pieces = spans(len(rows), rows.size)
    if len(pieces) == 1:
        return rows @ theta
    return filled(np.empty(rows.shape[:2]), lambda s: rows[s] @ theta, pieces)

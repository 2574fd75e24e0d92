"""Jacobian and Hessian blocks of a linear map, found from a few of its products.

Value number i of a pointwise map depends on row i of its input alone: as many products as a row has
entries give its Jacobian, and one more with random numbers shows whether that is all there is.
"""

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import LinearOperator

from pcl.engine.second.tangent import block_diagonal

# A row of at most so many entries is probed entry by entry.
ROW_ENTRIES = 16

# Agreement of J r with its pointwise part, relative to each entry and to the largest one: rounding of
# a few operations, also where terms cancel. The probes have the size of the variables, so what is
# judged is the effect of a coupling, not its unit.
POINTWISE = 1e-12
CANCELLED = 4e-15

# An explicit Jacobian or Hessian block holds at most so many entries (32 MB).
EXPLICIT = 4_000_000
ZERO = object()


def entry(function, key):
    """Of a function of several tangents: output `key` for one of them."""
    return lambda x: function([x])[0][key]


def probe(pushforward, keys, at, output_shapes):
    """Pointwise Jacobian blocks of a linear map, from products with a few vectors.

    Parameters
    ----------
    pushforward : list of arrays of the shape of `at` -> list of arrays of `output_shapes` by key
    at : array
        The value of the variable, which gives the probes their size.

    Returns
    -------
    list
        For each key a sparse block-diagonal matrix, ZERO, or None where it is not pointwise.
    """
    by_rows: dict = {}
    shape = at.shape
    for i, (key, output_shape) in enumerate(zip(keys, output_shapes)):
        by_rows.setdefault(_common_rows(shape, output_shape), []).append((i, key))
    blocks = [None] * len(output_shapes)
    for n, group in by_rows.items():
        if n is not None:
            for (i, _), block in zip(group, _probe_rows(pushforward, [k for _, k in group], at, n)):
                blocks[i] = block
    return blocks


def _probe_rows(pushforward, keys, at, n):
    """Blocks of a map that may be block diagonal with n blocks."""
    shape, m = at.shape, at.size // n
    directions = np.zeros((m, n, m))
    directions[np.arange(m), :, np.arange(m)] = 1.0
    random = random_like(np.random.default_rng(1), at).reshape(n, m)
    *columns, result = pushforward([t.reshape(shape) for t in (*directions, random)])
    return [_pointwise_block(key, columns, random, result) for key in keys]


def _pointwise_block(key, columns, random, result):
    """The block-diagonal Jacobian of output `key`, or None if J·random shows that there is more."""
    n = len(random)
    local = np.stack([c[key].reshape(n, -1) for c in columns], axis=2)  # (n, entries, m)
    expected = np.einsum("nij,nj->ni", local, random)
    if not same(result[key].reshape(n, -1), expected):
        return None
    return block_diagonal(local) if np.any(local) else ZERO


def selection(pushforward, shape, at):
    """The matrix of a map whose outputs are entries of the input (slices, transposes), else None.

    Applied to 1, 2, …, n such a map tells where each entry comes from.
    """
    n = at.size
    source = pushforward(np.arange(1.0, n + 1.0).reshape(at.shape)).ravel()
    if not np.all(np.abs(source) <= n):
        return None
    index = np.rint(source).astype(np.int64)
    if not np.array_equal(index, source) or index.min(initial=0) < 0:
        return None
    rows = np.flatnonzero(index)
    matrix = sp.csr_array((np.ones(len(rows)), (rows, index[rows] - 1)), shape=(source.size, n))
    random = random_like(np.random.default_rng(2), at)
    if not same(pushforward(random).ravel(), matrix @ random.ravel()):
        return None
    return matrix if len(rows) else ZERO


def explicit(pushforward, pullback, shape, input_shape):
    """A linear map as a dense matrix when that is small enough, else as an operator."""
    m, n = int(np.prod(shape)), int(np.prod(input_shape))
    if m * n > EXPLICIT:
        return LinearOperator((m, n), dtype=np.float64,
                              matvec=lambda x: pushforward(x.reshape(input_shape)).ravel(),
                              rmatvec=lambda y: pullback(y.reshape(shape)).ravel())
    if n <= m:
        columns = [pushforward(e.reshape(input_shape)).ravel() for e in np.eye(n)]
        return np.stack(columns, axis=1) if np.any(columns) else ZERO
    rows = [pullback(e.reshape(shape)).ravel() for e in np.eye(m)]
    return np.stack(rows) if np.any(rows) else ZERO


def _common_rows(shape, other):
    """Number of rows into which both arrays fall, each with few entries a row; None if there is none.

    (q·d,) and (q, d) have the q rows of the second in common; two arrays with long rows but of one
    size are taken entry by entry.
    """
    if not len(shape) or not len(other):
        return None
    n, sizes = min(shape[0], other[0]), (int(np.prod(shape)), int(np.prod(other)))
    if n == 0 or sizes[0] % n or sizes[1] % n or max(sizes) // n > ROW_ENTRIES:
        return sizes[0] if sizes[0] == sizes[1] > 0 else None
    return n


def random_like(rng, at):
    """Random numbers of the size of the entries of `at`, of size 1 where those are 0."""
    size = np.where(at == 0.0, 1.0, np.abs(at))
    return size * rng.uniform(0.5, 1.5, at.shape) * rng.choice([-1.0, 1.0], at.shape)


def same(a, b):
    """Whether two arrays agree to rounding; columns (the last axis) may have different units."""
    size = np.abs(b)
    largest = size.max(axis=0, initial=0.0) if size.ndim > 1 else size.max(initial=0.0)
    return bool(np.all(np.abs(a - b) <= POINTWISE * size + CANCELLED * largest))

"""Glue between nodes: a piece of the traced graph, with its first and second derivatives.

Between nodes a model is mostly pointwise (a slice, a shift, an exponential, a product of two
fields): value number i of the output depends on row i of the inputs alone. Such a Jacobian is found
from as many forward products as a row has entries, and one more product with random numbers shows
whether it is all there is; the same for the Hessian. What is not pointwise becomes an explicit matrix
where one side is short, and otherwise an operator that is applied product by product.
"""

import functools

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import LinearOperator

from pcl.tangent import block_diagonal, diagonal_matrix, total

# A row of at most so many entries is probed entry by entry.
ROW_ENTRIES = 16

# Agreement of J r with its pointwise part, relative to each entry and to the largest one: rounding of
# a few operations, also where terms cancel. The probes have the size of the variables, so what is
# judged is the effect of a coupling, not its unit.
POINTWISE = 1e-12
CANCELLED = 4e-15

# An explicit Jacobian or Hessian block holds at most so many entries (32 MB).
EXPLICIT = 4_000_000


class Piece:
    """a = g(x_d for d in deps): some tensors of the graph as functions of its variables.

    Attributes
    ----------
    deps : list of int
        Numbers of the variables that the outputs depend on.

    With `scalar` the one output is an objective: its adjoint is 1 and `bars` are left out.
    """

    def __init__(self, graph, outputs, scalar=False):
        self.outputs = list(outputs)
        self._glue, self.deps, self._constants = graph.glue(self.outputs, scalar)
        self._constant_jacobian = self._constant_curvature = self._offsets = None
        self._scalar = scalar

    def value(self, values):
        """The outputs, given the values of all variables."""
        if not self.outputs:
            return []
        if self._is_affine(values):
            return [self._affine(o, values) for o in range(len(self.outputs))]
        return self._glue.value(self._at(values), self._constants)

    def value_and_gradient(self, values):
        """The value of an objective and {d: its derivative in x_d}, in one call of TensorFlow."""
        value, *gradients = self._glue.value_and_gradient(self._at(values), self._constants)
        return value, dict(zip(self.deps, gradients))

    def pullback(self, values, bars=()):
        """{d: (∂a/∂x_d)ᵀ ā}."""
        if not self.outputs:
            return {}
        if self._is_affine(values):
            return self._affine_pullback(values, bars)
        return self._traced_pullback(values, bars)

    def _traced_pullback(self, values, bars):
        return dict(zip(self.deps, self._glue.pullback(self._at(values), self._constants, bars)))

    # --- affine glue, without TensorFlow ----------------------------------------------------
    def _is_affine(self, values):
        """Whether a = Σ_d J_d x_d + a₀ with constant sparse J_d, which are found when first asked."""
        if self._offsets is None:
            self._offsets = self._found_offsets(values) if self.deps and self._glue.is_affine else ()
        return bool(self._offsets)

    def _found_offsets(self, values):
        """a₀ of each output; none of them where a J_d is not sparse."""
        factors = [L for jacobian in self.jacobian(values) for L in jacobian.values()]
        if self._constant_jacobian is None or not all(sp.issparse(L) for L in factors):
            return ()
        at_zero = {d: np.zeros(values[d].shape) for d in self.deps}
        return tuple(self._glue.value(self._at(at_zero), self._constants))

    def _affine(self, o, values):
        result = self._offsets[o].copy()
        for d, L in self._constant_jacobian[o].items():
            result += (L @ values[d].ravel()).reshape(result.shape)
        return result

    def _affine_pullback(self, values, bars):
        result = {}
        for jacobian, bar in zip(self._constant_jacobian, bars):
            for d, L in jacobian.items():
                term = (L.T @ bar.ravel()).reshape(values[d].shape)
                result[d] = result[d] + term if d in result else term
        return result

    def _at(self, values):
        return [values[d] for d in self.deps]

    def _shapes(self, values):
        """Shapes of the outputs; where TensorFlow does not know them they may change with x."""
        if all(t.shape.is_fully_defined() for t in self.outputs):
            return [tuple(t.shape) for t in self.outputs]
        return [a.shape for a in self._glue.value(self._at(values), self._constants)]

    # --- tangents ------------------------------------------------------------------------------
    def jacobian(self, values, moving=None):
        """One dict {d: ∂a_o/∂x_d as a factor} for each output o; only d in `moving`, if given, matter."""
        if not self.outputs:
            return []
        if self._constant_jacobian is not None:
            return self._constant_jacobian
        if not self._glue.is_affine:
            return self._probe_jacobian(values, self.deps if moving is None else moving)
        self._constant_jacobian = self._probe_jacobian(values, self.deps)
        return self._constant_jacobian

    def _probe_jacobian(self, values, moving):
        jacobian, all_shapes = [{} for _ in self.outputs], self._shapes(values)
        for i, d in enumerate(self.deps):
            if d not in moving:
                continue
            outputs = [o for o in range(len(self.outputs)) if self._glue.connected(o, i)]
            shapes = [all_shapes[o] for o in outputs]
            forward = functools.partial(self._forward, values, d)
            for o, shape, block in zip(outputs, shapes, probe(forward, outputs, values[d], shapes)):
                one = _entry(forward, o)
                if block is None:
                    block = selection(one, shape, values[d])
                if block is None:
                    backward = functools.partial(self._backward, values, d, o)
                    block = explicit(one, backward, shape, values[d].shape)
                if block is not ZERO:
                    jacobian[o][d] = block
        return jacobian

    def _forward(self, values, d, tangents):
        """All outputs' tangents for each of the tangents of variable d."""
        shapes = self._shapes(values)
        results = self._glue.pushforward(self._at(values), self._constants, self.deps.index(d), tangents,
                                         shapes)
        return [[np.zeros(shape) if t is None else t for shape, t in zip(shapes, result)]
                for result in results]

    def _backward(self, values, d, o, bar):
        bars = [bar if i == o else np.zeros(shape) for i, shape in enumerate(self._shapes(values))]
        return self._traced_pullback(values, bars)[d]       # asked before J is known to be constant

    def tangents(self, values, tangents):
        """The tangents of the outputs from those of the variables, None where nothing moves."""
        return [total([tangents[d].left(L) for d, L in jacobian.items() if d in tangents])
                for jacobian in self.jacobian(values, tangents)]

    # --- curvature ----------------------------------------------------------------------------
    def add_curvature(self, plan, values, bars, tangents):
        """Add ⟨ā, g⟩'' between the tangents of the variables to the plan."""
        for (d, e), block in self.curvature(values, bars, tangents).items():
            if d in tangents and e in tangents:
                if d == e:
                    plan.add_square(tangents[d], block)
                else:
                    plan.add_mixed(tangents[d], block, tangents[e])

    def curvature(self, values, bars=(), moving=None):
        """{(d, e): ∂²⟨ā, g⟩/∂x_d∂x_e as a factor}, one of (d, e) and (e, d), zero blocks left out.

        Only d and e in `moving`, if given, matter.
        """
        if not self.outputs or self._glue.is_linear:
            return {}
        if self._constant_curvature is not None:
            return self._constant_curvature
        if not self._glue.has_constant_curvature:
            return self._probe_curvature(values, bars, self._moving(moving))
        self._constant_curvature = self._probe_curvature(values, bars, self.deps)
        return self._constant_curvature

    def _moving(self, moving):
        return self.deps if moving is None else [d for d in self.deps if d in moving]

    def _probe_curvature(self, values, bars, moving):
        blocks = self._separable_curvature(values, bars, moving)
        if blocks is not None:
            return blocks
        blocks = {}
        for j, e in enumerate(moving):
            targets = moving[:j + 1]
            shapes = [values[d].shape for d in targets]
            product = functools.partial(self._curvature_product, values, bars, e)
            for d, shape, block in zip(targets, shapes, probe(product, targets, values[e], shapes)):
                if block is None:
                    back = functools.partial(self._curvature_product, values, bars, d)
                    block = explicit(_entry(product, d), _entry(back, e), shape, values[e].shape)
                if block is not ZERO:
                    blocks[d, e] = block
        return blocks

    def _separable_curvature(self, values, bars, moving):
        """The blocks if the Hessian is one diagonal over all entries of all deps, else None."""
        rng = np.random.default_rng(0)
        random = {d: _random(rng, values[d]) for d in moving}
        ones = [np.ones(values[d].shape) for d in moving]
        diagonal, product = self._curvature_products(values, bars, moving, [ones, list(random.values())])
        if not all(_same(product[d], diagonal[d] * random[d]) for d in moving):
            return None
        return {(d, d): diagonal_matrix(diagonal[d].ravel()) for d in moving if np.any(diagonal[d])}

    def _curvature_product(self, values, bars, e, tangents):
        """∂²⟨ā, g⟩/∂x∂x_e ẋ_e for each of the tangents of variable e."""
        return self._curvature_products(values, bars, [e], [[t] for t in tangents])

    def _curvature_products(self, values, bars, moving, tangents):
        """{d: Σ_e ∂²⟨ā, g⟩/∂x_d∂x_e ẋ_e} for each list of tangents, one of each variable in `moving`."""
        moving = tuple(self.deps.index(d) for d in moving)
        results = self._glue.curvature(self._at(values), self._constants, bars, moving, tangents)
        return [{d: np.zeros(values[d].shape) if h is None else h for d, h in zip(self.deps, result)}
                for result in results]


ZERO = object()


def _entry(function, key):
    """Of a function of several tangents: output `key` for one of them."""
    return lambda x: function([x])[0][key]


def probe(forward, keys, at, output_shapes):
    """Pointwise Jacobian blocks of a linear map, from products with a few vectors.

    Parameters
    ----------
    forward : list of arrays of the shape of `at` -> list of arrays of `output_shapes` by key
    at : array
        The value of the variable, which gives the probes their size.

    Returns
    -------
    list
        For each key a sparse block-diagonal matrix, ZERO, or None where it is not pointwise.
    """
    by_rows, shape = {}, at.shape
    for i, (key, output_shape) in enumerate(zip(keys, output_shapes)):
        by_rows.setdefault(_common_rows(shape, output_shape), []).append((i, key))
    blocks = [None] * len(output_shapes)
    for n, group in by_rows.items():
        if n is not None:
            for (i, _), block in zip(group, _probe_rows(forward, [k for _, k in group], at, n)):
                blocks[i] = block
    return blocks


def _probe_rows(forward, keys, at, n):
    """Blocks of a map that may be block diagonal with n blocks."""
    shape, m = at.shape, at.size // n
    directions = np.zeros((m, n, m))
    directions[np.arange(m), :, np.arange(m)] = 1.0
    random = _random(np.random.default_rng(1), at).reshape(n, m)
    *columns, result = forward([t.reshape(shape) for t in (*directions, random)])
    return [_pointwise_block(key, columns, random, result) for key in keys]


def _pointwise_block(key, columns, random, result):
    """The block-diagonal Jacobian of output `key`, or None if J·random shows that there is more."""
    n = len(random)
    local = np.stack([c[key].reshape(n, -1) for c in columns], axis=2)  # (n, entries, m)
    expected = np.einsum("nij,nj->ni", local, random)
    if not _same(result[key].reshape(n, -1), expected):
        return None
    return block_diagonal(local) if np.any(local) else ZERO


def selection(forward, shape, at):
    """The matrix of a map whose outputs are entries of the input (slices, transposes), else None.

    Applied to 1, 2, …, n such a map tells where each entry comes from.
    """
    n = at.size
    source = forward(np.arange(1.0, n + 1.0).reshape(at.shape)).ravel()
    if not np.all(np.abs(source) <= n):
        return None
    index = np.rint(source).astype(np.int64)
    if not np.array_equal(index, source) or index.min(initial=0) < 0:
        return None
    rows = np.flatnonzero(index)
    matrix = sp.csr_array((np.ones(len(rows)), (rows, index[rows] - 1)), shape=(source.size, n))
    random = _random(np.random.default_rng(2), at)
    if not _same(forward(random).ravel(), matrix @ random.ravel()):
        return None
    return matrix if len(rows) else ZERO


def explicit(forward, backward, shape, input_shape):
    """A linear map as a dense matrix when that is small enough, else as an operator."""
    m, n = int(np.prod(shape)), int(np.prod(input_shape))
    if m * n > EXPLICIT:
        return LinearOperator((m, n), dtype=np.float64,
                              matvec=lambda x: forward(x.reshape(input_shape)).ravel(),
                              rmatvec=lambda y: backward(y.reshape(shape)).ravel())
    if n <= m:
        columns = [forward(e.reshape(input_shape)).ravel() for e in np.eye(n)]
        return np.stack(columns, axis=1) if np.any(columns) else ZERO
    rows = [backward(e.reshape(shape)).ravel() for e in np.eye(m)]
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


def _random(rng, at):
    """Random numbers of the size of the entries of `at`, of size 1 where those are 0."""
    size = np.where(at == 0.0, 1.0, np.abs(at))
    return size * rng.uniform(0.5, 1.5, at.shape) * rng.choice([-1.0, 1.0], at.shape)


def _same(a, b):
    """Whether two arrays agree to rounding; columns (the last axis) may have different units."""
    size = np.abs(b)
    largest = size.max(axis=0, initial=0.0) if size.ndim > 1 else size.max(initial=0.0)
    return bool(np.all(np.abs(a - b) <= POINTWISE * size + CANCELLED * largest))

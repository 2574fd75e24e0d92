"""What the peers in JAX share: network, P1 triangles, host solver, compiled derivatives.

Written to be strong opponents:

1. float64, everything jitted, index arrays computed once; a coefficient is summed over the
   quadrature points of a triangle before assembly (exact for P1, whose gradients are constant
   there), and matrices are applied triangle by triangle, so that no derivative forms an entry.
2. SciPy's SuperLU solves in a callback that keeps the last factorisation: state, adjoint and
   tangents share one, and a batch of tangents is one solve with many right-hand sides.
3. `hessian` may push the tangents through in batches, which keeps intermediates in cache and the
   memory bounded; with `batch=None` it is `jax.hessian` as it stands.
"""
import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import splu

from benchmarks import square

jax.config.update("jax_enable_x64", True)

POINTS = np.array([[4, 1, 1], [1, 4, 1], [1, 1, 4]]) / 6.0     # barycentric, each of weight 1/3


def layers(theta, widths):
    """Split the flat θ into [(W, b), ...]: layer by layer, W row-major, then b."""
    pairs, start = [], 0
    for n_in, n_out in zip(widths[:-1], widths[1:]):
        middle, stop = start + n_in * n_out, start + (n_in + 1) * n_out
        pairs.append((theta[start:middle].reshape(n_in, n_out), theta[middle:stop]))
        start = stop
    return pairs


def network(theta, x, widths=square.WIDTHS):
    """tanh network with a linear output: (q, widths[0]) → (q,)."""
    *hidden, (W, b) = layers(theta, widths)
    for V, c in hidden:
        x = jnp.tanh(x @ V + c)
    return (x @ W + b)[:, 0]


class Numbered:
    """Cells and the numbers of their unknowns, `cells` (t, m); fixed ones are numbered `size`."""

    cells: np.ndarray
    size: int

    def local(self, u):
        """u (size,), zero at fixed unknowns, of every cell: (t, m)."""
        return jnp.append(u, 0.0)[self.cells]

    def add_up(self, values):
        """Σ over cells of values (t, m): (size,)."""
        return jax.ops.segment_sum(values.ravel(), self.cells.ravel(), self.size + 1)[:-1]

    def pattern(self):
        """Rows and column starts of the stored entries, and the map (nnz, m² t) that adds them up."""
        n, m = self.size, self.cells.shape[1]
        rows, cols = np.repeat(self.cells, m, 1).ravel(), np.tile(self.cells, m).ravel()
        keep = np.flatnonzero((rows < n) & (cols < n))
        stored, slot = np.unique(cols[keep] * n + rows[keep], return_inverse=True)
        scatter = sp.csr_matrix((np.ones(keep.size), (slot, keep)), (stored.size, rows.size))
        starts = np.searchsorted(stored // n, np.arange(n + 1))
        return (stored % n).astype(np.int32), starts.astype(np.int32), scatter


class Triangles(Numbered):
    """Constant arrays of the P1 discretisation on an n × n × 2 mesh of the unit square.

    Attributes: `points` (q, 2), cell by cell; `cells` (t, 3) unknown numbers, boundary nodes
    numbered `size` (one past the end); `stiffness` (t, 3, 3), to be multiplied by the sum of κ over
    the three points of a triangle; `mass` (t, 3, 3), consistent; `load` (size,), for the source 1.
    """

    def __init__(self, n):
        mesh = square.mesh(n)
        corners = mesh.p.T[mesh.t.T]                                     # (t, 3, 2)
        interior = np.setdiff1d(np.arange(mesh.p.shape[1]), mesh.boundary_nodes())
        self.size = interior.size
        number = np.full(mesh.p.shape[1], self.size)
        number[interior] = np.arange(self.size)
        self.cells = number[mesh.t.T]
        self.points = (POINTS @ corners).reshape(-1, 2)
        edges = corners[:, [2, 0, 1]] - corners[:, [1, 2, 0]]            # opposite each corner
        area = 0.5 * np.abs(np.linalg.det(edges[:, :2]))
        self.stiffness = edges @ edges.transpose(0, 2, 1) / (12.0 * area[:, None, None])
        self.mass = area[:, None, None] / 12.0 * (1.0 + np.eye(3))
        self.load = np.bincount(self.cells.ravel(), np.repeat(area / 3, 3), self.size + 1)[:-1]


def scaled(matrices):
    """The map from factors c (t,) to the element matrices c_t A_t, flat: (9t, t)."""
    t = len(matrices)
    return sp.csr_matrix((matrices.ravel(), np.repeat(np.arange(t), 9), np.arange(9 * t + 1)))


class HostSolver:
    """SuperLU with the last factorisation kept; a batch of right-hand sides is one call.

    The matrix depends on a vector: `elements`, a sparse map from it to the element matrices, flat.
    """

    def __init__(self, grid, elements):
        self.rows, self.starts, scatter = grid.pattern()
        self.entries = (scatter @ elements).tocsr()
        self.size = grid.size
        self.coefficient = None
        self.factor = None

    def solve(self, coefficient, rhs, trans="N"):
        """A⁻¹ rhs inside JAX, or A⁻ᵀ rhs with trans="T"."""
        def call(c, b):
            return self(c, b, trans)
        return jax.pure_callback(call, jax.ShapeDtypeStruct(rhs.shape, rhs.dtype),
                                 coefficient, rhs, vmap_method="expand_dims")

    def __call__(self, coefficient, rhs, trans="N"):
        coefficient, rhs = np.asarray(coefficient), np.asarray(rhs)
        self._refactor(coefficient.reshape(-1, coefficient.shape[-1]))
        return self.factor.solve(rhs.reshape(-1, self.size).T, trans).T.reshape(rhs.shape)

    def _refactor(self, coefficient):
        if len(coefficient) != 1:
            raise ValueError(f"one matrix at a time, but {len(coefficient)} were given")
        if self.coefficient is None or not np.array_equal(coefficient[0], self.coefficient):
            self.coefficient = coefficient[0].copy()
            A = sp.csc_matrix((self.entries @ self.coefficient, self.rows, self.starts),
                              (self.size, self.size))
            self.factor = splu(A, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0,
                               options={"SymmetricMode": True})


class Derivatives:
    """Compiled `loss`, `gradient`, `hvp` and `hessian` of loss(θ, *constants) with respect to θ."""

    def __init__(self, loss, batch=None):
        self.batch = batch
        self._value = loss
        self._loss = jax.jit(loss)
        self._gradient = jax.jit(jax.grad(loss))
        self._hvp = jax.jit(self._hvp_of)
        self._hessian = jax.jit(self._hessian_of)

    def loss(self, theta, *constants):
        return float(self._loss(theta, *constants))

    def gradient(self, theta, *constants):
        return np.asarray(self._gradient(theta, *constants))

    def hvp(self, theta, v, *constants):
        return np.asarray(self._hvp(theta, v, *constants))

    def hessian(self, theta, *constants):
        return np.asarray(self._hessian(theta, *constants))

    def _hvp_of(self, theta, v, *constants):
        return jax.jvp(lambda t: jax.grad(self._value)(t, *constants), (theta,), (v,))[1]

    def _hessian_of(self, theta, *constants):
        if self.batch is None:
            return jax.hessian(self._value)(theta, *constants)
        _, product = jax.linearize(lambda t: jax.grad(self._value)(t, *constants), theta)
        return jax.lax.map(product, jnp.eye(theta.size), batch_size=self.batch)

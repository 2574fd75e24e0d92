"""The peer in JAX: a conductivity network inside a P1 Poisson problem, with jax.hessian.

    minimise  Σ_i (u_i − u_obs,i)²   subject to   −∇·(κ_θ ∇u) = 1 in (0, 1)²,  u = 0 on the boundary

κ_θ = MLP(2, 20, 20, 20, 1) + 0.5 at three quadrature points per triangle, tanh, and u_obs the
solution for κ = 1/(1 + x² + y²) + 1. Written to be a strong opponent:

1. float64, everything jitted, index arrays computed once; κ is summed over the quadrature points
   of a triangle before assembly (exact for P1, whose gradients are constant there).
2. `jax.lax.custom_linear_solve` gives the implicit derivatives. The matrix-vector product inside
   it works triangle by triangle, so that no derivative ever forms matrix entries.
3. SciPy's SuperLU solves in a callback that keeps the last factorisation: state, adjoint and
   tangents share one, and a batch of tangents is one solve with many right-hand sides.
4. `hessian` may push the tangents through in batches, which keeps intermediates in cache and the
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


def layers(theta, widths=square.WIDTHS):
    """Split the flat θ into [(W, b), ...]: layer by layer, W row-major, then b."""
    pairs, start = [], 0
    for n_in, n_out in zip(widths[:-1], widths[1:]):
        middle, stop = start + n_in * n_out, start + (n_in + 1) * n_out
        pairs.append((theta[start:middle].reshape(n_in, n_out), theta[middle:stop]))
        start = stop
    return pairs


def network(theta, x):
    """tanh network with a linear output: (q, 2) → (q,)."""
    *hidden, (W, b) = layers(theta)
    for V, c in hidden:
        x = jnp.tanh(x @ V + c)
    return (x @ W + b)[:, 0]


class Triangles:
    """Constant arrays of the P1 discretisation on an n × n × 2 mesh of the unit square.

    Attributes: `points` (q, 2), cell by cell; `cells` (t, 3) unknown numbers, boundary nodes
    numbered `size` (one past the end); `stiffness` (t, 3, 3), to be multiplied by the sum of κ over
    the three points of a triangle; `load` (size,), for the source 1.
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
        self.load = np.bincount(self.cells.ravel(), np.repeat(area / 3, 3), self.size + 1)[:-1]

    def matrix_map(self):
        """Rows and columns of the stored entries of A, and the sparse map from Σκ to them."""
        n, t = self.size, len(self.cells)
        rows, cols = np.repeat(self.cells, 3, 1).ravel(), np.tile(self.cells, 3).ravel()
        keep = (rows < n) & (cols < n)
        pattern, slot = np.unique(cols[keep] * n + rows[keep], return_inverse=True)
        cell = np.repeat(np.arange(t), 9)[keep]
        shape = (pattern.size, t)
        entries = sp.csr_matrix((self.stiffness.ravel()[keep], (slot, cell)), shape)
        return pattern % n, pattern // n, entries


class HostSolver:
    """SuperLU with the last factorisation kept; a batch of right-hand sides is one call."""

    def __init__(self, grid):
        rows, cols, self.entries = grid.matrix_map()
        self.rows = rows.astype(np.int32)
        self.starts = np.searchsorted(cols, np.arange(grid.size + 1)).astype(np.int32)
        self.size = grid.size
        self.coefficient = None
        self.factor = None

    def __call__(self, coefficient, rhs):
        coefficient, rhs = np.asarray(coefficient), np.asarray(rhs)
        self._refactor(coefficient.reshape(-1, coefficient.shape[-1]))
        return self.factor.solve(rhs.reshape(-1, self.size).T).T.reshape(rhs.shape)

    def _refactor(self, coefficient):
        if len(coefficient) != 1:
            raise ValueError(f"one matrix at a time, but {len(coefficient)} were given")
        if self.coefficient is None or not np.array_equal(coefficient[0], self.coefficient):
            self.coefficient = coefficient[0].copy()
            A = sp.csc_matrix((self.entries @ self.coefficient, self.rows, self.starts),
                              (self.size, self.size))
            self.factor = splu(A, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0,
                               options={"SymmetricMode": True})


class Poisson:
    """The problem on an n × n × 2 mesh; `loss`, `gradient`, `hvp`, `hessian` of a flat θ (921,)."""

    def __init__(self, n, batch=None):
        self.grid = Triangles(n)
        self.host = HostSolver(self.grid)
        truth = square.kappa_true(self.grid.points).reshape(-1, 3).sum(1)
        self.data = self._solve(truth)
        self.batch = batch
        self._loss = jax.jit(self._loss_of)
        self._gradient = jax.jit(jax.grad(self._loss_of))
        self._hvp = jax.jit(lambda theta, v: jax.jvp(jax.grad(self._loss_of), (theta,), (v,))[1])
        self._hessian = jax.jit(self._hessian_of)

    def loss(self, theta):
        return float(self._loss(theta))

    def gradient(self, theta):
        return np.asarray(self._gradient(theta))

    def hvp(self, theta, v):
        return np.asarray(self._hvp(theta, v))

    def hessian(self, theta):
        return np.asarray(self._hessian(theta))

    def _apply(self, coefficient, u):
        """A(κ) u, triangle by triangle; u is zero at boundary nodes."""
        cells = self.grid.cells
        local = jnp.append(u, 0.0)[cells]                                # (t, 3)
        local = jnp.einsum("tij,tj->ti", self.grid.stiffness, local) * coefficient[:, None]
        return jax.ops.segment_sum(local.ravel(), cells.ravel(), self.grid.size + 1)[:-1]

    def _solve(self, coefficient):
        def solve(_, rhs):
            return jax.pure_callback(self.host, jax.ShapeDtypeStruct(rhs.shape, rhs.dtype),
                                     coefficient, rhs, vmap_method="expand_dims")

        def matvec(u):
            return self._apply(coefficient, u)

        return jax.lax.custom_linear_solve(matvec, self.grid.load, solve, symmetric=True)

    def _loss_of(self, theta):
        kappa = network(theta, self.grid.points) + 0.5
        u = self._solve(kappa.reshape(-1, 3).sum(1))
        return jnp.sum((u - self.data)**2)

    def _hessian_of(self, theta):
        if self.batch is None:
            return jax.hessian(self._loss_of)(theta)
        _, product = jax.linearize(jax.grad(self._loss_of), theta)
        return jax.lax.map(product, jnp.eye(theta.size), batch_size=self.batch)

"""The peer in JAX: Young's modulus as a network inside P2 elasticity, with jax.hessian.

    minimise  Σ_i (u_i − u_obs,i)²   subject to   −∇·σ = 0,  σ = E_θ (λ ∇·u I + 2μ ε(u)) in (0, 1)²,

u = 0 on the left, σn = (0, −0.1) on the right. E_θ = MLP(2, 20, 20, 20, 1) + 0.5 at the six quadrature
points of a triangle, u_obs the solution for E = 1/(1 + x² + y²) + 1. Element matrices for E = 1 at each
point are computed once, applied triangle by triangle; the rest as in `benchmarks.jax_fem`.
"""
import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp

import fem
from benchmarks import square
from benchmarks.jax_fem import Derivatives, HostSolver, Numbered, network
from benchmarks.pcl_elasticity import LAM, MU, PULL, mesh


class Elements(Numbered):
    """Constant arrays: `points` (q, 2); `cells` (t, 12), numbers of free unknowns, fixed ones past the
    end; `stiffness` (t, 6, 12, 12) for E = 1 at each point; `load` (size,)."""

    def __init__(self, n):
        V = fem.Space(mesh(n), fem.vector("P2"))
        fixed = V.boundary_dofs("left")
        self.free = np.setdiff1d(np.arange(V.n), fixed)
        self.size, self.points = self.free.size, V.quadrature_points
        number = np.full(V.n, self.size)
        number[self.free] = np.arange(self.size)
        cells = V.cell_dofs                                                 # (12, t)
        self.cells = number[cells.T]
        t, k = V.n_cells, V.points_per_cell
        rows = V.cells.rows("u", "gradient")                                # (q · 4, n)
        table = np.stack([np.asarray(rows[np.arange(rows.shape[0]), np.repeat(d, 4 * k)]).ravel()
                          for d in cells]).reshape(12, t, k, 2, 2)
        strain = 0.5 * (table + np.swapaxes(table, -1, -2))
        divergence = np.trace(table, axis1=-2, axis2=-1)
        w = V.quadrature_weights.reshape(t, k)
        self.stiffness = (LAM * np.einsum("tk,itk,jtk->tkij", w, divergence, divergence)
                          + 2.0 * MU * np.einsum("tk,itkcd,jtkcd->tkij", w, strain, strain))
        right = V.facet_points("right")
        full = right.scatter("u", "value").matrix @ np.tile(PULL, len(right.weights))
        self.load = full[self.free]

    def scaled(self):
        """The map from E (q,) to the element matrices, flat: (144 t, q)."""
        t, k, m, _ = self.stiffness.shape
        entry = np.arange(t * m * m).reshape(t, 1, m * m)
        rows = np.broadcast_to(entry, (t, k, m * m))
        columns = np.broadcast_to(np.arange(t * k).reshape(t, k, 1), rows.shape)
        entries = self.stiffness.ravel(), (rows.ravel(), columns.ravel())
        return sp.csr_matrix(entries, (t * m * m, t * k))


class Elasticity:
    """The problem on an n × n × 2 mesh; `loss`, `gradient`, `hvp`, `hessian` of a flat θ (921,)."""

    def __init__(self, n, batch=None):
        self.grid = Elements(n)
        self.host = HostSolver(self.grid, self.grid.scaled())
        self.stiffness = jnp.asarray(self.grid.stiffness)
        self.data = self._solve(square.kappa_true(self.grid.points))
        derivatives = Derivatives(self._loss_of, batch)
        self.loss, self.gradient = derivatives.loss, derivatives.gradient
        self.hvp, self.hessian = derivatives.hvp, derivatives.hessian

    def _solve(self, E):
        """u at the free unknowns for E at the points (q,)."""
        at = E.reshape(self.stiffness.shape[:2])

        def matvec(u):
            return self.grid.add_up(jnp.einsum("tkij,tk,tj->ti", self.stiffness, at, self.grid.local(u)))

        def solve(_, rhs):
            return self.host.solve(E, rhs)
        return jax.lax.custom_linear_solve(matvec, self.grid.load, solve, symmetric=True)

    def _loss_of(self, theta):
        return jnp.sum((self._solve(network(theta, self.grid.points) + 0.5) - self.data)**2)

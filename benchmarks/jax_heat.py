"""The peer in JAX for the march: backward Euler by `jax.lax.scan`, one factorisation a θ.

The problem is stated in `benchmarks.heat`; what makes the peer strong, in `benchmarks.jax_fem`.
Here also:

1. Every step is a `jax.lax.custom_linear_solve` with the same matrix, so that derivatives of the
   scan are scans of solves; the callback recognises the matrix and factorises once a θ for all
   steps, adjoints and tangents.
2. The matrix is known to the host by the conductivity alone, M/Δt being added there.
"""
import jax
import jax.numpy as jnp
import scipy.sparse as sp

from benchmarks import heat, square
from benchmarks.jax_fem import Derivatives, HostSolver, Triangles, network, scaled


class Heat:
    """The problem on an n × n × 2 mesh; `loss`, `gradient`, `hvp`, `hessian` of a flat θ (921,)."""

    def __init__(self, n, steps, batch=None):
        self.grid = Triangles(n)
        self.steps, self.observed = steps, heat.observed_steps(steps) - 1
        self.mass = self.grid.mass / (heat.FINAL_TIME / steps)
        constant = sp.csr_matrix(self.mass.reshape(-1, 1))
        self.host = HostSolver(self.grid, sp.hstack([scaled(self.grid.stiffness), constant]))
        self.data = self._march(square.kappa_true(self.grid.points))
        derivatives = Derivatives(self._loss_of, batch)
        self.loss, self.gradient = derivatives.loss, derivatives.gradient
        self.hvp, self.hessian = derivatives.hvp, derivatives.hessian

    def _march(self, kappa):
        """u at the observed times (m, size), from u = 0, for κ at the points (q,)."""
        summed = kappa.reshape(-1, 3).sum(1)
        coefficient = jnp.append(summed, 1.0)

        def matvec(u):
            local = self.grid.local(u)
            flux = jnp.einsum("tij,tj->ti", self.grid.stiffness, local) * summed[:, None]
            return self.grid.add_up(flux + jnp.einsum("tij,tj->ti", self.mass, local))

        def solve(_, rhs):
            return self.host.solve(coefficient, rhs)

        def step(u, _):
            storage = jnp.einsum("tij,tj->ti", self.mass, self.grid.local(u))
            rhs = self.grid.load + self.grid.add_up(storage)
            u = jax.lax.custom_linear_solve(matvec, rhs, solve, symmetric=True)
            return u, u

        return jax.lax.scan(step, jnp.zeros(self.grid.size), length=self.steps)[1][self.observed]

    def _loss_of(self, theta):
        kappa = network(theta, self.grid.points) + 0.5
        return jnp.sum((self._march(kappa) - self.data)**2)

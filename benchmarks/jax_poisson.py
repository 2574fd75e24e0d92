"""The peer in JAX: a conductivity network inside a P1 Poisson problem, with jax.hessian.

    minimise  Σ_i (u_i − u_obs,i)²   subject to   −∇·(κ_θ ∇u) = 1 in (0, 1)²,  u = 0 on the boundary

κ_θ = MLP(2, 20, 20, 20, 1) + 0.5 at three quadrature points per triangle, tanh, and u_obs the
solution for κ = 1/(1 + x² + y²) + 1. What makes it a strong opponent stands in `benchmarks.jax_fem`;
`jax.lax.custom_linear_solve` gives the implicit derivatives.
"""
import jax
import jax.numpy as jnp

from benchmarks import square
from benchmarks.jax_fem import Derivatives, HostSolver, Triangles, network, scaled


class Poisson:
    """The problem on an n × n × 2 mesh; `loss`, `gradient`, `hvp`, `hessian` of a flat θ (921,)."""

    def __init__(self, n, batch=None):
        self.grid = Triangles(n)
        self.host = HostSolver(self.grid, scaled(self.grid.stiffness))
        self.data = self._solve(square.kappa_true(self.grid.points))
        derivatives = Derivatives(self._loss_of, batch)
        self.loss, self.gradient = derivatives.loss, derivatives.gradient
        self.hvp, self.hessian = derivatives.hvp, derivatives.hessian

    def _solve(self, kappa):
        """u for κ at the points (q,)."""
        coefficient = kappa.reshape(-1, 3).sum(1)

        def matvec(u):
            local = jnp.einsum("tij,tj->ti", self.grid.stiffness, self.grid.local(u))
            return self.grid.add_up(local * coefficient[:, None])

        def solve(_, rhs):
            return self.host.solve(coefficient, rhs)

        return jax.lax.custom_linear_solve(matvec, self.grid.load, solve, symmetric=True)

    def _loss_of(self, theta):
        kappa = network(theta, self.grid.points) + 0.5
        return jnp.sum((self._solve(kappa) - self.data)**2)

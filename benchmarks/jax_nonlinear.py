"""The peer in JAX for the nonlinear equation: implicit derivatives of a root, sparse solves.

The problem is stated in `benchmarks.nonlinear`; what makes the peer strong, in
`benchmarks.jax_fem`. Here also:

1. Newton's method runs once a θ, outside the derivatives, on compiled residuals and element
   matrices, with the start and the stopping test of our side.
2. The root enters the loss through `jax.custom_jvp`: its rule, u̇ = −R_u⁻¹ R_θ θ̇, refers to the
   root again and holds at any order; no derivative passes through Newton's iterations.
3. R_u⁻¹ is a `jax.lax.custom_linear_solve` with its transpose; the element matrices of R_u are
   written out from κ and κ′, one forward derivative of the network for all points.
"""
import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp

from benchmarks import nonlinear
from benchmarks.jax_fem import POINTS, Derivatives, HostSolver, Triangles, network


def conductivity(theta, u):
    """κ_θ(u) = softplus(MLP(u)) + floor, (q,) → (q,)."""
    return jax.nn.softplus(network(theta, u[:, None], nonlinear.WIDTHS)) + nonlinear.FLOOR


class Nonlinear:
    """The problem on an n × n × 2 mesh; `loss`, `gradient`, `hvp`, `hessian` of a flat θ (901,)."""

    def __init__(self, n, batch=None):
        self.grid = Triangles(n)
        self.host = HostSolver(self.grid, sp.identity(self.grid.cells.size * 3, format="csr"))
        self.observed = nonlinear.observed(self.grid.size)
        self._linearised = jax.jit(lambda theta, u: self._system(
            lambda s: conductivity(theta, s), u))
        true_system = jax.jit(lambda u: self._system(nonlinear.kappa_true, u))
        self.data = self._newton(true_system)[self.observed]
        self._root = jax.custom_jvp(lambda theta, root: root)
        self._root.defjvp(self._sensitivity)
        self._of = Derivatives(self._loss_of, batch)

    def loss(self, theta):
        return self._of.loss(theta, self.state(theta))

    def gradient(self, theta):
        return self._of.gradient(theta, self.state(theta))

    def hvp(self, theta, v):
        return self._of.hvp(theta, v, self.state(theta))

    def hessian(self, theta):
        return self._of.hessian(theta, self.state(theta))

    def state(self, theta):
        """u with R(u, θ) = 0."""
        return self._newton(lambda u: self._linearised(theta, u))

    def _newton(self, system):
        u = np.zeros(self.grid.size)
        for _ in range(nonlinear.MAXITER):
            residual, matrices = system(u)
            step = self.host(matrices, residual)
            u = u - step
            if np.abs(step).max() <= nonlinear.TOLERANCE * np.abs(u).max():
                return u
        raise RuntimeError(f"no root after {nonlinear.MAXITER} full Newton steps")

    def _residual(self, kappa, u):
        """R(u) = Σ_t κ_t K_t u_t − f with κ_t the sum of κ(u) over the points of a triangle."""
        local = self.grid.local(u)                                       # (t, 3)
        flux = jnp.einsum("tij,tj->ti", self.grid.stiffness, local)
        at_points = kappa((local @ POINTS.T).ravel()).reshape(-1, 3)
        return self.grid.add_up(at_points.sum(1)[:, None] * flux) - nonlinear.SOURCE * self.grid.load

    def _matrices(self, kappa, u):
        """κ_t K_t + (K_t u_t) ⊗ Σ_q κ′(u_q) N(x_q), flat: (9t,)."""
        local = self.grid.local(u)
        flux = jnp.einsum("tij,tj->ti", self.grid.stiffness, local)
        at_points = (local @ POINTS.T).ravel()
        value, slope = (a.reshape(-1, 3) for a in
                        jax.jvp(kappa, (at_points,), (jnp.ones_like(at_points),)))
        return (value.sum(1)[:, None, None] * self.grid.stiffness
                + flux[:, :, None] * (slope @ POINTS)[:, None, :]).ravel()

    def _system(self, kappa, u):
        return self._residual(kappa, u), self._matrices(kappa, u)

    def _sensitivity(self, primals, tangents):
        theta, root = primals
        u = self._root(theta, root)
        _, change = jax.jvp(lambda t: self._residual(lambda s: conductivity(t, s), u),
                            (theta,), tangents[:1])
        matrices = self._matrices(lambda s: conductivity(theta, s), u)
        return u, -self._solve(matrices, change)

    def _solve(self, matrices, rhs):
        def matvec(v):
            local = jnp.einsum("tij,tj->ti", matrices.reshape(-1, 3, 3), self.grid.local(v))
            return self.grid.add_up(local)

        return jax.lax.custom_linear_solve(
            matvec, rhs, lambda _, b: self.host.solve(matrices, b),
            lambda _, b: self.host.solve(matrices, b, "T"))

    def _loss_of(self, theta, root):
        return jnp.sum((self._root(theta, root)[self.observed] - self.data)**2)

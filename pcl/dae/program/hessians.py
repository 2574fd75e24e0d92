"""Approximate Hessians of the Lagrangian of a collocated program.

    W = σ ∇²f + Σ λ ∇²(equations) − Σ λ ∇²z(a; θ),      a the inputs of the laws
"""

from typing import Any

import numpy as np

from pcl.support.types import Array

_SKIP = 1e-8    # of |r||s|: an update with a smaller |rᵀs| is left out (Nocedal and Wright 2006, (6.26))


class GaussNewton:
    """W ≈ σ ∇²f: the curvature of all constraints and observables is dropped. Positive semidefinite.

    This is the Gauss–Newton matrix of the sequential way, too. No multipliers enter. Far from the data it
    is a poor model, at a perfect fit (λ = 0) exact.
    """

    def __init__(self, program):
        self._program = program

    def at(self, x: Array, lam: Array, sigma: float) -> Any:
        """σ ∇²f, a `StructuredHessian`."""
        return self._program.gauss_newton(x, sigma)

    def accepted(self, x_old: Array, x_new: Array, lam: Array, sigma: float) -> None:
        """Nothing to remember."""

    def fresh(self) -> "GaussNewton":
        """Itself."""
        return self


class Hybrid:
    """W with the weights' block −Σ λ ∂²z/∂θ² of each law replaced by a quasi-Newton matrix B.

    Exact: misfit, equations and paths, ∂²z/∂a² and ∂²z/∂a∂θ of the laws, the penalties of θ. Only B is
    approximate. After a step from (x, θ) to (x⁺, θ⁺) with new multipliers λ⁺,

        s = θ⁺ − θ,      y = g(θ⁺) − g(θ),      g(θ) = −Σ λ⁺ ∂z(a⁺; θ)/∂θ

    both gradients at the new inputs a⁺ and multipliers: y is the mean of the block's curvature along s,
    without what the trajectories or the multipliers changed. The block is indefinite in general,
    hence the symmetric rank-one update

        B⁺ = B + r rᵀ / rᵀs,      r = y − B s,      B = 0 at the beginning,

    left out where |rᵀs| < 1e-8 |r||s|. Before an update, B is multiplied by |λ⁺|/|λ|
    over the rows of the law, as the block is linear in λ. The interior point corrects the inertia.

    Source: J. Nocedal and S. J. Wright, Numerical Optimization (2nd ed. 2006), section 6.2; structured
    secant conditions: J. E. Dennis, H. J. Martinez and R. A. Tapia, J. Optim. Theory Appl. 61 (1989).
    """

    def __init__(self, program):
        self._program = program
        self._blocks = [np.zeros((size, size)) for size in program.rows.sizes]
        self._sizes = None

    def at(self, x: Array, lam: Array, sigma: float) -> Any:
        """W, a `StructuredHessian`."""
        return self._program.hessian(x, lam, sigma, weights=self._blocks)

    def accepted(self, x_old: Array, x_new: Array, lam: Array, sigma: float) -> None:
        """Take the pair of a step."""
        program = self._program
        old, new = program.rows.parameters(x_old), program.rows.parameters(x_new)
        before, after = (program.weight_gradients(x_new, thetas, lam) for thetas in (old, new))
        self._rescale(lam)
        self._blocks = [_updated(B, b - a, h - g)
                        for B, a, b, g, h in zip(self._blocks, old, new, before, after)]

    def fresh(self) -> "Hybrid":
        """The same without pairs."""
        return Hybrid(self._program)

    def _rescale(self, lam):
        local = self._program.rows.split(lam)[0]
        sizes = [np.linalg.norm(local[:, law]) for law in self._program.rows.laws]
        if self._sizes is not None:
            self._blocks = [B * (now / then) if then > 0.0 else B
                            for B, now, then in zip(self._blocks, sizes, self._sizes)]
        self._sizes = sizes


def _updated(B, s, y):
    """The symmetric rank-one update; B is not changed in place, as backends compare objects."""
    r = y - B @ s
    denominator = r @ s
    if abs(denominator) <= _SKIP * np.linalg.norm(r) * np.linalg.norm(s):
        return B
    return B + np.outer(r, r / denominator)


_STRATEGIES = {"gauss-newton": GaussNewton, "hybrid": Hybrid}
HESSIANS = ("exact", "limited-memory", *_STRATEGIES)


def strategy(name, program):
    """`hessian` for `interior_point.solve`: an object for "gauss-newton", "hybrid", else `name`."""
    return _STRATEGIES[name](program) if isinstance(name, str) and name in _STRATEGIES else name

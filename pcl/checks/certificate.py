"""A derivative certificate: everything that can be checked about the derivatives at one θ."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from pcl.checks.report import DerivativeReport
from pcl.checks.taylor import check_gradient, check_hessian
from pcl.support.interface import FAILURES

# Adjoint identities and the two directions of the Hessian must agree to this, relative.
AGREEMENT = 1e-9
# How far from a stationary θ the gradient is checked, in sizes of the blocks of θ.
_BESIDE = 1e-2


@dataclass(frozen=True, eq=False)
class Certificate:
    """The checks of one problem at one θ.

    Attributes
    ----------
    gradient, hessian : DerivativeReport
        Slopes; the second also holds the symmetry of H and H d against the product with d. At a
        minimum there is no gradient to see: the first is then of a point a hundredth beside θ.
    adjoint_error : float
        Largest relative difference of ⟨Op x, y⟩ and ⟨x, Opᵀ y⟩ over all solves and networks.
    directions_error : float
        Relative difference of the Hessian by tangents and by W carried backwards.
    """

    gradient: DerivativeReport
    hessian: DerivativeReport
    adjoint_error: float
    directions_error: float

    @property
    def ok(self):
        """Whether every check passed."""
        return (self.gradient.ok and self.hessian.ok and self.adjoint_error <= AGREEMENT
                and self.directions_error <= AGREEMENT)

    def __repr__(self):
        return str(self)

    def __str__(self):
        return "\n".join([
            f"derivative certificate: {'passed' if self.ok else 'FAILED'}",
            f"  {self.gradient.verdict}", f"  {self.hessian.verdict}",
            f"  adjoint identity of solves and networks: {self.adjoint_error:.1e}",
            f"  Hessian forward against backward: {self.directions_error:.1e}"])


def certify(problem, theta=None, directions=2, seed=0):
    """The `Certificate` of a `Problem` at θ (its start by default)."""
    theta = problem.theta0 if theta is None else theta
    forward, backward = (problem.hessian(theta, mode=mode) for mode in ("forward", "backward"))
    return Certificate(
        _gradient(problem, theta, directions, seed), check_hessian(problem, theta, directions, seed),
        problem.adjoint_error(theta, seed),
        _relative(forward, backward))


def _gradient(problem, theta, directions, seed):
    """Check of the gradient at θ; where θ is stationary, which tells little, a hundredth beside it."""
    here = check_gradient(problem, theta, directions, seed)
    if not here.stationary:
        return here
    theta = problem.ravel(theta) if isinstance(theta, Mapping) else np.asarray(theta, dtype=np.float64)
    size = np.concatenate([np.full(theta[s].size, np.sqrt(np.mean(theta[s] ** 2)) or 1.0)
                           for s in problem.slices.values() if theta[s].size])
    try:
        shift = _BESIDE * size * np.random.default_rng(seed).choice([-1.0, 1.0], theta.size)
        beside = check_gradient(problem, theta + shift, directions, seed)
    except FAILURES:
        return here
    return replace(beside, verdict=f"{beside.verdict} (gradient, 1 % beside a stationary theta)")


def adjoint_error(plan, seed):
    """max |⟨Op x, y⟩ − ⟨x, Opᵀ y⟩| / (|Op x| |y|) over the bases of a plan."""
    worst, rng = 0.0, np.random.default_rng(seed)
    for base in plan.bases:
        if base.rhs is not None:
            y = rng.normal(size=base.size)
            n = next(iter(base.rhs.terms.values())).shape[0]
            x = rng.normal(size=n)
            image = base.pushforward(x)
            scale = np.linalg.norm(image) * np.linalg.norm(y)
            worst = max(worst, abs(image @ y - x @ base.pullback(y)) / max(scale, 1e-300))
    return float(worst)


def _relative(a, b):
    scale = np.abs(a).max(initial=0.0)
    return float(np.abs(a - b).max(initial=0.0) / scale) if scale else 0.0

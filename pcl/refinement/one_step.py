"""From θ to the minimum of its loss, by the quadratic model there: the step, and how sharp it is."""

import dataclasses

import numpy as np
import scipy.linalg

from pcl.training.run.evaluator import Counts, LossEvaluator, EvaluatedTheta
from pcl.uncertainty.covariance import determined, share, sizes

CURVED = 300            # parameters up to which a Gauss–Newton step is made a Newton step
CUT_BY_NEGATIVE = 0.1   # of the largest eigenvalue at most: what the most negative one makes doubtful
_ROUNDING = 10 * np.finfo(np.float64).eps


@dataclasses.dataclass(frozen=True, eq=False)
class OneStep:
    """The quadratic model of ℓ around θ, on the directions that are determined.

    Attributes
    ----------
    delta : ndarray (p,), from θ to the model's minimum
    factor : ndarray (p, k), the covariance of θ is s² F Fᵀ
    seen : ndarray (p,), share of each parameter that is determined, from 0 to 1
    noise : float or None, s as the residuals have it
    gradient : float, |dℓ/dθ|
    remarks : tuple of str, what the model lacks
    """

    delta: np.ndarray
    factor: np.ndarray
    seen: np.ndarray
    noise: float | None
    gradient: float
    remarks: tuple

    def error(self, J, s):
        """Standard errors (q,) of functions with Jacobian J (q, p), for the noise s."""
        return s * np.linalg.norm(J @ self.factor, axis=1)

    @property
    def errors(self):
        """|F| (p,): standard errors of the parameters in units of s."""
        return np.linalg.norm(self.factor, axis=1)


def one_step(problem, theta):
    """The `OneStep` of a problem at θ.

        residuals   δ = −F M⁻¹ Uᵀ r,   J = U diag(σ) Vᵀ D,  F = D⁻¹ V diag(1/σ),  M = Fᵀ (∇²ℓ/2) F
        a loss      δ = −H⁺ ∇ℓ,        H = ∇²ℓ

    M, which is I for small residuals, is taken where J has full rank, p ≤ 300 and M > 0, else I: the
    Gauss–Newton step of least length. H⁺ leaves out eigenvalues below rounding and below the size of the
    most negative one. Cost: one Jacobian with its singular values, at most one Hessian.

    Raises
    ------
    TrialFailure
        The problem cannot be evaluated at θ.
    ValueError
        No parameter is determined at all.
    """
    return _of_residuals(problem, theta) if problem.has_residuals else _of_loss(problem, theta)


def _of_residuals(problem, theta):
    r, J = problem.residuals(theta), problem.jacobian(theta)
    if not J.any():
        raise ValueError("dr/dθ is 0: the residuals do not depend on theta there, nothing is determined.")
    found = determined(J, problem.slices.values())
    F, c, remarks = found.factor, found.left.T @ r, ()
    if found.rank < theta.size:
        remarks = (f"the residuals determine {found.rank} of {theta.size} directions of theta; the step "
                   "is the shortest one within them",)
    elif theta.size <= CURVED:
        F, c, remarks = _with_curvature(F, c, _hessian(problem, theta))
    gradient = 2 * float(np.linalg.norm(J.T @ r))
    return OneStep(-F @ c, F, np.sum(found.right ** 2, axis=1), found.noise(r), gradient, remarks)


def _with_curvature(F, c, H):
    """F L⁻ᵀ and L⁻¹ c for M = L Lᵀ = Fᵀ H F/2; as given where M is not positive definite."""
    try:
        L = scipy.linalg.cholesky(F.T @ H @ F / 2, lower=True)
    except np.linalg.LinAlgError:
        return F, c, ("the Hessian is not positive definite at theta; the step is Gauss and Newton's",)
    F = scipy.linalg.solve_triangular(L, F.T, lower=True).T
    return F, scipy.linalg.solve_triangular(L, c, lower=True), ()


def _of_loss(problem, theta):
    """From the eigenvalues of H in units in which its diagonal is ±1."""
    H, g = _hessian(problem, theta), problem.gradient(theta)
    size = sizes(np.sqrt(np.abs(np.diag(H))), problem.slices.values())
    values, V = scipy.linalg.eigh(H / np.outer(size, size))
    level = values.size * _ROUNDING * np.abs(values).max()
    kept = values > max(level, min(-values[0], CUT_BY_NEGATIVE * values[-1]))
    if not kept.any():
        raise ValueError(f"no eigenvalue of the Hessian stands out of the negative ones (down to "
                         f"{values[0]:.1e}): theta is not near a minimum. Train further.")
    F = np.sqrt(2 / values[kept]) * V[:, kept] / size[:, None]
    seen = share(np.sum(V[:, kept] ** 2, axis=1), np.ones(theta.size))
    return OneStep(-F @ (F.T @ g) / 2, F, seen, None, float(np.linalg.norm(g)),
                   _spectrum_in_words(values, kept, level))


def _spectrum_in_words(values, kept, level):
    negative = np.count_nonzero(values < -1e3 * level)
    if negative:
        return (f"the Hessian is indefinite, {negative} of {values.size} eigenvalues are negative: theta "
                f"is not a minimum, and the step keeps to the {np.count_nonzero(kept)} directions that "
                "stand out",)
    if not kept.all():
        return (f"the Hessian determines {np.count_nonzero(kept)} of {values.size} directions of theta; "
                "the step is the shortest one within them",)
    return ()


def _hessian(problem, theta):
    return LossEvaluator(problem, Counts()).hessian(EvaluatedTheta(theta))

"""The posterior of many numbers: their normal prior, changed along the few directions that data see.

In the whitened coordinates z = G⁻¹ (θ − mean) of the prior C₀ = G Gᵀ, with ℓ = −2 log p,

    B = Gᵀ (½ H − C₀⁻¹) G = V diag(λ) Vᵀ,      C = G (I + B)⁻¹ Gᵀ = G (I − V diag(λ/(1+λ)) Vᵀ) Gᵀ

B is the curvature of the data: compact, whatever the mesh, so that a few λ are not small.

Sources: T. Bui-Thanh, O. Ghattas, J. Martin, G. Stadler, 2013, SIAM J. Sci. Comput. 35 (section 5);
U. Villa, N. Petra, O. Ghattas, 2021, hIPPYlib, ACM TOMS 47(2).
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from pcl.support.types import Array
from pcl.support.validate import positive_integer
from pcl.uncertainty.covariance import share
from pcl.uncertainty.laplace.eigenpairs import UNSEEN, Eigenpairs, eigenpairs
from pcl.uncertainty.prior.joint import JointGaussian

ROUGH = 1e-3    # relative residual of an eigenpair that is said


class LowRank:
    """C = G (I − V diag(λ/(1+λ)) Vᵀ) Gᵀ as a `Covariance`: products alone, nothing (p, p).

    Parameters
    ----------
    prior : JointGaussian
    values : ndarray (k,), λ > −1
    vectors : ndarray (p, k), V
    """

    def __init__(self, prior: JointGaussian, values: Array, vectors: Array):
        self.prior, self.values, self.vectors, self.size = prior, values, vectors, prior.size

    def product(self, v: Array) -> Array:
        return self.prior.root(self._scaled(self.values / (1.0 + self.values),
                                            self.prior.root_transposed(v)))

    def root(self, J: Array) -> Array:
        return self.root_transposed(J.T).T

    def root_product(self, z: Array) -> Array:
        return self.prior.root(self._half(z))

    def root_transposed(self, v: Array) -> Array:
        return self._half(self.prior.root_transposed(v))

    def variances(self) -> Array:
        """Exact for what is kept: the prior's are (see its `variances`), less what the data took."""
        return self.prior.variances() - self._reduction()

    def deviations(self, count: int, rng: np.random.Generator) -> Array:
        return self.root_product(rng.normal(size=(count, self.size)).T).T

    def log_determinant(self) -> float:
        return self.prior.log_determinant() - float(np.log1p(self.values).sum())

    def trace(self) -> float:
        """Σ variances."""
        return float(self.variances().sum())

    def _half(self, z):
        """(I + B)^(−½) z."""
        return self._scaled(1.0 - 1.0 / np.sqrt(1.0 + self.values), z)

    def _scaled(self, by, z):
        """(I − V diag(by) Vᵀ) z."""
        return z - self.vectors @ (by * (self.vectors.T @ z).T).T

    def _reduction(self):
        moved = self.prior.root(self.vectors)
        return np.sum(moved ** 2 * (self.values / (1.0 + self.values)), axis=1)


@dataclasses.dataclass(frozen=True, eq=False)
class Kept:
    """The directions that the data see, beside the prior; what `Directions` is to a dense posterior.

    Attributes
    ----------
    pairs : Eigenpairs, λ and V
    step : float
        How many standard deviations θ is away from the peak.
    negative : ndarray (p, j)
        Directions with λ ≤ −1: along them ℓ falls both ways, and there is no posterior here.
    """

    pairs: Eigenpairs
    step: float
    negative: Array
    left_out = 0

    @property
    def shares(self) -> Array:
        """λ/(1+λ) (k,): how much of what is known along each direction comes from data."""
        return self.pairs.values / (1.0 + self.pairs.values)

    @property
    def doubtful(self) -> Any:
        """None is close to a cut (p,)."""
        return np.zeros(len(self.pairs.vectors), bool)

    def outside(self, J: Array) -> Array:
        """No direction is without a prior: zeros (q,)."""
        return np.zeros(len(J))

    def from_data(self, R: Array) -> Array:
        """How much of the prior's variance of functions with root R (q, p) the data took, (q,)."""
        variance = np.einsum("qk,qk->q", R, R)
        return 1.0 - share(variance, variance + (R @ self.pairs.vectors) ** 2 @ self.pairs.values)

    def words(self) -> list[str]:
        """What limits the posterior, in sentences."""
        pairs, found = self.pairs, []
        if pairs.dropped >= UNSEEN:
            found.append(f"{pairs.values.size} directions are kept, but some that are dropped change a "
                         f"variance by a factor of up to {1.0 + pairs.dropped:.3g}: take a larger rank= "
                         "or rank='auto'.")
        error = float((pairs.residuals / (1.0 + np.abs(pairs.values))).max())
        if error > ROUGH:
            found.append(f"eigenpairs are found to {error:.0e} only: take method='lanczos'.")
        return found

    @property
    def summary(self) -> str:
        """In one phrase."""
        return (f"a normal prior and {self.pairs.values.size} directions that the data see, by "
                f"{self.pairs.products} products")


def low_rank(problem: Any, theta: Array, rank: int | str, method: str, hessian: str | None,
             seed: int) -> tuple[LowRank, Kept]:
    """The posterior covariance at θ and what it was made from, by products alone."""
    prior, count = normal_prior(problem), None if rank == "auto" else positive_integer("rank", rank)
    count = None if count is None else min(count, prior.size)
    curvature = Curvature(problem, prior, theta, hessian)
    pairs = eigenpairs(curvature.product, prior.size, count, method, seed)
    falls = pairs.values <= -1.0
    values = np.where(falls, 0.0, pairs.values)
    covariance = LowRank(prior, values, pairs.vectors)
    step = 0.5 * float(np.linalg.norm(covariance.root(problem.gradient(theta)[None])))
    return covariance, Kept(pairs, step, prior.root(pairs.vectors[:, falls]))


def normal_prior(problem: Any) -> JointGaussian:
    """The `JointGaussian` of all blocks; ValueError that names those without."""
    statement = problem.statement
    if statement is None:
        raise ValueError("rank= needs a prior to tell from the data; state the problem by "
                         "pcl.Problem.from_data(…, prior={…}).")
    missing = [_without(name, statement.priors) for name in problem.slices
               if name not in statement.gaussian]
    if missing:
        raise ValueError(
            f"rank= needs a normal prior of every block; without one: {', '.join(missing)}. Give them "
            "prior.Normal(mean, deviation), fem.Matern or prior.Process(None, …), or leave rank= out: "
            "the dense posterior takes any prior.")
    return JointGaussian(statement.gaussian, problem.slices)


def _without(name, priors):
    """What is wrong with the prior of a block."""
    given = f"a {type(priors[name]).__name__}, which is not normal" if name in priors else "no prior"
    return f"{name} ({given})"


class Curvature:
    """B = Gᵀ (½ H_data) G at θ, H_data of all that is not the normal prior.

    Parameters
    ----------
    hessian : "gauss-newton", "exact" or None
        None: Gauss–Newton, positive semidefinite, where the data have residuals, else exact.
    """

    def __init__(self, problem, prior, theta, hessian):
        self._prior, self._theta = prior, theta
        likelihood = problem.likelihood(theta)       # so that no product cancels the prior
        exact = not likelihood.has_residuals if hessian is None else hessian == "exact"
        self._product = likelihood.hvp if exact else likelihood.gauss_newton_product

    def product(self, z: Array) -> Array:
        """B z."""
        return 0.5 * self._prior.root_transposed(self._product(self._theta, self._prior.root(z)))

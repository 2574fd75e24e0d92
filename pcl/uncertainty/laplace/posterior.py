"""The posterior of θ around its peak, and what follows from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from pcl.support import memory
from pcl.support.types import Array, ArrayLike, Blocks, Tensor
from pcl.support.validate import float64_array, known, positive_integer, positive_number
from pcl.uncertainty.checking import ModelCheck, OfProblem, Readings, check_model
from pcl.uncertainty.covariance import determined
from pcl.uncertainty.laplace.band import Band
from pcl.uncertainty.laplace.bands import law_band, law_of
from pcl.uncertainty.laplace.coordinates import STRAIGHT, Coordinates
from pcl.uncertainty.laplace.directions import Directions, of_hessian, of_residuals
from pcl.uncertainty.laplace.gaussian import Covariance, Factored
from pcl.uncertainty.laplace.low_rank import Kept, low_rank
from pcl.uncertainty.laplace.unknowns import Unknowns

AWAY = 0.1      # standard deviations from the peak that are said
HESSIANS = ("gauss-newton", "exact")


class Indefinite(ValueError):
    """The Hessian has negative directions: θ is no minimum and there is no posterior around it.

    Examples
    --------
    >>> import pcl
    >>> problem = pcl.Problem(lambda t: t["x"][0]**2 - t["x"][1]**2, {"x": [0.0, 0.0]})
    >>> pcl.uncertainty.posterior(problem, [0.0, 0.0], sigma=1.0).covariance()
    Traceback (most recent call last):
        ...
    pcl.uncertainty.laplace.posterior.Indefinite: the Hessian is indefinite at theta: 1 of 2 ...
    """


class Posterior:
    """Laplace's approximation N(θ, C) of p(θ | y) ∝ exp(−ℓ/2σ²).

        residuals, ℓ = Σ r²:   C = σ² (JᵀJ)⁻¹ from the singular values of J = dr/dθ
        any other loss:        C = 2σ² H⁻¹ from the eigenvalues of H = ∇²ℓ
        with rank=:            C = G (I − V diag(λ/(1+λ)) Vᵀ) Gᵀ beside a normal prior, see `low_rank`

    Parameters
    ----------
    theta : (p,) array, the peak
    covariance : `pcl.uncertainty.covariance.Covariance`, of θ
    sigma : float, the standard deviation of a residual
    directions : what determines C, and what was cut
    problem : Unknowns, the blocks of θ: a `Problem`, or what a fit has
    laws : function (problem, theta, law, points, **where) -> `pcl.uncertainty.laplace.bands.Law`
        What a law given to `band` stands for; functions of the blocks by default.
    exact_laws : the same, for bands over draws of chains; `laws` by default
    readings : function of the posterior -> `pcl.uncertainty.checking.Readings`
        What `check_model` looks at; the data of `Problem.from_data` by default.
    coordinates : Coordinates
        In which the density is close to normal; θ itself by default.

    Attributes
    ----------
    theta : ndarray (p,), the peak
    covariance_form : Covariance
    directions : Directions, Kept (of low rank) or None
        What determines it, and what was cut.
    sigma : float
        The standard deviation of a residual that was used; 1 where the noise is stated.

    Notes
    -----
    Source: D. MacKay, 1992, A practical Bayesian framework for backpropagation networks.

    Examples
    --------
    Two readings of a sum, and a prior of both its parts: the sum is known, the difference is the prior's.

    >>> import numpy as np, tensorflow as tf, pcl
    >>> from pcl.uncertainty import noise, prior
    >>> problem = pcl.Problem.from_data(lambda t: t["a"] + t["b"] + np.zeros(2), [2.9, 3.1],
    ...                                 noise.Gaussian(0.1), {"a": 0.0, "b": 0.0},
    ...                                 {"a": prior.Normal(0.0, 2.0), "b": prior.Normal(0.0, 2.0)})
    >>> posterior = problem.posterior(pcl.minimize(problem).x)
    >>> posterior.correlation().round(3)
    array([[ 1.   , -0.999],
           [-0.999,  1.   ]])
    >>> law = lambda t: tf.stack([t["a"] + t["b"], t["a"] - t["b"]])
    >>> posterior.band(law).deviation.round(3)                          # σ/√2, 2√2
    array([0.071, 2.828])
    """

    def __init__(self, problem: Unknowns, theta: Array, covariance: Covariance, sigma: float,
                 directions: Directions | Kept | None = None, laws: Callable[..., Any] = law_of,
                 exact_laws: Callable[..., Any] | None = None,
                 readings: Callable[[Any], Readings] = OfProblem,
                 coordinates: Coordinates = STRAIGHT):
        self.problem, self.theta, self.sigma, self.laws = problem, theta, sigma, laws
        self._covariance, self.directions = covariance, directions
        self.exact_laws = laws if exact_laws is None else exact_laws
        self._readings, self.coordinates = readings, coordinates

    @property
    def covariance_form(self) -> Covariance:
        """C as a `Covariance`; raises `Indefinite` where there is none."""
        found = self.directions
        if found is not None and found.negative.shape[1]:
            raise Indefinite(f"the Hessian is indefinite at theta: {found.negative.shape[1]} of "
                             f"{self.theta.size} directions are negative (`directions.negative`), so "
                             "theta is no minimum. Train further, or start elsewhere.")
        return self._covariance

    # --- numbers -------------------------------------------------------------------------------
    def standard_errors(self) -> Blocks:
        """{block: standard deviations, of its shape}; a lower bound where directions are left out."""
        return self.problem.unravel(np.sqrt(self.covariance_form.variances()))

    def covariance(self, blocks: Sequence[str] | None = None) -> Array:
        """C of these blocks, flattened one after the other, (q, q)."""
        rows = self._numbers(blocks)
        memory.require(8 * rows.size * (rows.size + 2 * self.theta.size),
                       f"the covariance of {rows.size:,} numbers",
                       "name fewer blocks, or use draws and standard_errors")
        unit = np.zeros((rows.size, self.theta.size))
        unit[np.arange(rows.size), rows] = 1.0
        R = self.covariance_form.root(unit)
        return R @ R.T

    def correlation(self, blocks: Sequence[str] | None = None) -> Array:
        """C_ij/√(C_ii C_jj) of these `blocks` (all by default), flattened one after the other, (q, q)."""
        C = self.covariance(blocks)
        deviation = np.sqrt(np.diag(C))
        return C / np.outer(deviation, deviation)

    def draws(self, count: int, seed: int) -> Array:
        """Independent θ ~ N(θ*, C), (count, p), the same for the same `seed`.

        ValueError unless count is a whole number ≥ 1; `Indefinite` where there is no C.
        """
        count = positive_integer("count", count)
        deviations = self.covariance_form.deviations(count, np.random.default_rng(seed))
        return self.coordinates.moved(self.theta, deviations)

    @property
    def log_evidence(self) -> float:
        """log p(y) ≈ log p(y, θ) + p/2 log 2π + ½ log det C.

        ValueError where there is none: the problem is not from `Problem.from_data`, a block has no prior
        or an improper one, directions were left out.
        """
        statement = self.problem.statement
        if statement is None:
            raise ValueError("an evidence needs normalised densities; state the problem by "
                             "pcl.Problem.from_data.")
        if not statement.proper:
            raise ValueError("an evidence needs a proper prior of every block; without one are "
                             f"{', '.join(statement.without_prior) or 'none, but one is improper'}.")
        log_det = self.covariance_form.log_determinant()
        if not np.isfinite(log_det):
            raise ValueError(f"{self.left_out} directions of theta are determined by nothing; an "
                             "evidence needs all of them.")
        half = 0.5 * self.theta.size * np.log(2.0 * np.pi)
        return self.problem.log_density(self.theta) + half + 0.5 * log_det

    # --- functions -----------------------------------------------------------------------------
    def band(self, law: Callable[[dict[str, Tensor]], Tensor] | tuple[ArrayLike, ArrayLike] | str,
             points: ArrayLike | None = None, *, level: float = 0.9, simultaneous: bool = False,
             draws: int = 0, check: int = 8, seed: int = 0, **where: Any) -> Band:
        """A band on any function of θ: a law at points, a field, a prediction.

        Parameters
        ----------
        law : function {name: tensor} -> tensor (q,), written as a loss is, solves included
            Or the name of a block, for its numbers; of a fit see `pcl.dae.Fit.posterior`. Or a pair of
            arrays, values (q,) and Jacobian (q, p), for the linearised band.
        points : (q,) or (q, d) array, optional
            Where it is evaluated, for the picture.
        level : float in (0, 1)
        simultaneous : bool
            Whether the band holds at all points together; by default at each of them.
        draws : int
            0 for the linearised band; else so many θ are drawn and f evaluated at each of them
            (quantiles, which follow a law where the linearisation fails, such as ln κ).
        check : int
            So many draws look at whether the linearisation holds; 0 for none.
        seed : int, of the draws
        where
            Further arguments of laws of a fit, see `pcl.dae.Fit.posterior`.

        Returns
        -------
        Band

        Raises
        ------
        ValueError, TypeError
            A level outside (0, 1), an unknown block, a law of another shape; `Indefinite` without a C.
        """
        if not 0.0 < level < 1.0:
            raise ValueError(f"level is {level!r}; expected a probability between 0 and 1.")
        stated = self.laws(self.problem, self.theta, law, points, **where)
        return law_band(self, stated, points, level, bool(simultaneous),
                        positive_integer("draws", draws, minimum=0),
                        positive_integer("check", check, minimum=0), seed)

    def sensitivity(self, law: Callable[[dict[str, Tensor]], Tensor] | str,
                    points: ArrayLike | None = None, **where: Any) -> Array:
        """∂f/∂θ (q, p) at the peak: for designs, and for bands of sums and differences.

        `law`, `points` and `where` are those of `band`.
        """
        return self.laws(self.problem, self.theta, law, points, **where).sensitivity.copy()

    @property
    def readings(self) -> Readings:
        """The data, and what the model says of them; ValueError where the noise is not stated."""
        return self._readings(self)

    def check_model(self, draws: int | None = None, seed: int = 0) -> ModelCheck:
        """Whether the readings look like draws of the model: χ², runs of signs, normal plot, outliers.

        A `ModelCheck`. `draws` (None: by residuals where there are) and their `seed` as in
        `pcl.uncertainty.checking.check_model`.
        """
        return check_model(self, draws, seed)

    # --- words ---------------------------------------------------------------------------------
    @property
    def left_out(self) -> int:
        """How many directions of θ neither data nor prior determine."""
        return 0 if self.directions is None else self.directions.left_out

    @property
    def verdict(self) -> str:
        """What limits the posterior, in words; empty if nothing was found."""
        found = self.directions
        if found is None:
            return ""
        if found.negative.shape[1]:
            return (f"{found.negative.shape[1]} directions are negative: theta is no minimum and there "
                    "is no posterior around it.")
        words = found.words()
        if found.step > AWAY:
            words.append(f"theta is {found.step:.2g} standard deviations from the peak: train further.")
        return " ".join(words)

    def __str__(self) -> str:
        kept = "" if self.directions is None else f", {self.directions.summary}"
        text = f"Posterior of {self.theta.size} numbers{kept}; sigma {self.sigma:.4g}"
        return f"{text}\n{self.verdict}" if self.verdict else text

    def __repr__(self) -> str:
        return str(self)

    def _numbers(self, blocks):
        if blocks is None:
            return np.arange(self.theta.size)
        every = np.arange(self.theta.size)
        return np.concatenate([every[self.problem.slices[known("block", name, self.problem.slices)]]
                               for name in ([blocks] if isinstance(blocks, str) else blocks)])


def posterior(problem: Any, theta: ArrayLike | Mapping[str, ArrayLike], *, sigma: float | None = None,
              cut: float | None = None, rank: int | str | None = None, method: str = "lanczos",
              hessian: str | None = None, seed: int = 0) -> Posterior:
    """Laplace's approximation at θ, a minimiser, a `Posterior`.

        p(θ | y) ≈ N(θ, C),   C = σ² (JᵀJ)⁻¹ with residuals, else 2σ² H⁻¹

    Parameters
    ----------
    problem : Problem
        From `from_data`, where the noise is known; or any other with ℓ = Σ r² of one noise size.
    theta : (p,) array or {block: array}
    sigma : float, optional
        The standard deviation of a residual; 1 for problems from `from_data`. None estimates it from the
        part of r that no step of θ removes; rows that state a prior count as readings then.
    cut : float, optional
        Singular values of dr/dθ up to this share of the largest are left out; by default those below
        their gap before rounding, 1e-10 where there is none (`pcl.uncertainty.covariance.cut_of`).
    rank : int or "auto", optional
        For many parameters: so many directions beside the normal prior of every block, found by products
        with the Hessian alone. "auto" takes all with an eigenvalue λ ≥ 0.1. None forms dr/dθ or H.
    method : "lanczos" or "randomised", with `rank`
    hessian : "gauss-newton" or "exact", optional
        By default Gauss–Newton's where there are residuals, else the exact one.
    seed : int
        Of the first vectors, with `rank`.

    Returns
    -------
    Posterior

    Raises
    ------
    ValueError
        sigma cannot be estimated: no residuals, or not more of them than directions. With `rank`: a
        block without a normal prior.
    MemoryError
        dr/dθ or the Hessian would not fit; take `rank=`.

    Examples
    --------
    A line through three readings of unknown accuracy: σ from what is left of them.

    >>> import numpy as np, pcl
    >>> x = np.array([0.0, 1.0, 2.0])
    >>> problem = pcl.Problem.from_residuals(
    ...     lambda t: t["a"] + t["b"] * x - np.array([1.0, 2.1, 2.9]), {"a": 0.0, "b": 0.0})
    >>> found = pcl.uncertainty.posterior(problem, pcl.minimize(problem).x)
    >>> round(found.sigma, 4), float(found.standard_errors()["b"].round(4))     # of the slope, σ/√2
    (0.1225, 0.0866)
    """
    theta = problem.ravel(theta) if isinstance(theta, Mapping) else theta
    theta = float64_array("theta", theta, (problem.size,))
    if hessian is not None:
        known("hessian", hessian, HESSIANS)
    if sigma is not None:
        sigma = positive_number("sigma", sigma)
    elif problem.statement is not None:
        sigma = 1.0
    if rank is not None:
        if sigma not in (None, 1.0):
            raise ValueError(f"sigma is {sigma}, but with rank= the noise is that of the problem; leave "
                             "it out.")
        covariance, kept = low_rank(problem, theta, rank, method, hessian, seed)
        return Posterior(problem, theta, covariance, 1.0, kept)
    sigma, directions = _found(problem, theta, sigma, cut, hessian)
    return Posterior(problem, theta, Factored(directions.factor), sigma, directions)


def _found(problem, theta, sigma, cut, hessian):
    """(σ, Directions)."""
    slices, statement = problem.slices.values(), problem.statement
    if problem.has_residuals and hessian != "exact":
        r = problem.residuals(theta)
        _require_memory(3 * r.size * theta.size, "dr/dθ", theta)
        seen = determined(problem.jacobian(theta), slices, cut)
        data = None if statement is None else statement.readings
        if sigma is None:
            sigma = _estimated(r, seen)
        return sigma, of_residuals(r, seen, sigma, data)
    if sigma is None:
        raise ValueError("sigma is None, but this problem states a loss without residuals, so the "
                         "noise cannot be estimated. Give sigma=1.0 if the loss is −2 log p.")
    _require_memory(4 * theta.size ** 2, "the Hessian", theta)
    H = problem.gauss_newton(theta) if hessian == "gauss-newton" else problem.hessian(theta)
    return sigma, of_hessian(problem.gradient(theta), H, slices, sigma)


def _require_memory(numbers, what, theta):
    memory.require(8 * numbers, f"{what} of {theta.size:,} parameters with its decomposition",
                   "take rank='auto' with a normal prior of every block")


def _estimated(r, seen):
    sigma = seen.noise(r)
    if not sigma:
        raise ValueError(f"sigma is None, but {r.size} residuals leave nothing to estimate it from: "
                         f"they determine {seen.rank} directions of theta. Give sigma, or state the "
                         "problem by pcl.Problem.from_data.")
    return sigma

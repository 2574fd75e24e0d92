"""The posterior of a fit: starts, parameters and weights by their names, and bands of what follows."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg

from pcl.dae.program.log_scale import is_log, slopes
from pcl.dae.result.checked import FitReadings
from pcl.dae.result.exact import ExactDensity
from pcl.dae.result.forward import exact_laws_of, laws_of
from pcl.dae.result.uncertainty import Uncertainty
from pcl.engine.blocks import Blocks
from pcl.problem import Problem
from pcl.support import memory
from pcl.uncertainty.laplace.coordinates import Coordinates
from pcl.uncertainty.laplace.directions import ROUNDING, Directions
from pcl.uncertainty.laplace.gaussian import Factored
from pcl.uncertainty.laplace.posterior import Posterior


def posterior(fit: Any, found: Uncertainty) -> Posterior:
    """See `Fit.posterior`; `found` is the `Uncertainty` of the fit."""
    numbers = FitNumbers(fit, found)
    root = Root(found)
    factor = numbers.slopes[:, None] * root.factor
    return Posterior(numbers, numbers.theta, Factored(factor), float(np.sqrt(found.scale)),
                     _directions(numbers, root, factor),
                     lambda problem, theta, law, points, **where: laws_of(
                         numbers, root, law, points, **where),
                     lambda problem, theta, law, points, **where: exact_laws_of(
                         numbers, root, law, points, **where),
                     lambda posterior: FitReadings(numbers, root),
                     Coordinates(numbers.logs))


class FitNumbers:
    """The free numbers of a fit as `pcl.uncertainty.laplace.unknowns.Unknowns`.

    Attributes
    ----------
    theta : ndarray (p,), in their own units
    names : (starts, parameters with those of the noise, laws), the names of their blocks
    logs : (p,) of bool, fitted by their logarithm
    slopes : (p,), ∂θ/∂(what is fitted)
    precision : (p, p), of the normal prior of the weights
    """

    def __init__(self, fit, found):
        self.fit, self.uncertainty = fit, found
        elements, x = fit.setting.elements, fit.result.x
        starts = {f"{elements.model.states[place % elements.n_x]} at the start of "
                  f"{fit.setting.names[elements.trajectory[place // elements.n_x]]}": x[place]
                  for place in found.free_starts}
        laws = {f"law of {', '.join(law.outputs)}": law.theta for law in fit.laws}
        noise = {f"{number} of {name}": value for name, each in fit.noise.items()
                 for number, value in each.items()}
        self.names = tuple(starts), (*fit.parameters, *noise), tuple(laws)
        self._blocks = Blocks({**starts, **fit.parameters, **noise, **laws})
        self.theta, self.slices, self.size = self._blocks.start, self._blocks.slices, self._blocks.size
        self.logs, self.slopes = np.zeros(self.size, bool), np.ones(self.size)
        own = slice(len(starts), len(starts) + elements.parameters.n)
        self.logs[own] = is_log(elements)
        self.slopes[own] = slopes(elements, elements.split(x)[2])
        self.precision = _precision(found, self.size)

    from_residuals = staticmethod(Problem.from_residuals)   # functions of the blocks are traced

    def unravel(self, theta):
        """{block: array}."""
        return self._blocks.unravel(theta)

    def ravel(self, arrays):
        """θ of {block: array}."""
        return self._blocks.ravel(arrays)

    @property
    def statement(self):
        """Which blocks have no proper prior; all have one where only weights are free."""
        weights = [self.slices[name] for name in self.names[2]]
        free = [name for name, rows in zip(self.names[2], weights)
                if np.linalg.matrix_rank(self.precision[rows, rows]) < rows.stop - rows.start]
        return Given([*self.names[0], *self.names[1], *free])

    def log_density(self, theta):
        """log p(y, θ), trajectories solved for at θ; all constants included where no prior is flat."""
        return self.exact.value(self._blocks.check(theta))

    def log_density_and_gradient(self, theta):
        """The same, and its gradient by θ (p,)."""
        return self.exact.value_and_gradient(self._blocks.check(theta))

    @property
    def exact(self):
        """The `ExactDensity`; ValueError without known variances."""
        if not self.uncertainty.known:
            raise ValueError("a density needs the variances of the data: give weights 1/σ² and "
                             "known_variance=True, or estimate σ with the rest by "
                             "noise=pcl.uncertainty.noise.Gaussian().")
        return self.reduced

    @functools.cached_property
    def reduced(self):
        """The same for its trajectories alone, whatever is known of the variances."""
        return ExactDensity(self.fit, self.precision, len(self.names[0]))


@dataclass(frozen=True)
class Given:
    """What is known of θ before the data."""

    without_prior: list[str]

    @property
    def proper(self):
        """Whether every block has a prior that integrates to 1."""
        return not self.without_prior


class Root:
    """C = F Fᵀ of the free numbers as they are solved for, and functions of all unknowns in terms of it.

        M = E_qᵀ Z H⁻¹ Zᵀ E_q = B Bᵀ,   B = D Q Λ^½,   Q Λ Qᵀ = D⁻¹ M D⁻¹,   D = diag(M)^½
        F = B K^½,   K = 2 s² I + 4 Σ_o ω_o (s_v² − s²) …   (`Uncertainty`)

    Attributes
    ----------
    factor : (p, p); columns of directions without variance, as bounds and constraints leave them, are 0
    basis : (p, p), Q;  size : (p,), D;  strengths : (p,), descending
    step : float, |F⁻¹ δ| of the Newton step that is left
    """

    def __init__(self, found):
        self._found = found
        p, n = found.free.size, found.program.n
        memory.require(8 * p * (n + 4 * p), f"the posterior of {p:,} numbers of a fit",
                       "use standard_errors and band of the fit")
        self._V = found.columns(found.free)                                      # (p, n)
        M = self._V[:, found.free]
        self.size = np.sqrt(np.maximum(np.diag(M), np.finfo(float).tiny))
        values, self.basis = scipy.linalg.eigh((M + M.T) / (2.0 * np.outer(self.size, self.size)))
        seen = values > p * ROUNDING * values[-1]
        self._deviation = np.sqrt(np.where(seen, values, 0.0))
        self._inverse = np.divide(1.0, self._deviation, out=np.zeros(p), where=seen)
        least = self._deviation[seen][0]
        self.strengths = least / np.where(seen, self._deviation, np.inf)
        self._spread = self._spread_of(found)
        self.factor = self.size[:, None] * ((self.basis * self._deviation) @ self._spread)
        self.step = self._away(found)

    def _spread_of(self, found):
        """K^½ (p, p)."""
        if not found.excess.any():
            return np.sqrt(2.0 * found.scale) * np.eye(self.size.size)
        S = self._whitened(np.array([found.observed(v) for v in self._V]).T).T
        values, Q = scipy.linalg.eigh(2.0 * (found.scale * np.eye(len(S)) + (S * found.excess) @ S.T))
        return (Q * np.sqrt(np.maximum(values, 0.0))) @ Q.T

    def _whitened(self, rows):
        """B⁻¹ applied to rows (k, p)."""
        return (rows / self.size) @ self.basis * self._inverse

    def _away(self, found):
        delta = found.newton_step()[found.free]
        return float(np.linalg.norm(self._whitened(delta))) / np.sqrt(2.0 * found.scale)

    def deviations(self, rows):
        """R = f_q F (k, p) of functions f with changes `rows` (k, p) along Z H⁻¹ Zᵀ E_q."""
        return self._whitened(rows) @ self._spread

    @property
    def columns(self):
        """Rows Z H⁻¹ Zᵀ e_i (p, n) of the free numbers."""
        return self._V

    def sensitivity(self, G):
        """∂f/∂q (k, p) in the free numbers of functions with gradients G (k, n) in all unknowns."""
        return (self._whitened(G @ self._V.T) * self._inverse) @ self.basis.T / self.size


def _precision(found, size):
    """(p, p): P/2s² of ½ θᵀPθ beside Σ ω r², 0 for starts and parameters."""
    blocks = [np.diag(P) if P.ndim == 1 else P for P in found.program.penalties]
    before = size - sum(len(P) for P in blocks)
    return scipy.linalg.block_diag(np.zeros((before, before)), *blocks) / (2.0 * found.scale)


def _directions(numbers, root, factor):
    """The prior's part is Fᵀ Π F, at most 1: data alone may curve downwards."""
    values, Q = scipy.linalg.eigh(factor.T @ numbers.precision @ factor)
    prior = (Q * np.clip(values, 0.0, 1.0)) @ Q.T
    none = np.zeros((numbers.size, 0))
    return Directions(factor, root.basis, root.size, root.strengths, 0.0, root.step, none, prior)

"""Posterior predictive checks: readings against replicates of the fitted model."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy           # its `stats` is loaded when it is first used, which takes long
import tensorflow as tf

from pcl.support.validate import positive_integer
from pcl.uncertainty.checking.report import DataCheck, ModelCheck, normality
from pcl.uncertainty.checking.runs import few_runs, runs

DRAWS = 400
ALONE = 1e-8    # 1 − h below which a reading determines its own prediction, and has no score


def check_model(posterior: Any, draws: int | None = None, seed: int = 0) -> ModelCheck:
    """Whether the readings look like draws of the model: size, signs and distribution of residuals.

    With residuals r = L⁻¹(f − y), linearised at the peak: if the model holds, r is normal with covariance
    1 − H, H = J C Jᵀ, so that χ² = Σ r² has the mean m − tr H (tr H is the number of parameters the data
    determine) and the variance 2 |1 − H|²; its p-value is that of the scaled χ² distribution with both
    moments, exactly χ² with m − p degrees of freedom without a prior.

    By draws of θ, where there are no residuals: replicates are drawn at each θ; the p-value of −2 log p
    is the share of draws at which the replicate has a larger one than the readings, and so for the runs;
    scores are the places of the readings among all replicates (ties are broken at random). As θ was
    fitted to the same readings such p-values lie closer to ½ than uniform ones: what is said is meant.

    Parameters
    ----------
    posterior : Posterior, of a problem from `Problem.from_data` or of a fit
    draws : int, optional
        None: by residuals where there are, else by 400 draws of θ. Those of a fit simulate its
        trajectories.

    Raises
    ------
    ValueError
        The problem is not from `Problem.from_data`; fewer than two draws had a prediction.

    Notes
    -----
    Source: A. Gelman, X.-L. Meng and H. Stern, 1996, Posterior predictive assessment; P. Dunn and
    G. Smyth, 1996, Randomized quantile residuals.
    """
    readings = posterior.readings
    if draws is None and readings.has_residuals:
        return ModelCheck({name: _of_rows(name, readings.observed[name].shape, r, R)
                           for name, r, R in readings.standardised()})
    count = DRAWS if draws is None else positive_integer("draws", draws, minimum=2)
    thetas = posterior.draws(count, seed)
    return _by_draws(readings, posterior.problem, thetas, np.random.default_rng(seed + 1))


def _of_rows(name, shape, r, R):
    """The check of residuals r (m,) with covariance 1 − R Rᵀ."""
    share, m = np.einsum("mk,mk->m", R, R), r.size
    mean = m - share.sum()
    variance = 2.0 * (m - 2.0 * share.sum() + np.sum((R.T @ R) ** 2))
    left = 1.0 - share
    scores = np.where(left > ALONE, -r / np.sqrt(np.maximum(left, ALONE)), 0.0)     # of y − f
    found, expected, runs_p = few_runs(scores)
    misfit = float(r @ r)
    return DataCheck(name, scores, shape, misfit, float(mean), _upper(misfit, mean, variance), found,
                     expected, runs_p, normality(scores[left > ALONE]), "residuals")


def _upper(misfit, mean, variance):
    """P(larger) of the scaled χ² with this mean and variance; nan where nothing is left to judge by."""
    if mean <= ALONE or variance <= ALONE:
        return np.nan
    return float(scipy.stats.chi2.sf(misfit * 2.0 * mean / variance, 2.0 * mean ** 2 / variance))


def _by_draws(readings, unknowns, thetas, rng):
    seen = {name: _Replicates(y) for name, y in readings.observed.items()}
    failed = 0
    for theta, predicted in zip(thetas, readings.predictions(thetas)):
        blocks = None if predicted is None else unknowns.unravel(theta)
        if blocks is None or not all(
                _replicated(readings, name, predicted[name], blocks, rng, seen[name]) for name in seen):
            failed += 1
    if failed > len(thetas) - 2:
        raise ValueError(f"{failed} of {len(thetas)} draws had no prediction; is the posterior far too "
                         "wide?")
    return ModelCheck({name: each.check(name, rng) for name, each in seen.items()}, failed)


def _replicated(readings, name, f, blocks, rng, seen):
    """Add one replicate at predictions f; False where the readings have no density there."""
    noise, own = readings.noise[name], readings.own(name, blocks)

    def minus_two_log_p(y):
        tensors = {each: tf.constant(value) for each, value in own.items()}
        return -2.0 * float(noise.log_density(tf.constant(f), y, tensors))
    misfit = minus_two_log_p(seen.observed)
    if not np.isfinite(misfit):
        return False
    y = noise.draw(f, rng, own)
    seen.add(f, y, misfit, minus_two_log_p(y))
    return True


class _Replicates:
    """Readings drawn at several θ, beside those observed."""

    def __init__(self, observed):
        self.observed = observed
        self.below, self.equal = np.zeros(observed.shape), np.zeros(observed.shape)
        self._misfits, self._runs = [], []

    def add(self, f, y, misfit, its_misfit):
        self.below += y < self.observed
        self.equal += y == self.observed
        self._misfits.append((misfit, its_misfit))
        self._runs.append((runs((self.observed - f).ravel()), runs((y - f).ravel())))

    def check(self, name, rng):
        """The `DataCheck` of all."""
        count = len(self._misfits)
        between = self.equal * rng.uniform(size=self.equal.shape)
        scores = scipy.stats.norm.ppf((self.below + between + 0.5) / (count + 1.0)).ravel()
        misfit, runs_ = np.array(self._misfits).T, np.array(self._runs).T
        return DataCheck(name, scores, self.observed.shape, misfit[0].mean(), misfit[1].mean(),
                         _share(misfit[1] - misfit[0]), runs_[0].mean(), runs_[1].mean(),
                         _share(runs_[0] - runs_[1]), normality(scores), "draws")


def _share(difference):
    """How often it is positive, zeros half; never quite 0 or 1."""
    return float((np.sum(difference > 0) + 0.5 * np.sum(difference == 0) + 0.5) / (difference.size + 1.0))

"""Whether chains agree, and how much their draws are worth."""

import numpy as np
from scipy import stats

from pcl.support.types import Array

FEWEST = 4      # draws a chain that halves need to have variances


def potential_scale_reduction(draws: Array) -> Array:
    """R̂ (p,) of draws (chains, n, p): split, rank-normalised, the larger of location and scale.

        R̂² = (n − 1)/n + B/(n W),   B/n variance of the means of half chains, W mean of their variances

    1 where chains agree; NaN with fewer than 4 draws, infinite where a number never moved.

    Source: A. Vehtari and others, 2021, Rank-normalization, folding, and localization, equations 3 to 4
    and 14.
    """
    if draws.shape[1] < FEWEST:
        return np.full(draws.shape[2], np.nan)
    halves = _halves(draws)
    folded = np.abs(halves - np.median(halves, axis=(0, 1)))
    return np.maximum(_agreement(_ranked(halves)), _agreement(_ranked(folded)))


def _halves(draws):
    """Every chain as two, (2 chains, n//2, p)."""
    n = draws.shape[1] // 2
    return np.concatenate([draws[:, :n], draws[:, -n:]])


def _ranked(draws):
    """Normal scores of the ranks of all draws."""
    pooled = draws.reshape(-1, draws.shape[-1])
    ranks = stats.rankdata(pooled, axis=0)
    return stats.norm.ppf((ranks - 0.375) / (len(pooled) + 0.25)).reshape(draws.shape)


def _agreement(halves):
    n = halves.shape[1]
    within = halves.var(axis=1, ddof=1).mean(axis=0)
    between = halves.mean(axis=1).var(axis=0, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.sqrt((n - 1) / n + between / within)
    return np.where(within > 0.0, found, np.inf)


def effective_sizes(draws: Array) -> Array:
    """Effective number of independent draws (p,) of draws (chains, n, p), over all chains.

        N/(1 + 2 Σ ρ_t),   summed over pairs of lags until a pair is negative (Geyer)

    NaN with fewer than 4 draws, 0 where a number never moved.

    Source: `tfp.mcmc.effective_sample_size`, after A. Gelman and others, Bayesian Data Analysis, 2013,
    equation 11.8.
    """
    if draws.shape[1] < FEWEST:
        return np.full(draws.shape[2], np.nan)
    import tensorflow_probability as tfp
    moved = np.ptp(draws, axis=(0, 1)) > 0.0
    found = np.zeros(moved.size)
    if moved.any():
        series = np.swapaxes(draws[..., moved], 0, 1)       # (n, chains, moved)
        chains = {"cross_chain_dims": 1} if len(draws) > 1 else {}
        sizes = tfp.mcmc.effective_sample_size(series, filter_beyond_positive_pairs=True, **chains)
        found[moved] = sizes.numpy().reshape(-1)
    return found

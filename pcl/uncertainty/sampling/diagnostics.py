"""Whether chains agree, and how much their draws are worth."""

import numpy as np
import scipy           # its `stats` is loaded when it is first used, which takes long

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
    ranks = scipy.stats.rankdata(pooled, axis=0)
    return scipy.stats.norm.ppf((ranks - 0.375) / (len(pooled) + 0.25)).reshape(draws.shape)


def _agreement(halves):
    n = halves.shape[1]
    within = halves.var(axis=1, ddof=1).mean(axis=0)
    between = halves.mean(axis=1).var(axis=0, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.sqrt((n - 1) / n + between / within)
    return np.where(within > 0.0, found, np.inf)


def effective_sizes(draws: Array) -> Array:
    """Effective number of independent draws (p,) of draws (chains, n, p), over all chains.

        N/(1 + 2 Σ ρ_t),   ρ_t = 1 − (W − mean of autocovariances at lag t)/V,   V = (n − 1)/n W + B/n

    summed over pairs of lags as long as a pair is positive, each pair no larger than the one before.
    NaN with fewer than 4 draws, 0 where a number never moved.

    Source: A. Vehtari and others, 2021, Rank-normalization, folding, and localization, equations 10 to
    13; C. Geyer, 1992, Practical Markov chain Monte Carlo, for where the sum ends.
    """
    chains, n, p = draws.shape
    if n < FEWEST:
        return np.full(p, np.nan)
    found = np.zeros(p)
    for i in np.flatnonzero(np.ptp(draws, axis=(0, 1)) > 0.0):
        found[i] = chains * n / _time(draws[..., i])
    return found


def _time(x):
    """1 + 2 Σ ρ_t of chains (chains, n), at least 1/log₁₀ of the number of draws."""
    chains, n = x.shape
    centred = x - x.mean(axis=1, keepdims=True)
    spectrum = np.abs(np.fft.rfft(centred, 2 * n, axis=1)) ** 2
    covariance = np.fft.irfft(spectrum, axis=1)[:, :n].mean(axis=0) / n
    between = x.mean(axis=1).var(ddof=1) if chains > 1 else 0.0
    whole = covariance[0] + between
    rho = 1.0 - (covariance[0] * n / (n - 1) - covariance) / whole
    rho[0] = 1.0
    pairs = rho[:n // 2 * 2].reshape(-1, 2).sum(axis=1)
    ends = np.flatnonzero(pairs <= 0.0)
    pairs = np.minimum.accumulate(pairs[:ends[0]] if ends.size else pairs)
    return max(2.0 * pairs.sum() - 1.0, 1.0 / np.log10(chains * n))

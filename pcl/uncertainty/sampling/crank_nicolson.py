"""Preconditioned Crank–Nicolson with the Laplace posterior as reference: for fields of any resolution."""

from __future__ import annotations

import numpy as np

from pcl.support.types import Array
from pcl.uncertainty.sampling.density import Whitened
from pcl.uncertainty.sampling.state import RECORDED, Chain, Settings, Steps

FIRST = 0.5     # β at the start
LEAST = 1e-4


class CrankNicolson:
    """z' = √(1 − β²) z + β ξ, ξ ~ N(0, 1), accepted with probability min(1, w(z')/w(z)).

        w(z) = p(θ* + F z)/N(z; 0, 1)

    The proposal leaves N(θ*, F Fᵀ) as it is, so that acceptance depends on how p differs from it and not
    on the number of unknowns; where p is normal every proposal is accepted. β is adapted during the
    warm-up and is 1 at most: independent draws.

    Source: S. Cotter, G. Roberts, A. Stuart and D. White, 2013, MCMC methods for functions; F. Pinski
    and others, 2015, Algorithms for Kullback–Leibler approximation, for a reference other than the prior.
    """

    def __init__(self, density: Whitened, settings: Settings):
        self._density, self._settings = density, settings

    def begin(self, chain: int, z: Array) -> tuple:
        return z, np.array(self._density.value(z)), np.array(np.log(FIRST))

    def steps(self, chain: Chain, count: int) -> Steps:
        before, seed = self._density.density.failed, self._settings.chain_seed(chain.number)
        (z, value, log_beta), records = chain.state, []
        for step in range(chain.done, chain.done + count):
            rng = np.random.default_rng([seed, step])
            z, value, acceptance = self._step(z, value, np.exp(log_beta), rng)
            if step < self._settings.warmup:
                log_beta = self._adapted(log_beta, acceptance, step)
            records.append((z, value, acceptance, False))
        drawn = dict(zip(RECORDED, map(np.array, zip(*records))))
        return Steps((z, value, log_beta), drawn, float(np.exp(log_beta)),
                     self._density.density.failed - before)

    def _step(self, z, value, beta, rng):
        trial = np.sqrt(1.0 - beta ** 2) * z + beta * rng.normal(size=z.size)
        there = np.array(self._density.value(trial))
        ratio = there + 0.5 * trial @ trial - value - 0.5 * z @ z
        acceptance = float(np.exp(min(ratio, 0.0)))
        return (trial, there, acceptance) if rng.uniform() < acceptance else (z, value, acceptance)

    def _adapted(self, log_beta, acceptance, step):
        """Robbins and Monro: towards the acceptance that is wanted."""
        change = (acceptance - self._settings.acceptance) / np.sqrt(step + 1.0)
        return np.clip(log_beta + change, np.log(LEAST), 0.0)

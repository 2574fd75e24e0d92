"""Methods of sampling by name, and where a chain starts."""

from __future__ import annotations

from typing import Any

import numpy as np

from pcl.support.types import Array
from pcl.uncertainty.sampling.crank_nicolson import CrankNicolson
from pcl.uncertainty.sampling.density import LogDensity, Reference, Whitened
from pcl.uncertainty.sampling.state import RECORDED, Chain, Method, Settings, Steps

# The mean acceptance that steps are adapted to. nuts: M. Hoffman and A. Gelman, 2014, and Stan's default;
# hmc: A. Beskos and others, 2013, a little above their 0.651; mala: G. Roberts and J. Rosenthal, 1998;
# pcn: between the 0.2 to 0.3 of random walks and the 1 of independent draws.
ACCEPTANCE = {"nuts": 0.8, "hmc": 0.8, "mala": 0.574, "pcn": 0.4}
TRIES, SHRINK = 20, 0.8     # starts of a chain, each closer to the peak


class Sampler:
    """One problem, ready to take chains further.

    Parameters
    ----------
    problem : Problem
    reference : Reference
    settings : Settings
    """

    def __init__(self, problem: Any, reference: Reference, settings: Settings):
        self._density = Whitened(LogDensity(problem, reference.sigma), reference)
        self._settings = settings
        self._method = _method(self._density, settings)

    def steps(self, chain: Chain, count: int) -> Steps:
        """`count` more steps of a chain, which begins here if it has no state yet."""
        if not chain.state:
            chain = begun(chain.number, self._method.begin(chain.number, self._start(chain.number)))
        return self._method.steps(chain, count)

    def _start(self, number):
        """z (p,) drawn from the reference, where the density has a value."""
        rng = np.random.default_rng([self._settings.seed, number])
        for closer in range(TRIES):
            z = SHRINK ** closer * rng.normal(size=self._density.size)
            if np.isfinite(self._density.value(z)):
                return z
        raise ValueError(f"chain {number} finds no start: the density has no value at {TRIES} points "
                         "drawn around the peak of the posterior. Is the model defined there, and the "
                         "posterior that of this problem? See problem.log_density(posterior.theta).")


def begun(number: int, state: tuple = (), size: int = 0) -> Chain:
    """A chain that has drawn nothing."""
    z: Array = np.zeros((0, state[0].size if state else size))
    nothing = {"z": z, "divergent": np.zeros(0, bool)}
    return Chain(number, 0, state, {name: nothing.get(name, np.zeros(0)) for name in RECORDED}, np.nan)


def _method(density, settings) -> Method:
    if settings.method == "pcn":
        return CrankNicolson(density, settings)
    from pcl.uncertainty.sampling.hamiltonian import Hamiltonian     # TensorFlow Probability takes 5 s
    return Hamiltonian(density, settings)

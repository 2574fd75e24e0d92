"""What a check has to know of readings: their noise, and what the model says of them at any θ."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from pcl.errors import TrialFailure
from pcl.support.types import Array, Blocks
from pcl.uncertainty.noise.base import Noise
from pcl.uncertainty.statement import Statement


class Readings(Protocol):
    """Sets of readings y of a model f(θ), by their names.

    Attributes
    ----------
    observed : {name: y}
    noise : {name: Noise}
    has_residuals : bool, whether all of the noise has them
    """

    @property
    def observed(self) -> Mapping[str, Array]: ...

    @property
    def noise(self) -> Mapping[str, Noise]: ...

    @property
    def has_residuals(self) -> bool: ...

    def standardised(self) -> Iterator[tuple[str, Array, Array]]:
        """(name, r (m,), R (m, k)) at the peak: residuals, whose covariance is 1 − R Rᵀ if the model
        holds."""
        ...

    def predictions(self, thetas: Array) -> Iterator[Blocks | None]:
        """{name: f} at each of θ (n, p); None where there is none."""
        ...

    def own(self, name: str, blocks: Blocks) -> Mapping[str, Any]:
        """The unknown numbers of one noise model by its own names."""
        ...


class OfProblem:
    """`Readings` of the posterior of a problem from `Problem.from_data`; ValueError for any other."""

    def __init__(self, posterior: Any):
        self._posterior, self._problem = posterior, posterior.problem
        if not isinstance(self._problem.statement, Statement):
            raise ValueError("a check needs to know which rows are data and what their noise is; state "
                             "the problem by pcl.Problem.from_data.")
        self._statement: Statement = self._problem.statement
        self.observed, self.noise = self._statement.observed, self._statement.noise
        self.own, self.has_residuals = self._statement.own, self._problem.has_residuals

    def standardised(self) -> Iterator[tuple[str, Array, Array]]:
        at, sigma = self._posterior.theta, self._posterior.sigma
        r, J = self._problem.residuals(at) / sigma, self._problem.jacobian(at) / sigma
        for name, rows in self._statement.rows["data"].items():
            yield name, r[rows], self._posterior.covariance_form.root(J[rows])

    def predictions(self, thetas: Array) -> Iterator[Blocks | None]:
        model = self._predicting(thetas[0])
        ends = np.cumsum([y.size for y in self.observed.values()])[:-1]
        for theta in thetas:
            try:
                parts = np.split(model.residuals(theta), ends)
            except TrialFailure:
                yield None
            else:
                yield {name: part.reshape(y.shape)
                       for (name, y), part in zip(self.observed.items(), parts)}

    def _predicting(self, theta):
        """The problem whose residuals are all predictions, one after the other."""
        def flat(blocks):
            found = self._statement.predictions(blocks)
            return tf.concat([tf.reshape(found[name], (-1,)) for name in self.observed], 0)

        with warnings.catch_warnings():     # the noise's own unknowns
            warnings.filterwarnings("ignore", message="the loss does not depend on the blocks")
            return self._problem.from_residuals(flat, self._problem.unravel(theta))

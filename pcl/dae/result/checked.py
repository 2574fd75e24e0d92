"""The readings of a fit as `pcl.uncertainty.checking.Readings`: by what is read, experiments together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf

from pcl.dae.program.density import LOG, short
from pcl.errors import TrialFailure
from pcl.support.types import Array, Blocks
from pcl.uncertainty.noise import Gaussian
from pcl.uncertainty.noise.base import Noise


class FitReadings:
    """Every name that is read, in the order of experiments and times.

    The noise of readings with weights ω is normal of variance s²/ω: s² = 1 of weights 1/σ², otherwise the
    residual variance, of its own for each variable where there are enough readings (`Uncertainty`). What
    was estimated from the residuals cannot be too large or too small: χ² says nothing then, while runs
    and the distribution do.

    Parameters
    ----------
    numbers : FitNumbers
    root : Root

    Attributes
    ----------
    observed : {name: y (m,)}
    noise : {name: Noise}
    has_residuals : bool
    """

    def __init__(self, numbers: Any, root: Any):
        self._numbers, self._root = numbers, root
        found, misfit = numbers.uncertainty, numbers.fit.program.misfit
        variance = found.scale + found.excess
        self._read: dict[str, _OfVariable | _OfTerm] = {}
        end = misfit.plain.size
        for k, name in enumerate(misfit.plain.names):
            rows = misfit.plain.variable == k
            self._read[name] = _OfVariable(misfit.plain, rows, variance[:end][rows])
        for term in misfit.terms:
            begin, end = end, end + term.density.data.size
            self._read[term.reading.name] = _OfTerm(term, variance[begin:end])
        self.observed = {name: read.data for name, read in self._read.items()}
        self.noise = {name: read.noise for name, read in self._read.items()}
        self.has_residuals = all(noise.has_residuals for noise in self.noise.values())

    def standardised(self) -> Iterator[tuple[str, Array, Array]]:
        elements, x = self._numbers.fit.program.elements, self._numbers.fit.result.x
        u = elements.local(x[:elements.n])
        steps = [elements.local(column[:elements.n]) for column in self._root.columns]
        for name, read in self._read.items():
            moved = np.array([read.change(u, du) for du in steps]).reshape(len(steps), -1).T
            r, R = _standardised(read.noise, read.value(u), read.data, self._root.deviations(moved))
            yield name, r, R

    def predictions(self, thetas: Array) -> Iterator[Blocks | None]:
        elements = self._numbers.fit.program.elements
        for theta in thetas:
            try:
                x = self._numbers.reduced.solution(theta)
            except TrialFailure:
                yield None
            else:
                u = elements.local(x[:elements.n])
                found = {name: read.value(u) for name, read in self._read.items()}
                yield found if all(np.isfinite(f).all() for f in found.values()) else None

    def own(self, name: str, blocks: Blocks) -> dict[str, Any]:
        return {number: np.log(value) if number.startswith(LOG) else value
                for number in self._read[name].unknowns
                for value in [blocks[f"{short(number)} of {name}"]]}


@dataclass(frozen=True, eq=False)
class _OfVariable:
    """Readings of one variable, linear in u: those of a `Misfit` at `rows`, of variances `variance`/ω."""

    misfit: Any
    rows: Array
    variance: Array
    unknowns: ClassVar[tuple[str, ...]] = ()

    @property
    def data(self):
        return self.misfit.data[self.rows]

    @property
    def noise(self) -> Noise:
        return Gaussian(np.sqrt(self.variance / self.misfit.weights[self.rows]))

    def value(self, u):
        """What the model reads (m,)."""
        return self.misfit.residuals(u)[self.rows] + self.data

    def change(self, u, du):
        """Its change (m,) along du (E, width)."""
        return self.misfit.sensitivity(u, du)[self.rows]


@dataclass(frozen=True, eq=False)
class _OfTerm:
    """Readings of one name through a `Term`."""

    term: Any
    variance: Array

    @property
    def data(self):
        return self.term.density.data

    @property
    def unknowns(self):
        """Names of the unknown numbers of the noise."""
        return self.term.density.unknowns

    @property
    def noise(self) -> Noise:
        return self.term.density.stated(self.variance)

    def value(self, u):
        """What the model reads (m,)."""
        return self.term.reading.value(u)

    def change(self, u, du):
        """Its change (m,) along du (E, width)."""
        reading = self.term.reading
        return np.einsum("nc,nc->n", reading.slopes(u), reading.pushed(du))


def _standardised(noise, f, y, changes):
    """(r (m,), ∂r/∂f · changes (m, k)) at predictions f, of changes (m, k) of f."""
    f = tf.constant(f)
    r, moved = noise.residuals(f, y).numpy(), []
    for change in changes.T:
        with tf.autodiff.ForwardAccumulator(f, tf.constant(change)) as along:
            left = noise.residuals(f, y)
        moved.append(along.jvp(left).numpy())
    return r, np.array(moved).reshape(-1, r.size).T

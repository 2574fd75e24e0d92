"""How bands are made: linearised, or by evaluating the law at draws of θ."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod

import numpy as np
import scipy           # its `stats` is loaded when it is first used, which takes long
import tensorflow as tf

from pcl.errors import TrialFailure
from pcl.support.types import Array
from pcl.support.validate import float64_array, known
from pcl.uncertainty.covariance import share
from pcl.uncertainty.laplace.band import Band
from pcl.uncertainty.laplace.linearity import Linearity

TOGETHER = 4000     # draws of the linearised law that give the width of a simultaneous band
SEEN = 1e-6         # share of |∂f/∂θ|² along directions that are left out, which makes a band a bound


class Law(ABC):
    """A function of θ at its peak.

    Attributes
    ----------
    value : ndarray (q,), f
    sensitivity : ndarray (q, p), ∂f/∂θ
    """

    value: Array
    sensitivity: Array
    elsewhere = True        # whether it has values at other θ

    @abstractmethod
    def at(self, theta: Array) -> Array | None:
        """f (q,) at another θ, or None where it has no value."""

    def interval(self, width: Array) -> tuple[Array, Array]:
        """(lower, upper) at `width` (q,) on each side, along which f is taken to be linear."""
        return self.value - width, self.value + width


class Traced(Law):
    """A function of blocks that is written as a loss is, or the numbers of one block by its name."""

    def __init__(self, problem, theta, function):
        def traced(blocks):
            value = function(blocks)
            if not tf.is_tensor(value):
                raise TypeError(f"law gives a {type(value).__name__}; expected a float64 tensor (q,) "
                                "that depends on the blocks: tf.stack([…]) of single numbers.")
            if len(value.shape) != 1:
                raise ValueError(f"law has shape {tuple(value.shape)}; expected (q,), one number a "
                                 "point: net(…)[:, 0] of a network, tf.reshape(f, [-1]) of others.")
            return value

        with warnings.catch_warnings():     # a law need not depend on every block
            warnings.filterwarnings("ignore", message="the loss does not depend on the blocks")
            self._model = problem.from_residuals(traced, problem.unravel(theta))
        self.value, self.sensitivity = self._model.residuals(theta), self._model.jacobian(theta)

    def at(self, theta):
        try:
            value = self._model.residuals(theta)
        except TrialFailure:
            return None
        return value if np.isfinite(value).all() else None


class Fixed(Law):
    """A function that is known by its values and its Jacobian at the peak."""

    elsewhere = False

    def __init__(self, value, sensitivity, p):
        self.value = float64_array("values of law", value, shape=(None,))
        self.sensitivity = float64_array("Jacobian of law", sensitivity, shape=(self.value.size, p))

    def at(self, theta):
        return None


class OfBlock(Law):
    """The numbers of one block."""

    def __init__(self, problem, theta, name):
        self._rows = problem.slices[known("law", name, problem.slices)]
        self.value = theta[self._rows].copy()
        self.sensitivity = np.eye(theta.size)[self._rows]

    def at(self, theta):
        return theta[self._rows]


def law_of(problem, theta, law, points):
    """The `Law` that a function of blocks, or the name of one of them, stands for."""
    if isinstance(law, str):
        return OfBlock(problem, theta, law)
    if isinstance(law, (tuple, list)) and len(law) == 2:
        return Fixed(law[0], law[1], theta.size)
    if not callable(law):
        raise TypeError(f"law is a {type(law).__name__}; expected a function of the blocks, the name "
                        f"of one of {', '.join(problem.slices)}, or a pair (values, Jacobian).")
    return Traced(problem, theta, law)


def law_band(posterior, law, points, level, simultaneous, draws, check, seed):
    """The `Band` of a `Law`; see `Posterior.band`."""
    R = posterior.covariance_form.root(law.sensitivity)
    deviation = np.sqrt(np.einsum("qk,qk->q", R, R))
    if draws and not law.elsewhere:
        raise ValueError("draws need a law that can be evaluated; it is given by values and Jacobian "
                         "alone.")
    count = max(draws, check) if law.elsewhere else 0
    offsets = posterior.draws(count, seed) - posterior.theta if count else np.zeros((0, 0))
    values = [law.at(posterior.theta + offset) for offset in offsets]
    made = {"points": _points(points, law.value.size), "value": law.value, "deviation": deviation,
            "level": level, "simultaneous": simultaneous, "failed": sum(v is None for v in values),
            "linearity": Linearity.of(posterior, law, deviation, offsets[:check], values[:check]),
            **_limits(posterior.directions, law.sensitivity, R)}
    if draws:
        lower, upper = _quantiles(np.array([v for v in values if v is not None]), level, simultaneous)
        return Band(lower=lower, upper=upper, method="sampled", **made)
    width = _width(R, deviation, level, simultaneous, seed) * deviation
    lower, upper = law.interval(width)
    return Band(lower=lower, upper=upper, **made)


def _points(points, q):
    if points is None:
        return None
    points = float64_array("points", points)
    points = points[:, None] if points.ndim == 1 else points
    if len(points) != q:
        raise ValueError(f"points has shape {points.shape} and law gives {q} numbers; expected as many.")
    return points


def _width(R, deviation, level, simultaneous, seed):
    """How many standard deviations a band is wide on each side."""
    if not simultaneous:
        return scipy.stats.norm.ppf(0.5 + level / 2.0)
    seen = deviation > 0.0
    if not seen.any():
        return 0.0
    unit = R[seen] / deviation[seen, None]
    z = np.random.default_rng(seed).normal(size=(R.shape[1], TOGETHER))
    return float(np.quantile(np.abs(unit @ z).max(axis=0), level))


def _quantiles(values, level, simultaneous):
    """(lower, upper) of the draws (n, q); together: the central share that stays inside everywhere."""
    if len(values) < 2:
        raise ValueError("the law has a value at fewer than two draws; is its posterior far too wide?")
    tail = 0.5 - level / 2.0
    if simultaneous:
        ranks = scipy.stats.rankdata(values, axis=0)
        depth = np.minimum(ranks, len(values) + 1 - ranks).min(axis=1)      # how deep a draw lies
        kept = values[depth >= np.quantile(depth, 1.0 - level)]
        return kept.min(axis=0), kept.max(axis=0)
    return np.quantile(values, tail, axis=0), np.quantile(values, 1.0 - tail, axis=0)


def _limits(directions, J, R):
    """determined, bound and cut_share of a band."""
    if directions is None:
        return {}
    outside, determined = directions.outside(J), directions.from_data(R)
    if determined is not None:
        determined = determined * (1.0 - outside)
    near = share(np.sum(R[:, directions.doubtful] ** 2, axis=1), np.sum(R ** 2, axis=1))
    return {"determined": determined, "bound": outside > SEEN,
            "cut_share": float(near.max()) if directions.doubtful.any() else 0.0}


def sampled_band(law, thetas, points, level, simultaneous):
    """The `Band` of a `Law` by its values at draws θ (n, p) of any posterior."""
    if not law.elsewhere:
        raise ValueError("draws need a law that can be evaluated; it is given by values and Jacobian "
                         "alone.")
    found = [law.at(theta) for theta in thetas]
    values = np.array([value for value in found if value is not None])
    lower, upper = _quantiles(values, level, simultaneous)
    return Band(points=_points(points, law.value.size), value=np.median(values, axis=0),
                deviation=values.std(axis=0, ddof=1), lower=lower, upper=upper, level=level,
                simultaneous=simultaneous, method="sampled", bound=np.zeros(law.value.size, bool),
                failed=len(found) - len(values))

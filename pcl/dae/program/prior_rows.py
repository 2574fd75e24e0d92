"""The priors of parameters as a sum of squares, Σ r(p)²: shared ones once, others for each experiment."""

import functools

import numpy as np
import tensorflow as tf

from pcl.dae.program import pointwise


@functools.lru_cache(maxsize=32)
def priors_of(model):
    """A row r for each parameter with a prior."""
    return pointwise.Pointwise(model, _rows)


def _rows(model, v):
    def value(given):
        if not isinstance(given, str):
            return tf.constant(given, tf.float64)
        return tf.exp(v[given]) if given in model.exponents else v[given]
    return {name: prior.residual(value(name), value(prior.centre), tf.math.log)
            for name, prior in model.priors.items()}


class PriorRows:
    """Σ r² over the experiments of `Elements`, a function of the unknowns of their first elements."""

    def __init__(self, model, elements):
        self._rows, self._elements = priors_of(model), elements
        own = np.array([name in model.local for name in self._rows.names])
        self._mask = np.where(own, 1.0, 0.0) * np.ones((len(elements.starts), 1))
        self._mask[0] = 1.0
        self._p = slice(elements.width - elements.n_p, elements.width)

    def value(self, u):
        """Σ r² at unknowns u (E, width)."""
        return float((self._mask * self._rows.residual(*self._points(u)) ** 2).sum())

    def gradient(self, u):
        """(E, width)."""
        points, out = self._points(u), np.zeros_like(u)
        r, J = self._rows.residual(*points), self._rows.jacobian(*points)[:, :, self._arguments]
        out[self._elements.starts, self._p] = 2.0 * np.einsum("kr,krp->kp", self._mask * r, J)
        return out

    def hessian(self, u):
        """(experiments, n_p, n_p), of the first elements `starts` with respect to p."""
        points, at = self._points(u), self._arguments
        r, J = self._mask * self._rows.residual(*points), self._rows.jacobian(*points)[:, :, at]
        bend = self._rows.hessian(*points, 2.0 * r)[:, at, at]
        return bend + 2.0 * np.einsum("krp,kr,krq->kpq", J, self._mask, J)

    def add_hessian(self, u, sigma, local):
        """Add σ times it to blocks (E, width, width), in place."""
        local[self._elements.starts, self._p, self._p] += sigma * self.hessian(u)

    @property
    def _arguments(self):
        return self._rows.arguments.parameters

    def _points(self, u):
        """(a, u, t) of one point an experiment; only p is looked at."""
        elements = self._elements
        a = np.zeros((len(elements.starts), len(self._rows.arguments)))
        a[:, self._arguments] = u[elements.starts, self._p]
        return a, np.zeros((len(a), len(elements.model.inputs))), np.zeros(len(a))

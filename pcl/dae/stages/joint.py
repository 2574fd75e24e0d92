"""Laws that the smoother cannot tell apart, fitted together to what they do in the equations.

In x' = a(x) (1 + b(y)) free terms a(t), b(t) share the factor in any way that is smooth; what is known
of them is the equation's value. With the trajectories of the smoother held, such laws minimise

    mean ‖D Q (r(…, law(·; θ), …) − r(…, z, …))‖² + `RIDGE` ‖θ‖² / n

over all of them at once, r the equations, Q the projection off what algebraic variables can make good
(to first order), D = 1/(root mean square of Q ∂r/∂z · standard deviation of z).
"""

import numpy as np
from scipy.optimize import minimize

from pcl.dae.program.equations import equations_of

TRIES, MAXITER = 3, 200         # initial weights; iterations of L-BFGS-B each
_PARALLEL = 1e-8                # singular value, relative to the largest, of a direction without effect
_SHARE = 1e-3                   # of an output in such a direction


def together(setting, x, size):
    """Outputs that some change leaves the equations as they are at most points, bool (n_z,).

    x : trajectories; size : (n_z,) by which outputs vary.
    """
    at, (_, J) = setting.elements.arguments, _equations(setting, x)
    columns = np.concatenate([J[:, :, at.algebraic], J[:, :, at.outputs] * size], axis=2)
    columns = columns / _positive(np.sqrt(np.mean(columns ** 2, axis=(0, 1))))
    _, s, V = np.linalg.svd(np.nan_to_num(columns))
    s = np.pad(s, ((0, 0), (0, V.shape[1] - s.shape[1])))
    idle = s <= _PARALLEL * s.max(axis=1, keepdims=True)                            # (n, n_y + n_z)
    share = np.sqrt(np.einsum("nk,nkj->nj", idle.astype(float), V ** 2))
    return np.median(share[:, V.shape[1] - size.size:], axis=0) > _SHARE


def pretrain_together(setting, x, laws, seeds, size, ridge):
    """(weights of each law, mismatch relative to D, x with the laws' outputs): the best of `TRIES`.

    laws : those that are fitted together; seeds : of their initial weights; size : (n_z,).
    """
    effect = _Effect(setting, x, laws, size)
    tries = [effect.fitted([law.init(seed + 1000 * k) for law, seed in zip(laws, seeds)], ridge)
             for k in range(TRIES)]
    best = min(tries, key=lambda found: found.fun)
    thetas = effect.split(best.x)
    return thetas, effect.mismatch(thetas), effect.trajectories(thetas)


class _Effect:
    """What laws do in the equations at the points of given trajectories."""

    def __init__(self, setting, x, laws, size):
        self._setting, self._x, self._laws = setting, x, laws
        self._inputs = [setting.points_of(law, x)[0] for law in laws]
        self._columns = [[setting.model.outputs.index(name) for name in law.outputs] for law in laws]
        at = self._at = setting.elements.arguments
        self._a = setting.elements.at_points(setting.elements.local(x))
        self._u, self._t = setting.inputs.reshape(len(self._a), -1), setting.elements.times.ravel()
        self._r, J = _equations(setting, x)
        self._Q = _off(J[:, :, at.algebraic])
        moved = (self._Q @ J[:, :, at.outputs]) * size
        used = sorted(sum(self._columns, []))
        self._D = 1.0 / _positive(np.sqrt(np.mean(np.sum(moved[:, :, used] ** 2, axis=2), axis=0)))

    def split(self, theta):
        """The weights of each law."""
        return np.split(theta, np.cumsum([law.size for law in self._laws])[:-1])

    def fitted(self, thetas, ridge):
        """The result of L-BFGS-B from weights."""
        n = len(self._a)

        def loss(theta):
            e, points, slopes = self._error(self.split(theta))
            pulled = 2.0 / n * np.einsum("ne,nez->nz", self._D * e, slopes)
            gradient = np.concatenate([point.pullback(pulled[:, columns])
                                       for point, columns in zip(points, self._columns)])
            return (float((e ** 2).sum()) + ridge * theta @ theta) / n, gradient + 2.0 * ridge / n * theta
        return minimize(loss, np.concatenate(thetas), jac=True, method="L-BFGS-B",
                        options={"maxiter": MAXITER, "maxfun": 2 * MAXITER})

    def mismatch(self, thetas):
        """Root mean square of D Q (r − r of the trajectories)."""
        return float(np.sqrt(np.mean(np.sum(self._error(thetas)[0] ** 2, axis=1))))

    def trajectories(self, thetas):
        """x with the outputs of the laws."""
        elements, x = self._setting.elements, self._x
        x0, w, p = elements.split(x)
        w = np.array(w)
        for law, theta, a, columns in zip(self._laws, thetas, self._inputs, self._columns):
            places = elements.n_w - elements.n_z + np.array(columns)
            w[:, :, places] = law.at(theta, a).value.reshape(elements.E, elements.K, -1)
        return elements.join(x0, w, p)

    def _error(self, thetas):
        """(D Q (r − r₀) (n, n_eq), points of the laws, Q ∂r/∂z (n, n_eq, n_z)) at weights."""
        points = [law.at(theta, a) for law, theta, a in zip(self._laws, thetas, self._inputs)]
        a = self._a.copy()
        for point, columns in zip(points, self._columns):
            a[:, self._at.outputs.start + np.array(columns)] = point.value
        rows = equations_of(self._setting.model)
        r = rows.residual(a, self._u, self._t) - self._r
        slopes = self._Q @ rows.jacobian(a, self._u, self._t)[:, :, self._at.outputs]
        return self._D * np.einsum("nef,nf->ne", self._Q, r), points, slopes


def _equations(setting, x):
    """r (n, n_eq) and ∂r/∂a (n, n_eq, n_a) at the points of x."""
    a = setting.elements.at_points(setting.elements.local(x))
    u, t = setting.inputs.reshape(len(a), -1), setting.elements.times.ravel()
    rows = equations_of(setting.model)
    return rows.residual(a, u, t), rows.jacobian(a, u, t)


def _off(J):
    """Projections (n, n_eq, n_eq) off the columns of J (n, n_eq, n_y)."""
    one = np.eye(J.shape[1])
    if J.shape[2] == 0:
        return np.broadcast_to(one, (len(J), *one.shape))
    return one - J @ np.linalg.pinv(np.nan_to_num(J), rcond=_PARALLEL)


def _positive(size):
    return np.where((size > 0.0) & np.isfinite(size), size, 1.0)

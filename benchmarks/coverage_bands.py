"""Bands of the posterior: functions and numbers of known truth, drawn with noise, and fitted.

Each case returns, for one draw, {quantity: (lower, value, upper, truth, inside)} of pointwise 90 % bands
(`coverage.BAND_LEVEL`); `inside` is 1 within the data, 0 beyond. Coefficients are drawn from the very
process that is stated as their prior, as only then a band beyond the data has a coverage to speak of; the
data come from closed forms or quadrature on 2,001 points, never from the elements that are fitted.
"""
import functools

import numpy as np
from scipy.integrate import cumulative_simpson

from benchmarks.coverage import BAND_LEVEL
from benchmarks.coverage_cases import _K, _PUMPING_NOISE, _STORAGE, drawdowns, pumping_problem

_FINE = np.linspace(0.0, 1.0, 2001)


class Process:
    """A Gaussian process on a line, deviation² (1 + s + s²/3) e^(−s), s = √5 |x − x'|/length."""

    def __init__(self, deviation, length):
        self.deviation, self.length = deviation, length

    def factor(self, points):
        """The lower L with L Lᵀ the covariance at points (q,)."""
        s = np.sqrt(5.0) * np.abs(points[:, None] - points) / self.length
        K = self.deviation ** 2 * (1.0 + s + s ** 2 / 3.0) * np.exp(-s)
        return np.linalg.cholesky(K + 1e-9 * self.deviation ** 2 * np.eye(len(points)))

    def draw(self, points, rng):
        """A function: its values at points, between them by a cubic spline."""
        from scipy.interpolate import CubicSpline
        return CubicSpline(points, self.factor(points) @ rng.normal(size=points.size))


class Redrawn:
    """A problem with other readings of normal noise: r(θ; y) = r(θ; y₀) − (y − y₀)/σ, traced once.

    Parameters
    ----------
    problem : Problem from `from_data`
    shift : (y − y₀)/σ of the first rows; all others stay
    """

    has_residuals = True

    def __init__(self, problem, shift):
        self._problem, self._shift = problem, shift
        self.theta0, self.size, self.slices = problem.theta0, problem.size, problem.slices
        self.statement, self.unravel = problem.statement, problem.unravel
        self.from_residuals, self.jacobian = problem.from_residuals, problem.jacobian

    def residuals(self, theta):
        r = self._problem.residuals(theta)
        r[:self._shift.size] -= self._shift
        return r

    def _tried(self, theta):
        """The residuals, infinite where the model cannot be solved: SciPy shortens such a step."""
        import pcl
        try:
            return self.residuals(theta)
        except pcl.TrialFailure:
            return np.full(self.residuals(self.theta0).size, np.inf)

    def posterior(self):
        """At its minimiser: least squares of SciPy, as no verdict of exact Hessians is needed here."""
        from scipy.optimize import least_squares

        from pcl.uncertainty import posterior
        theta = self.theta0
        for ftol in (1e-5, 1e-7, 1e-9):
            theta = least_squares(self._tried, theta, self.jacobian, x_scale="jac", ftol=ftol,
                                  max_nfev=300).x
            found = posterior(self, theta)
            if found.directions.step < 0.05:
                break
        return found


def _stated(predict, readings, sigma, nodes, process, blocks, law):
    """The problem of a law whose prior is stated by its values at nodes; all readings 0.

    The nodes have to be closer than the law could turn between them, best as many as it has weights:
    between 26 of them a network with 97 weights is free to swing, and so is its band.
    """
    import pcl
    from pcl.uncertainty import noise

    return pcl.Problem.from_data(
        lambda theta: {"u": predict(theta), "law": law(theta, nodes)},
        {"u": np.zeros(readings), "law": np.zeros(nodes.size)},
        {"u": noise.Gaussian(sigma), "law": noise.Gaussian(factor=process.factor(nodes))}, blocks)


def _rows(problem, shift, law, at, truth, inside):
    """The rows of one draw."""
    band = Redrawn(problem, shift).posterior().band(lambda theta: law(theta, at), at, level=BAND_LEVEL,
                                                    check=0)
    names = [f"place {k + 1}, {'inside' if within else 'outside'}" for k, within in enumerate(inside)]
    return {name: row for name, *row in zip(names, band.lower, band.value, band.upper, truth, inside)}


def _interpolation(x, nodes):
    """Rows (q, n) of linear interpolation between equally spaced nodes."""
    return np.maximum(0.0, 1.0 - np.abs(x[:, None] - nodes) / (nodes[1] - nodes[0]))


# --- κ(x) of Poisson's equation -------------------------------------------------------------------
_SENSORS, _READING = np.linspace(0.25, 0.75, 11), 1e-3
_NODES, _PLACES = np.linspace(0.0, 1.0, 101), np.array([0.3, 0.5, 0.7, 0.1, 0.95])
_INSIDE = _PLACES < 0.8
_INSIDE[3] = False
_OF_X = Process(0.5, 0.4)


def _poisson(seed, form):
    """ln κ of −(κ u')' = 1, u = 0 at both ends; eleven readings of u in the middle half, noise 1e-3."""
    rng = np.random.default_rng(seed)
    true = _OF_X.draw(_NODES, rng)
    resistance = np.exp(-true(_FINE))
    A, B = (cumulative_simpson(f, x=_FINE, initial=0.0) for f in (resistance, _FINE * resistance))
    u = B[-1] / A[-1] * A - B                                           # κ u' = c − x
    shift = np.interp(_SENSORS, _FINE, u) / _READING + rng.normal(size=_SENSORS.size)
    law, problem = _poisson_problem(form)
    return _rows(problem, shift, law, _PLACES, true(_PLACES), _INSIDE)


@functools.cache
def _poisson_problem(form):
    """(law, problem) of "nodal" or "network"."""
    import skfem
    import tensorflow as tf

    import fem

    net = _network()

    def nodal(theta, x):
        return tf.linalg.matvec(tf.constant(_interpolation(x, _NODES)), theta["k"])

    def network(theta, x):
        return net(theta["k"], 4.0 * x[:, None] - 2.0)[:, 0]
    law, start = {"nodal": (nodal, np.zeros(_NODES.size)), "network": (network, net.init(1))}[form]
    V = fem.Space(skfem.MeshLine(np.linspace(0.0, 1.0, 51)), "P1")
    observe, x = V.observe(_SENSORS[:, None]), V.quadrature_points[:, 0]

    def predict(theta):
        return observe @ fem.solve(V.laplace(tf.exp(law(theta, x))), V.load(1.0), dirichlet=0.0)
    return law, _stated(predict, _SENSORS.size, _READING, _NODES, _OF_X, {"k": start}, law)


def poisson_nodal(seed):
    """ln κ(x) by its values at 101 nodes."""
    return _poisson(seed, "nodal")


def poisson_network(seed):
    """ln κ(x) by a network with 97 weights."""
    return _poisson(seed, "network")


@functools.cache
def _network():
    import pcl
    return pcl.MLP([1, 8, 8, 1])


# --- κ(u) ------------------------------------------------------------------------------------------
_STATES, _OF_U = np.linspace(0.0, 3.0, 121), Process(0.4, 1.2)
_AT_X, _STATE_READING = np.linspace(0.0, 1.0, 17)[1:-1], 0.01
_SHARES = np.array([0.2, 0.5, 0.9, 1.3, 1.6])


def nonlinear(seed):
    """ln κ(u) of −(κ(u) u')' = 8, u = 0 at both ends, by a network; 15 readings of u, noise 0.01.

    ∫₀ᵘ κ = 4 x (1 − x). The places are shares of the largest u of the draw.
    """
    rng = np.random.default_rng(seed)
    true = _OF_U.draw(_STATES, rng)
    u = np.linspace(0.0, _STATES[-1], 4001)
    integral = cumulative_simpson(np.exp(true(u)), x=u, initial=0.0)
    read = np.interp(4.0 * _AT_X * (1.0 - _AT_X), integral, u)
    at = _SHARES * np.interp(1.0, integral, u)
    shift = read / _STATE_READING + rng.normal(size=_AT_X.size)
    law, problem = _nonlinear_problem()
    return _rows(problem, shift, law, at, true(at), _SHARES <= 1.0)


@functools.cache
def _nonlinear_problem():
    import skfem
    import tensorflow as tf

    import fem

    V, net = fem.Space(skfem.MeshLine(np.linspace(0.0, 1.0, 17)), "P2"), _network()
    observe = V.observe(_AT_X[:, None])

    def law(theta, u):
        return net(theta["k"], (u - 1.5)[:, None])[:, 0]

    def predict(theta):
        def form(u, grad_u, x):
            return -8.0, tf.exp(law(theta, u))[:, None] * grad_u
        return observe @ fem.solve_nonlinear(V, form, dirichlet=0.0)
    return law, _stated(predict, _AT_X.size, _STATE_READING, _STATES, _OF_U, {"k": net.init(1)}, law)


# --- two numbers of a pumping test ---------------------------------------------------------------
def pumping_bands(seed):
    """ln K and ln S_s, as in `coverage_cases.pumping`, of Theis' drawdown, with the noise known."""
    shift = drawdowns() / _PUMPING_NOISE + np.random.default_rng(seed).normal(size=drawdowns().size)
    found = Redrawn(_pumping_problem(), shift).posterior()
    rows = {}
    for name, block, truth in (("ln K", "K", _K), ("ln S_s", "S", _STORAGE)):
        band = found.band(block, level=BAND_LEVEL)
        rows[name] = (band.lower[0], band.value[0], band.upper[0], np.log(truth), 1.0)
    return rows


@functools.cache
def _pumping_problem():
    from pcl.uncertainty import noise

    start = {"K": np.log(_K), "S": np.log(_STORAGE)}
    return pumping_problem(np.zeros(drawdowns().size), start, noise.Gaussian(_PUMPING_NOISE))


# --- a growth law in a fed batch -------------------------------------------------------------------
_AT = np.array([0.5, 1.0, 2.0, 4.0, 7.0])                   # S, g/l


def fed_batch_bands(seed):
    """μ(S) = 0.2 S/(1 + S) as a network with 25 weights, at five S; three runs, weights 1/σ²."""
    import pcl
    from benchmarks.dae_cases import FEDBATCH
    from pcl.dae import Law, fit

    data = FEDBATCH.trajectories(np.random.default_rng(seed), 1.0)
    found = fit(FEDBATCH.model, data, Law(pcl.MLP((1, 8, 1)), "S", "mu"))
    band = found.posterior().band("mu", _AT, level=BAND_LEVEL, check=0)
    truth = 0.2 * _AT / (1.0 + _AT)
    return {f"μ({S:g})": row for S, *row in zip(_AT, band.lower, band.value, band.upper, truth,
                                                np.ones(_AT.size))}


BANDS = {"pumping band": pumping_bands, "κ(x) nodal": poisson_nodal, "κ(x) network": poisson_network,
         "μ(S) band": fed_batch_bands, "κ(u) network": nonlinear}

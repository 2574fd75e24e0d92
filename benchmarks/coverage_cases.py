"""Systems with a known truth, drawn with noise and fitted with default arguments.

Each case returns, for one draw, {quantity: (estimate, standard error, truth, degrees of freedom)}. The
data never come from the discretisation that is fitted: from SciPy's integrators at 1e-11, from a closed
form, or from a series. Degrees of freedom are those of Student's t; infinite for bands of laws, whose
number of free directions is no integer.
"""
import functools
import pathlib

import numpy as np
from scipy.integrate import solve_ivp
from scipy.special import exp1


# --- the forced Lorenz system, all states observed, 1 % -----------------------------------------
LORENZ = {"s": 10.0, "r": 15.0, "b": 8.0 / 3.0}
_LORENZ_START, _LORENZ_TIMES = (-8.0, 7.0, 27.0), np.linspace(0.0, 3.0, 200)


def _force(t):
    return 10.0 * np.sin(2.0 * np.pi * t)


def _lorenz_rates(x, y, z, s, r, b, u):
    return s * (y - x), x * (r - z) - y, x * y - b * z + u


@functools.cache
def _lorenz_truth():
    return solve_ivp(lambda t, x: _lorenz_rates(*x, *LORENZ.values(), _force(t)), (0.0, 3.0),
                     _LORENZ_START, t_eval=_LORENZ_TIMES, rtol=1e-11, atol=1e-11).y


def lorenz(seed):
    """s, r, b of x' = s (y − x), y' = x (r − z) − y, z' = x y − b z + 10 sin 2πt."""
    from pcl.dae import Model, Trajectory, fit

    true = _lorenz_truth()
    seen = true + 0.01 * true.std(axis=1, keepdims=True) * np.random.RandomState(seed).randn(*true.shape)
    model = Model(states=("x", "y", "z"), parameters=tuple(LORENZ), inputs=("u",),
                  rates=lambda v: dict(zip("xyz", _lorenz_rates(v.x, v.y, v.z, v.s, v.r, v.b, v.u))))
    found = fit(model, Trajectory(_LORENZ_TIMES, dict(zip("xyz", seen)), dict(zip("xyz", _LORENZ_START)),
                                  inputs={"u": _force}))
    errors = found.standard_errors()
    return {name: (found.parameters[name], errors[name], LORENZ[name], seen.size - 3) for name in LORENZ}


# --- the pumping test, both piezometers, noise of its own misfit --------------------------------
_K, _STORAGE, _PUMPING_NOISE = 66.1, 2.54e-5, 0.0501        # m/d, 1/m, m
_THICKNESS, _DISCHARGE, _WELL, _FAR = 7.0, 788.0, 0.2, 2e4  # m, m³/d, m, m


def _wells():
    """Times (d), distances (m) and drawdowns (m) of the 69 readings of Oude Korendijk, sorted by time."""
    path = pathlib.Path(__file__).parents[1] / "examples" / "data" / "oude_korendijk.csv"
    rows = np.sort(np.genfromtxt(path, delimiter=",", names=True), order=("time_min", "distance_m"))
    return rows["time_min"] / 1440.0, rows["distance_m"], rows["drawdown_m"]


def pumping(seed):
    """ln K and ln S_s of S_s ∂s/∂t = (1/r) ∂/∂r (r K ∂s/∂r), Q at the well; the truth is Theis' s.

    s = Q/(4πKH) E₁(r² S_s/(4Kt)), exact for a well without radius.
    Source: C. V. Theis, Transactions AGU 16 (1935) 519.
    """
    true = drawdowns()
    data = true + _PUMPING_NOISE * np.random.RandomState(seed).randn(true.size)
    problem = pumping_problem(data, {"K": np.log(10.0), "S": np.log(1e-3)})
    return _numbers(problem, np.log([_K, _STORAGE]), ("ln K", "ln S_s"))


@functools.cache
def drawdowns():
    """Theis' s (m) at the times and distances of the readings."""
    days, distances, _ = _wells()
    spread = 4.0 * _K * days
    return _DISCHARGE / (np.pi * _THICKNESS * 4.0 * _K) * exp1(distances**2 * _STORAGE / spread)


def measured_drawdown():
    """The 69 measured drawdowns (m), as `pumping_problem` takes them."""
    return _wells()[2]


def pumping_problem(data, start, noise=None):
    """Least squares for ln K ("K") and ln S_s ("S"); drawdowns `data` at the times and wells measured,
    with a `pcl.uncertainty.noise` model if one is given."""
    import skfem
    import tensorflow as tf

    import fem
    import pcl

    days, distances, _ = _wells()
    mesh = skfem.MeshLine(np.geomspace(_WELL, _FAR, 41)).with_boundaries(
        {"well": lambda x: x[0] < 2 * _WELL, "far": lambda x: x[0] > _FAR / 2})
    V = fem.Space(mesh, "P2", weight=lambda x: x[:, 0])
    flux = V.flux(_DISCHARGE / (2.0 * np.pi * _WELL * _THICKNESS), where="well")
    places, place = np.unique(distances, return_inverse=True)
    at, when = np.unique(days, return_inverse=True)
    grid, wells = np.r_[0.0, np.geomspace(0.3 * at[0], at[-1], 40)], V.observe(places[:, None])

    def predict(theta):
        K, storage = tf.exp(theta["K"]), tf.exp(theta["S"])
        system = pcl.FirstOrder(storage * V.mass(), K * V.laplace(), load=flux)
        s = fem.march(V, system, 0.0, grid, dirichlet={"far": 0.0}, at=at)
        return tf.gather_nd(wells @ s, np.stack([place, when], axis=1))

    if noise is None:
        return pcl.Problem.from_residuals(lambda theta: pcl.misfit(predict(theta), data), start)
    return pcl.Problem.from_data(predict, data, noise, start)


def _numbers(problem, truth, names):
    """Of a least squares problem in a few numbers: covariance s² (JᵀJ)⁻¹, s² = ℓ/(m − p)."""
    import pcl

    found = pcl.minimize(problem, "levenberg-marquardt", progress=False)
    J = problem.jacobian(found.x)
    freedom = len(J) - len(truth)
    errors = np.sqrt(found.fun / freedom * np.diag(np.linalg.inv(J.T @ J)))
    return {name: (found.x[i], errors[i], truth[i], freedom) for i, name in enumerate(names)}


# --- a heat march with two numbers --------------------------------------------------------------
_CONDUCTION, _LOSS, _HEAT_NOISE = 0.1, 0.5, 0.01
_PLACES, _HEAT_TIMES = np.array([0.25, 0.5, 0.7]), np.linspace(0.05, 1.5, 30)


def heat(seed):
    """ln k, ln c of u_t = k u_xx − c u, u = 0 at both ends, u(x, 0) = sin πx + ½ sin 3πx.

    u = e^(−(π²k + c) t) sin πx + ½ e^(−(9π²k + c) t) sin 3πx, read at three places with 1 % noise.
    """
    import skfem
    import tensorflow as tf

    import fem
    import pcl

    def initial(x):
        return np.sin(np.pi * x) + 0.5 * np.sin(3.0 * np.pi * x)

    decay = [np.exp(-(_CONDUCTION * (m * np.pi)**2 + _LOSS) * _HEAT_TIMES) for m in (1, 3)]
    shape = [np.sin(np.pi * _PLACES), 0.5 * np.sin(3.0 * np.pi * _PLACES)]
    true = sum(np.outer(x, t) for x, t in zip(shape, decay))
    data = true + _HEAT_NOISE * np.random.RandomState(seed).randn(*true.shape)

    V = fem.Space(skfem.MeshLine(np.linspace(0.0, 1.0, 41)), "P2")
    observe, grid = V.observe(_PLACES[:, None]), np.linspace(0.0, _HEAT_TIMES[-1], 31)

    def residuals(theta):
        k, c = tf.exp(theta["k"]), tf.exp(theta["c"])
        system = pcl.FirstOrder(V.mass(), k * V.laplace() + c * V.mass())
        u = fem.march(V, system, initial(V.dof_points[:, 0]), grid, dirichlet=0.0, at=_HEAT_TIMES)
        return tf.reshape(pcl.misfit(observe @ u, data), [-1])

    problem = pcl.Problem.from_residuals(residuals, {"k": np.log(0.2), "c": np.log(0.2)})
    return _numbers(problem, np.log([_CONDUCTION, _LOSS]), ("ln k", "ln c"))


# --- a growth law in a fed batch ----------------------------------------------------------------
_AT = np.array([0.5, 1.0, 2.0, 4.0, 7.0])                   # S, g/l


def _batch(seed, weighted):
    import pcl
    from benchmarks.dae_cases import FEDBATCH
    from pcl.dae import Law, fit

    data = FEDBATCH.trajectories(np.random.default_rng(seed), 1.0 if weighted else None)
    found = fit(FEDBATCH.model, data, Law(pcl.MLP((1, 8, 1)), "S", "mu"))
    value, error = found.band("mu", _AT)
    truth = 0.2 * _AT / (1.0 + _AT)
    return {f"μ({S:g})": row for S, *row in zip(_AT, value, error, truth, [np.inf] * _AT.size)}


def fed_batch(seed):
    """μ(S) = 0.2 S/(1 + S) as a network with 25 weights, at five S; three runs, 40 samples, 2 % noise."""
    return _batch(seed, weighted=False)


def fed_batch_weighted(seed):
    """The same with the weights 1/σ² of the noise given."""
    return _batch(seed, weighted=True)


CASES = {"lorenz": lorenz, "pumping": pumping, "heat": heat, "fed batch": fed_batch,
         "fed batch with σ": fed_batch_weighted}
QUICK = ("lorenz", "pumping", "heat", "fed batch")

"""Systems with an unknown term, to be trained: a tank–manifold network (index 2), a population with and
without a Lyapunov function that must fall, a fed-batch bioreactor.

The equations are written once, with arithmetic alone, so that the same text serves TensorFlow and CasADi.
`set_up` draws noisy data from the true system and gives the program of `pcl.dae.program.transcription`
with a start: states from a smoothing spline through the data, algebraic variables and unknown terms from
the equations at that spline, weights fitted to these terms.
"""
from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
from scipy.integrate import solve_ivp
from scipy.interpolate import make_smoothing_spline

from pcl import MLP, collocation
from pcl.dae.data.trajectory import Trajectory
from pcl.dae.laws.law import Law
from pcl.dae.model import Model
from pcl.dae.program.elements import Elements
from pcl.dae.program.misfit import Misfit
from pcl.dae.program.transcription import Transcription

OBSERVED = 40            # times a trajectory, equally spaced, after the start
_STEPS = 30              # of the fit of the weights before training
_RIDGE = 0.1             # of that fit, on |θ|² against squared normalised differences
_SPREAD = 0.1            # starts beyond those given: the same ones times 1 + 0.1 k


@dataclass(frozen=True)
class Case:
    """A system, its truth and its data.

    Parameters
    ----------
    name : str
    model : Model
    law_inputs : names; the law's outputs are those of the model
    motion : function (x, u) -> x' of the true system as an ordinary differential equation
    guess : function (x, x', u) -> (algebraic…, outputs…) from states and slopes, arrays (n,) each
    inputs : function (start) -> values of the model's inputs, constant in time
    starts : tuple of states at t = 0
    horizon : float
    elements, points : int, of every trajectory
    noise : float, standard deviation; in units of the largest value of a state if `relative`
    width : int, of both hidden layers, for about 150 weights
    wide : int, for about 1,500
    """

    name: str
    model: Model
    law_inputs: tuple
    motion: object
    guess: object
    inputs: object
    starts: tuple
    horizon: float
    elements: int
    points: int
    noise: float
    relative: bool
    width: int
    wide: int

    def initial(self, trajectories=None):
        """States at the start of each trajectory, (trajectories, n_x)."""
        n = len(self.starts)
        return np.array([np.multiply(self.starts[k % n], 1.0 + _SPREAD * (k // n))
                         for k in range(trajectories or n)], dtype=float)

    def simulate(self, start, times):
        """The true states (len(times), n_x) from `start`, without noise."""
        u = self.inputs(start)
        done = solve_ivp(lambda t, x: self.motion(x, u), (0.0, times[-1]), start, method="DOP853",
                         t_eval=times, rtol=1e-10, atol=1e-12)
        return done.y.T

    @property
    def penalty(self):
        """P of ½ P |θ|²: a unit normal prior, as the misfit is noise² times that in deviations."""
        return 2.0 * self.noise**2

    def observe(self, start, rng):
        """(times, noisy states (OBSERVED, n_x), standard deviations (n_x,))."""
        times = np.linspace(0.0, self.horizon, OBSERVED + 1)[1:]
        true = self.simulate(start, times)
        deviations = self.noise * (np.abs(true).max(axis=0) if self.relative else np.ones(true.shape[1]))
        return times, true + deviations * rng.standard_normal(true.shape), deviations

    def trajectories(self, rng, weight=None):
        """The data of all starts, as `fit` takes them; with weights (weight/σ)² if `weight` is given."""
        states, inputs, runs = self.model.states, self.model.inputs, []
        for start in self.initial():
            times, seen, deviations = self.observe(start, rng)
            weights = 1.0 if weight is None else dict(zip(states, (weight / deviations)**2))
            runs.append(Trajectory(times, dict(zip(states, seen.T)), dict(zip(states, start)),
                                   dict(zip(inputs, self.inputs(start))), weights=weights,
                                   span=(0.0, self.horizon)))
        return runs


@dataclass(frozen=True)
class SetUp:
    """A program and where its solution starts."""

    case: Case
    program: Transcription
    x0: np.ndarray

    @property
    def parameters(self):
        """Number of weights."""
        return sum(law.size for law in self.program.laws)


def set_up(case, seed, width=None, elements=None, trajectories=None):
    """The `SetUp` of a case; `seed` is that of the noise and of the weights."""
    rng, initial = np.random.default_rng(seed), case.initial(trajectories)
    data = [case.observe(start, rng) for start in initial]
    mesh = collocation.Mesh.uniform(0.0, case.horizon, elements or case.elements)
    parts = Elements(case.model, collocation.radau(case.points), [mesh] * len(initial))
    u = np.concatenate([np.tile(case.inputs(start), (mesh.elements, case.points, 1))
                        for start in initial])
    x0, w = _trajectories(case, parts, initial, data, u)
    law, theta = _law(case, parts, w, data, width or case.width, seed)
    fixed, start = np.zeros(x0.shape, dtype=bool), np.zeros(x0.shape)
    fixed[parts.starts], start[parts.starts] = True, initial
    program = Transcription(case.model, [law], parts, u, fixed, start,
                            Misfit.of(parts, _observations(case, data)), [case.penalty])
    return SetUp(case, program, np.concatenate([parts.join(x0, w, np.zeros(0)), theta]))


def _observations(case, data):
    """Weights are those of maximum likelihood, up to a factor."""
    return [(k, name, times, values[:, i], (case.noise / deviations[i])**2)
            for k, (times, values, deviations) in enumerate(data)
            for i, name in enumerate(case.model.states)]


def _trajectories(case, parts, initial, data, u):
    """x₀ (E, n_x) and w (E, K, n_w) from smoothing splines through the data."""
    x0, w = np.empty((parts.E, parts.n_x)), np.empty((parts.E, parts.K, parts.n_w))
    for k, (start, (times, values, deviations)) in enumerate(zip(initial, data)):
        mine = parts.trajectory == k
        nodes, ends = parts.times[mine], parts.meshes[k].times[:-1]
        x, slopes = np.empty((2, *nodes.shape, parts.n_x))
        for i, name in enumerate(case.model.states):
            spline = _spline(times, values[:, i], start[i], deviations[i])
            x[..., i] = _inside(case.model, name, spline(nodes))
            x0[mine, i], slopes[..., i] = _inside(case.model, name, spline(ends)), spline(nodes, nu=1)
        columns = [np.moveaxis(given, -1, 0) for given in (x, slopes, u[mine])]
        rest = case.guess(*(column for given in columns for column in given))
        names = (*case.model.algebraic, *case.model.outputs)
        rest = [_inside(case.model, name, value) for name, value in zip(names, rest)]
        w[mine] = np.concatenate([x, np.stack(rest, axis=-1)], axis=-1)
    x0[parts.starts] = initial
    return x0, w


def _spline(times, values, start, deviation):
    """The smoothest cubic spline through the known start that leaves the noise as its residual."""
    times, values = np.r_[0.0, times], np.r_[start, values]
    weights = np.r_[100.0, np.ones(len(times) - 1)]
    unit = (times[-1] / len(times))**3
    for lam in unit * np.logspace(3, -6, 28):
        spline = make_smoothing_spline(times, values, w=weights, lam=lam)
        if np.std(spline(times) - values) <= deviation:
            break
    return spline


def _inside(model, name, values):
    """A hundredth of the largest value away from the bounds."""
    lower, upper = model.limits(name)
    margin = 0.01 * np.abs(values).max()
    return np.clip(values, lower + margin, upper - margin)


def _law(case, parts, w, data, width, seed):
    """The law, normalised by the data, and its weights fitted to the guess; w takes the law's values."""
    names = (*case.model.states, *case.model.algebraic)
    a = w[..., [names.index(name) for name in case.law_inputs]].reshape(-1, len(case.law_inputs))
    z = w[..., len(names):].reshape(-1, parts.n_z)
    seen = np.concatenate([values for _, values, _ in data])
    seen = seen[:, [case.model.states.index(name) for name in case.law_inputs]]
    law = Law(MLP((len(case.law_inputs), width, width, parts.n_z)), case.law_inputs, case.model.outputs,
              seen.mean(axis=0), seen.std(axis=0), z.mean(axis=0), z.std(axis=0))
    theta = fitted(law, law.init(seed), a, z)
    w[..., len(names):] = law(theta, a).reshape(*w.shape[:2], -1)
    return law, theta


def fitted(law, theta, a, z):
    """argmin |(law(a; θ) − z) / scale|² + ridge |θ|² by Levenberg's method from θ; a (n, d), z (n, m)."""
    def residual(theta):
        return ((law(theta, a) - z) / law.output_scale).ravel()

    def cost(r, theta):
        return r @ r + _RIDGE * theta @ theta

    r, damping = residual(theta), 1.0
    for _ in range(_STEPS):
        J = (law.at(theta, a).jacobian() / law.output_scale[:, None]).reshape(r.size, -1)
        g, c = J.T @ r + _RIDGE * theta, _RIDGE + damping
        trial = theta - (g - J.T @ np.linalg.solve(J @ J.T + c * np.eye(r.size), J @ g)) / c
        new = residual(trial)
        better = cost(new, trial) < cost(r, theta)
        if better:
            theta, r = trial, new
        damping = damping / 3.0 if better else 4.0 * damping
    return theta


# --- the tank–manifold network ------------------------------------------------------------------
_AREAS = (0.1, 0.5, 2.0, 10.0)


def _tank_rates(v):
    a, b, c, d = _AREAS
    return {"x1": (v.w1 - v.w3) / a, "x2": v.w2 / b, "x3": (v.w3 - v.w4) / c, "x4": (v.w4 - v.w0) / d}


def _tank_equations(v):
    return {"junction": v.w0 - v.w1 - v.w2, "level": v.x1 - v.x2, "feed": v.w0 - v.z0,
            "discharge": v.w3 - v.z1, "outflow": v.w4 - 0.1 * v.x3**0.5}


def _tank_motion(x, u):
    """With the hidden constraint x₁' = x₂', which makes (φ₁ + φ₂) x₁' = w₀ − w₃."""
    a, b, c, d = _AREAS
    w0, w3, w4 = 0.2 * x[0] * x[3], 0.1 * np.sqrt(x[0]), 0.1 * np.sqrt(x[2])
    together = (w0 - w3) / (a + b)
    return [together, together, (w3 - w4) / c, (w4 - w0) / d]


def _tank_guess(x1, x2, x3, x4, d1, d2, d3, d4):
    _, b, c, d = _AREAS
    w4, w2 = 0.1 * np.sqrt(x3), b * (d1 + d2) / 2.0
    w0, w3 = w4 - d * d4, w4 + c * d3
    return w0, w0 - w2, w2, w3, w4, w0, w3


TANK = Case(
    "tank",
    Model(states=("x1", "x2", "x3", "x4"), algebraic=("w0", "w1", "w2", "w3", "w4"), outputs=("z0", "z1"),
          rates=_tank_rates, equations=_tank_equations,
          bounds={name: (0.0, None) for name in ("x3", "w0", "w1", "w3", "w4")}),
    law_inputs=("x1", "x2", "x3", "x4"), motion=_tank_motion, guess=_tank_guess, inputs=lambda start: (),
    starts=((0.75, 0.75, 2.5, 0.6), (3.1, 3.1, 1.5, 0.5), (0.9, 0.9, 1.8, 1.1)), horizon=400.0,
    elements=20, points=2, noise=0.05, relative=False, width=9, wide=35)


# --- the population (Leslie and Gower) ----------------------------------------------------------
STEADY = (0.2 / 4.1, 4.0 / 4.1)      # 0.2 − 0.2 x₂ − 0.1 x₁ = 0 and x₂ = 20 x₁


def _population_rates(v):
    return {"x1": v.x1 * (0.2 - 0.2 * v.x2 - 0.1 * v.x1), "x2": v.x2 * v.z}


def _population_path(v):
    """V' of V = ln(x₁/x₁*) + x₁*/x₁ + (0.2 x₁*/0.01)(ln(x₂/x₂*) + x₂*/x₂)."""
    a, b = STEADY
    first = v.d("x1") / v.x1 * (1.0 - a / v.x1)
    return {"fall of V": first + 20.0 * a * v.d("x2") / v.x2 * (1.0 - b / v.x2)}


def _population_motion(x, u):
    z = 0.2 - 0.01 * x[1] / x[0]
    return list(_population_rates(SimpleNamespace(x1=x[0], x2=x[1], z=z)).values())


_FREE = Model(states=("x1", "x2"), outputs=("z",), rates=_population_rates,
              bounds={"x1": (0.0, None), "x2": (0.0, None)})
POPULATION = Case(
    "population", replace(_FREE, path=_population_path),
    law_inputs=("x1", "x2"), motion=_population_motion, guess=lambda x1, x2, d1, d2: (d2 / x2,),
    inputs=lambda start: (), starts=((1.0, 0.1),), horizon=80.0,
    elements=40, points=3, noise=0.02, relative=True, width=10, wide=36)
POPULATION_FREE = replace(POPULATION, name="population-free", model=_FREE)


# --- the fed-batch bioreactor -------------------------------------------------------------------
_FEED = 0.05


def _fedbatch_rates(v):
    return {"X": v.mu * v.X - v.F * v.X / v.V, "P": 0.2 * v.mu * v.X - v.F * v.P / v.X,
            "S": v.F * (v.Sf - v.S) / v.V - v.mu * v.X / 0.5, "V": v.F}


def _fedbatch_motion(x, u):
    v = SimpleNamespace(X=x[0], P=x[1], S=x[2], V=x[3], F=u[0], Sf=u[1], mu=0.2 * x[2] / (1.0 + x[2]))
    return list(_fedbatch_rates(v).values())


def _fedbatch_guess(X, P, S, V, dX, dP, dS, dV, F, Sf):
    """μ by least squares from the balances of X and S."""
    return (((dX + F * X / V) + 2.0 * (F * (Sf - S) / V - dS)) / (5.0 * X),)


FEDBATCH = Case(
    "fed-batch",
    Model(states=("X", "P", "S", "V"), outputs=("mu",), inputs=("F", "Sf"), rates=_fedbatch_rates,
          bounds={name: (0.0, None) for name in ("X", "P", "S", "V")}),
    law_inputs=("S",), motion=_fedbatch_motion, guess=_fedbatch_guess,
    inputs=lambda start: (_FEED, start[2]),
    starts=((0.05, 0.0, 10.0, 1.0), (0.025, 0.0, 5.0, 0.8), (0.5, 0.0, 7.5, 0.95)), horizon=40.0,
    elements=20, points=2, noise=0.02, relative=True, width=10, wide=37)

CASES = {case.name: case for case in (TANK, POPULATION, POPULATION_FREE, FEDBATCH)}

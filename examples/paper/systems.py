"""The three systems of the paper (`benchmarks.dae_cases`): data, laws, and errors from other starts."""

import time
from types import SimpleNamespace

import numpy as np
from scipy.integrate import solve_ivp

from benchmarks import dae_cases
from pcl import MLP
from pcl.dae import Law, Trajectory, radau

SYSTEMS = dae_cases.CASES
# not trained on
HELD_OUT = {"tank": ((1.5, 1.5, 2.0, 0.7), (2.2, 2.2, 1.6, 0.6), (0.8, 0.8, 2.2, 0.9)),
            "population": ((0.5, 0.3), (1.5, 0.5), (0.3, 0.8)),
            "population-free": ((0.5, 0.3), (1.5, 0.5), (0.3, 0.8)),
            "fed-batch": ((0.2, 0.0, 8.0, 0.9), (1.0, 0.0, 6.0, 0.9))}
PRIOR = 2.0         # ρ of ½ ρ |θ|² beside Σ r²/σ²: a standard normal prior
_POINTS = 81        # of an error


def law(system, width, layers=2):
    """A network with `layers` hidden layers."""
    model, inputs = system.model, system.law_inputs
    return Law(MLP((len(inputs), *[width] * layers, len(model.outputs))), inputs, model.outputs)


def data(system, seed, samples=dae_cases.OBSERVED, noise=None):
    """Noisy trajectories with the weights 1/σ², σ as in the system or of another `noise`."""
    rng, noise = np.random.default_rng(seed), system.noise if noise is None else noise
    times, runs = np.linspace(0.0, system.horizon, samples + 1)[1:], []
    for start in system.initial():
        true = system.simulate(start, times)
        sigma = noise * (np.abs(true).max(axis=0) if system.relative else np.ones(true.shape[1]))
        seen = true + sigma * rng.standard_normal(true.shape)
        initial, inputs = named(system, start)
        runs.append(Trajectory(times, dict(zip(system.model.states, seen.T)), initial, inputs,
                               weights=dict(zip(system.model.states, sigma ** -2.0)),
                               span=(0.0, system.horizon)))
    return runs


def options(system, elements=None):
    """Of `fit`: the paper's elements and points, given weights, a standard normal prior."""
    return {"elements": elements or system.elements, "scheme": radau(system.points), "scaling": "none",
            "weight_decay": PRIOR}


def named(system, start):
    """({state: value}, {input: value})."""
    return (dict(zip(system.model.states, start)),
            dict(zip(system.model.inputs, system.inputs(start))))


class NumPyLaw:
    """A `TrainedLaw` of an MLP with tanh in plain NumPy, for one point at a time: z = law(a), a (d,)."""

    def __init__(self, trained):
        self.inputs, self.outputs, self._law = trained.inputs, trained.outputs, trained.law
        self._layers = trained.law.net.unravel(trained.theta)

    def __call__(self, a):
        """Outputs (m,)."""
        a = (a - self._law.input_shift) / self._law.input_scale
        for W, b in self._layers[:-1]:
            a = np.tanh(a @ W + b)
        W, b = self._layers[-1]
        return self._law.output_shift + self._law.output_scale * (a @ W + b)


def motion(system, laws, inputs):
    """x' = f(x), (n_x,) -> (n_x,), of a system closed by its laws."""
    states, rates, laws = system.model.states, system.model.rates, [NumPyLaw(law) for law in laws]

    def slopes(x):
        v = SimpleNamespace(**dict(zip(states, x)), **inputs)
        for law in laws:
            z = law(np.array([getattr(v, name) for name in law.inputs]))
            v.__dict__.update(zip(law.outputs, z))
        if system.model.algebraic:
            _flows(v)
        return np.array(list(rates(v).values()))
    return slopes


def _flows(v):
    """Flows of the tanks; w₂ from the hidden constraint x₁' = x₂'."""
    v.w0, v.w3, v.w4 = v.z0, v.z1, 0.1 * max(v.x3, 0.0) ** 0.5
    v.w2 = 0.5 * (v.w0 - v.w3) / (0.1 + 0.5)
    v.w1 = v.w0 - v.w2


def simulated(system, laws, start, t=None):
    """(times, states (n, n_x)) with trained laws by LSODA, which keeps no bounds; fewer times where it
    stops."""
    t = np.linspace(0.0, system.horizon, _POINTS) if t is None else t
    slopes = motion(system, laws, named(system, start)[1])
    with np.errstate(all="ignore"):
        done = solve_ivp(lambda _, x: slopes(x), (0.0, t[-1]), start, method="LSODA", t_eval=t, rtol=1e-6,
                         atol=1e-8)
    return done.t, done.y.T


def error(system, start, t, found):
    """Root mean square of found − truth over the times, of the largest value; the worst state."""
    true = system.simulate(start, t[1:])
    square = np.mean((found[1:] - true) ** 2, axis=0)
    return float((np.sqrt(square) / np.abs(true).max(axis=0)).max())


def held_out(system, laws):
    """{"held out": median error over the starts not trained on, "simulated": how many reach the end}.

    One that stops counts as an error of inf.
    """
    errors = []
    for start in HELD_OUT[system.name]:
        t, x = simulated(system, laws, start)
        errors.append(error(system, start, t,
                            x) if len(t) == _POINTS and np.isfinite(x).all() else np.inf)
    return {"held out": float(np.median(errors)), "simulated": int(np.isfinite(errors).sum()),
            "starts": len(errors)}


class Seconds:
    """with Seconds() as spent: …; spent.value are seconds of the processor."""

    def __enter__(self):
        self._begun, self.value = time.process_time(), 0.0
        return self

    def __exit__(self, *error):
        self.value = time.process_time() - self._begun

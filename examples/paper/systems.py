"""The three systems of the paper (`benchmarks.dae_cases`): data, laws, and errors from other starts."""

import time

import numpy as np

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


def ahead(system, trained):
    """Simulations from the starts not trained on, of a `Trained` or `Fit`, by step control alone."""
    t = np.linspace(0.0, system.horizon, _POINTS)
    return [trained.simulate(*named(system, start), t) for start in HELD_OUT[system.name]]


def error(system, start, t, found):
    """Root mean square of found − truth over the times, relative to the largest value; the worst state."""
    true = system.simulate(start, t[1:])
    square = np.mean((found[1:] - true) ** 2, axis=0)
    return float((np.sqrt(square) / np.abs(true).max(axis=0)).max())


def held_out(system, trained):
    """{"held out": median error over the starts not trained on, "simulated": how many reach the end}.

    One that stops counts as an error of inf.
    """
    errors, t = [], np.linspace(0.0, system.horizon, _POINTS)
    for start, run in zip(HELD_OUT[system.name], ahead(system, trained)):
        whole = len(run.t) == len(t)
        values = np.stack([run[name] for name in system.model.states], axis=1)
        errors.append(error(system, start, t, values) if whole else np.inf)
    return {"held out": float(np.median(errors)), "simulated": int(np.isfinite(errors).sum()),
            "starts": len(errors)}


class Seconds:
    """with Seconds() as spent: …; spent.value are seconds of the processor."""

    def __enter__(self):
        self._begun, self.value = time.process_time(), 0.0
        return self

    def __exit__(self, *error):
        self.value = time.process_time() - self._begun

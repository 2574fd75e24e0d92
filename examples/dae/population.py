"""Does a learned growth law behave better if a Lyapunov function is required to fall in training?

    x₁' = x₁ (0.2 − 0.2 x₂ − 0.1 x₁),   x₂' = x₂ z(x₁, x₂),   x₁, x₂ ≥ 0        (Leslie and Gower)
    V = ln(x₁/x₁*) + x₁*/x₁ + (0.2 x₁*/0.01) (ln(x₂/x₂*) + x₂*/x₂),   V' ≤ 0

x₁ is the prey, x₂ the predator, without units; x* = (0.2, 4)/4.1 is their steady state. z, the relative growth of the
predator, is unknown, a network of x₁ and x₂ (2-16-16-1, 337 weights); the truth, from which the data are
made, is z = 0.2 − 0.01 x₂/x₁. One trajectory from (1, 0.1) to t = 80, each population seen 40 times
with noise of 2 % of its largest value; 40 elements with 3 Radau points. It is trained without V and with
V' ≤ 0 at all 120 points, on the same data from the same initial weights. Then both predict from three
starts that were not seen.

A law that is trained to let V fall at the points of one trajectory lets it fall near them, not
everywhere, and at the steady state V' = 0 leaves no room: the law's own steady state must be x*
exactly. Where a simulation lets V rise, `predict` with slack=True keeps V' ≤ 0 at every point
and says by how much z was shifted for it.

Numbers to expect: {NUMBERS}
"""

import argparse
import pathlib

if __name__ == "__main__":      # ahead of TensorFlow, so that --help and typing errors cost no time
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=5, help="number of draws of noise and weights")
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("docs/figures"),
                        help="directory of the figure")
    arguments = parser.parse_args()

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
from scipy.integrate import solve_ivp

from pcl import MLP
from pcl.dae import Model, Trajectory, fit

STEADY = (0.2 / 4.1, 4.0 / 4.1)
START, HORIZON, OBSERVED, NOISE = (1.0, 0.1), 80.0, 40, 0.02
HELD_OUT = ((0.5, 0.3), (1.5, 0.5), (0.3, 0.8))
NAMES = ("x1", "x2")


def rates(v):
    """x'."""
    return {"x1": v.x1 * (0.2 - 0.2 * v.x2 - 0.1 * v.x1), "x2": v.x2 * v.z}


def fall(v):
    """V', to be ≤ 0."""
    a, b = STEADY
    return {"fall of V": v.d("x1") / v.x1 * (1.0 - a / v.x1) + 20.0 * a * v.d("x2") / v.x2 * (1.0 - b / v.x2)}


FREE = Model(states=NAMES, outputs=("z",), rates=rates, bounds={name: (0.0, None) for name in NAMES})
FALLING = replace(FREE, path=fall)
MODELS = {"without V": FREE, "V' ≤ 0": FALLING}


def true_law(x1, x2):
    """z."""
    return 0.2 - 0.01 * x2 / x1


def true_populations(start, times):
    """x (2, n) without noise."""
    def motion(t, x):
        v = SimpleNamespace(x1=x[0], x2=x[1], z=true_law(*x))
        return list(rates(v).values())
    return solve_ivp(motion, (0.0, HORIZON), start, method="DOP853", t_eval=times, rtol=1e-10, atol=1e-12).y


def named(start):
    """{population: value}."""
    return dict(zip(NAMES, start))


def observe(seed):
    """One noisy trajectory."""
    times = np.linspace(0.0, HORIZON, OBSERVED + 1)[1:]
    true = true_populations(START, times)
    noise = NOISE * true.max(axis=1, keepdims=True) * np.random.default_rng(seed).standard_normal(true.shape)
    return Trajectory(times, named(true + noise), named(START), span=(0.0, HORIZON))


def train(model, seed, width=16, elements=40):
    """A `Fit`; the seed is that of the noise and of the weights."""
    return fit(model, observe(seed), MLP((2, width, width, 1)), elements=elements, seed=seed)


def rise(curve):
    """V' at the nodes of a `Curve`."""
    slopes = dict(zip(NAMES, curve.derivatives.T))
    return fall(SimpleNamespace(**curve.values, d=slopes.__getitem__))["fall of V"]


def violation(curve):
    """Largest violation of the equations and of x ≥ 0 at the nodes of a `Curve`."""
    rows = curve.derivatives.T - np.stack(list(rates(SimpleNamespace(**curve.values)).values()))
    return max(np.abs(rows).max(), -min(curve.values[name].min() for name in NAMES), 0.0)


def error(curve, start, times):
    """Root mean square of populations − truth (2,)."""
    found = np.stack([curve(times, name) for name in NAMES])
    return np.sqrt(np.mean((found - true_populations(start, times)) ** 2, axis=1))


def assess(found, times):
    """Errors against the truth and V' on the training trajectory and on starts not seen.

    `simulated` are predictions by step control alone, `kept` under V' ≤ 0 with slack (of a model that asks
    for it).
    """
    curve = found.trajectories["0"]
    simulated = [found.simulate(named(start), t=times) for start in HELD_OUT]
    run = {"fit": found, "simulated": simulated, "training": error(curve, START, times),
           "held out": np.array([error(p.curve, s, times) for p, s in zip(simulated, HELD_OUT)]),
           "violation": violation(curve), "rise": rise(curve).max(),
           "rise ahead": max(rise(p.curve).max() for p in simulated)}
    if found.model.path is not None:
        kept = [found.predict(named(start), t=times, slack=True) for start in HELD_OUT]
        run |= {"kept": kept, "success": [p.success for p in kept],
                "rise kept": max(rise(p.curve).max() for p in kept),
                "held out kept": np.array([error(p.curve, s, times) for p, s in zip(kept, HELD_OUT)]),
                "shift": max((np.abs(s).max() for p in kept for s in p.slack.values()), default=0.0)}
    return run


def main(seeds=5, width=16, elements=40, points=161):
    """Train with and without the path constraint.

    Returns
    -------
    dict with `times` and, by name of the model, lists of what `assess` gives, one a seed
    """
    times = np.linspace(0.0, HORIZON, points)
    runs = {name: [assess(train(model, seed, width, elements), times) for seed in range(seeds)]
            for name, model in MODELS.items()}
    return {"times": times, **runs}

"""Does a learned growth law behave better if a Lyapunov function is required to fall in training?

    x₁' = x₁ (0.2 − 0.2 x₂ − 0.1 x₁),   x₂' = x₂ z(x₁, x₂),   x₁, x₂ ≥ 0.001        (Leslie and Gower)
    V = ln(x₁/x₁*) + x₁*/x₁ + (0.2 x₁*/0.01) (ln(x₂/x₂*) + x₂*/x₂),   V' ≤ 0

x₁ is the prey, x₂ the predator, without units; x* = (0.2, 4)/4.1 is their steady state. z, the relative
growth of the predator, is unknown, a network of x₁ and x₂ (2-16-16-1, 337 weights); the truth, from which
the data are made, is z = 0.2 − 0.01 x₂/x₁. One trajectory from (1, 0.1) to t = 80, each population seen
40 times with noise of 2 % of its largest value; 40 elements with 3 Radau points. It is trained without V
and with V' ≤ 0 at all 120 points, on the same data from the same initial weights. Then both predict
from three starts that were not seen.

Numbers to expect (three draws of noise and weights):

    largest V' at the points of training       without V 6e-7 to 2e-3,   V' ≤ 0: 2e-8
    root mean square error, x₁ and x₂, medians
        of the trained trajectory              without V 0.006, 0.034,   V' ≤ 0: 0.004, 0.029
        of nine simulations not trained on     without V 0.015, 0.16,    V' ≤ 0: 0.014, 0.14
    iterations, seeds 0, 1, 2                  without V 203, 41, 32,    V' ≤ 0: 155, 76, 92

with x₁ up to 1.5, x₂ to 3. The equations hold to 2e-11 in both; 2e-8 is within the solver's tolerance,
which is relative to the size of V'. All six fits are solved.

What it means. The constraint does what it says, at the points where it is asked for, and the trained
trajectory is a little better for it. It does not make the law better elsewhere: one trajectory is one
line in the plane of both populations, noise of 2 % of the largest prey is half of the prey that is left
after t = 20, and from other starts x₂ is off by 0.15 with or without V. With seed 2 both laws fail from
(1.5, 0.5): the predator grows without prey. Nor does a law under which V falls on one line let it fall
everywhere: with seeds 0 and 1 V' reaches 4e-4 and 3e-4 in simulations. There `predict` with slack=True
keeps V' ≤ 1e-7 at all points and says how far z had to be shifted, by up to 0.005; the start at which the
law of seed 2 fails is not solved with slack either.
"""

from drawing import figure, options

if __name__ == "__main__":      # ahead of TensorFlow, so that --help and typing errors cost no time
    arguments = options(__doc__, seeds=3)

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
LEAST = 1e-3                                         # of a population: V has no value at 0


def rates(v):
    """x'."""
    return {"x1": v.x1 * (0.2 - 0.2 * v.x2 - 0.1 * v.x1), "x2": v.x2 * v.z}


def fall(v):
    """V', to be ≤ 0."""
    a, b = STEADY
    first, second = v.d("x1") / v.x1 * (1.0 - a / v.x1), v.d("x2") / v.x2 * (1.0 - b / v.x2)
    return {"fall of V": first + 20.0 * a * second}


FREE = Model(states=NAMES, outputs=("z",), rates=rates, bounds={name: (LEAST, None) for name in NAMES})
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
    return solve_ivp(motion, (0.0, HORIZON), start, method="DOP853", t_eval=times, rtol=1e-10,
                     atol=1e-12).y


def named(start):
    """{population: value}."""
    return dict(zip(NAMES, start))


def observe(seed):
    """One noisy trajectory."""
    times = np.linspace(0.0, HORIZON, OBSERVED + 1)[1:]
    true = true_populations(START, times)
    noise = NOISE * np.random.default_rng(seed).standard_normal(true.shape)
    noise *= true.max(axis=1, keepdims=True)
    return Trajectory(times, named(true + noise), named(START), span=(0.0, HORIZON))


def train(model, seed, width=16, elements=40):
    """A `Fit`; the seed is that of the noise and of the weights."""
    return fit(model, observe(seed), MLP((2, width, width, 1)), elements=elements, seed=seed)


def rise(curve):
    """V' at the nodes of a `Curve`."""
    slopes = dict(zip(NAMES, curve.derivatives.T))
    return fall(SimpleNamespace(**curve.values, d=slopes.__getitem__))["fall of V"]


def violation(curve):
    """Largest violation of the equations and of bounds at the nodes of a `Curve`."""
    rows = curve.derivatives.T - np.stack(list(rates(SimpleNamespace(**curve.values)).values()))
    return max(np.abs(rows).max(), *(LEAST - curve.values[name].min() for name in NAMES))


def error(curve, start, times):
    """Root mean square of populations − truth (2,)."""
    found = np.stack([curve(times, name) for name in NAMES])
    return np.sqrt(np.mean((found - true_populations(start, times)) ** 2, axis=1))


def assess(found, times):
    """Errors against the truth and V' on the training trajectory and on starts not seen.

    `simulated` are predictions by step control alone, `alive` those where no population falls below
    `LEAST`, `rise ahead` V' along these; `kept` are predictions under V' ≤ 0 with slack, of a model that
    asks for it.
    """
    curve = found.trajectories["0"]
    simulated = [found.simulate(named(start), t=times) for start in HELD_OUT]
    run = {"fit": found, "simulated": simulated, "training": error(curve, START, times),
           "held out": np.array([error(p.curve, s, times) for p, s in zip(simulated, HELD_OUT)]),
           "violation": violation(curve), "rise": rise(curve).max(),
           "alive": [min(p.curve.values[name].min() for name in NAMES) >= LEAST for p in simulated]}
    run["rise ahead"] = max((rise(p.curve).max() for p, alive in zip(simulated, run["alive"]) if alive),
                            default=np.nan)
    if found.model.path is not None:
        kept = [found.predict(named(start), t=times, slack=True) for start in HELD_OUT]
        run |= {"kept": kept, "success": [p.success for p in kept],
                "rise kept": max((rise(p.curve).max() for p in kept if p.success), default=np.nan),
                "shift": max((np.abs(s).max() for p in kept for s in p.slack.values()), default=0.0)}
    return run


def main(seeds=3, width=16, elements=40, points=161):
    """Train with and without the path constraint.

    Returns
    -------
    dict with `times` and, by name of the model, lists of what `assess` gives, one a seed
    """
    times = np.linspace(0.0, HORIZON, points)
    runs = {name: [assess(train(model, seed, width, elements), times) for seed in range(seeds)]
            for name, model in MODELS.items()}
    return {"times": times, **runs}


def table(outcome):
    """One line a seed and model; `kept` are predictions with slack: solved, largest V' and shift of z."""
    lines = ["            seed  iterations    s  violation  largest V'  simulated   alive    training "
             "x1, x2  held out x1, x2   kept"]
    for name in MODELS:
        for seed, run in enumerate(outcome[name]):
            found, seconds = run["fit"], sum(stage.seconds for stage in run["fit"].stages)
            errors = "   ".join(f"{e[0]:.4f} {e[1]:.4f}"
                                for e in (run["training"], np.median(run["held out"], axis=0)))
            lines.append(f"{name:<12}{seed:>4}  {found.result.nit:>10} {seconds:>4.0f}    "
                         f"{run['violation']:.1e}   {run['rise']:>9.1e}  {run['rise ahead']:>9.1e}   "
                         f"{sum(run['alive'])} of {len(HELD_OUT)}    "
                         f"{errors}   {_kept(run)}")
        lines.append(f"{name:<12} medians" + "".join(
            f"   {what} {x1:.4f} {x2:.4f}" for what in ("training", "held out") for x1, x2 in [np.median(
                np.concatenate([np.atleast_2d(run[what]) for run in outcome[name]]), axis=0)]))
    return "\n".join(lines)


def _kept(run):
    if "kept" not in run:
        return ""
    return f"{sum(run['success'])} of {len(run['kept'])}, {run['rise kept']:.1e}, {run['shift']:.1e}"


def plot(outcome, path):
    """Training and prediction, V' in both ways, and the laws at the nodes."""
    with figure(path, 2, 3, figsize=(7.1, 4.6)) as axes:
        for row, (name, title) in zip(axes.T, zip(NAMES, ("prey x₁", "predator x₂"))):
            _training(row[0], outcome, name)
            _ahead(row[1], outcome, name)
            for axis in row:
                axis.set(xlabel="time t", ylabel=title)
        _rises(axes[0, 2], outcome)
        _laws(axes[1, 2], outcome)
        axes[0, 0].figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper left",
                                 ncols=4)


def _training(axis, outcome, name):
    times, k = outcome["times"], NAMES.index(name)
    axis.plot(times, true_populations(START, times)[k], "k--", lw=1.0, zorder=3, label="truth")
    seen = outcome["without V"][0]["fit"].setting.data[0].observed[name]
    axis.plot(seen.times, seen.values, ".", ms=2.5, color="0.5", label="data, seed 0")
    for label, colour in zip(MODELS, ("C0", "C1")):
        axis.plot(times, outcome[label][0]["fit"].trajectories["0"](times, name), color=colour, lw=1.0,
                  label=label)
    axis.set_title("trained on", fontsize=7.5)


def _ahead(axis, outcome, name):
    times = outcome["times"]
    for i, start in enumerate(HELD_OUT):
        axis.plot(times, true_populations(start, times)[NAMES.index(name)], "k--", lw=1.0,
                  zorder=3, label=None if i else "truth")
        for label, colour in zip(MODELS, ("C0", "C1")):
            axis.plot(times, outcome[label][0]["simulated"][i].curve(times, name), color=colour, lw=1.0,
                      label=None if i else label)
    axis.set_title("starts not seen, seed 0", fontsize=7.5)


def _rises(axis, outcome):
    """V' along the trajectories of training."""
    for label, colour in zip(MODELS, ("C0", "C1")):
        for seed, run in enumerate(outcome[label]):
            curve = run["fit"].trajectories["0"]
            axis.plot(curve.times, rise(curve), color=colour, lw=0.8, label=None if seed else label)
    axis.axhline(0.0, color="0.45", lw=0.8, zorder=1)
    axis.set_yscale("symlog", linthresh=1e-4)
    axis.set_yticks([-10.0, -0.1, -1e-3, 0.0, 1e-3])
    axis.set(xlabel="time t", ylabel="V'")
    axis.set_title(f"trained on, {len(outcome['without V'])} seeds", fontsize=7.5)


def _laws(axis, outcome):
    """Laws against the truth at the nodes of training."""
    for label, colour in zip(MODELS, ("C0", "C1")):
        for seed, run in enumerate(outcome[label]):
            x = np.stack([run["fit"].trajectories["0"].values[name] for name in NAMES])
            axis.plot(true_law(*x), run["fit"].laws[0](x.T)[:, 0], ".", ms=2, color=colour,
                      label=None if seed else label)
    ends = axis.get_xlim()
    axis.plot(ends, ends, "k--", lw=0.8, zorder=1)
    axis.set(xlabel="true z at the nodes", ylabel="network's z")
    axis.set_title(f"laws, {len(outcome['without V'])} seeds", fontsize=7.5)


if __name__ == "__main__":
    outcome = main(seeds=arguments.seeds)
    for name in MODELS:
        print(outcome[name][0]["fit"], "\n")
    print(table(outcome))
    plot(outcome, arguments.output / "dae_population.png")

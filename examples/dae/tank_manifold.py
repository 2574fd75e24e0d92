"""Can two unknown flow laws be learned inside a network of tanks whose equations have index 2?

    0.1 x₁' = w₁ − w₃,   0.5 x₂' = w₂,   2 x₃' = w₃ − w₄,   10 x₄' = w₄ − w₀
    w₀ = w₁ + w₂,   x₁ = x₂,   w₀ = z₀,   w₃ = z₁,   w₄ = 0.1 √x₃,   x₃, w₀, w₁, w₃, w₄ ≥ 0

x₁ … x₄ are levels, w₀ … w₄ flows, all without units. Tanks 1 and 2 are joined so that their levels are
equal: only the derivative of x₁ = x₂ says how w₀ divides into w₁ and w₂, which makes the index 2. z₀ and
z₁ are unknown. The truth, from which the data are made, is z₀ = 0.2 x₁x₄, z₁ = 0.1 √x₁. It is learned in
two ways: one network of all four levels with two outputs, 4-32-32-2 (1,282 weights), and two networks
that each see only the tanks they join, z₀(x₁, x₄) and z₁(x₁), 2-8-8-1 and 1-8-8-1 (202 weights). Three
trajectories to t = 400, each level seen 40 times with noise 0.05; 30 elements each with 3 Radau points.

Levels move within a few units of time at first and then for hundreds: observations and the ends of
elements lie at 400 (k/n)², close together at the start. The starts are known. Noise is the same for all
levels, so that nothing is scaled.

Numbers to expect (one draw of noise and weights; `--seeds` takes more): every equation holds to 1e-13
at all points of training, Σ area · level keeps its value to 1e-12. Both fits are solved. Root mean square
errors of x₁, x₃ and x₄ against the truth, medians over three trajectories:

                  trained on              starts not seen         worst x₁   bounds kept
    all levels    0.030, 0.024, 0.005     0.94, 0.55, 0.15        26         2 of 3
    neighbours    0.018, 0.007, 0.002     0.12, 0.02, 0.01        0.39       3 of 3

with x₁ up to 10, x₃ to 4.5 and x₄ to 0.9. Over seeds 0, 1, 2 the neighbours have 0.07 for x₁ from
starts not seen (median of nine), 0.39 at worst, and all nine keep the bounds. The law of all levels
needs 104 iterations, that of the neighbours 76; `fit` warns of the first, which wiggles faster than its
elements follow.

What it means. The equations hold whatever the laws are, in training and in prediction. The law of all
levels fits the data more closely than the other (misfit 0.88 against 1.11), the truth less, and is a
lottery elsewhere: three trajectories are three lines in the space of four levels, and off them nothing
is known. A prediction that strays from them may end at negative levels, and the status of the
simulation says so where there is a bound. What is known of a law, here on which levels it depends,
belongs into the declaration; it is worth more than weights. Most of the error that remains is in the
peak of x₁: before it x₁ grows exponentially, and small errors of z₀ with it.
"""

from drawing import figure, options

if __name__ == "__main__":      # ahead of TensorFlow, so that --help and typing errors cost no time
    arguments = options(__doc__, seeds=1)

from types import SimpleNamespace

import numpy as np
from scipy.integrate import solve_ivp

from pcl import MLP
from pcl.dae import Law, Model, Trajectory, check, fit, radau

AREAS = (0.1, 0.5, 2.0, 10.0)
LEVELS = ("x1", "x2", "x3", "x4")
STARTS = ((0.75, 0.75, 2.5, 0.6), (3.1, 3.1, 1.5, 0.5), (0.9, 0.9, 1.8, 1.1))
HELD_OUT = ((1.5, 1.5, 2.0, 0.7), (2.2, 2.2, 1.6, 0.6), (0.8, 0.8, 2.2, 0.9))
HORIZON, OBSERVED, NOISE = 400.0, 40, 0.05
DESIGNS = ("all levels", "neighbours")
SIGNS = {"x1": "x₁", "x4": "x₄", "z0": "z₀", "z1": "z₁"}


def rates(v):
    """x'."""
    a, b, c, d = AREAS
    return {"x1": (v.w1 - v.w3) / a, "x2": v.w2 / b, "x3": (v.w3 - v.w4) / c, "x4": (v.w4 - v.w0) / d}


def equations(v):
    """Algebraic equations, each expression = 0."""
    return {"junction": v.w0 - v.w1 - v.w2, "level": v.x1 - v.x2, "feed": v.w0 - v.z0,
            "discharge": v.w3 - v.z1, "outflow": v.w4 - 0.1 * v.x3**0.5}


MODEL = Model(states=LEVELS, algebraic=("w0", "w1", "w2", "w3", "w4"), outputs=("z0", "z1"), rates=rates,
              equations=equations, bounds={name: (0.0, None) for name in ("x3", "w0", "w1", "w3", "w4")})


def true_laws(x):
    """z₀, z₁ at levels x (4, n)."""
    return 0.2 * x[0] * x[3], 0.1 * np.sqrt(x[0])


def true_levels(start, times):
    """Levels (4, n) without noise: x₁' = x₂' makes 0.6 x₁' = w₀ − w₃ an ordinary equation."""
    def motion(t, x):
        w0, w3 = true_laws(x)
        w4, together = 0.1 * np.sqrt(x[2]), (w0 - w3) / (AREAS[0] + AREAS[1])
        return [together, together, (w3 - w4) / AREAS[2], (w4 - w0) / AREAS[3]]
    return solve_ivp(motion, (0.0, HORIZON), start, method="DOP853", t_eval=times, rtol=1e-10,
                     atol=1e-12).y


def graded(n):
    """400 (k/n)², k = 0 … n."""
    return HORIZON * np.linspace(0.0, 1.0, n + 1) ** 2


def named(start):
    """{level: value}."""
    return dict(zip(LEVELS, start))


def observe(seed):
    """Three noisy trajectories."""
    rng, times = np.random.default_rng(seed), graded(OBSERVED)[1:]
    noisy = [true_levels(start, times) + NOISE * rng.standard_normal((4, OBSERVED)) for start in STARTS]
    return [Trajectory(times, named(levels), named(start), span=(0.0, HORIZON))
            for levels, start in zip(noisy, STARTS)]


def networks(design, width=32):
    """The laws: of all levels, or of the levels each joins (always 8 wide)."""
    if design == "all levels":
        return MLP((4, width, width, 2))
    return [Law(MLP((2, 8, 8, 1)), ("x1", "x4"), "z0"), Law(MLP((1, 8, 8, 1)), "x1", "z1")]


def train(design, seed, width=32, elements=30):
    """A `Fit`; the seed is that of the noise and of the weights."""
    return fit(MODEL, observe(seed), networks(design, width), elements=[graded(elements)] * len(STARTS),
               scheme=radau(3), scaling="none", seed=seed)


def violation(curve):
    """Largest violation of equations, balances and bounds at the nodes of a `Curve`."""
    v = SimpleNamespace(**curve.values)
    slopes = dict(zip(LEVELS, curve.derivatives.T))
    rows = [*equations(v).values(), *(slopes[name] - rate for name, rate in rates(v).items())]
    below = [-curve.values[name] for name, (lower, _) in MODEL.bounds.items() if lower == 0.0]
    return max(np.abs(rows).max(), np.max(below), 0.0)


def volume(values):
    """Σ area · level, which the true system and every law keep."""
    return sum(area * values[name] for area, name in zip(AREAS, LEVELS))


def error(curve, start, times):
    """Root mean square of levels − truth (4,)."""
    found = np.stack([curve(times, name) for name in LEVELS])
    return np.sqrt(np.mean((found - true_levels(start, times)) ** 2, axis=1))


def assess(found, times):
    """Errors on training and unseen starts against the truth, constraints, volume.

    The unseen ones are simulated by step control. `kept` tells whether bounds hold there, to which no
    law is held where nothing was seen; `violation ahead` is over those that hold.
    """
    ahead = [found.simulate(named(start), t=times) for start in HELD_OUT]
    curves = [*found.trajectories.values(), *(p.curve for p in ahead)]
    reached = [p.curve.mesh.times[-1] == HORIZON for p in ahead]
    return {"fit": found, "ahead": ahead, "kept": [p.success for p in ahead],
            "training": np.array([error(c, s, times) for c, s in zip(curves, STARTS)]),
            "held out": np.array([error(p.curve, s, times) if ok else np.full(4, np.inf)
                                  for p, s, ok in zip(ahead, HELD_OUT, reached)]),
            "violation": max(map(violation, found.trajectories.values())),
            "violation ahead": max((violation(p.curve) for p in ahead if p.success), default=np.nan),
            "volume": max(np.ptp(volume(c.values)) for c in curves)}


def main(seeds=1, width=32, elements=30, points=201, designs=DESIGNS):
    """Train with `seeds` draws of noise and weights.

    Returns
    -------
    dict with `report` (structure), `times` and `runs`, {design: list of what `assess` gives, one a seed}
    """
    times = np.linspace(0.0, HORIZON, points)
    runs = {design: [assess(train(design, seed, width, elements), times) for seed in range(seeds)]
            for design in designs}
    return {"report": check(MODEL), "times": times, "runs": runs}


def table(outcome):
    """One line a seed; errors of x₁, x₃, x₄ (x₂ is x₁)."""
    lines = ["            seed  iterations    s   violation    ahead   volume     training, median"
             "     held out, median  worst x1  kept"]
    for design, runs in outcome["runs"].items():
        for seed, run in enumerate(runs):
            found, seconds = run["fit"], sum(stage.seconds for stage in run["fit"].stages)
            errors = "    ".join("  ".join(f"{e:.3f}" for e in np.median(run[what], axis=0)[[0, 2, 3]])
                                 for what in ("training", "held out"))
            lines.append(f"{design:<12}{seed:>4}  {found.result.nit:>10} {seconds:>4.0f}     "
                         f"{run['violation']:.1e}  {run['violation ahead']:.1e}  {run['volume']:.1e}  "
                         f"{errors}  {run['held out'][:, 0].max():>8.3f}  {sum(run['kept'])} of "
                         f"{len(HELD_OUT)}")
        every = np.concatenate([run["held out"] for run in runs])
        lines.append(f"{design:<12} median of {len(every)} predictions: "
                     + ", ".join(f"{name} {e:.3f}" for name, e in zip(LEVELS, np.median(every, axis=0))))
    return "\n".join(lines)


def plot(outcome, path):
    """Levels on unseen starts, and the laws at the nodes of training, a row a design."""
    runs = outcome["runs"]
    with figure(path, len(runs), 4, figsize=(7.1, 0.6 + 1.7 * len(runs)), squeeze=False) as axes:
        for row, design in zip(axes, runs):
            for axis, name in zip(row[:2], ("x1", "x4")):
                _trajectories(axis, outcome, design, name)
                axis.set_title(f"{design}, starts not seen", fontsize=7.5)
            for axis, k in zip(row[2:], (0, 1)):
                _law(axis, runs[design], k)
                axis.set_title(f"{design}, law", fontsize=7.5)
        axes[0, 0].figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper left",
                                 ncols=4)


def _trajectories(axis, outcome, design, name):
    """Truth and all seeds, with the limits of the truth."""
    times, runs = outcome["times"], outcome["runs"][design]
    for i, start in enumerate(HELD_OUT):
        truth = true_levels(start, times)[LEVELS.index(name)]
        axis.plot(times, truth, "k--", lw=1.0, zorder=3, label=None if i else "truth")
        for seed, run in enumerate(runs):
            curve = run["ahead"][i].curve
            t = times[times <= curve.mesh.times[-1]]
            axis.plot(t, curve(t, name), color=f"C{i}", lw=1.1,
                      label=None if seed else f"start {i + 1}")
    axis.set(xlabel="time t", ylabel=f"level {SIGNS[name]}",
             ylim={"x1": (-1.0, 12.0), "x4": (-0.05, 1.0)}[name])


def _law(axis, runs, k):
    """Law against truth at the nodes of training."""
    name = f"z{k}"
    for seed, run in enumerate(runs):
        values = [c.values for c in run["fit"].trajectories.values()]
        x = np.concatenate([[v[name] for name in LEVELS] for v in values], axis=1)
        axis.plot(true_laws(x)[k], np.concatenate([v[name] for v in values]), ".", ms=2.5,
                  label=f"seed {seed}")
    ends = axis.get_xlim()
    axis.plot(ends, ends, "k--", lw=0.8, zorder=1)
    sign = SIGNS[name]
    axis.set(xlabel=f"true {sign} at the nodes", ylabel=f"network's {sign}")


if __name__ == "__main__":
    outcome = main(seeds=arguments.seeds)
    print(outcome["report"], "\n")
    for runs in outcome["runs"].values():
        print(runs[0]["fit"], "\n")
    print(table(outcome))
    plot(outcome, arguments.output / "dae_tank_manifold.png")

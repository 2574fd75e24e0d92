"""A growth law from fed-batch data: found, and does the substrate stay at or above zero on the way?

    X' = μ X − F X/V                     biomass [g/l]
    P' = 0.2 μ X − F P/X  or  F P/V      product [g/l]
    S' = F (S_f − S)/V − μ X/0.5         substrate [g/l]
    V' = F                               volume [l]

t in hours, feed F = 0.05 l/h of concentration S_f = S(0). The specific growth rate μ(S) [1/h] is unknown,
a network; data come from μ = 0.2 S/(1 + S). P/V is the balance of a diluted product; P/X is what a
published implementation of this test problem has. Three runs of 40 h from (X, P, S, V) = (0.05, 0, 10,
1), (0.025, 0, 5, 0.8), (0.5, 0, 7.5, 0.95), with noise of a fraction of the largest value of a state in a
run; 30 elements a run, Radau with 2 points.

1. 40 samples a run, noise 2 %: all four states observed, or X and P only, S never. Error of μ: root mean
   square over 0 ≤ S ≤ 10, relative to 0.2. Error of the forecast: largest one over all states and two
   runs not trained on, relative to the largest value of the state. Numbers to expect, medians of seeds 0,
   1, 2:

    dilution  observed        μ   forecast   least S, training   forecast [g/l]
    P/X       all states   1.4 %    1.2 %          0.025             0.019
    P/X       X and P      1.5 %    1.2 %          0.043             0.036
    P/V       all states   1.5 %    1.5 %          0.026             0.019
    P/V       X and P      1.5 %    1.2 %          0.044             0.038

   Both forms are learnt equally well, and S need not be seen: its balance with the known yield gives it.

2. 20 samples a run, noise 10 %, all states: the simultaneous program (trajectories, weights and S ≥ 0
   in one) against the sequential way (trajectories eliminated, `pcl.minimize` on the weights alone, no
   bounds), from the first weights of the fit at which they exist, on the same equations (P/X). Least S
   [g/l], simultaneous / sequential:

    seed   while training   at the end         forecasts          loss
    0       0.000 /  4.22    0.000 /  4.23      0.000 /  4.34     2.131 / 31.53
    1       0.017 / −0.235   0.053 /  0.053     0.044 /  0.044    1.901 / 1.901
    2       0.000 / −0.255   0.000 / −0.242     0.000 / −0.254    2.017 / 1.990

   The interior point never leaves S > 0 and needs 40, 29 and 18 iterations, the sequential way 85, 120
   and 82. With seed 0 it ends at a growth that is almost nothing, fifteen times the loss. With seed 2,
   where the one ends on the bound, the other ends below, at a lower loss, with substrate that does not
   exist. Its forecasts are plain simulations; those of the fit are
   `predict(slack=True)` of the three runs and two more. A law is a law: neither training makes μ(0) = 0,
   so on a run not trained on S can reach 0 all the same. There (the second such run, seeds 0 and 2)
   `predict` says that the law contradicts the bound, and with slack shifts μ as little as possible; the
   other forecasts keep S ≥ 0 by themselves. Constraints hold at the nodes, to 2e-6; between them the
   parabola of an element dipped nowhere here.
"""

from drawing import figure, options

if __name__ == "__main__":      # ahead of TensorFlow, so that --help and typing errors cost no time
    arguments = options(__doc__)

from dataclasses import replace

import numpy as np
from scipy.integrate import solve_ivp

import pcl
from pcl import NotConverged
from pcl.dae import Law, Model, TrainedLaw, Trajectory, fit, radau
from pcl.dae.sequential import Sequential

STATES = ("X", "P", "S", "V")
FEED, HORIZON = 0.05, 40.0                                                  # l/h, h
STARTS = ((0.05, 0.0, 10.0, 1.0), (0.025, 0.0, 5.0, 0.8), (0.5, 0.0, 7.5, 0.95))
HELD_OUT = ((0.2, 0.0, 8.0, 0.9), (1.0, 0.0, 6.0, 0.9))                     # not trained on
OBSERVED = {"all states": STATES, "X and P": ("X", "P")}
DILUTED = ("P/X", "P/V")


def truth(S):
    """μ(S) behind the data."""
    return 0.2 * S / (1.0 + S)


def balances(v, diluted):
    """{state: rate} with the dilution of P by P/X or P/V."""
    loss = v.F * v.P / (v.X if diluted == "P/X" else v.V)
    return {"X": v.mu * v.X - v.F * v.X / v.V, "P": 0.2 * v.mu * v.X - loss,
            "S": v.F * (v.Sf - v.S) / v.V - v.mu * v.X / 0.5, "V": v.F}


def model(diluted):
    """The system with μ unknown."""
    return Model(states=STATES, outputs=("mu",), inputs=("F", "Sf"), rates=lambda v: balances(v, diluted),
                 bounds=dict.fromkeys(STATES, (0.0, None)))


def inputs(start):
    """Of a run."""
    return {"F": FEED, "Sf": start[2]}


def simulated(start, t, diluted):
    """True states (len(t), 4)."""
    class Now(dict):
        __getattr__ = dict.__getitem__

    def motion(_, x):
        v = Now(zip(STATES, x), mu=truth(x[2]), **inputs(start))
        return list(balances(v, diluted).values())
    return solve_ivp(motion, (0.0, t[-1]), start, method="LSODA", t_eval=t, rtol=1e-10, atol=1e-12).y.T


def experiments(diluted, observed, seed, samples, noise):
    """Noisy `Trajectory`s of the three runs; states weighted by 1/(largest observation)²."""
    random, t = np.random.default_rng(seed), np.linspace(0.0, HORIZON, samples + 1)[1:]
    found = []
    for start in STARTS:
        x = simulated(start, t, diluted)
        x += noise * np.abs(x).max(axis=0) * random.standard_normal(x.shape)
        seen = {name: x[:, STATES.index(name)] for name in observed}
        found.append(Trajectory(t, seen, dict(zip(STATES, start)), inputs(start), span=(0.0, HORIZON),
                                weights={name: np.abs(y).max() ** -2.0 for name, y in seen.items()}))
    return found


def trained(diluted, observed, seed, samples, noise, width, elements, callback=None):
    """A `Fit` of μ as a network of S, its weights under a standard normal prior."""
    return fit(model(diluted), experiments(diluted, observed, seed, samples, noise),
               Law(pcl.MLP((1, width, 1)), "S", "mu"), elements=elements, scheme=radau(2), seed=seed,
               weight_decay=2.0 * noise**2, callback=callback)


def quality(found, diluted):
    """Errors of the law and of the forecasts, and the least S [g/l] in training and forecasts."""
    S, t = np.linspace(0.0, 10.0, 101), np.linspace(0.0, HORIZON, 81)
    forecasts = [found.predict(dict(zip(STATES, s)), inputs(s), t, slack=True) for s in HELD_OUT]
    errors = []
    for start, forecast in zip(HELD_OUT, forecasts):
        x = simulated(start, t[1:], diluted)
        error = np.stack([forecast[name][1:] for name in STATES], axis=1) - x
        errors.append((np.abs(error).max(axis=0) / np.abs(x).max(axis=0)).max())
    return {"fit": found, "law": np.sqrt(np.mean((found.laws[0](S)[:, 0] - truth(S)) ** 2)) / 0.2,
            "forecast": max(errors), "success": found.success and all(f.success for f in forecasts),
            "least S": min(c.values["S"].min() for c in found.trajectories.values()),
            "least S, forecast": min(f.curve.values["S"].min() for f in forecasts)}


class Watch:
    """Callback: the iterates of every solve."""

    def __init__(self):
        self.solves = []

    def __call__(self, snapshot):
        if snapshot.iteration == 0:
            self.solves.append([])
        self.solves[-1].append(snapshot.x)

    def to(self, x):
        """Iterates of the solve that ends at x: a fit may have begun more than one."""
        return min((points for points in self.solves if points[-1].size == x.size),
                   key=lambda points: np.abs(points[-1] - x).max())


def least_substrate(found, x):
    """At the nodes of all trajectories, of a vector of unknowns."""
    return found.setting.elements.split(x)[1][:, :, STATES.index("S")].min()


def begun(program, points):
    """(Sequential, its first trajectories) at the first iterate whose weights have trajectories."""
    for x in points:
        problem = Sequential(program, x)
        try:
            return problem, problem.solution(problem.theta0)
        except NotConverged:        # substrate below zero can make biomass grow without limit
            continue
    raise NotConverged("no iterate of the fit has trajectories without bounds")


def compared(seed, samples, noise, width, elements, diluted="P/X"):
    """Simultaneous and sequential training from the same weights on the same data."""
    watch = Watch()
    found = trained(diluted, STATES, seed, samples, noise, width, elements, watch)
    points = watch.to(found.result.x)
    problem, first = begun(found.program, points)
    low = [least_substrate(found, first)]
    end = pcl.minimize(problem, progress=False, callback=lambda state: low.append(
        least_substrate(found, problem.solution(state.theta))))
    kept_low = [least_substrate(found, x) for x in points]
    law = TrainedLaw(found.program.laws[0], end.x[problem.slices["weights"]])
    free, t = replace(found.trained, laws=(law,)), np.linspace(0.0, HORIZON, 401)
    runs = (*STARTS, *HELD_OUT)
    loose = [free.simulate(dict(zip(STATES, s)), inputs(s), t)["S"] for s in runs]
    kept = [found.predict(dict(zip(STATES, s)), inputs(s), t, slack=True) for s in runs]
    return {"fit": found, "law": law, "loss": (found.objective, end.fun),
            "iterations": (found.result.nit, end.nit),
            "path": (kept_low, low), "least S on the way": (min(kept_low), min(low)),
            "least S between nodes": min(c(t, "S").min() for c in found.trajectories.values()),
            "least S": tuple(least_substrate(found, x)
                             for x in (found.result.x, problem.solution(end.x))),
            "least S, forecast": (min(k.curve.values["S"].min() for k in kept),
                                  min(S.min() for S in loose)),
            "times": t, "S": (kept[-1]["S"], loose[-1]), "statuses": [k.status for k in kept],
            "message": end.message}


def main(seeds=(0, 1, 2), diluted=DILUTED, observed=tuple(OBSERVED), contrast=(0, 1, 2), width=8,
         elements=30, samples=(40, 20), noise=(0.02, 0.1)):
    """Both parts.

    Parameters
    ----------
    seeds, contrast : of noise and weights, in parts 1 and 2
    width : of the network's hidden layer
    elements : of each run, Radau with 2 points
    samples, noise : of a run, in parts 1 and 2

    Returns
    -------
    dict with `fits`, {(dilution, observed): [what `quality` returns, one a seed]}, and `contrast`, [what
    `compared` returns, one a seed]; pairs there are (simultaneous, sequential).
    """
    def fitted(form, what, seed):
        return quality(trained(form, OBSERVED[what], seed, samples[0], noise[0], width, elements), form)

    fits = {(form, what): [fitted(form, what, seed) for seed in seeds]
            for form in diluted for what in observed}
    return {"fits": fits,
            "contrast": [compared(seed, samples[1], noise[1], width, elements) for seed in contrast]}


def table(outcome):
    """Medians of part 1, all seeds of part 2."""
    rows = [f"{'dilution':<10}{'observed':<12}{'μ':>8}{'forecast':>10}{'least S':>10}{'forecast':>11}"
            f"{'iterations':>12}"]
    for (form, what), seeds in outcome["fits"].items():
        law, ahead = (np.median([q[name] for q in seeds]) for name in ("law", "forecast"))
        low, low_ahead = (min(q[name] for q in seeds) for name in ("least S", "least S, forecast"))
        nit = np.median([q["fit"].result.nit for q in seeds])
        rows.append(f"{form:<10}{what:<12}{law:>8.1%}{ahead:>10.1%}{low:>10.1e}{low_ahead:>11.1e}"
                    f"{nit:>12.0f}{'' if all(q['success'] for q in seeds) else '   NOT ALL SUCCESSFUL'}")
        rows.append(f"{'':<10}{seeds[0]['fit'].shift}")
    rows.append("\nsimultaneous / sequential")
    for c in outcome["contrast"]:
        rows.append("; ".join(f"{name} {c[name][0]:.4g} / {c[name][1]:.4g}" for name in
                              ("loss", "iterations", "least S on the way", "least S",
                               "least S, forecast"))
                    + f"; between nodes {c['least S between nodes']:.2g}"
                    + "; " + ", ".join(s.name for s in c["statuses"]))
    return "\n".join(rows)


def plot(outcome, path):
    """Laws; least S over the iterations; S of a run not trained on."""
    with figure(path, 1, 3, figsize=(7.1, 2.9)) as (left, middle, right):
        S = np.linspace(0.0, 10.0, 201)
        for k, ((form, what), seeds) in enumerate(outcome["fits"].items()):
            left.plot(S, seeds[0]["fit"].laws[0](S)[:, 0], color=f"C{k}", lw=4.4 - 1.1 * k,
                      label=f"{form}, {what}")
        left.plot(S, truth(S), "k--", lw=1.0, label="truth")
        left.set(xlabel="S (g/l)", ylabel="growth law μ (1/h), noise 2 %",
                 ylim=(0, 0.2), xlim=(0, 10))
        left.legend()
        for k, c in enumerate(outcome["contrast"]):
            for lows, style, label in zip(c["path"], ("C0-", "C1--"), ("simultaneous", "sequential")):
                middle.plot(lows, style, lw=1.0, label=None if k else label)
        middle.set(xlabel="iteration", ylabel="least S of all runs (g/l), noise 10 %",
                   ylim=(-0.5, 1.0))
        c = outcome["contrast"][-1]
        for values, style, label in zip(c["S"], ("C0-", "C1--"), ("simultaneous", "sequential")):
            right.plot(c["times"], values, style, label=label)
        t = c["times"][1:]
        right.plot(t, simulated(HELD_OUT[-1], t, "P/X")[:, 2], "k:", label="truth")
        right.set(xlabel="time t (h)", ylabel="S (g/l) of a run not trained on",
                  xlim=(0, HORIZON), ylim=(-0.5, 1.5))
        middle.legend()
        right.legend()
        for ax in (left, middle, right):
            ax.axhline(0.0, color="0.45", lw=0.8, zorder=1)


if __name__ == "__main__":
    outcome = main()
    print(table(outcome))
    plot(outcome, arguments.output / "dae_fed_batch.png")

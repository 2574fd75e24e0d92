"""Populations with and without a Lyapunov function that must fall.

    x₁' = x₁ (0.2 − 0.2 x₂ − 0.1 x₁),   x₂' = x₂ z(x₁, x₂),   x₁, x₂ ≥ 0                    (Leslie and
    Gower) V = ln(x₁/x₁*) + x₁*/x₁ + (0.2 x₁*/0.01) (ln(x₂/x₂*) + x₂*/x₂),   V' ≤ 0

z is a network of both populations; data are one trajectory to t = 80 with 40 readings of each and noise
of 2 % of its largest value; 40 elements with 3 Radau points. V' ≤ 0 is asked for at all 120 points, or
not.
"""

from types import SimpleNamespace

import numpy as np

from examples.paper import systems
from examples.paper.page import figures, grid, number, of, write
from pcl.dae import fit

NAME, TITLE = "population", "Populations: a Lyapunov function that must fall"
MODELS = {"without V": systems.SYSTEMS["population-free"], "V' ≤ 0": systems.SYSTEMS["population"]}
PATH = systems.SYSTEMS["population"].model.path
SIZES = {"seeds": (0,), "width": 10, "elements": 40, "maxiter": 1000}
QUICK = {"seeds": (0,), "width": 2, "elements": 20, "maxiter": 100}
MOST = 80               # elements of a prediction


def rows(log, sizes):
    """One row for every model and seed."""
    return [log.row({"experiment": NAME, "model": model, "seed": seed, "width": sizes["width"],
                     "elements": sizes["elements"], "maxiter": sizes["maxiter"]},
                    lambda: _trained(MODELS[model], seed, sizes))
            for seed in sizes["seeds"] for model in MODELS]


def rise(curve):
    """V' at the nodes of a `Curve`."""
    slopes = dict(zip(("x1", "x2"), curve.derivatives.T))
    return PATH(SimpleNamespace(**curve.values, d=slopes.__getitem__))["fall of V"]


def _trained(system, seed, sizes):
    with systems.Seconds() as spent:
        found = fit(system.model, systems.data(system, seed), systems.law(system, sizes["width"]),
                    seed=seed,
                    maxiter=sizes["maxiter"], **systems.options(system, sizes["elements"]))
    curve, rises = found.trajectories["0"], _rises(system, found.laws)
    return {"objective": found.objective, "misfit": found.misfit, "solved": found.success,
            "iterations": sum(s.iterations for s in found.stages if s.name == "main"),
            "seconds": spent.value,
            "rise": float(rise(curve).max()), "rise ahead": max(rises, default=np.nan),
            "times": curve.times, "V'": rise(curve), **_kept(system, found),
            "trained": _error(system, found), **systems.held_out(system, found.laws)}


def _rises(system, laws):
    """Largest V' of each simulation from another start in which both populations stay positive."""
    slopes, found = systems.motion(system, laws, {}), []
    for start in systems.HELD_OUT[system.name]:
        x = systems.simulated(system, laws, start)[1]
        if x.min() > 0.0:
            d = dict(zip(system.model.states, np.array([slopes(each) for each in x]).T))
            v = SimpleNamespace(**dict(zip(system.model.states, x.T)), d=d.__getitem__)
            found.append(float(PATH(v)["fall of V"].max()))
    return found


def _error(system, found):
    """On the trained trajectory."""
    t = np.linspace(0.0, system.horizon, 81)
    values = np.stack([found.trajectories["0"](t, name) for name in system.model.states], axis=1)
    return systems.error(system, system.starts[0], t, values)


def _kept(system, found):
    """Predictions under V' ≤ 0 with slack, where the model asks for it: how many, largest V', shift."""
    if system.model.path is None:
        return {"kept": None, "rise kept": None, "shift": None}
    runs = [found.predict(*systems.named(system, start), np.linspace(0.0, system.horizon, 81), slack=True,
                          max_elements=MOST)
            for start in systems.HELD_OUT[system.name]]
    good = [run for run in runs if run.success]
    largest = max((float(rise(run.curve).max()) for run in good), default=np.nan)
    return {"kept": len(good), "rise kept": largest,
            "shift": max((float(np.abs(s).max()) for run in good for s in run.slack.values()),
                         default=0.0)}


def page(rows, folder, picture):
    """The table and the figure."""
    head = ("model", "largest V' at the points of training", "in simulations from 3 other starts",
            "predicted with slack: solved of 3", "largest V' there", "shift of z",
            "error, trained", "error, starts not seen", "misfit", "solved", "iterations", "processor s")
    write(folder / f"{NAME}.md", TITLE, __doc__.split("\n\n", 1)[1].rstrip(), _TEXT,
          grid(head, [_line(model, of(rows, model=model)) for model in MODELS]),
          f"![populations: V' with and without the constraint]({picture.name})")


_TEXT = """Figures seed by seed (noise and weights). Errors are root mean squares over time, relative to
the largest value of a population, of the worse one. ∞ is a simulation that stops. Simulations keep no
constraint; predictions with slack shift z as little as needed. V' of simulations counts those in which
both populations stay positive. V has no value at 0, and V' is 2e-8 at most where it is asked to be ≤ 0:
the solver's tolerance, relative to the size of V'."""


def _line(model, rows):
    return (model, *(", ".join(number(row[name], 2) for row in rows) for name in
                     ("rise", "rise ahead", "kept", "rise kept", "shift", "trained", "held out")),
            figures(rows, "misfit"), f"{sum(row['solved'] for row in rows)} of {len(rows)}",
            figures(rows, "iterations"), figures(rows, "seconds"))


def draw(rows, path):
    """V' along the trained trajectories."""
    from examples.dae.drawing import figure
    with figure(path, 1, 1, figsize=(4.6, 2.9)) as axis:
        for model, colour in zip(MODELS, ("C0", "C1")):
            for row in of(rows, model=model):
                axis.plot(row["times"], row["V'"], color=colour, lw=1.1,
                          label=model if row["seed"] == rows[0]["seed"] else None)
        axis.axhline(0.0, color="0.45", lw=0.8, zorder=1)
        axis.set_yscale("symlog", linthresh=1e-6)
        axis.set_yticks([-1.0, -1e-2, -1e-4, 0.0, 1e-4, 1e-2])
        axis.set(xlabel="time t", ylabel="V' at the points of training")
        axis.legend(ncols=2)

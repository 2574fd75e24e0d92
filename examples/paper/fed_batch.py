"""Fed batch: the simultaneous program against training through an integrator.

    X' = μ X − F X/V,   P' = 0.2 μ X − F P/X,   S' = F (S_f − S)/V − 2 μ X,   V' = F,   X, P, S, V ≥ 0

μ(S) is a network, 1-8-1. Three runs of 40 h, 20 readings of all states a run with noise of 10 % of the
largest value, 30 elements with 2 Radau points. All ways minimise Σ r²/σ² + |θ|² with the same
normalised network:

* simultaneous: `fit`, with S ≥ 0 in the program;
* Newton, sequential: `fit(approach="sequential")`, without bounds: trajectories are solved for at each
  step;
* L-BFGS and Adam through LSODA (changes to BDF where it is stiff) with sensitivities, without bounds,
  from the drawn weights of the seed; L-BFGS from the weights pre-trained for the simultaneous program,
  too.
"""

from dataclasses import replace

import numpy as np

from examples.paper import shooting, systems
from examples.paper.page import figures, grid, median, number, of, percent, write
from examples.paper.stages import prepare
from pcl.dae import TrainedLaw, fit, radau

NAME, TITLE = "fed_batch", "Fed batch: simultaneous against sequential"
SYSTEM = systems.SYSTEMS["fed-batch"]
OURS, REDUCED = "simultaneous", "Newton, sequential"
# name: (trainer, from pre-trained weights)
SHOOTING = {"L-BFGS, drawn weights": (shooting.lbfgs, False),
            "L-BFGS, pre-trained": (shooting.lbfgs, True),
            "Adam, drawn weights": (shooting.adam, False)}
WAYS = (OURS, REDUCED, *SHOOTING)
SIZES = {"seeds": (0,), "width": 8, "elements": 30, "samples": 20, "steps": 200}
QUICK = {"seeds": (0,), "width": 2, "elements": 10, "samples": 10, "steps": 2}
NOISE = 0.1
BELOW = -1e-6           # g/l: what counts as a violation
_POINTS = 201


def rows(log, sizes):
    """One row for every seed and way."""
    found = []
    for seed in sizes["seeds"]:
        once = _Once(seed, sizes)
        for way in WAYS:
            key = {"experiment": NAME, "way": way, "seed": seed, "width": sizes["width"],
                   "elements": sizes["elements"], "samples": sizes["samples"], "steps": sizes["steps"]}
            found.append(log.row(key, lambda: _way(once, way, sizes["steps"])))
    return found


class _Once:
    """Data and options of a seed, and the program, prepared when it is first asked for."""

    def __init__(self, seed, sizes):
        self.seed, self._made = seed, None
        self.data = systems.data(SYSTEM, seed, sizes["samples"], NOISE)
        self.law = systems.law(SYSTEM, sizes["width"], layers=1)
        self.options = {"elements": sizes["elements"], "scheme": radau(SYSTEM.points), "scaling": "none",
                        "weight_decay": systems.PRIOR}

    @property
    def made(self):
        if self._made is None:
            self._made = prepare(SYSTEM.model, self.data, self.law, self.seed, **self.options)
        return self._made


def _way(once, way, steps):
    if way == OURS:
        return _fitted(once, SYSTEM.model)
    if way == REDUCED:
        return _fitted(once, replace(SYSTEM.model, bounds={}), approach="sequential")
    return _shot(once, *SHOOTING[way], steps)


class _Watch:
    """Callback: all iterates."""

    def __init__(self):
        self.points = []

    def __call__(self, snapshot):
        self.points.append(snapshot.x.copy())

    def lows(self, found):
        """Least S of each iterate of the main solves, which have all unknowns of the program."""
        split, k = found.setting.elements.split, SYSTEM.model.states.index("S")
        return [float(split(x)[1][:, :, k].min()) for x in self.points if x.size == found.program.n]


def _fitted(once, model, **options):
    watch = _Watch()
    with systems.Seconds() as spent:
        found = fit(model, once.data, once.law, seed=once.seed, callback=watch, **once.options, **options)
    main = [stage for stage in found.stages if stage.name == "main"]
    lows = watch.lows(found)
    end = min(curve.values["S"].min() for curve in found.trajectories.values())
    return {"loss": found.objective, "solved": found.success,
            "evaluations": sum(s.iterations for s in main),
            "seconds": spent.value, "lows": lows, "end": float(end), "lost": 0,
            **_ahead(found.laws, found if model.bounds else None)}


def _shot(once, trainer, pretrained, steps):
    made = once.made
    law, problem = made.program.laws[0], shooting.Shooting(once.data, made.program.laws[0], systems.PRIOR)
    theta = made.program.rows.parameters(made.start)[0] if pretrained else law.init(once.seed)
    with systems.Seconds() as spent:
        theta, losses = trainer(problem, theta, steps)
    lows, count = list(problem.lows), len(losses)
    loss = problem(theta)[0]
    return {"loss": float(loss), "solved": bool(np.isfinite(loss)), "evaluations": count,
            "lost": problem.lost,
            "seconds": spent.value, "lows": lows, "end": problem.lows[-1],
            **_ahead([TrainedLaw(law, theta)])}


def _runs():
    return (*SYSTEM.starts, *systems.HELD_OUT["fed-batch"])


def _times():
    return np.linspace(0.0, SYSTEM.horizon, _POINTS)


def _ahead(laws, found=None):
    """S in plain simulations of all runs and, of a `Fit` with bounds, in predictions where these fall
    below 0; the law's error, and that of runs not trained on."""
    runs = {start: systems.simulated(SYSTEM, laws, start, _times())[1][:, SYSTEM.model.states.index("S")]
            for start in _runs()}
    least = [S.min() for S in runs.values()]
    kept = [np.array([np.nan])] if found is None else [
        S if S.min() >= 0.0 else _predicted(found, start) for start, S in runs.items()]
    S = np.linspace(0.0, 10.0, 101)
    off = np.sqrt(np.mean((laws[0](S)[:, 0] - 0.2 * S / (1.0 + S)) ** 2)) / 0.2
    return {"ahead": float(min(least)), "kept": float(min(S.min() for S in kept)), "law": float(off),
            "last": runs[_runs()[-1]], **systems.held_out(SYSTEM, laws)}


def _predicted(found, start):
    """S under the bounds, with μ shifted as little as needed."""
    return found.predict(*systems.named(SYSTEM, start), _times(), slack=True)["S"]


def low(row):
    """Least S while training [g/l]."""
    return min(row["lows"])


def below(row):
    """Share of the iterates with S < 0 in some trajectory."""
    return float(np.mean(np.array(row["lows"]) < BELOW))


def page(rows, folder, picture):
    """The table and the figure."""
    head = ("way", "loss", "iterations", "processor s", "median s", "iterates with S < 0",
            "least S while training", "at the end", "simulated", "predicted with bounds", "lost",
            "error of μ", "error, starts not seen")
    lines = [_line(way, of(rows, way=way)) for way in WAYS]
    write(folder / f"{NAME}.md", TITLE, __doc__.split("\n\n", 1)[1].rstrip(), _TEXT, grid(head, lines),
          f"![fed batch: least substrate, and a run not trained on]({picture.name})")


_TEXT = """Figures seed by seed, S in g/l. Iterations are those of all main solves of `fit` (it begins
from more than one start), evaluations of loss and gradient for the others. Seconds contain everything
that is needed from data to law: for `fit` guess, smoother, pre-training, main solves and the
compilation of the equations. *Simulated*: least S in plain simulations of the three runs and two not
trained on, with the law that was found. *Predicted*: the same of `predict(slack=True)`. *Lost*:
evaluations at which the integrator did not reach the end. Shares, errors and medians are over the
seeds."""


def _line(way, rows):
    lows = ", ".join(number(low(row), 2) for row in rows)
    return (way, figures(rows, "loss"), figures(rows, "evaluations"), figures(rows, "seconds"),
            number(median(rows, "seconds")), percent(np.mean([below(row) for row in rows])), lows,
            *(", ".join(number(row[name], 2) for row in rows) for name in ("end", "ahead", "kept")),
            figures(rows, "lost"), percent(median(rows, "law")), percent(median(rows, "held out")))


def draw(rows, path):
    """Least S over the iterations, loss against seconds, and S of a run not trained on."""
    from examples.dae.drawing import figure
    last = max(row["seed"] for row in rows)
    with figure(path, 1, 3, figsize=(7.1, 2.9)) as (left, middle, right):
        for k, way in enumerate(WAYS):
            for row in of(rows, way=way):
                first = row["seed"] == rows[0]["seed"]
                left.plot(np.arange(1, len(row["lows"]) + 1), row["lows"], color=f"C{k}", lw=1.0,
                          label=way if first else None)
                middle.plot(row["seconds"], row["loss"], "os^"[row["seed"] % 3], color=f"C{k}",
                            label=way if first else None)
            shown = of(rows, way=way, seed=last)[0]["last"]
            right.plot(_times()[:len(shown)], shown, color=f"C{k}", lw=1)
        true = SYSTEM.simulate(_runs()[-1], _times()[1:])[:, 2]
        right.plot(_times()[1:], true, "k--", lw=1.0, label="truth")
        left.set(xlabel="iteration or evaluation", xscale="log", ylabel="least S of all runs (g/l)",
                 ylim=(-1.5, 1.0))
        middle.set(xlabel="processor seconds", ylabel="loss at the end")
        right.set(xlabel="time t (h)", ylabel="S (g/l), run not trained on",
                  ylim=(-1.0, 2.0))
        left.axhline(0.0, color="0.45", lw=0.8, zorder=1)
        right.axhline(0.0, color="0.45", lw=0.8, zorder=1)
        handles, labels = left.get_legend_handles_labels()
        handles, labels = handles + right.lines[len(WAYS):len(WAYS) + 1], [*labels, "truth"]
        left.figure.legend(handles, labels, loc="outside upper left", ncols=3)

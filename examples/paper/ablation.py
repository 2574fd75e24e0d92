"""Which step of the algorithm is needed, and which Hessian?

The algorithm of the paper: smooth trajectories (its step 1), weights pre-trained on them, the main
solve by a limited-memory Hessian to 1e-3, a refinement by the exact one to 1e-6. Each variant leaves
out or replaces one step; all minimise the same objective, on the same data, elements and normalised
network.
"""

from examples.paper import systems
from examples.paper.page import figures, grid, median, number, of, percent, ticks, write
from examples.paper.stages import COARSE, FINE, prepare, solve, warm_up

NAME, TITLE = "ablation", "Ablation: smoother, pre-training, Hessians, refinement"
PAIR = (("limited-memory", COARSE), ("exact", FINE))
# name: (smoother, pre-training, passes)
VARIANTS = {"the whole algorithm (pair)": (True, True, PAIR),
            "without smoother": (False, True, PAIR),
            "without pre-training": (True, False, PAIR),
            "without both": (False, False, PAIR),
            "without refinement": (True, True, PAIR[:1]),
            "limited memory to 1e-6": (True, True, "limited-memory"),
            "exact Hessian": (True, True, "exact"),
            "exact Hessian, without smoother": (False, True, "exact"),
            "exact Hessian, without both": (False, False, "exact")}
SIZES = {"systems": ("fed-batch", "tank"), "seeds": (0,), "width": None, "maxiter": 300}
QUICK = {"systems": ("fed-batch",), "seeds": (0,), "width": 3, "maxiter": 20}
_SMOOTHING = 1e4        # λ_s, between the ends of the paper's range


def rows(log, sizes):
    """One row for every system, seed and variant."""
    found = []
    for name in sizes["systems"]:
        for seed in sizes["seeds"]:
            once = _Once(name, seed, sizes["width"])
            found += [log.row({"experiment": NAME, "system": name, "seed": seed, "variant": variant,
                               "width": once.width, "maxiter": sizes["maxiter"]},
                              lambda: _variant(once, VARIANTS[variant], sizes["maxiter"]))
                      for variant in VARIANTS]
    return found


class _Once:
    """The program of a system and seed, prepared when it is first asked for."""

    def __init__(self, name, seed, width):
        self.system, self.seed = systems.SYSTEMS[name], seed
        self.width, self._made = width or self.system.width, None

    @property
    def made(self):
        if self._made is None:
            system = self.system
            self._made = prepare(system.model, systems.data(system, self.seed),
                                 systems.law(system, self.width),
                                 self.seed, smoothing=_SMOOTHING, **systems.options(system))
            warm_up(self._made.program, self._made.start)
        return self._made


def _variant(once, variant, maxiter):
    smoother, pretrained, passes = variant
    made = once.made
    x = made.from_trajectories(made.smooth if smoother else made.guess, once.seed, pretrained)
    result, found = solve(made.program, x, passes, maxiter)
    return {**found, **systems.held_out(once.system, made.laws(result.x)),
            "p": made.program.n - len(made.smooth)}


def page(rows, folder, picture):
    """A table for each system, and the figure."""
    parts = [__doc__.split("\n\n", 1)[1].rstrip(), _TEXT.format(
        seeds=len({row["seed"] for row in rows}), most=rows[0]["maxiter"])]
    for system in dict.fromkeys(row["system"] for row in rows):
        mine = of(rows, system=system)
        parts += [f"## {system}, {mine[0]['p']} weights",
                  grid(("variant", "solved", "objective", "iterations", "processor s", "median s",
                        "error, starts not seen"),
                       [_line(variant, of(mine, variant=variant)) for variant in VARIANTS])]
    write(folder / f"{NAME}.md", TITLE, *parts, f"![ablation]({picture.name})")


_TEXT = """Figures of {seeds} draws of noise and weights, seed by seed. *Without smoother*: from the
guess that fits data and equations together, with weights pre-trained on it. *Without pre-training*:
weights as they are drawn. *Without refinement* ends at a tolerance of 1e-3. A pass to 1e-3 has at most
100 iterations, one to 1e-6 at most {most}. Seconds are those of the main solve alone, one thread."""


def _line(variant, rows):
    return (variant, f"{sum(row['solved'] for row in rows)} of {len(rows)}", figures(rows, "objective"),
            figures(rows, "iterations"), figures(rows, "seconds"), number(median(rows, "seconds")),
            percent(median(rows, "held out")))


def draw(rows, path):
    """Seconds of every variant and seed; open circles are not solved."""
    from examples.dae.drawing import figure
    names = list(dict.fromkeys(row["system"] for row in rows))
    with figure(path, 1, len(names), figsize=(7.1, 2.8), sharey=True,
                squeeze=False) as axes:
        for axis, system in zip(axes[0], names):
            for row in of(rows, system=system):
                place = list(VARIANTS).index(row["variant"])
                colour = f"C{row['seed']}"
                axis.plot(row["seconds"], place, "o", ms=4, mec=colour,
                          mfc=colour if row["solved"] else "none")
            axis.set(xscale="log", xlabel="processor seconds of the main solve", title=system,
                     yticks=range(len(VARIANTS)), yticklabels=list(VARIANTS))
            ticks(axis)
        axes[0, 0].invert_yaxis()
